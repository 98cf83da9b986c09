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
