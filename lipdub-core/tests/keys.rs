//! What makes two deliveries one event. The same for values that nobody thought of is in `tests/properties`.
//!
//! Run twice: as it is, and with `serde_json`'s `preserve_order` and `arbitrary_precision` switched on by somebody
//! else in the build.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

mod support;

use lipdub_core::{EventKey, EventType, Webhook};
use sha2::{Digest as _, Sha256};

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

/// As anybody can make it, who has the canonical JSON of an event.
fn key_by_hand(canonical: &str) -> String {
    let digest = Sha256::new_with_prefix(b"lipdub event v1\0").chain_update(canonical).finalize();
    digest.iter().fold("v1-".to_owned(), |key, byte| key + &format!("{byte:02x}"))
}

#[test]
fn a_key_is_the_same_in_every_build() {
    let body = with_data(
        r#"{"generate_id":18446744073709551617,"z":1.50,"a":[true,null,-0.0,1e40],"u":"https://h/p?s=1#f","é":"\u00e9"}"#,
    );
    assert_eq!(key_of(&body).to_string(), GOLDEN);
}

const GOLDEN: &str = "v1-e4b328ab506834579ca421162fcaf036c187795d1cfc534851346f8853963e4c";

#[test]
fn a_key_is_that_of_the_event_as_canonical_json() {
    let complete = |data: &str| {
        format!(
            r#"{{"created_at":"2026-01-02T03:04:05Z","data":{data},"event_type":"VIDEO_RENDER_COMPLETE"}}"#
        )
    };
    for (data, canonical) in [
        ("{}", "{}"),
        ("[ ]", "[]"),
        ("[ 1 , [ -0.0 , 1E+2 ] , true ]", "[1,[-0.0,1E+2],true]"),
        (r#"{"z": 1, "a": {"y": null, "x": []}}"#, r#"{"a":{"x":[],"y":null},"z":1}"#),
        (r#"{"a": 1, "b": 2, "a": 3}"#, r#"{"a":3,"b":2}"#),
        // By bytes, which is by characters: a shorter name before what it begins, and small letters behind capitals.
        (
            r#"{"é": 1, "ab": 2, "a b": 3, "a": 4, "B": 5, "": 6}"#,
            r#"{"":6,"B":5,"a":4,"a b":3,"ab":2,"é":1}"#,
        ),
        (r#"["\u0041\/\u00e9\ud83c\udfac\u007f"]"#, "[\"A/é🎬\u{7f}\"]"),
        (r#"["\u0022\u005C\u0008\u0009\u000A\u000c\u000D"]"#, r#"["\"\\\b\t\n\f\r"]"#),
        (r#"["\u0000\u001F"]"#, r#"["\u0000\u001f"]"#),
        (r#"{"\n": "https:\/\/h\/?s"}"#, r#"{"\n":"https://h/"}"#),
    ] {
        assert_eq!(key_of(&with_data(data)).to_string(), key_by_hand(&complete(canonical)), "{data}");
    }
    for (body, canonical) in [
        (r#"{"event_type": "A\u0042?"}"#, r#"{"event_type":"AB?"}"#),
        (
            r#"{"event_type": "https://h/?1", "created_at": "https://h/?1"}"#,
            r#"{"created_at":"https://h/","event_type":"https://h/?1"}"#,
        ),
        (r#"{"data": null, "other": 1, "event_type": "X"}"#, r#"{"data":null,"event_type":"X"}"#),
        (
            r#"{"created_at": 0, "data": 1, "event_type": 2, "data": 3, "event_type": "X"}"#,
            r#"{"created_at":0,"data":3,"event_type":"X"}"#,
        ),
    ] {
        assert_eq!(key_of(body).to_string(), key_by_hand(canonical), "{body}");
    }
}

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
    // As they would run together if what an escape stands for were written as it is.
    two(r#"["a","b"]"#, r#"["a\",\"b"]"#);
    two(r#"["\n"]"#, r#"["\\n"]"#);
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
