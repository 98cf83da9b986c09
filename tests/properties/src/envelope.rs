use std::sync::{Arc, Mutex};

use arbitrary::{Result, Unstructured};
use lipdub_core::{Event, EventType, HandlerError, Status, Webhook};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::content::Content;
use crate::json::{Json, text};
use crate::random::choose;
use crate::receiver::Receiver;

/// A body is an event or it is not; if it is, the handler is given all of it, and can put it on a queue.
///
/// The bytes are a body, and also choices of one that is well-formed or nearly so.
pub fn envelope(bytes: &[u8]) {
    is_taken_for_what_it_is(bytes);
    // Choices that run out leave nothing to check.
    if let Ok(body) = any_body(&mut Unstructured::new(bytes)) {
        is_taken_for_what_it_is(body.as_bytes());
    }
}

fn any_body(choices: &mut Unstructured<'_>) -> Result<String> {
    let mut body: Vec<char> = Content::any(choices)?.spell(choices)?.chars().collect();
    let place = choices.choose_index(body.len())?;
    match choices.int_in_range(0..=15)? {
        0 => drop(body.remove(place)),
        1 => body.insert(place, choices.arbitrary()?),
        2 => body.insert(
            place,
            choose(choices, &['{', '}', '[', ']', '"', ',', ':', '\\', 'u', '0', '-', '\u{1}'])?,
        ),
        3 => body.truncate(place),
        _ => {}
    }
    Ok(body.into_iter().collect())
}

fn is_taken_for_what_it_is(body: &[u8]) {
    match Content::read(body) {
        None => {
            let delivered = deliver(body);
            assert_eq!(delivered.status, Status::Malformed, "{}", body.escape_ascii());
            assert!(delivered.handled.is_none());
        }
        Some(content) => {
            arrives_whole(body, &content);
            // The same data as each kind of data that there is.
            for event_type in
                ["VIDEO_RENDER_COMPLETE", "RENDER_PROCESSING_FAILED", "TRAINING_COMPLETE", "OTHER"]
            {
                let content = Content { event_type: event_type.into(), ..content.clone() };
                arrives_whole(content.plain().as_bytes(), &content);
            }
        }
    }
}

fn arrives_whole(body: &[u8], content: &Content) {
    let shown = body.escape_ascii();
    let Delivered { status, handled } = deliver(body);
    let data = decoded(content.data.as_ref());
    let ids = ids(&content.event_type);
    if ids.is_none() && data.is_none() {
        // Such as 1e400. The body is kept at LipDub, to be delivered again when there is a handler for it.
        assert_eq!(status, Status::Failed, "{shown}");
        return;
    }
    assert_eq!(status, Status::Processed, "{shown}");
    let Handled { event, read_back } = handled.expect("a handler ran");
    assert_eq!(event["raw"].as_str().map(str::as_bytes), Some(body), "{shown}");
    assert_eq!(event["event_type"], *content.event_type, "{shown}");
    assert_eq!(event["attempt"], 1, "{shown}");
    assert!(tells(&event["created_at"], content.created_at.as_ref()), "{} in {shown}", event["created_at"]);
    match ids {
        None => assert_eq!(Some(&event["data"]), data.as_ref(), "{shown}"),
        Some(ids) => assert_nothing_is_lost(&data.unwrap_or_default(), &event["data"], ids),
    }
    match read_back {
        Ok(read_back) => assert!(is_alike(&event, &read_back), "{event} was read back as {read_back}"),
        Err(error) => panic!("{error} in {event}"),
    }
}

/// The data as `serde_json` decodes them; where a text has half of a surrogate pair, U+FFFD stands for it.
fn decoded(data: Option<&Json>) -> Option<Value> {
    data.map_or(Some(Value::Null), |data| serde_json::from_str(&data.with_whole_characters().plain()).ok())
}

/// Whether it is the text, or the JSON of what stands in its place, or nothing if nothing does.
fn tells(told: &Value, created_at: Option<&Json>) -> bool {
    let told = told.as_str().expect("`created_at` is a text");
    match created_at {
        None => told.is_empty(),
        Some(Json::Text(units)) if String::from_utf16(units).is_ok() => text(told) == *units,
        Some(json) => Json::read(told).is_some_and(|told| told.plain() == json.plain()),
    }
}

