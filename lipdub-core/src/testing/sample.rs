//! Events as LipDub would send them: one for each type, each field of which can be set.
//!
//! LipDub documents little of an event's data, so what these hold is plausible and not certain. A handler should
//! cope with a field that is missing: try it with [`Sample::without`].
//!
//! Each sample is another event than those before it in the process: ids and times are counted up. Set them
//! where a test depends on them.
//!
//! # Examples
//!
//! ```
//! use lipdub_core::testing::sample;
//! use serde_json::json;
//!
//! let event = sample::render_complete().generate_id(7).without("data.audio_id");
//! assert_eq!(event.field("data.generate_id"), Some(&json!(7)));
//!
//! let invented = sample::event("AVATAR_COMPLETE").data(json!({ "avatar_id": 3 }));
//! assert_eq!(invented.event_type(), "AVATAR_COMPLETE");
//! ```

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use crate::callback::CallbackUrl;
use crate::event::{EventKey, EventType, Received, Source};

/// `VIDEO_RENDER_COMPLETE`, with ids and a link to download.
pub fn render_complete() -> Sample {
    of(&EventType::RenderComplete)
}

/// `RENDER_PROCESSING_FAILED`, with ids and an error.
pub fn render_failed() -> Sample {
    of(&EventType::RenderFailed)
}

/// `PREPROCESSING_COMPLETE`, with a stage.
pub fn preprocessing_complete() -> Sample {
    of(&EventType::PreprocessingComplete)
}

/// `TRAINING_COMPLETE`, with a stage.
pub fn training_complete() -> Sample {
    of(&EventType::TrainingComplete)
}

/// `FILE_UPLOAD_COMPLETE`, with a stage.
pub fn file_upload_complete() -> Sample {
    of(&EventType::FileUploadComplete)
}

/// `FILE_UPLOAD_FAILED`, with a stage and an error.
pub fn file_upload_failed() -> Sample {
    of(&EventType::FileUploadFailed)
}

/// `VIDEO_VALIDATION_COMPLETE`, with a stage.
pub fn video_validation_complete() -> Sample {
    of(&EventType::VideoValidationComplete)
}

/// `VIDEO_VALIDATION_FAILED`, with a stage and an error.
pub fn video_validation_failed() -> Sample {
    of(&EventType::VideoValidationFailed)
}

/// `BEGIN_TRAINING_FAILURE`, with a stage and an error.
pub fn begin_training_failure() -> Sample {
    of(&EventType::BeginTrainingFailure)
}

/// An event of any type, with a `created_at` and empty data.
pub fn event(event_type: impl Into<String>) -> Sample {
    Sample::new(&event_type.into(), next_number(), json!({}))
}

/// The sample of a documented type, and of any other type what [`event`] makes.
///
/// # Examples
///
/// ```
/// use lipdub_core::EventType;
/// use lipdub_core::testing::sample;
///
/// let every_type = EventType::DOCUMENTED.map(|event_type| sample::of(&event_type));
/// assert_eq!(every_type[0].event_type(), "VIDEO_RENDER_COMPLETE");
/// ```
pub fn of(event_type: &EventType) -> Sample {
    let number = next_number();
    let data = match event_type {
        EventType::RenderComplete => rendered(number),
        EventType::RenderFailed => with_error(render(number), "the audio is longer than the video"),
        EventType::PreprocessingComplete => stage(number, "preprocessing"),
        EventType::TrainingComplete => stage(number, "training"),
        EventType::FileUploadComplete => stage(number, "file_upload"),
        EventType::FileUploadFailed => with_error(stage(number, "file_upload"), "the upload broke off"),
        EventType::VideoValidationComplete => stage(number, "video_validation"),
        EventType::VideoValidationFailed => {
            with_error(stage(number, "video_validation"), "no face was found in the video")
        }
        EventType::BeginTrainingFailure => {
            with_error(stage(number, "training"), "the training did not begin")
        }
        EventType::Other(_) => json!({}),
    };
    Sample::new(event_type.as_str(), number, data)
}

/// An event to be sent: its type, its time, its data, and whatever else its body shall hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    body: Map<String, Value>,
    /// The body to the letter, if it was read and has not been changed.
    text: Option<Bytes>,
    job: Option<String>,
    callback_url: Option<CallbackUrl>,
}

