//! What is delivered: events whose handlers succeed, fail, panic, or run long.

use lipdub_core::EventType;
use lipdub_core::testing::sample::{self, Sample};
use serde_json::{Value, json};

use crate::LONGEST_HANDLER;

/// How many events a job has.
pub(crate) const OF_A_JOB: usize = 3;

/// Events of all types, of jobs of three events each, with orders for their handlers.
///
/// Most handlers take no longer than `quick`, in milliseconds.
pub(crate) fn plan(seed: u64, events: u32, quick: u32) -> Vec<Sample> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..events).map(|number| event(number, quick, &mut random)).collect()
}

/// Whether the handler of this event can succeed.
pub(crate) fn can_succeed(event: &Sample) -> bool {
    let outcome = event.field("data.testbed.outcome").and_then(Value::as_str);
    !matches!(outcome, Some("fail" | "panic"))
}

fn event(number: u32, quick: u32, random: &mut fastrand::Rng) -> Sample {
    let types = EventType::DOCUMENTED.len();
    sample::of(&EventType::DOCUMENTED[random.usize(..types)])
        .created_at(format!("2026-01-02T03:04:05.{number:06}"))
        .set("data.id", number)
        .set("data.testbed", orders(quick, random))
        .job(format!("job {}", number as usize / OF_A_JOB))
}

/// Most handlers are quick and succeed.
fn orders(quick: u32, random: &mut fastrand::Rng) -> Value {
    let quick = random.u32(..quick);
    match random.u32(..100) {
        0..8 => json!({ "sleep_ms": quick, "fail_times": 1 }),
        8..12 => json!({ "sleep_ms": quick, "fail_times": 2 }),
        12..16 => json!({ "sleep_ms": quick, "panic_times": 1 }),
        16..18 => json!({ "sleep_ms": quick, "outcome": "fail" }),
        18..20 => json!({ "sleep_ms": quick, "outcome": "panic" }),
        // Beyond the answer deadline, so that LipDub is told to come again.
        20..27 => json!({ "sleep_ms": random.u32(2_200..4_000) }),
        // Beyond the lease, which has to be renewed.
        27..29 => json!({ "sleep_ms": LONGEST_HANDLER.as_secs() * 1_000 }),
        _ => json!({ "sleep_ms": quick }),
    }
}
