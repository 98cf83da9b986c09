//! How long the parts of a delivery take, and a whole one: `cargo bench -p lipdub-core --bench times`.
//!
//! The figures of one run can be compared with each other, and only those.

#![allow(clippy::unwrap_used, reason = "in a bench that is the message")]

mod support;

use bytes::Bytes;
use divan::{Bencher, black_box};
use http::HeaderMap;
use lipdub_core::{DedupeStore as _, Event, MemoryStore, RenderComplete, Webhook};

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
