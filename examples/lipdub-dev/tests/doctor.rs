//! The doctor finds what is wrong with a receiver, and nothing else.

#![allow(clippy::expect_used, reason = "what fails here fails the test")]
#![allow(dead_code, reason = "each test binary uses its part of what they share")]

mod support;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use support::{KEY, Wrong, lipdub_dev, naive_receiver, objects, right_receiver, serve, stdout};

/// The checks of this verdict.
async fn checks(url: &str, verdict: &str, more: &[&str]) -> (Vec<String>, Option<i32>) {
    let arguments = [&["doctor", url, "--api-key", KEY, "--json"], more].concat();
    let output = lipdub_dev(&arguments).await;
    let is_meant = |finding: &&serde_json::Value| finding["verdict"] == verdict;
    let found = objects(&output);
    let name = |finding: &serde_json::Value| finding["check"].as_str().expect("a name").to_owned();
    (found.iter().filter(is_meant).map(name).collect(), output.status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_receiver_is_well() {
    let (url, runs) = right_receiver().await;
    assert_eq!(checks(&url, "failed", &[]).await, (vec![], Some(0)));
    assert_eq!(checks(&url, "warning", &[]).await, (vec!["url".to_owned()], Some(0)), "it is no https");
    assert_eq!(checks(&url, "warning", &["--strict"]).await.1, Some(1));
    let passed = checks(&url, "passed", &[]).await.0;
    assert_eq!(
        passed,
        [
            "reachable",
            "in-time",
            "accepts-key",
            "wants-key",
            "refuses-wrong-key",
            "x-api-key",
            "get",
            "unknown-type",
            "malformed",
            "size",
            "same-event-again",
            "fresh-link",
            "same-event-at-once",
        ]
    );
    assert!(*runs.lock().expect("a count") > 0);
    assert_eq!(checks(&naive_receiver(Wrong::Nothing).await, "failed", &[]).await, (vec![], Some(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_named() {
    let faults: [(Wrong, &[&str]); 16] = [
        (Wrong::TakesAGet, &["get"]),
        (Wrong::AnswersEverything200, &["wants-key", "refuses-wrong-key", "get", "malformed"]),
        (Wrong::AsksForNoKey, &["wants-key"]),
        (Wrong::TakesAnyKey, &["refuses-wrong-key"]),
        (Wrong::KnowsNoOtherType, &["unknown-type"]),
        (Wrong::FailsOnGarbage, &["malformed"]),
        (Wrong::TakesGarbage, &["malformed"]),
        (Wrong::FailsWithoutType, &["malformed"]),
        (Wrong::TakesAnyJson, &[]),
        (Wrong::HandlesTwice, &["same-event-again", "fresh-link", "same-event-at-once"]),
        (Wrong::HandlesFreshLinksTwice, &["fresh-link"]),
        (Wrong::RefusesDuplicates, &["same-event-again", "fresh-link", "same-event-at-once"]),
        (Wrong::IsBusyWithDuplicates, &["same-event-again", "fresh-link"]),
        (Wrong::IsSlow, &["in-time"]),
        (Wrong::TakesNothingLarge, &[]),
        (Wrong::TakesNothingOf16Kb, &["size"]),
    ];
    for (wrong, expected) in faults {
        let url = naive_receiver(wrong).await;
        let (found, code) = checks(&url, "failed", &["--timeout", "1"]).await;
        assert_eq!(found, expected, "{wrong:?}");
        assert_eq!(code, Some(i32::from(!expected.is_empty())), "{wrong:?}");
    }
    let (warned, _) = checks(&naive_receiver(Wrong::TakesNothingLarge).await, "warning", &[]).await;
    assert_eq!(warned, ["url", "size"]);
    let (warned, _) = checks(&naive_receiver(Wrong::TakesAnyJson).await, "warning", &[]).await;
    assert_eq!(warned, ["url", "malformed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_seen_is_no_fault() {
    let handled_once = ["same-event-again", "fresh-link", "same-event-at-once"];
    for silent in [Wrong::AnswersEverything200, Wrong::HandlesNothing] {
        let url = naive_receiver(silent).await;
        assert_eq!(checks(&url, "unseen", &[]).await.0, handled_once, "{silent:?}");
        assert_eq!(checks(&url, "warning", &[]).await.0, ["url"], "{silent:?}");
    }
    let url = naive_receiver(Wrong::HandlesNothing).await;
    assert_eq!(checks(&url, "failed", &[]).await, (vec![], Some(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_not_there_is_said_not_to_be() {
    let listener = std::net::TcpListener::bind("127.0.0.9:0").expect("a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    drop(listener);
    let (failed, code) = checks(&url, "failed", &[]).await;
    assert_eq!((failed, code), (vec!["reachable".to_owned()], Some(1)));
    assert_eq!(checks(&url, "skipped", &[]).await.0.len(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_wrong_or_missing_is_told_apart_from_a_fault() {
    let (url, runs) = right_receiver().await;
    for key in [&["--api-key", "whk_secret_other"][..], &[]] {
        let output = lipdub_dev(&[&["doctor", &url], key].concat()).await;
        let text = stdout(&output);
        assert_eq!(output.status.code(), Some(1));
        assert!(text.contains("✗ accepts-key"), "{text}");
        assert!(text.contains("--api-key") != key.contains(&"--api-key"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
    assert_eq!(*runs.lock().expect("a count"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_what_to_do_in_plain_text() {
    let url = naive_receiver(Wrong::KnowsNoOtherType).await;
    let output = lipdub_dev(&["doctor", &url, "--api-key", KEY]).await;
    let text = stdout(&output);
    assert!(text.contains("✗ unknown-type"), "{text}");
    assert!(text.contains("answer types that you do not know with 200"), "{text}");
    assert!(!text.contains('\u{1b}'), "colours are for terminals: {text}");
    assert!(!text.contains(KEY), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_lipdub_cannot_reach_is_warned_of() {
    let listener = std::net::TcpListener::bind("127.0.0.9:0").expect("a free port");
    let host = listener.local_addr().expect("an address");
    drop(listener);
    for scheme in ["http", "https"] {
        let output = lipdub_dev(&["doctor", &format!("{scheme}://{host}/"), "--json"]).await;
        let url = &objects(&output)[0];
        assert_eq!((&url["check"], &url["verdict"]), (&"url".into(), &"warning".into()));
        assert!(url["found"].as_str().expect("a text").ends_with("to a host that is not public"), "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_event_is_new_to_a_receiver_that_asks_for_no_key() {
    let seen: Mutex<HashSet<Bytes>> = Mutex::default();
    let strange: Arc<Mutex<Vec<bool>>> = Arc::default();
    let (seen, without_key) = (Arc::new(seen), Arc::clone(&strange));
    let receive = move |headers: HeaderMap, body: Bytes| async move {
        let is_of = |name: &str, key: String| headers.get(name).is_some_and(|value| *value == key);
        let has_key = is_of("authorization", format!("Bearer {KEY}")) || is_of("x-api-key", KEY.to_owned());
        let is_new = seen.lock().expect("a set").insert(body);
        if !has_key {
            without_key.lock().expect("a list").push(is_new);
        }
        r#"{"status":"processed"}"#
    };
    let url = serve(Router::new().fallback(receive)).await;
    let (failed, _) = checks(&url, "failed", &[]).await;
    assert_eq!(failed[..2], ["wants-key", "refuses-wrong-key"]);
    assert_eq!(*strange.lock().expect("a list"), [false, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_receiver_is_called_slow_and_nothing_else() {
    let url = naive_receiver(Wrong::IsSlow).await;
    let output = lipdub_dev(&["doctor", &url, "--api-key", KEY, "--timeout", "0.5", "--json"]).await;
    let findings = objects(&output);
    let of = |verdict: &'static str| findings.iter().filter(move |finding| finding["verdict"] == verdict);
    assert_eq!(of("failed").map(|finding| &finding["check"]).collect::<Vec<_>>(), ["in-time"]);
    assert_eq!(of("skipped").count(), 11);
    assert!(of("skipped").all(|finding| finding["found"] == "there was no answer in time"), "{findings:?}");
}
