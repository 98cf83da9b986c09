//! What the handlers did, as they have written it down.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use lipdub_core::EventKey;
use serde::Deserialize;

use crate::BoxError;

/// One run of a handler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) attempt: u32,
    pub(crate) process: u32,
    pub(crate) started: SystemTime,
    pub(crate) succeeded: Option<SystemTime>,
}

/// A line of what a handler did.
#[derive(Deserialize)]
struct Effect {
    phase: String,
    key: String,
    attempt: u32,
    process: u32,
    /// Microseconds since 1970.
    at: u64,
}

/// The runs of each event.
pub(crate) fn read(directory: &Path) -> Result<HashMap<EventKey, Vec<Run>>, BoxError> {
    runs(&std::fs::read_to_string(directory.join("effects"))?)
}

pub(crate) fn successes(runs: &[Run]) -> impl Iterator<Item = SystemTime> {
    runs.iter().filter_map(|run| run.succeeded)
}

fn runs(effects: &str) -> Result<HashMap<EventKey, Vec<Run>>, BoxError> {
    let mut events: HashMap<EventKey, Vec<Run>> = HashMap::new();
    for line in effects.lines() {
        let Effect { phase, key, attempt, process, at } = serde_json::from_str(line)?;
        let runs = events.entry(key.parse()?).or_default();
        let at = SystemTime::UNIX_EPOCH + Duration::from_micros(at);
        match phase.as_str() {
            "start" => runs.push(Run { attempt, process, started: at, succeeded: None }),
            _ => {
                let is_meant = |run: &&mut Run| (run.attempt, run.process) == (attempt, process);
                let run = runs.iter_mut().rev().find(is_meant).ok_or("an effect without a beginning")?;
                run.succeeded = Some(at);
            }
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use lipdub_core::testing::sample;

    use super::*;

    #[test]
    fn effects_are_read_as_runs() {
        let key = sample::render_complete().key();
        let line = |phase: &str, attempt: u32, process: u32, at: u64| {
            let line = serde_json::json!({
                "phase": phase, "key": key, "attempt": attempt, "process": process, "at": at, "id": 1, "event_type": "X",
            });
            format!("{line}\n")
        };
        let effects = [line("start", 1, 7, 10), line("start", 2, 8, 20), line("done", 2, 8, 30)].concat();
        let read = runs(&effects).unwrap();
        let found: Vec<_> =
            read[&key].iter().map(|run| (run.attempt, run.process, run.succeeded.is_some())).collect();
        assert_eq!(found, [(1, 7, false), (2, 8, true)]);
        assert!(runs(&line("done", 1, 7, 10)).is_err());
    }
}
