//! What an event costs in the memory store, by the resident memory of this process, which does nothing else.

#![allow(clippy::unwrap_used, reason = "in a test that is the message")]
#![cfg(target_os = "linux")]

use std::time::Duration;

use lipdub_core::dedupe::{Claim, ClaimRequest, Transition};
use lipdub_core::{DedupeStore, EventKey, MemoryStore};

const EVENTS: u64 = 1_000_000;
/// The docs of `MemoryStore` tell what was measured. This is a quarter more, for other allocators.
const MOST_BYTES: u64 = 80;

#[tokio::test(start_paused = true)]
async fn an_event_costs_what_the_docs_say() {
    let store = MemoryStore::new();
    let mut request = ClaimRequest::new(key(0), Duration::from_secs(15), Duration::from_secs(3600)).unwrap();
    let before = resident_bytes();
    for number in 0..EVENTS {
        handle(&store, &mut request, number).await;
    }
    let each = (resident_bytes() - before) / EVENTS;
    assert!(each <= MOST_BYTES, "an event costs {each} bytes");
    assert!(each > 50, "an event cannot cost only {each} bytes: the measurement is broken");

    tokio::time::advance(request.retention).await;
    for number in EVENTS..2 * EVENTS {
        handle(&store, &mut request, number).await;
    }
    let each = (resident_bytes() - before) / EVENTS;
    assert!(each <= MOST_BYTES, "an event costs {each} bytes that comes when others have been forgotten");
    assert_eq!(store.claim(&request).await.unwrap(), Claim::Done);
}

async fn handle(store: &MemoryStore, request: &mut ClaimRequest, number: u64) {
    request.key = key(number);
    assert_eq!(store.claim(request).await.unwrap(), Claim::Granted { attempt: 1 });
    assert_eq!(store.done(request, 1).await.unwrap(), Transition::Applied);
}

/// A key that is as evenly spread as a digest, without the cost of one.
fn key(number: u64) -> EventKey {
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("v1-{spread:016x}{number:048x}").parse().unwrap()
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kibibytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes * 1024
}
