//! What makes two deliveries one event. The same for values that nobody thought of is in `tests/properties`.
//!
//! Run twice: as it is, and with `serde_json`'s `preserve_order` and `arbitrary_precision` switched on by somebody
//! else in the build.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

mod support;

use lipdub_core::{EventKey, EventType, Webhook};

use support::{event_by, key_of};

fn with_data(data: &str) -> String {
    format!(r#"{{"event_type":"VIDEO_RENDER_COMPLETE","created_at":"2026-01-02T03:04:05Z","data":{data}}}"#)
}

#[track_caller]
fn one(left: &str, right: &str) {
    assert_eq!(key_of(&with_data(left)), key_of(&with_data(right)), "{left} is {right}");
}

#[track_caller]
fn two(left: &str, right: &str) {
    assert_ne!(key_of(&with_data(left)), key_of(&with_data(right)), "{left} is not {right}");
}

#[test]
fn a_key_is_the_same_in_every_build() {
    let body = with_data(
        r#"{"generate_id":18446744073709551617,"z":1.50,"a":[true,null,-0.0,1e40],"u":"https://h/p?s=1#f","é":"\u00e9"}"#,
    );
    assert_eq!(key_of(&body).to_string(), GOLDEN);
}

const GOLDEN: &str = "v1-4d4b31051a530e6479a56b631f917c74a5afcae9c5da36fbf3d04205c0c9fcd9";

#[test]
fn the_spelling_of_an_event_makes_no_difference() {
    one(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#);
    one(r#"{"a":{"x":1,"y":[1,2]},"b":2}"#, " {\n\"b\" : 2 ,\t\"a\": {\"y\":[ 1 ,2 ],\"x\":1}} ");
    one(r#"{"a":"é/"}"#, r#"{"\u0061":"\u00E9\/"}"#);
    one(r#"{"a":"🎬"}"#, r#"{"a":"\ud83c\uDFAC"}"#);
    one(r#"{"a":1,"a":2}"#, r#"{"a":2}"#);
}

#[test]
fn the_order_of_the_envelope_and_what_else_is_in_it_make_no_difference() {
    let event = key_of(r#"{"event_type":"X","created_at":"c","data":{"id":1}}"#);
    assert_eq!(event, key_of(r#"{"data":{"id":1},"attempt":2,"created_at":"c","event_type":"X"}"#));
    assert_eq!(
        event,
        key_of("\u{feff}{\"event_type\":\"\\u0058\",\"created_at\":\"c\",\"data\":{\"id\":1}}")
    );
}

#[test]
fn another_value_is_another_event() {
    two(r#"{"id":1}"#, r#"{"id":2}"#);
    two(r#"{"id":1}"#, r#"{"id":"1"}"#);
    two(r#"{"id":1}"#, r#"{"id":1.0}"#);
    two(r#"{"id":18446744073709551616}"#, r#"{"id":18446744073709551617}"#);
    two(r#"{"id":1}"#, r#"{"ID":1}"#);
    two("[1,2]", "[2,1]");
    two("[[1],2]", "[[1,2]]");
    two("[[1,2]]", "[1,[2]]");
    two(r#"{"a":{"b":1,"c":2}}"#, r#"{"a":{"b":1},"c":2}"#);
    two("[]", "{}");
    two("[]", "[[]]");
    two(r#"["a","b"]"#, r#"["ab"]"#);
    // As they would run together if no ends were marked.
    for tag in ["s", "l"] {
        two(r#"["a","b"]"#, &format!(r#"["a{tag}b"]"#));
    }
    two(r#"{"a":"b"}"#, r#"["a","b"]"#);
    two("null", r#""null""#);
    two("true", "false");
    two(r#"{"a":null}"#, "{}");
    two(r#"["\ud800"]"#, r#"["\ud801"]"#);
}

#[test]
fn half_of_a_surrogate_pair_counts_like_any_other_character() {
    one(r#"{"a":"\ud800"}"#, r#" { "\u0061" : "\uD800" } "#);
    one(r#"{"\ud800":1,"u":"https://h/?1"}"#, r#"{"u":"https://h/?2","\uD800":1}"#);
    one(r#"{"\ud800":1,"\uD800":2}"#, r#"{"\ud800":2}"#);
    two(r#"{"\ud800":1}"#, r#"{"\ud801":1}"#);
    two(r#"{"\ud800":1}"#, r#"{"\ufffd":1}"#);
    two(r#"["\ud800","\udc00"]"#, r#"["\ud800\udc00"]"#);
}

#[test]
fn another_type_or_time_is_another_event() {
    let event = key_of(r#"{"event_type":"X","created_at":"2026-01-02T03:04:05Z","data":{}}"#);
    for other in [
        r#"{"event_type":"Y","created_at":"2026-01-02T03:04:05Z","data":{}}"#,
        r#"{"event_type":"X","created_at":"2026-01-02T03:04:05.000001Z","data":{}}"#,
        r#"{"event_type":"X","created_at":"2026-01-02T03:04:05+00:00","data":{}}"#,
        r#"{"event_type":"X","created_at":null,"data":{}}"#,
        r#"{"event_type":"X","data":{}}"#,
        r#"{"event_type":"X","created_at":"2026-01-02T03:04:05Z"}"#,
    ] {
        assert_ne!(event, key_of(other), "{other}");
    }
    let swapped = [r#"{"event_type":"X","created_at":"c"}"#, r#"{"event_type":"X","data":"c"}"#];
    assert_ne!(key_of(swapped[0]), key_of(swapped[1]));
}

#[test]
fn a_freshly_signed_link_is_the_same_link() {
    one(r#"{"u":"https://h/f.mp4?X-Sig=1&E=2"}"#, r#"{"u":"https://h/f.mp4?X-Sig=3&E=4"}"#);
    one(r#"{"u":"https://h/f.mp4?s=1"}"#, r#"{"u":"https://h/f.mp4"}"#);
    one(r#"{"u":"HTTP://h/f.mp4?s=1"}"#, r#"{"u":"HTTP://h/f.mp4#t=1"}"#);
    one(r#"[{"u":["https://h/?a"]}]"#, r#"[{"u":["https://h/?b"]}]"#);
    two(r#"{"u":"https://h/f.mp4?s=1"}"#, r#"{"u":"https://h/g.mp4?s=1"}"#);
    two(r#"{"u":"https://h/f.mp4"}"#, r#"{"u":"http://h/f.mp4"}"#);
}

#[test]
fn only_of_links_is_anything_left_out() {
    two(r#"{"u":"what?1"}"#, r#"{"u":"what?2"}"#);
    two(r#"{"u":"see https://h/?1"}"#, r#"{"u":"see https://h/?2"}"#);
    two(r#"{"u":"https://h/ is it? yes"}"#, r#"{"u":"https://h/ is it? no"}"#);
    two(r#"{"u":"ftp://h/?1"}"#, r#"{"u":"ftp://h/?2"}"#);
    two(r#"{"https://h/?1":0}"#, r#"{"https://h/?2":0}"#);
}

#[test]
fn a_key_of_one_s_own_counts_together_with_the_type() {
    let key = |body: &str| {
        let builder = Webhook::builder().event_key(|event| event.data["id"].to_string());
        event_by(builder, body).key
    };
    let event = key(r#"{"event_type":"X","created_at":"a","data":{"id":1,"x":1}}"#);
    assert_eq!(event, key(r#"{"event_type":"X","created_at":"b","data":{"id":1,"x":2}}"#));
    assert_eq!(event, EventKey::custom(&EventType::from("X"), "1"));
    assert_ne!(event, key(r#"{"event_type":"Y","created_at":"a","data":{"id":1,"x":1}}"#));
    assert_ne!(event, key(r#"{"event_type":"X","created_at":"a","data":{"id":2,"x":1}}"#));
}

#[test]
fn only_the_text_of_a_key_is_a_key() {
    let key = key_of(&with_data("{}"));
    assert_eq!(key.to_string().parse(), Ok(key));
    let text = key.to_string();
    for wrong in [
        "",
        "v1-",
        &text[3..],
        &text[..66],
        &format!("{text}0"),
        &text.to_uppercase(),
        &text.replace("v1", "v2"),
    ] {
        assert!(wrong.parse::<EventKey>().is_err(), "{wrong}");
    }
}
