//! What is looked at before a body is read.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

mod support;

use lipdub_core::{Head, Webhook};

use support::KEY;

#[test]
fn a_length_is_a_number_however_great() {
    let webhook = Webhook::builder().api_key(KEY).body_limit(10).fallback(|_event| async { Ok(()) });
    let webhook = webhook.build().unwrap();
    let table = [
        ("10", true),
        ("11", false),
        (" 11 ", false),
        ("18446744073709551616", false),
        ("340282366920938463463374607431768211456", false),
        // None of these is a length. The body is read under the limit in any case.
        ("+11", true),
        ("-1", true),
        ("0x11", true),
        ("", true),
    ];
    for (length, is_admitted) in table {
        let headers = [("x-api-key", KEY), ("content-length", length)];
        let begun = webhook.begin(&Head::new("POST", &headers));
        assert_eq!(begun.is_ok(), is_admitted, "{length:?}");
        if let Err(answer) = begun {
            assert_eq!(answer.status().as_str(), "too_large", "{length:?}");
        }
    }
}

#[test]
fn each_of_up_to_four_credentials_must_be_right_and_a_fifth_is_refused() {
    let webhook = Webhook::builder().api_key(KEY).fallback(|_event| async { Ok(()) }).build().unwrap();
    let bearer = format!("Bearer {KEY}");
    let mut headers = Vec::new();
    for credential in
        [("authorization", &*bearer), ("x-api-key", KEY), ("authorization", &bearer), ("x-api-key", KEY)]
    {
        headers.push((credential.0, "wrong"));
        assert_eq!(answer(&webhook, &headers), "unauthorized", "the last of {headers:?} is wrong");
        headers.pop();
        headers.push(credential);
        assert_eq!(answer(&webhook, &headers), "admitted", "{headers:?}");
    }
    headers.push(("x-api-key", KEY));
    assert_eq!(answer(&webhook, &headers), "unauthorized", "{headers:?}");
}

fn answer(webhook: &Webhook, headers: &[(&str, &str)]) -> &'static str {
    webhook
        .begin(&Head::new("POST", &headers.to_vec()))
        .err()
        .map_or("admitted", |answer| answer.status().as_str())
}
