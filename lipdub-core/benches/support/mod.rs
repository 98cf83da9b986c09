//! Deliveries as they come to a receiver of a user, without a socket.

#![allow(dead_code, reason = "each bench uses its part")]

use std::convert::Infallible;
use std::hint::black_box;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use lipdub_core::dedupe::ClaimRequest;
use lipdub_core::{Answer, EventKey, Head, Status, Webhook};
use tokio::runtime::{Builder, Runtime};

const KEY: &str = "whk_0123456789abcdef0123456789abcdef";

/// A receiver with all that is on unless it is switched off: claim, own task, lease, deadline, typed handler.
pub(crate) fn webhook() -> Webhook {
    let webhook = Webhook::builder()
        .api_key(KEY)
        .body_limit(2 << 20)
        .on_render_complete(|event| async move {
            black_box(event.data);
            Ok(())
        })
        .on_render_failed(|_event| async { Ok(()) });
    webhook.build().unwrap()
}

/// The headers of a request: its credentials, and what every client sends.
pub(crate) fn headers(credentials: &[(&'static str, &str)]) -> HeaderMap {
    let usual = [
        ("host", "hooks.example.com"),
        ("user-agent", "python-httpx/0.28.1"),
        ("accept", "*/*"),
        ("accept-encoding", "gzip, deflate"),
        ("content-type", "application/json"),
        ("content-length", "430"),
        ("x-lipdub-event", "VIDEO_RENDER_COMPLETE"),
    ];
    let headers = usual.iter().chain(credentials);
    let headers =
        headers.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
    headers.collect()
}

/// The API key in the header where LipDub puts it.
pub(crate) fn right_headers() -> HeaderMap {
    headers(&[("authorization", &format!("Bearer {KEY}"))])
}

/// The key in both headers that it may be in.
pub(crate) fn two_right_headers() -> HeaderMap {
    headers(&[("authorization", &format!("Bearer {KEY}")), ("x-api-key", KEY)])
}

pub(crate) fn wrong_headers() -> HeaderMap {
    headers(&[("authorization", "Bearer whk_0123456789abcdef0123456789abcdeX")])
}

pub(crate) fn head(headers: &HeaderMap) -> Head<'_> {
    Head::new("POST", headers).path("/webhooks/lipdub")
}

/// An event of 430 bytes, another one for each number.
pub(crate) fn body(number: usize) -> Bytes {
    event("VIDEO_RENDER_COMPLETE", number, "")
}

/// An event for which there is no handler.
pub(crate) fn unhandled_body(number: usize) -> Bytes {
    event("TRAINING_COMPLETE", number, "")
}

/// An event whose data are about as long as is said.
pub(crate) fn long_body(bytes: usize) -> Bytes {
    const FACE: &str = r#"{"face_id": 31, "name": "Zo\u00eb", "from": 12.04, "to": 19.96, "box": [0.25, 0.125, 0.5, 0.75], "is_speaking": true},"#;
    let faces = FACE.repeat(bytes / FACE.len());
    event("VIDEO_RENDER_COMPLETE", 0, &format!(r#", "faces": [{}]"#, faces.trim_end_matches(',')))
}

fn event(event_type: &str, number: usize, more: &str) -> Bytes {
    let signature = "c0ffee5eed".repeat(7);
    let body = format!(
        r#"{{"event_type": "{event_type}", "created_at": "2026-01-02T03:04:05.123456", "data": {{"generate_id": {}, "shot_id": 20711, "video_id": 30044, "audio_id": "5f0c3a52-8d9e-4a3e-b8d1-5d7b6d9a1c11", "tracking_id": "job-2026-0007", "download_url": "https://storage.example.com/renders/20711/final.mp4?Expires=1767323045&Signature={signature}"{more}}}}}"#,
        100_000 + number
    );
    Bytes::from(body)
}

/// One that claims and settles as a receiver with the defaults does.
pub(crate) fn claim(number: usize) -> ClaimRequest {
    let key: EventKey = format!("v1-{number:064x}").parse().unwrap();
    ClaimRequest::new(key, Duration::from_secs(15), Duration::from_secs(30 * 24 * 3600)).unwrap()
}

/// One request from its head to its answer, as an adapter serves it.
pub(crate) async fn deliver(webhook: &Webhook, headers: &HeaderMap, body: Bytes) -> Status {
    let answer = answer(webhook, headers, body).await;
    answer.headers().for_each(|header| drop(black_box(header)));
    black_box((answer.code(), answer.body()));
    answer.status()
}

async fn answer(webhook: &Webhook, headers: &HeaderMap, body: Bytes) -> Answer {
    let delivery = match webhook.begin(&head(headers)) {
        Ok(delivery) => delivery,
        Err(answer) => return answer,
    };
    let mut chunk = Some(body);
    match delivery.read(|_| Poll::Ready(chunk.take().map(Ok::<_, Infallible>))).await {
        Ok(body) => delivery.run(body, |task| drop(tokio::spawn(task))).await,
        Err(answer) => answer,
    }
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
