//! What a handler is given.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use lipdub_core::{DownloadUrl, Event, EventType, Id, RenderComplete, RenderFailed, StageEvent, Webhook};
use serde_json::{Value, json};

use support::{KEY, block_on, event_of, status};

/// What the handler for finished renders is given for these data.
fn render_complete(data: &str) -> Event<RenderComplete> {
    let seen = Arc::new(Mutex::new(None));
    let sees = Arc::clone(&seen);
    let webhook = Webhook::builder().api_key(KEY).on_render_complete(move |event| {
        *sees.lock().unwrap() = Some(event);
        async { Ok(()) }
    });
    let body = format!(r#"{{"event_type":"VIDEO_RENDER_COMPLETE","data":{data}}}"#);
    assert_eq!(block_on(status(&webhook.build().unwrap(), body)), "processed", "{data}");
    seen.lock().unwrap().take().unwrap()
}

#[test]
fn every_timestamp_leads_to_the_handler_and_is_parsed_if_it_can_be() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_micros(1_767_323_045_123_456);
    let table = [
        (r#""2026-01-02T03:04:05.123456Z""#, Some(at)),
        (r#""2026-01-02T03:04:05.123456+00:00""#, Some(at)),
        (r#""2026-01-02T05:34:05.123456+02:30""#, Some(at)),
        (r#""2026-01-02T03:04:05.123456""#, Some(at)),
        (r#""2026-01-02 03:04:05.123456""#, Some(at)),
        (r#""2026-01-02 03:04:05.123456Z""#, Some(at)),
        (r#""2026-01-02T03:04:05Z""#, Some(at - Duration::from_micros(123_456))),
        (r#""2026-01-02T04:04:05.123456+01:00[Europe/Berlin]""#, Some(at)),
        // Not UTC, whatever it is.
        (r#""2026-01-02T04:04:05.123456[Europe/Berlin]""#, None),
        // Nor are these, at the end of the range.
        (r#""9999-12-30T22:00:00-05:00""#, None),
        (r#""9999-12-31T23:59:59""#, None),
        (r#""2026-13-45T99:99:99Z""#, None),
        (r#""yesterday""#, None),
        (r#""""#, None),
        ("1767323045", None),
        ("null", None),
        ("{}", None),
    ];
    for (created_at, time) in table {
        let event = event_of(&format!(r#"{{"event_type":"X","created_at":{created_at}}}"#));
        assert_eq!(event.created_at.time(), time, "{created_at}");
        assert_eq!(event.created_at.raw(), created_at.trim_matches('"'));
    }
    assert_eq!(event_of(r#"{"event_type":"X"}"#).created_at.raw(), "");
}

#[test]
fn ids_are_taken_from_numbers_and_strings_and_never_wrong() {
    let table = [
        ("7", Some("7")),
        ("7.0", Some("7")),
        (r#""7""#, Some("7")),
        (r#""0b9f0a52-8d9e-4a3e-b8d1-5d7b6d9a1c11""#, Some("0b9f0a52-8d9e-4a3e-b8d1-5d7b6d9a1c11")),
        ("18446744073709551615", Some("18446744073709551615")),
        ("-3", Some("-3")),
        ("18446744073709551617", None),
        ("1e300", None),
        ("7.5", None),
        ("null", None),
        ("true", None),
        (r#"{"id":7}"#, None),
        ("[7]", None),
    ];
    for (id, expected) in table {
        let event = render_complete(&format!(r#"{{"generate_id":{id}}}"#));
        assert_eq!(event.data.generate_id.as_ref().map(Id::as_str), expected, "{id}");
        assert_eq!(event.data.extra.get("generate_id").is_some(), expected.is_none(), "{id} is kept");
    }
    assert_eq!(render_complete("{}").data.generate_id, None);
}

#[test]
fn documented_data_are_typed_and_the_rest_is_kept() {
    let data = r#"{"generate_id":1,"shot_id":"2","video_id":3,"audio_id":"4","tracking_id":"mine","download_url":"https://h/f?s=1","new":{"x":[1]}}"#;
    let event = render_complete(data);
    let ids = [&event.data.generate_id, &event.data.shot_id, &event.data.video_id, &event.data.audio_id];
    assert_eq!(ids.map(|id| id.as_ref().and_then(Id::as_u64)), [Some(1), Some(2), Some(3), Some(4)]);
    assert_eq!(event.data.tracking_id.as_deref(), Some("mine"));
    assert_eq!(event.data.download_url.as_ref().map(DownloadUrl::as_str), Some("https://h/f?s=1"));
    assert_eq!(event.data.extra.iter().collect::<Vec<_>>(), [("new", &json!({ "x": [1] }))]);
}

#[test]
fn a_documented_type_with_unexpected_data_is_handled_with_the_raw_body_at_hand() {
    for data in
        ["null", "[]", r#"[{"generate_id":1}]"#, r#""text""#, "1e999", r#"{"generate_id":{"a":1e999}}"#]
    {
        let event = render_complete(data);
        assert_eq!(event.data.generate_id, None, "{data}");
        assert!(std::str::from_utf8(&event.raw).unwrap().contains(data));
    }
}

#[test]
fn what_is_no_object_has_no_fields() {
    for data in ["null", "true", "-5", "7", "7.5", r#""text""#, r#"["text",{"generate_id":1}]"#] {
        let event = render_complete(data);
        assert_eq!(event.data, RenderComplete::default(), "{data}");
        assert_eq!(serde_json::from_str::<RenderComplete>(data).unwrap(), event.data, "{data}");
    }
}

#[test]
fn of_two_fields_with_one_name_the_last_one_counts() {
    let event = render_complete(r#"{"generate_id":1,"x":1,"generate_id":2,"x":2,"shot_id":3,"shot_id":[]}"#);
    assert_eq!(event.data.generate_id.as_ref().map(Id::as_str), Some("2"));
    assert_eq!(event.data.shot_id, None);
    let mut extra: Vec<_> = event.data.extra.iter().collect();
    extra.sort_by_key(|(name, _)| *name);
    assert_eq!(extra, [("shot_id", &json!([])), ("x", &json!(2))]);
}

#[test]
fn half_of_a_surrogate_pair_does_not_lose_the_rest() {
    let event = render_complete(r#"{"generate_id":7,"name":"a\ud83cb\\ud83c\udfac\ud83c\udfac\uDC00"}"#);
    assert_eq!(event.data.generate_id.unwrap().as_str(), "7");
    assert_eq!(event.data.extra.get("name").unwrap(), "a\u{fffd}b\\ud83c\u{fffd}🎬\u{fffd}");
}

#[test]
fn half_of_a_surrogate_pair_in_a_name_does_not_lose_the_event() {
    let event = event_of(r#"{"event_type":"X","\ud83c":1,"data":{"id":7,"\ud83c":2}}"#);
    assert_eq!(event.data, json!({ "id": 7, "\u{fffd}": 2 }));
    // Nor is anything taken that is no JSON.
    let webhook = Webhook::builder().api_key(KEY).fallback(|_event| async { Ok(()) }).build().unwrap();
    for body in
        ["{\"event_type\":\"X\",\"\n\":1}", r#"{"event_type":"X","\u12":1}"#, r#"{"event_type":"X",1:1}"#]
    {
        assert_eq!(block_on(status(&webhook, body)), "malformed", "{body}");
    }
}

#[test]
fn what_is_nested_too_deep_is_malformed_even_where_it_does_not_count() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let webhook = Webhook::builder().api_key(KEY).fallback(|_event| async { Ok(()) }).build().unwrap();
    for data in [&deep, &format!(r#"{{"a":{deep}}}"#), &format!(r#"{{"a":{deep},"a":1}}"#)] {
        let body = format!(r#"{{"event_type":"X","data":{data}}}"#);
        assert_eq!(block_on(status(&webhook, body)), "malformed", "{data}");
    }
}

#[test]
fn a_string_is_read_alike_wherever_its_special_characters_stand() {
    let webhook = Webhook::builder().api_key(KEY).fallback(|_event| async { Ok(()) }).build().unwrap();
    let string = |place: usize, special: &str| {
        let (before, behind) = ("é".repeat(place % 2) + &"a".repeat(place), "x".repeat(70 - place));
        format!(r#"{{"event_type":"X","data":{{"a":"{before}{special}{behind}"}}}}"#)
    };
    for place in 0..70 {
        for special in ["\"", "\\", "\\a", "\n", "\0", "\u{1f}", "\t\\\""] {
            let body = string(place, special);
            assert_eq!(block_on(status(&webhook, body.clone())), "malformed", "{body:?}");
        }
        for special in ["\\\"", "\\\\", "\\u000a", "\u{7f}", " ", "!", "€"] {
            let body = string(place, special);
            let read: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(event_of(&body).data, read["data"], "{body:?}");
            assert_eq!(render_complete(&read["data"].to_string()).data.extra.get("a"), read["data"].get("a"));
        }
    }
}

#[test]
fn a_text_is_never_taken_for_json() {
    let webhook = Webhook::builder().api_key(KEY).fallback(|_event| async { Ok(()) }).build().unwrap();
    // Each text in the other is nested as deep as one may be.
    let packed = (0..13).fold("1".to_owned(), |inner, _| {
        let text = format!("{}{inner}{}", "[".repeat(126), "]".repeat(126));
        json!({ "$serde_json::private::RawValue": text }).to_string()
    });
    for data in [
        r#"{"$serde_json::private::RawValue":"[1]"}"#,
        r#"[{"a":1,"\u0024serde_json::private::RawValue":"[1]"}]"#,
        r#"{"$serde_json::private::Number":"1"}"#,
        &packed,
    ] {
        let body = format!(r#"{{"event_type":"X","data":{data}}}"#);
        assert_eq!(block_on(status(&webhook, body)), "malformed", "{data}");
    }
    assert_eq!(event_of(r#"{"event_type":"X","data":{"a":"[1]"}}"#).data, json!({ "a": "[1]" }));
}

#[test]
fn each_documented_type_has_its_handler() {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = |name: &'static str| {
        let seen = Arc::clone(&seen);
        move |stage: Option<String>| {
            seen.lock().unwrap().push(format!("{name} {}", stage.unwrap_or_default()));
            async { Ok(()) }
        }
    };
    macro_rules! stage {
        ($name:literal) => {{
            let log = log($name);
            move |event: Event<StageEvent>| log(event.data.stage)
        }};
    }
    let (complete, failed) = (log("complete"), log("failed"));
    let webhook = Webhook::builder()
        .api_key(KEY)
        .on_render_complete(move |_| complete(None))
        .on_render_failed(move |_: Event<RenderFailed>| failed(None))
        .on_preprocessing_complete(stage!("preprocessing"))
        .on_training_complete(stage!("training"))
        .on_file_upload_complete(stage!("upload"))
        .on_file_upload_failed(stage!("upload failed"))
        .on_video_validation_complete(stage!("validation"))
        .on_video_validation_failed(stage!("validation failed"))
        .on_begin_training_failure(stage!("training failed"))
        .build()
        .unwrap();
    let names = [
        "VIDEO_RENDER_COMPLETE",
        "RENDER_PROCESSING_FAILED",
        "PREPROCESSING_COMPLETE",
        "TRAINING_COMPLETE",
        "FILE_UPLOAD_COMPLETE",
        "FILE_UPLOAD_FAILED",
        "VIDEO_VALIDATION_COMPLETE",
        "VIDEO_VALIDATION_FAILED",
        "BEGIN_TRAINING_FAILURE",
    ];
    for (name, documented) in names.into_iter().zip(EventType::DOCUMENTED) {
        assert_eq!(EventType::from(name), documented);
        let body = json!({ "event_type": name, "data": { "stage": "s" } }).to_string();
        assert_eq!(block_on(status(&webhook, body)), "processed", "{name}");
    }
    assert_eq!(
        *seen.lock().unwrap(),
        [
            "complete ",
            "failed ",
            "preprocessing s",
            "training s",
            "upload s",
            "upload failed s",
            "validation s",
            "validation failed s",
            "training failed s"
        ]
    );
}

#[test]
fn an_event_survives_a_queue_of_one_s_own() {
    let event = render_complete(r#"{"generate_id":7,"download_url":"https://h/f?s=1","new":[1]}"#);
    let queued = serde_json::to_string(&event).unwrap();
    let back: Event<RenderComplete> = serde_json::from_str(&queued).unwrap();
    assert_eq!(back.data, event.data);
    assert_eq!((back.key, back.event_type, back.created_at), (event.key, event.event_type, event.created_at));
    assert_eq!((back.attempt, back.source, back.raw), (event.attempt, event.source, event.raw));
}

#[test]
fn an_event_that_is_nested_as_deep_as_can_be_survives_a_queue_of_one_s_own() {
    let nested =
        |depth: usize| format!(r#"{{"event_type":"X","data":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let event = event_of(&nested(126));
    let back: Event = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
    assert_eq!(back.data, event.data);
    let webhook = Webhook::builder().api_key(KEY).fallback(|_event| async { Ok(()) }).build().unwrap();
    assert_eq!(block_on(status(&webhook, nested(127))), "malformed");
}

#[test]
fn a_type_of_one_s_own_that_does_not_fit_is_a_failure_that_is_told() {
    #[derive(serde::Deserialize)]
    struct Strict {
        #[allow(dead_code)]
        id: u64,
    }
    let told = Arc::new(Mutex::new(String::new()));
    let tell = Arc::clone(&told);
    let webhook = Webhook::builder()
        .api_key(KEY)
        .on::<Strict>(EventType::from("X"), |_event| async { Ok(()) })
        .on_failure(move |failure| *tell.lock().unwrap() = failure.error.inner().to_string())
        .build()
        .unwrap();
    assert_eq!(block_on(status(&webhook, r#"{"event_type":"X","data":{"id":"x"}}"#)), "failed");
    assert!(told.lock().unwrap().contains("expected u64"), "{told:?}");
    assert_eq!(block_on(status(&webhook, r#"{"event_type":"X","data":{"id":1}}"#)), "processed");
    assert_eq!(block_on(status(&webhook, r#"{"event_type":"Y","data":{"id":1}}"#)), "ignored");
}

#[test]
fn the_fallback_takes_what_has_no_handler() {
    let event = event_of(r#"{"event_type":"SOMETHING_NEW","data":{"x":1}}"#);
    assert_eq!(event.event_type, EventType::Other("SOMETHING_NEW".into()));
    assert_eq!(event.data, json!({ "x": 1 }));
    assert_eq!(event_of(r#"{"event_type":"SOMETHING_NEW"}"#).data, Value::Null);
}

#[test]
fn an_event_that_came_over_a_link_still_names_its_job_after_a_queue() {
    use lipdub_core::Source;
    for source in [Source::Tenant, Source::Job("order 7".to_owned())] {
        let text = serde_json::to_string(&source).unwrap();
        assert_eq!(serde_json::from_str::<Source>(&text).unwrap(), source, "{text}");
    }
    assert_eq!(serde_json::to_string(&Source::Job("7".to_owned())).unwrap(), r#"{"job":"7"}"#);
}