impl Sample {
    /// Reads an event that was captured; it is sent as it is, to the letter, unless it is changed.
    ///
    /// # Errors
    ///
    /// If it is not a JSON object with a string `event_type`.
    ///
    /// # Examples
    ///
    /// ```
    /// use lipdub_core::testing::sample::Sample;
    ///
    /// let event = Sample::parse(r#"{"event_type": "TRAINING_COMPLETE", "data": {"stage": "training"}}"#)?;
    /// assert_eq!(event.set("data.stage", "done").field("data.stage"), Some(&"done".into()));
    /// # Ok::<(), lipdub_core::testing::sample::NotAnEvent>(())
    /// ```
    pub fn parse(text: impl Into<Bytes>) -> Result<Self, NotAnEvent> {
        let text = text.into();
        let Ok(Value::Object(body)) = serde_json::from_slice(&text) else { return Err(NotAnEvent) };
        if !body.get("event_type").is_some_and(Value::is_string) {
            return Err(NotAnEvent);
        }
        Ok(Self { body, text: Some(text), job: None, callback_url: None })
    }

    fn new(event_type: &str, number: u64, data: Value) -> Self {
        let mut body = Map::new();
        body.insert("event_type".to_owned(), event_type.into());
        body.insert("created_at".to_owned(), time(number).into());
        body.insert("data".to_owned(), data);
        Self { body, text: None, job: None, callback_url: None }
    }

    /// Sets the render's id, which LipDub sends as a number.
    pub fn generate_id(self, id: impl Into<Value>) -> Self {
        self.set("data.generate_id", id)
    }

    /// Sets the shot's id, which LipDub sends as a number.
    pub fn shot_id(self, id: impl Into<Value>) -> Self {
        self.set("data.shot_id", id)
    }

    /// Sets the video's id, a number or a UUID.
    pub fn video_id(self, id: impl Into<Value>) -> Self {
        self.set("data.video_id", id)
    }

    /// Sets the audio's id, a UUID.
    pub fn audio_id(self, id: impl Into<Value>) -> Self {
        self.set("data.audio_id", id)
    }

    /// Sets the reference that was given to LipDub.
    pub fn tracking_id(self, id: impl Into<Value>) -> Self {
        self.set("data.tracking_id", id)
    }

    /// Sets the link to download the result.
    pub fn download_url(self, url: impl Into<Value>) -> Self {
        self.set("data.download_url", url)
    }

    /// Sets the stage.
    pub fn stage(self, stage: impl Into<Value>) -> Self {
        self.set("data.stage", stage)
    }

    /// Sets when it happened, such as `2026-01-02T03:04:05.123456`.
    pub fn created_at(self, time: impl Into<Value>) -> Self {
        self.set("created_at", time)
    }

    /// Sets all of the data.
    pub fn data(self, data: impl Into<Value>) -> Self {
        self.set("data", data)
    }

    /// Sets any field of the body, by the names of the fields that lead to it, with dots between them.
    ///
    /// What is not there is made, and what is in the way and no object is replaced.
    pub fn set(mut self, path: &str, value: impl Into<Value>) -> Self {
        insert(&mut self.body, path, value.into());
        self.text = None;
        self
    }

    /// Takes a field of the body out, if it is there.
    pub fn without(mut self, path: &str) -> Self {
        let (parents, name) = path.rsplit_once('.').unwrap_or(("", path));
        let mut parents = parents.split('.').filter(|parent| !parent.is_empty());
        let parent = parents.try_fold(&mut self.body, |object, name| object.get_mut(name)?.as_object_mut());
        if parent.is_some_and(|parent| parent.remove(name).is_some()) {
            self.text = None;
        }
        self
    }

    /// Names the job that the event belongs to: LipDub delivers the events of one job one after the other.
    ///
    /// If it is not named, it is what the data say: the render, else the shot, the video, or your reference; and
    /// an event that has none of these is a job of its own.
    pub fn job(mut self, job: impl Into<String>) -> Self {
        self.job = Some(job.into());
        self
    }