/// The fields that a documented type takes for ids; nothing for any other type.
fn ids(event_type: &str) -> Option<&'static [&'static str]> {
    match EventType::from(event_type) {
        EventType::Other(_) => None,
        EventType::RenderComplete | EventType::RenderFailed => {
            Some(&["generate_id", "shot_id", "video_id", "audio_id"])
        }
        _ => Some(&["shot_id", "video_id", "audio_id"]),
    }
}

/// Every field is there, as it came; only of an id there is the text.
fn assert_nothing_is_lost(data: &Value, typed: &Value, ids: &[&str]) {
    let nothing = Map::new();
    let fields = data.as_object().unwrap_or(&nothing);
    let typed = typed.as_object().expect("typed data are an object");
    assert_eq!(fields.len(), typed.len(), "{data} became {typed:?}");
    for (name, value) in fields {
        let taken = typed.get(name).unwrap_or_else(|| panic!("{name} is lost of {data}"));
        let is_id = ids.contains(&&**name) && taken.as_str().is_some_and(|text| is_of_number(text, value));
        assert!(taken == value || is_id, "{name} of {data} became {taken}");
    }
}

/// Whether a text is a number's, to the last digit.
fn is_of_number(text: &str, number: &Value) -> bool {
    match (number.as_u64(), number.as_i64(), number.as_f64()) {
        (Some(whole), ..) => text.parse() == Ok(whole),
        (_, Some(whole), _) => text.parse() == Ok(whole),
        (.., Some(float)) => text.parse() == Ok(float),
        _ => false,
    }
}

/// Equal but for the last bit of a float, which `serde_json` does not always read as it wrote it.
fn is_alike(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| is_alike(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let has = |(name, value)| right.get(name).is_some_and(|other| is_alike(value, other));
            left.len() == right.len() && left.iter().all(has)
        }
        (Value::Number(left), Value::Number(right)) if left != right => {
            let (Some(left), Some(right)) = (left.as_f64(), right.as_f64()) else { return false };
            (left - right).abs() <= left.abs() * f64::EPSILON
        }
        _ => left == right,
    }
}

struct Delivered {
    status: Status,
    handled: Option<Handled>,
}

/// An event as a handler puts it on a queue, and as it is read from there.
struct Handled {
    event: Value,
    read_back: serde_json::Result<Value>,
}

impl Handled {
    fn of<T: Serialize + DeserializeOwned>(event: &Event<T>) -> Self {
        let queued = serde_json::to_string(event).unwrap();
        let read_back = serde_json::from_str::<Event<T>>(&queued).and_then(serde_json::to_value);
        Self { event: serde_json::to_value(event).unwrap(), read_back }
    }
}

fn deliver(body: &[u8]) -> Delivered {
    type Last = Arc<Mutex<Option<Handled>>>;

    fn handler<T: Serialize + DeserializeOwned>(
        last: &Last,
    ) -> impl Fn(Event<T>) -> std::future::Ready<Result<(), HandlerError>> + Send + Sync + 'static {
        let last = Arc::clone(last);
        move |event| {
            *last.lock().unwrap() = Some(Handled::of(&event));
            std::future::ready(Ok(()))
        }
    }

    fn receiver() -> (Receiver, Last) {
        let last = Last::default();
        let handlers = Webhook::builder()
            .on_render_complete(handler(&last))
            .on_render_failed(handler(&last))
            .on_preprocessing_complete(handler(&last))
            .on_training_complete(handler(&last))
            .on_file_upload_complete(handler(&last))
            .on_file_upload_failed(handler(&last))
            .on_video_validation_complete(handler(&last))
            .on_video_validation_failed(handler(&last))
            .on_begin_training_failure(handler(&last))
            .fallback(handler(&last));
        (Receiver::new(handlers), last)
    }

    thread_local! {
        static RECEIVER: (Receiver, Last) = receiver();
    }
    RECEIVER.with(|(receiver, last)| {
        let (status, _) = receiver.deliver(body);
        Delivered { status, handled: last.lock().unwrap().take() }
    })
}
