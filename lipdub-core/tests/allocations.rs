//! How often memory is allocated for a delivery, from its head to its answer, counted in the thread that does it all.

#![allow(clippy::unwrap_used, reason = "in a test that is the message")]

use std::convert::Infallible;
use std::task::Poll;

use allocation_counter::measure;
use bytes::Bytes;
use lipdub_core::{Head, Status, Webhook};
use tokio::runtime::{Builder, Runtime};

/// A receiver that has seen some deliveries, so that no table grows for the first time.
struct Receiver {
    runtime: Runtime,
    webhook: Webhook,
}

impl Receiver {
    fn new() -> Self {
        let webhook = Webhook::builder().api_key("whk_123").on_render_complete(|_event| async { Ok(()) });
        let receiver = Self {
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
            webhook: webhook.build().unwrap(),
        };
        for number in 0..1000 {
            receiver.deliver("whk_123", event("VIDEO_RENDER_COMPLETE", number));
        }
        receiver
    }

    fn deliver(&self, key: &str, body: Bytes) -> Status {
        self.runtime.block_on(async {
            let headers =
                [("x-api-key", key), ("content-length", "330"), ("x-lipdub-event", "VIDEO_RENDER_COMPLETE")];
            let delivery = match self.webhook.begin(&Head::new("POST", &headers)) {
                Ok(delivery) => delivery,
                Err(answer) => return answer.status(),
            };
            let mut chunk = Some(body);
            let body = delivery.read(|_| Poll::Ready(chunk.take().map(Ok::<_, Infallible>))).await.unwrap();
            delivery.run(body, |task| drop(tokio::spawn(task))).await.status()
        })
    }

    /// Those of one of several deliveries. The median, for once in a while one lets a table grow.
    fn allocations(&self, key: &str, bodies: impl IntoIterator<Item = Bytes>, status: Status) -> u64 {
        let of_each = bodies.into_iter().map(|body| {
            let counted = measure(|| assert_eq!(self.deliver(key, body), status));
            counted.count_total
        });
        let mut of_each: Vec<_> = of_each.collect();
        of_each.sort_unstable();
        of_each[of_each.len() / 2]
    }
}

fn event(event_type: &str, number: u32) -> Bytes {
    let body = format!(
        r#"{{"event_type": "{event_type}", "created_at": "2026-01-02T03:04:05.123456", "data": {{"generate_id": {number}, "shot_id": 20711, "video_id": 30044, "audio_id": "5f0c3a52-8d9e-4a3e-b8d1-5d7b6d9a1c11", "tracking_id": "job-7", "download_url": "https://storage.example.com/renders/20711/final.mp4?Signature=c0ffee"}}}}"#
    );
    Bytes::from(body)
}

#[test]
fn a_delivery_allocates_no_more_often_than_this() {
    let receiver = Receiver::new();
    let of_type = |event_type: &'static str| (2000..2100).map(move |number| event(event_type, number));
    let table = [
        ("unique", "whk_123", "VIDEO_RENDER_COMPLETE", Status::Processed, 15),
        ("duplicate", "whk_123", "VIDEO_RENDER_COMPLETE", Status::Duplicate, 7),
        ("ignored", "whk_123", "TRAINING_COMPLETE", Status::Ignored, 4),
        ("refused", "whk_456", "VIDEO_RENDER_COMPLETE", Status::Unauthorized, 0),
    ];
    let counted = table.map(|(name, key, event_type, status, most)| {
        let allocations = receiver.allocations(key, of_type(event_type), status);
        eprintln!("{name}: {allocations} allocations");
        (name, allocations, most)
    });
    for (name, allocations, most) in counted {
        assert!(allocations <= most, "{name}: {allocations} allocations instead of {most}");
    }
}
