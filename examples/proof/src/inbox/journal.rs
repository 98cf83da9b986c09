//! What the processes asked of the inbox, and what it said.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use lipdub_core::EventKey;
use serde::Deserialize;

use super::LEASE;
use crate::{BoxError, CLOCKS};

/// What one attempt held an event with.
#[derive(Clone, Debug)]
pub(super) struct Hold {
    pub(super) attempt: u32,
    pub(super) process: u32,
    /// In the order in which they ended; the first is the lease.
    calls: Vec<Call>,
}

/// A call for one event, by whoever holds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) what: What,
    pub(super) outcome: Outcome,
    pub(super) began: SystemTime,
    pub(super) ended: SystemTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    Accept,
    Lease,
    Renew,
    Done,
    Retry,
    Bury,
    GiveBack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Applied,
    Refused,
    /// Not known yet. If nothing follows, there was no answer, or nobody who could wait for it.
    Asked,
    /// It came from somebody who held nothing.
    #[serde(other)]
    Other,
}

impl Call {
    /// Whether it tells what came of the attempt.
    pub(super) fn is_result(&self) -> bool {
        !matches!(self.what, What::Accept | What::Lease | What::Renew)
    }
}

impl Hold {
    pub(super) fn new(attempt: u32, process: u32, calls: Vec<Call>) -> Self {
        Self { attempt, process, calls }
    }

    pub(super) fn calls(&self) -> &[Call] {
        &self.calls
    }

    pub(super) fn leased(&self) -> Call {
        self.calls[0]
    }

    /// The calls by which the holder told what came of the attempt.
    pub(super) fn results(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(|call| call.is_result())
    }

    /// When it was marked as done.
    pub(super) fn done(&self) -> Option<Call> {
        let is_mark = |call: &&Call| call.what == What::Done && call.outcome == Outcome::Applied;
        self.calls.iter().find(is_mark).copied()
    }

    /// Whether the lease had lapsed when the next one was given.
    pub(super) fn had_lapsed(&self, next: &Self) -> bool {
        let given = next.leased().ended;
        let prolongs = |call: &&Call| {
            let is_lease = matches!(call.what, What::Lease | What::Renew);
            is_lease && call.outcome == Outcome::Applied && call.began < given
        };
        let last = self.calls.iter().filter(prolongs).map(|call| call.began).max();
        last.is_none_or(|last| last + LEASE <= given + CLOCKS)
    }

    /// The calls that were made after another had been given the event.
    pub(super) fn late_calls(&self, next: &Self) -> impl Iterator<Item = &Call> {
        let given = next.leased().ended + CLOCKS;
        self.calls.iter().filter(move |call| call.began > given)
    }
}

/// The attempts that were made of each event, one after the other.
pub(super) fn read(directory: &Path) -> Result<HashMap<EventKey, Vec<Hold>>, BoxError> {
    holds(&std::fs::read_to_string(directory.join("journal"))?)
}

#[derive(Deserialize)]
struct Line {
    call: What,
    key: String,
    token: String,
    attempt: Option<u32>,
    outcome: Outcome,
    /// Microseconds since 1970.
    began: u64,
    ended: u64,
    process: u32,
}

fn holds(journal: &str) -> Result<HashMap<EventKey, Vec<Hold>>, BoxError> {
    let mut holds: HashMap<(EventKey, String), Hold> = HashMap::new();
    for line in journal.lines() {
        let Line { call, key, token, attempt, outcome, began, ended, process } = serde_json::from_str(line)?;
        if call == What::Accept {
            continue;
        }
        let holder = (key.parse()?, token);
        let [began, ended] =
            [began, ended].map(|micros| SystemTime::UNIX_EPOCH + Duration::from_micros(micros));
        let call = Call { what: call, outcome, began, ended };
        match (holds.get_mut(&holder), attempt) {
            (Some(hold), None) => hold.calls.push(call),
            (Some(hold), Some(attempt)) if hold.attempt == attempt => hold.calls.push(call),
            (None, Some(attempt)) => drop(holds.insert(holder, Hold::new(attempt, process, vec![call]))),
            (Some(_), Some(_)) => {
                return Err(format!("a lease was repeated as another attempt: {line}").into());
            }
            (None, None) => return Err(format!("nothing was leased before this call: {line}").into()),
        }
    }
    let mut events: HashMap<EventKey, Vec<Hold>> = HashMap::new();
    for ((key, _), hold) in holds {
        events.entry(key).or_default().push(hold);
    }
    for holds in events.values_mut() {
        holds.sort_by_key(|hold| (hold.attempt, hold.leased().ended));
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use lipdub_core::testing::sample;

    use super::*;

    #[test]
    fn calls_are_read_as_holds_in_the_order_of_their_attempts() {
        let key = sample::render_complete().key();
        let line = |call: &str, token: &str, attempt: Option<u32>, outcome: &str, at: u64| {
            let line = serde_json::json!({
                "call": call, "key": key, "token": token, "attempt": attempt, "outcome": outcome,
                "began": at, "ended": at, "process": 7,
            });
            format!("{line}\n")
        };
        let journal = [
            line("accept", "", None, "new", 1),
            line("lease", "b", Some(2), "applied", 5),
            line("lease", "a", Some(1), "applied", 2),
            line("renew", "a", None, "asked", 3),
            line("give_back", "a", None, "refused", 6),
            line("lease", "b", Some(2), "applied", 7),
            line("done", "b", None, "applied", 8),
        ];
        let read = holds(&journal.concat()).unwrap();
        let holds = &read[&key];
        let calls: Vec<Vec<_>> = holds
            .iter()
            .map(|hold| hold.calls.iter().map(|call| (call.what, call.outcome)).collect())
            .collect();
        let of_the_first = [
            (What::Lease, Outcome::Applied),
            (What::Renew, Outcome::Asked),
            (What::GiveBack, Outcome::Refused),
        ];
        assert_eq!(calls[0], of_the_first);
        assert_eq!(calls[1].len(), 3);
        assert!(holds[0].done().is_none() && holds[1].done().is_some());
        assert!(super::holds(&line("done", "a", None, "applied", 1)).is_err());
        assert!(
            super::holds(&[&journal[1][..], &line("lease", "b", Some(3), "applied", 9)].concat()).is_err()
        );
    }
}
