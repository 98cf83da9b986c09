//! The model's store is the memory store: in every record that can come about, every call has the same answer.
//!
//! Records are visited breadth first, by calls of any token with any attempt, by time and by forgetting. Each is
//! brought about in a `MemoryStore` by the shortest way to it, and then every two calls are made on it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "in a test that is the message")]

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use lipdub_core::dedupe::{Claim, ClaimRequest, Transition};
use lipdub_core::{DedupeStore, EventKey, EventType, MemoryStore};
use lipdub_model::store::{Answer, Call, FOREVER, Record, Store, Token};
use tokio::time::advance;

const TICK: Duration = Duration::from_secs(1);
const TOKENS: u8 = 3;
const MOST_ATTEMPTS: u8 = 4;

/// One thing that is done to a store.
#[derive(Clone, Copy, Debug)]
enum Step {
    Call(Token, Call),
    Tick,
}

fn steps() -> Vec<Step> {
    let mut steps = vec![Step::Tick];
    for token in (0..TOKENS).map(Token) {
        steps.push(Step::Call(token, Call::Claim));
        for attempt in 0..=MOST_ATTEMPTS {
            let calls =
                [Call::Renew(attempt), Call::Done(attempt), Call::Fail(attempt), Call::Release(attempt)];
            // No claimer has made the attempt 0; `release` says it when it does not know.
            let is_said = |call: &Call| attempt > 0 || matches!(call, Call::Release(_));
            steps.extend(calls.into_iter().filter(is_said).map(|call| Step::Call(token, call)));
        }
    }
    steps
}

/// Every record within bounds, with a shortest way to it.
fn every_record(store: &Store) -> Vec<Vec<Step>> {
    let mut ways = vec![Vec::new()];
    let mut known: HashSet<Option<Record>> = HashSet::from([None]);
    let mut open = VecDeque::from([(None, Vec::new())]);
    while let Some((record, way)) = open.pop_front() {
        for step in steps() {
            let next = after(store, record, step).0;
            if attempts(next) > MOST_ATTEMPTS || !known.insert(next) {
                continue;
            }
            let way: Vec<Step> = way.iter().copied().chain([step]).collect();
            ways.push(way.clone());
            open.push_back((next, way));
        }
    }
    ways
}

fn after(store: &Store, record: Option<Record>, step: Step) -> (Option<Record>, Option<Answer>) {
    match step {
        Step::Tick => (store.tick(record), None),
        Step::Call(token, call) => {
            let (record, answer) = store.call(record, token, call);
            (record, Some(answer))
        }
    }
}

fn attempts(record: Option<Record>) -> u8 {
    record.and_then(|record| record.attempt()).unwrap_or(0)
}

/// A memory store with one event, and a request for each token.
struct Real {
    store: MemoryStore,
    requests: Vec<ClaimRequest>,
}

impl Real {
    fn new(model: &Store) -> Self {
        let key = EventKey::custom(&EventType::RenderComplete, "the event");
        let retention = match model.retention {
            FOREVER => TICK * 1_000_000,
            ticks => TICK * ticks.into(),
        };
        let request = |_| ClaimRequest::new(key, TICK * model.lease.into(), retention).unwrap();
        Self { store: MemoryStore::new(), requests: (0..TOKENS).map(request).collect() }
    }

    async fn does(&self, step: Step) -> Option<Answer> {
        let Step::Call(Token(token), call) = step else {
            advance(TICK).await;
            return None;
        };
        let request = &self.requests[usize::from(token)];
        let transition = match call {
            Call::Claim => {
                return Some(match self.store.claim(request).await.unwrap() {
                    Claim::Granted { attempt } => Answer::Granted(attempt.try_into().unwrap()),
                    Claim::Done => Answer::AlreadyDone,
                    Claim::Busy { lapses_in } => Answer::Busy(lapses_in.as_secs().try_into().unwrap()),
                    other => panic!("{other:?}"),
                });
            }
            Call::Renew(attempt) => self.store.renew(request, attempt.into()).await,
            Call::Done(attempt) => self.store.done(request, attempt.into()).await,
            Call::Fail(attempt) => self.store.fail(request, attempt.into()).await,
            Call::Release(attempt) => self.store.release(request, attempt.into()).await,
        };
        Some(match transition.unwrap() {
            Transition::Applied => Answer::Applied,
            Transition::Refused => Answer::Refused,
        })
    }
}

/// Goes every way, in the model and in the memory store, and makes every two calls at its end: the second tells what
/// record the first has left.
async fn compare(model: Store) {
    let ways = every_record(&model);
    let mut compared = 0;
    for way in &ways {
        for first in steps() {
            for second in steps() {
                let real = Real::new(&model);
                let mut record = None;
                for step in way.iter().copied().chain([first, second, PROBE]) {
                    let (next, expected) = after(&model, record, step);
                    let answered = real.does(step).await;
                    assert_eq!(answered, expected, "{step:?} on {record:?}, in {way:?} {first:?} {second:?}");
                    record = next;
                }
                compared += 1;
            }
        }
    }
    println!("{} records, {compared} pairs of transitions", ways.len());
    assert!(ways.len() > 50, "only {} records", ways.len());
}

/// Asked at the end of it all.
const PROBE: Step = Step::Call(Token(0), Call::Claim);

#[tokio::test(start_paused = true)]
async fn the_memory_store_makes_the_transitions_of_the_model() {
    compare(Store { lease: 2, ..Store::SOUND }).await;
}

#[tokio::test(start_paused = true)]
async fn the_memory_store_forgets_when_the_model_does() {
    compare(Store { lease: 2, retention: 3, ..Store::SOUND }).await;
}
