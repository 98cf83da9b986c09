//! How long the parts of a delivery take, and a whole one: `cargo bench -p lipdub-core --bench times`.
//!
//! The figures of one run can be compared with each other, and only those.

#![allow(clippy::unwrap_used, reason = "in a bench that is the message")]

mod support;

use bytes::Bytes;
use divan::{Bencher, black_box};
use http::HeaderMap;
use lipdub_core::{DedupeStore as _, Event, MemoryStore, RenderComplete, Webhook};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

fn main() {
    divan::main();
}

#[divan::bench(args = ["right", "right twice", "wrong"])]
fn begin(bencher: Bencher<'_, '_>, credentials: &str) {
    let headers = match credentials {
        "right" => support::right_headers(),
        "right twice" => support::two_right_headers(),
        _ => support::wrong_headers(),
    };
    let webhook = support::webhook();
    bencher.bench(|| webhook.begin(&support::head(black_box(&headers))));
}

/// What an event and its key cost, and what they are held to: at most 1.3 times as much for a short event, and
/// 1.5 for a long one.
#[divan::bench_group]
mod key {
    use super::*;

    const BYTES: [usize; 4] = [0, 4 << 10, 64 << 10, 1 << 20];

    #[divan::bench(args = BYTES)]
    fn of_what_the_event_says(bencher: Bencher<'_, '_>, bytes: usize) {
        let receiver = Webhook::builder().allow_unauthenticated().body_limit(2 << 20).build_receiver();
        let inbound = receiver.unwrap().begin(&support::head(&HeaderMap::new())).ok();
        let (inbound, body) = (inbound.unwrap(), support::long_body(bytes));
        bencher.bench(|| inbound.receive(black_box(&body).clone()).unwrap());
    }

    #[derive(Deserialize)]
    struct Envelope<'a> {
        event_type: &'a str,
        created_at: &'a str,
        #[serde(borrow)]
        data: &'a RawValue,
    }

    #[divan::bench(args = BYTES)]
    fn of_the_bytes_of_its_data(bencher: Bencher<'_, '_>, bytes: usize) {
        let body = support::long_body(bytes);
        bencher.bench(|| {
            let envelope: Envelope<'_> = serde_json::from_slice(black_box(&body)).unwrap();
            black_box((envelope.event_type, envelope.created_at));
            Sha256::digest(envelope.data.get())
        });
    }
}

#[divan::bench]
fn decode(bencher: Bencher<'_, '_>) {
    let receiver = Webhook::builder().allow_unauthenticated().build_receiver().unwrap();
    let received = receiver.begin(&support::head(&HeaderMap::new())).unwrap().receive(support::body(0));
    let received = received.unwrap();
    bencher.bench(|| -> Event<RenderComplete> { black_box(&received).event().unwrap() });
}

/// A claim and its mark.
#[divan::bench]
fn claim(bencher: Bencher<'_, '_>) {
    let (runtime, store) = (support::runtime(), MemoryStore::new());
    let mut number = 0;
    let next = || {
        number += 1;
        support::claim(number)
    };
    bencher.with_inputs(next).bench_local_values(|request| {
        runtime.block_on(async {
            let claimed = store.claim(&request).await;
            (claimed, store.done(&request, 1).await)
        })
    });
}

#[divan::bench_group]
mod delivery {
    use super::*;

    #[divan::bench]
    fn unique(bencher: Bencher<'_, '_>) {
        deliver(bencher, &support::right_headers(), support::body);
    }

    #[divan::bench]
    fn duplicate(bencher: Bencher<'_, '_>) {
        deliver(bencher, &support::right_headers(), |_| support::body(0));
    }

    #[divan::bench]
    fn ignored(bencher: Bencher<'_, '_>) {
        deliver(bencher, &support::right_headers(), support::unhandled_body);
    }

    #[divan::bench]
    fn refused(bencher: Bencher<'_, '_>) {
        deliver(bencher, &support::wrong_headers(), support::body);
    }

    fn deliver(bencher: Bencher<'_, '_>, headers: &HeaderMap, body: fn(usize) -> Bytes) {
        let (runtime, webhook) = (support::runtime(), support::webhook());
        let mut number = 0;
        let next = || {
            number += 1;
            body(number)
        };
        bencher
            .with_inputs(next)
            .bench_local_values(|body| runtime.block_on(support::deliver(&webhook, headers, body)));
    }
}
