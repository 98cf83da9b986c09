//! What it costs to read an event and make its key, against what has to be done in any case: to find the fields of the
//! envelope, and to hash the bytes of its data. `cargo bench -p lipdub-core --bench key`

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "it is a program that prints what it measured")]

mod rounds;
mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use lipdub_core::{Inbound, Webhook};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use self::rounds::{ROUNDS, Spread};

fn main() {
    let receiver = Webhook::builder().allow_unauthenticated().body_limit(2 << 20).build_receiver().unwrap();
    let inbound = receiver.begin(&support::head(&HeaderMap::new())).unwrap();
    println!("\nan event and its key, to its envelope and the SHA-256 of its data");
    for bytes in [0, 4 << 10, 64 << 10, 1 << 20] {
        let body = support::long_body(bytes);
        let [mut key, mut floor] = [(); 2].map(|()| Vec::new());
        for _ in 0..ROUNDS {
            floor.push(measure(&body, hash));
            key.push(measure(&body, |body| receive(&inbound, body)));
        }
        let ratio = Spread::of_ratios(&key, &floor);
        println!("  {:>9} bytes  × {ratio}, of {:.2} µs", body.len(), Spread::of(floor));
    }
}

fn receive(inbound: &Inbound, body: &Bytes) {
    let received = inbound.receive(body.clone()).unwrap();
    black_box(received.key());
}

#[derive(Deserialize)]
struct Envelope<'a> {
    event_type: &'a str,
    created_at: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
}

fn hash(body: &Bytes) {
    let envelope: Envelope<'_> = serde_json::from_slice(body).unwrap();
    black_box((envelope.event_type, envelope.created_at, Sha256::digest(envelope.data.get())));
}

/// In microseconds, for each.
fn measure(body: &Bytes, work: impl Fn(&Bytes)) -> f64 {
    const TIME: Duration = Duration::from_millis(200);
    let (begun, mut times) = (Instant::now(), 0_u32);
    while begun.elapsed() < TIME {
        // Several, so that looking at the clock costs nothing.
        (0..16).for_each(|_| work(black_box(body)));
        times += 16;
    }
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(times)
}