    /// Names the `callback_url` that the render was asked for with.
    ///
    /// LipDub delivers there for 24 h from when it sent the event first, and to the target as it is afterwards. Of the URL
    /// only the path counts, which is taken at the target's host.
    ///
    /// # Examples
    ///
    /// ```
    /// use lipdub_core::testing::{LipDub, sample};
    /// use lipdub_core::{JobLinks, SigningKey, Source, Webhook};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?.block_on(async {
    /// let links = JobLinks::new("https://hooks.example.com/webhooks/lipdub", SigningKey::new([7; 32])?)?;
    /// let webhook = Webhook::builder()
    ///     .job_links(links.clone())
    ///     .on_render_complete(|event| async move {
    ///         assert_eq!(event.source, Source::Job("order 7".to_owned()));
    ///         Ok(())
    ///     })
    ///     .build()?;
    /// let event = sample::render_complete().callback_url(links.mint("order 7")?);
    /// let lipdub = LipDub::builder(webhook).build();
    /// lipdub.deliver(&event).await;
    /// lipdub.assert_handled_once(&event);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn callback_url(mut self, url: CallbackUrl) -> Self {
        self.callback_url = Some(url);
        self
    }

    /// The `event_type`.
    pub fn event_type(&self) -> &str {
        self.body.get("event_type").and_then(Value::as_str).unwrap_or_default()
    }

    /// A field of the body, by the names of the fields that lead to it, with dots between them.
    pub fn field(&self, path: &str) -> Option<&Value> {
        let mut names = path.split('.');
        let first = self.body.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))
    }

    /// The body as it is sent.
    pub fn body(&self) -> Bytes {
        match &self.text {
            Some(text) => text.clone(),
            None => Value::Object(self.body.clone()).to_string().into(),
        }
    }

    /// The key by which a receiver knows the event, unless it makes its own
    /// ([`event_key`](crate::WebhookBuilder::event_key)).
    ///
    /// # Examples
    ///
    /// ```
    /// use lipdub_core::testing::sample;
    ///
    /// let event = sample::render_complete().download_url("https://cdn.example/7.mp4?signature=1");
    /// let signed_anew = event.clone().download_url("https://cdn.example/7.mp4?signature=2");
    /// assert_eq!(signed_anew.key(), event.key());
    /// ```
    pub fn key(&self) -> EventKey {
        let body = self.body();
        let text = || EventKey::custom(&EventType::from(""), &String::from_utf8_lossy(&body));
        Received::parse(body.clone(), Source::Tenant).map_or_else(|_| text(), |received| received.key())
    }

    pub(super) fn callback_path(&self) -> Option<&str> {
        self.callback_url.as_ref().map(CallbackUrl::path)
    }

    pub(super) fn queue(&self) -> String {
        let by_data = || {
            let ids = ["data.generate_id", "data.shot_id", "data.video_id", "data.tracking_id"];
            let id = ids.into_iter().find_map(|path| self.field(path).filter(|id| !id.is_null()));
            id.map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned))
        };
        self.job.clone().or_else(by_data).unwrap_or_else(|| self.key().to_string())
    }
}

/// A text that is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotAnEvent;

impl fmt::Display for NotAnEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an event is a JSON object with a string `event_type`")
    }
}

impl Error for NotAnEvent {}

fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// As Python prints a time without a zone.
fn time(number: u64) -> String {
    let first = jiff::civil::date(2026, 1, 2).at(3, 4, 5, 123_456_000);
    let later = SignedDuration::from_secs(i64::try_from(number).unwrap_or(0));
    first.saturating_add(later).to_string()
}

fn render(number: u64) -> Value {
    json!({
        "generate_id": 10_000 + number,
        "shot_id": 20_000 + number,
        "video_id": 30_000 + number,
        "audio_id": uuid(number),
        "tracking_id": format!("job-{number}"),
    })
}

fn rendered(number: u64) -> Value {
    let mut data = render(number);
    data["download_url"] =
        format!("https://storage.example/renders/{number}.mp4?Expires=1767323045&Signature=0").into();
    data
}

fn stage(number: u64, stage: &str) -> Value {
    json!({ "stage": stage, "shot_id": 20_000 + number, "video_id": uuid(number), "tracking_id": format!("job-{number}") })
}

fn with_error(mut data: Value, error: &str) -> Value {
    data["error"] = error.into();
    data
}

fn uuid(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// Puts a value where the path leads, and makes the objects on the way.
fn insert(object: &mut Map<String, Value>, path: &str, value: Value) {
    let Some((name, rest)) = path.split_once('.') else {
        object.insert(path.to_owned(), value);
        return;
    };
    let mut inner = match object.remove(name) {
        Some(Value::Object(inner)) => inner,
        _ => Map::new(),
    };
    insert(&mut inner, rest, value);
    object.insert(name.to_owned(), Value::Object(inner));
}
