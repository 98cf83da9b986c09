//! Nothing that is printed holds a key, or the token of a job's link.

#![allow(clippy::expect_used, reason = "what fails here fails the test")]
#![allow(dead_code, reason = "each test binary uses its part of what they share")]

mod support;

use std::process::Output;

use axum::Router;
use axum::http::{HeaderMap, Uri};
use lipdub_core::testing::{HttpTarget, Request, Target as _};
use serde_json::json;
use support::{KEY, Listening, lipdub_dev, serve};

/// Everything that was printed.
fn printed(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_in_a_wrong_place_is_repeated() {
    let url = "http://127.0.0.1:9";
    let glued =
        [format!("--x-api-key={KEY}"), format!("--api-kye={KEY}"), format!("--{KEY}"), format!("-k{KEY}")];
    let [flag, misspelled, double, single] = glued.each_ref().map(String::as_str);
    let wrong: [&[&str]; 24] = [
        &[KEY],
        &["help", KEY],
        &["doctor", KEY],
        &["doctor", url, KEY],
        &["doctor", url, "--x-api-key", KEY],
        &["doctor", url, flag],
        &["doctor", url, misspelled],
        &["doctor", url, double],
        &["doctor", url, single],
        &["doctor", url, "--api-key", KEY, "--api-key", KEY],
        &["doctor", url, "--event", KEY],
        &["send", "render-complete", "--to", url, KEY],
        &["send", "render-complete", "--to", KEY],
        &["send", KEY, "--to", url],
        &["send", "render-complete", "--to", url, "--times", KEY],
        &["send", "render-complete", "--to", url, "--timeout", KEY],
        &["send", "render-complete", "--to", url, "--set", KEY],
        &["send", "render-complete", "--file", KEY, "--dry-run"],
        &["send", "--file", KEY, "--dry-run"],
        &["replay", KEY, "--to", url],
        &["replay", "/dev/null", "--to", url, "--only", KEY],
        &["listen", "--bind", KEY],
        &["listen", "--save", &format!("/dev/null/{KEY}")],
        &["listen", "--answer", KEY],
    ];
    for arguments in wrong {
        let output = lipdub_dev(arguments).await;
        assert_ne!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!printed(&output).contains("secret"), "{arguments:?}: {}", printed(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelled_flag_is_still_named_and_mended() {
    let output = lipdub_dev(&["doctor", "http://127.0.0.1:9", "--api-kye", KEY]).await;
    let error = printed(&output);
    assert_eq!(output.status.code(), Some(2));
    assert!(error.contains("unexpected argument '--api-kye' found"), "{error}");
    assert!(error.contains("a similar argument exists: '--api-key'"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_header_wants_a_key() {
    let output = lipdub_dev(&["doctor", "http://127.0.0.1:9", "--x-api-key"]).await;
    let error = printed(&output);
    assert_eq!(output.status.code(), Some(2));
    assert!(error.contains("--api-key <KEY>"), "{error}");
}

/// As long as that of a job's link.
const TOKEN: &str = "secret-token-ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijkl_0123456";

#[tokio::test(flavor = "multi_thread")]
async fn no_token_of_a_link_is_shown_or_saved() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().display().to_string();
    for json in [&[][..], &["--json"]] {
        let mut listening = Listening::start(&[&["--save", &path], json].concat());
        let links = [
            "jobs/mine/TOKEN",
            "jobs/mine/TOKEN/",
            "jobs/TOKEN",
            "jobs/TOKEN/",
            "jobs/mine/TOKEN?key=secret",
        ];
        for link in links.map(|link| link.replace("TOKEN", TOKEN)) {
            let url = format!("{}/webhooks/lipdub/{link}", listening.url);
            let proxied = Request::new("{}").header("x-forwarded-uri", format!("/webhooks/lipdub/{link}"));
            HttpTarget::new(&url).expect("a URL").deliver(proxied).await.expect("an answer");
        }
        assert_eq!(listening.interrupt(), Some(0));
        let shown = listening.shown();
        assert_eq!(shown.matches("/webhooks/lipdub/jobs/").count(), 2 * links.len(), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
    }
    let saved = std::fs::read_to_string(file.path()).expect("the file");
    assert!(saved.contains("/webhooks/lipdub/jobs/mine/[REDACTED]/"), "{saved}");
    assert!(!saved.contains("secret"), "{saved}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_header_that_could_be_a_credential_is_shown_or_saved() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().display().to_string();
    let names = [
        "Authorization",
        "Proxy-Authorization",
        "X-Forwarded-Authorization",
        "X-Api-Key",
        "Cookie",
        "X-Hub-Signature-256",
        "X-Sig",
        "X-LipDub-Token",
        "Client-Secret",
        "X-Password",
        "X-Session-Id",
        "X-Amz-Credential",
        "Cf-Access-Jwt-Assertion",
    ];
    for json in [&[][..], &["--json"]] {
        let mut listening = Listening::start(&[&["--save", &path], json].concat());
        let request = Request::new("{}").header("x-own", "1").header("x-own", "2");
        let with = |request: Request, name: &&str| request.header(*name, "secret").header(*name, "secret");
        let request = names.iter().fold(request, with);
        HttpTarget::new(&listening.url).expect("a URL").deliver(request).await.expect("an answer");
        assert_eq!(listening.interrupt(), Some(0));
        let shown = listening.shown();
        assert_eq!(shown.matches("[REDACTED]").count(), 2 * names.len(), "{shown}");
        assert!(!shown.to_lowercase().contains(": secret") && !shown.contains("\"secret\""), "{shown}");
    }
    let saved = std::fs::read_to_string(file.path()).expect("the file");
    assert_eq!(saved.matches("[REDACTED]").count(), 4 * names.len(), "{saved}");
    assert!(!saved.contains("\"secret\""), "{saved}");
}

/// Says what it should keep to itself: as its status, and where a detail is cut off.
async fn echoing_receiver() -> String {
    let echo = |headers: HeaderMap, uri: Uri| async move {
        let key = ["authorization", "x-api-key"].into_iter().find_map(|name| headers.get(name));
        let key = key.and_then(|value| value.to_str().ok()).unwrap_or("none");
        let status = format!("{uri} {key} {}", key.to_uppercase());
        json!({ "status": status, "detail": format!("{}{key}", "x".repeat(280)) }).to_string()
    };
    serve(Router::new().fallback(echo)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_that_a_receiver_repeats_is_shown() {
    let url = format!("{}/hooks/jobs/mine/{TOKEN}/?key=query-secret", echoing_receiver().await);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("saved").display().to_string();
    let line = json!({ "received_at": "now", "method": "POST", "path": "/", "headers": {}, "body": "{}" });
    std::fs::write(&file, line.to_string()).expect("a file");
    let commands: [&[&str]; 4] = [
        &["send", "render-complete", "--to", &url, "--api-key", KEY],
        &["send", "render-complete", "--to", &url, "--api-key", KEY, "--x-api-key"],
        &["replay", &file, "--to", &url, "--api-key", KEY],
        &["doctor", &url, "--api-key", KEY],
    ];
    for command in commands {
        for json in [&[][..], &["--json"]] {
            let output = lipdub_dev(&[command, json].concat()).await;
            let text = printed(&output);
            assert!(text.contains("/hooks/jobs/mine/[REDACTED]/?[REDACTED]"), "{text}");
            assert!(!text.to_lowercase().contains("secret"), "{text}");
            assert!(!text.contains("xwhk_") && !text.contains("Bearer whk_"), "{text}");
        }
    }
}
