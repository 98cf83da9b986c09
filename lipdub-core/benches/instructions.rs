//! How many instructions the parts of a delivery take, and a whole one, counted by callgrind; and that it is no more
//! than it was.
//!
//! `scripts/instructions` runs it. Each part is done a hundred times, so that the last two digits of a figure
//! can be cut off. Callgrind has no SHA instructions: a SHA-256 is counted by its slow form, some 3,400 for
//! each 64 bytes, which most processors of today do in about 30 ns.
//!
//! A budget is what was measured and some percent. If one is exceeded by what you cannot do without, raise it,
//! and say why in the commit; if you have made something cheaper, lower it.

#![allow(missing_docs, reason = "gungraun's macros write none")]
#![allow(clippy::unwrap_used, reason = "in a bench that is the message")]

mod support;

use std::hint::black_box;

use bytes::Bytes;
use gungraun::prelude::*;
use gungraun::{Callgrind, EventKind};
use http::HeaderMap;
use lipdub_core::dedupe::ClaimRequest;
use lipdub_core::{DedupeStore as _, Event, Inbound, MemoryStore, Received, RenderComplete, Status, Webhook};
use sha2::{Digest as _, Sha256};
use tokio::runtime::Runtime;

const TIMES: usize = 100;

/// A budget in instructions for each time.
fn at_most(instructions: u64) -> LibraryBenchmarkConfig {
    let callgrind = Callgrind::default().hard_limits([(EventKind::Ir, instructions * TIMES as u64)]).clone();
    LibraryBenchmarkConfig::default().tool(callgrind).clone()
}

/// A webhook that has been in use, so that nothing is set up while it is measured.
fn begun(headers: HeaderMap) -> (Webhook, HeaderMap) {
    let webhook = support::webhook();
    drop(black_box(webhook.begin(&support::head(&headers))));
    (webhook, headers)
}

#[library_benchmark]
#[bench::right(args = (support::right_headers()), setup = begun, config = at_most(6_000))]
#[bench::right_twice(args = (support::two_right_headers()), setup = begun, config = at_most(9_800))]
#[bench::wrong(args = (support::wrong_headers()), setup = begun, config = at_most(5_100))]
fn begin((webhook, headers): (Webhook, HeaderMap)) -> (Webhook, HeaderMap) {
    for _ in 0..TIMES {
        drop(black_box(webhook.begin(&support::head(black_box(&headers)))));
    }
    (webhook, headers)
}

fn inbound(body: Bytes) -> (Inbound, Bytes) {
    let webhook = lipdub_core::Webhook::builder().allow_unauthenticated().body_limit(2 << 20);
    let inbound = webhook.build_receiver().unwrap().begin(&support::head(&support::right_headers())).unwrap();
    drop(inbound.receive(body.clone()).unwrap());
    (inbound, body)
}

// From the body to the event with its key.
#[library_benchmark]
#[bench::short(args = (support::body(0)), setup = inbound, config = at_most(27_300))]
fn receive((inbound, body): (Inbound, Bytes)) -> (Inbound, Bytes) {
    for _ in 0..TIMES {
        drop(black_box(inbound.receive(black_box(body.clone()))));
    }
    (inbound, body)
}

// Once, for it takes long.
#[library_benchmark]
#[bench::megabyte(args = (support::long_body(1 << 20)), setup = inbound, config = at_most(1_080_000))]
fn receive_long((inbound, body): (Inbound, Bytes)) -> (Inbound, Bytes) {
    drop(black_box(inbound.receive(black_box(body.clone()))));
    (inbound, body)
}

// What a digest of that many bytes takes, to be taken off where it counts.
#[library_benchmark]
#[bench::of_a_credential(36)]
#[bench::of_an_event(430)]
fn digest(bytes: usize) {
    let bytes = vec![b'x'; bytes];
    for _ in 0..TIMES {
        black_box(Sha256::digest(black_box(&bytes)));
    }
}

fn received() -> Received {
    let (inbound, body) = inbound(support::body(0));
    inbound.receive(body).unwrap()
}

#[library_benchmark]
#[bench::render_complete(args = (), setup = received, config = at_most(6_400))]
fn decode(received: Received) -> Received {
    for _ in 0..TIMES {
        let event: Event<RenderComplete> = black_box(&received).event().unwrap();
        drop(black_box(event));
    }
    received
}

fn claims() -> (Runtime, MemoryStore, Vec<ClaimRequest>) {
    (support::runtime(), MemoryStore::new(), (0..TIMES).map(support::claim).collect())
}

// A claim and its mark, in memory; in a new store, whose blocks and tables are made meanwhile.
#[library_benchmark]
#[bench::first(args = (), setup = claims, config = at_most(3_300))]
fn claim((runtime, store, claims): (Runtime, MemoryStore, Vec<ClaimRequest>)) -> (Runtime, MemoryStore) {
    runtime.block_on(claim_each(&store, &claims));
    (runtime, store)
}

// Not within: what has the name of a bench in its own is not counted.
async fn claim_each(store: &MemoryStore, claims: &[ClaimRequest]) {
    for request in claims {
        let _ = black_box(store.claim(request).await);
        let _ = black_box(store.done(request, 1).await);
    }
}

struct Deliveries {
    runtime: Runtime,
    webhook: Webhook,
    headers: HeaderMap,
    bodies: Vec<Bytes>,
    status: Status,
}

/// Deliveries, each with a body and an answer; others like them have come before.
fn deliveries(headers: HeaderMap, body: fn(usize) -> Bytes, status: Status) -> Deliveries {
    let (runtime, webhook) = (support::runtime(), support::webhook());
    runtime.block_on(async {
        for number in 0..2 * TIMES {
            support::deliver(&webhook, &headers, body(number)).await;
        }
    });
    let bodies = (2 * TIMES..3 * TIMES).map(body).collect();
    Deliveries { runtime, webhook, headers, bodies, status }
}

fn unique() -> Deliveries {
    deliveries(support::right_headers(), support::body, Status::Processed)
}

fn duplicate() -> Deliveries {
    deliveries(support::right_headers(), |_| support::body(0), Status::Duplicate)
}

fn ignored() -> Deliveries {
    deliveries(support::right_headers(), support::unhandled_body, Status::Ignored)
}

fn refused() -> Deliveries {
    deliveries(support::wrong_headers(), support::body, Status::Unauthorized)
}

// The whole of it, in one thread and without a socket.
#[library_benchmark]
#[bench::unique(args = (), setup = unique, config = at_most(45_700))]
#[bench::duplicate(args = (), setup = duplicate, config = at_most(36_600))]
#[bench::ignored(args = (), setup = ignored, config = at_most(34_100))]
#[bench::refused(args = (), setup = refused, config = at_most(5_650))]
fn delivery(mut deliveries: Deliveries) -> Deliveries {
    let bodies = std::mem::take(&mut deliveries.bodies);
    deliveries.runtime.block_on(deliver_each(&deliveries, bodies));
    deliveries
}

async fn deliver_each(deliveries: &Deliveries, bodies: Vec<Bytes>) {
    for body in bodies {
        let status = support::deliver(&deliveries.webhook, &deliveries.headers, body).await;
        assert_eq!(status, deliveries.status);
    }
}

library_benchmark_group!(name = parts, benchmarks = [begin, receive, receive_long, digest, decode, claim]);
library_benchmark_group!(name = whole, benchmarks = delivery);

main!(library_benchmark_groups = [parts, whole]);
