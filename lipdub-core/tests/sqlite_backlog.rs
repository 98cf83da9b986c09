//! A backlog of a gigabyte, in small: what a call takes and what the process holds do not grow with it. By the
//! resident memory of this process, which does nothing else.

#![cfg(all(feature = "sqlite", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "sqlite_inbox/support.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod support;

use std::time::{Duration, Instant};

use lipdub_core::inbox::InboxEvent;
use lipdub_core::{Inbox, SqliteInbox};
use tokio::task::JoinSet;

use self::support::*;

const EVENTS: usize = 25_000;
const BODY_BYTES: usize = 4_000;
const SAMPLES: usize = 60;
/// A tenth of the backlog.
const MOST_BYTES: u64 = 16 << 20;
/// What trees that are deeper by a level, and a machine with other work, may cost.
const SLOWER: u32 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_backlog_slows_nothing_and_is_not_in_memory() {
    let place = Place::new();
    let inbox = place.open().await;
    fill(&inbox, 0..500).await;
    let short = Costs::measure(&inbox, 1_000_000).await;
    let resident = resident_bytes();
    fill(&inbox, 500..EVENTS).await;
    let stats = inbox.stats().await.unwrap();
    assert_eq!(stats.due, u64::try_from(EVENTS).unwrap());
    let long = Costs::measure(&inbox, 2_000_000).await;
    let grown = resident_bytes().saturating_sub(resident);
    assert!(std::fs::metadata(place.path()).unwrap().len() > (EVENTS * BODY_BYTES) as u64);
    assert!(grown < MOST_BYTES, "the process has grown by {grown} bytes");
    for (what, short, long) in [
        ("accept", short.accept, long.accept),
        ("lease", short.lease, long.lease),
        ("done", short.done, long.done),
        ("stats", short.stats, long.stats),
    ] {
        assert!(
            long < short * SLOWER + Duration::from_millis(2),
            "{what} took {short:?}, and takes {long:?}"
        );
    }
}

async fn fill(inbox: &SqliteInbox, numbers: std::ops::Range<usize>) {
    for chunk in numbers.clone().step_by(500) {
        let mut callers = JoinSet::new();
        for number in chunk..(chunk + 500).min(numbers.end) {
            let inbox = inbox.clone();
            callers.spawn(async move { inbox.accept(&large(number)).await.unwrap() });
        }
        callers.join_all().await;
    }
}

/// One of a job with hundreds of events, or with one.
fn large(number: usize) -> InboxEvent {
    let job =
        if number.is_multiple_of(2) { format!("many {}", number % 100) } else { format!("one {number}") };
    let body = format!(r#"{{"event_type": "VIDEO_RENDER_COMPLETE", "data": "{}"}}"#, "x".repeat(BODY_BYTES));
    InboxEvent { body: body.into(), ..event(number, &job) }
}

/// Medians.
#[derive(Debug)]
struct Costs {
    accept: Duration,
    lease: Duration,
    done: Duration,
    stats: Duration,
}

impl Costs {
    async fn measure(inbox: &SqliteInbox, first: usize) -> Self {
        let mut samples: [Vec<Duration>; 4] = Default::default();
        for number in first..first + SAMPLES {
            let event = large(number);
            samples[0].push(timed(inbox.accept(&event)).await.0);
            let (cost, leased) = timed(inbox.lease(&per_job(1))).await;
            samples[1].push(cost);
            samples[2].push(timed(inbox.done(&leased.unwrap()[0].holder)).await.0);
            samples[3].push(timed(inbox.stats()).await.0);
        }
        let [accept, lease, done, stats] = samples.map(median);
        Self { accept, lease, done, stats }
    }
}

async fn timed<T>(call: impl Future<Output = T>) -> (Duration, T) {
    let begun = Instant::now();
    let result = call.await;
    (begun.elapsed(), result)
}

fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort();
    samples[samples.len() / 2]
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kibibytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes * 1024
}
