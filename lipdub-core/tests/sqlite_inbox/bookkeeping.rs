//! What the file says about itself holds after any sequence of calls.

use std::time::Duration;

use fastrand::Rng;
use lipdub_core::inbox::{Holder, InboxEvent, LeaseRequest, Order};
use lipdub_core::{EventType, Inbox, SqliteInbox};
use rusqlite::Connection;

use crate::support::*;

const NAMES: u64 = 24;
const TYPES: [EventType; 2] = [EventType::RenderComplete, EventType::RenderFailed];
/// Each statement finds what must not be.
const CONTRADICTIONS: [(&str, &str); 7] = [
    (
        "the tally is the number of events in each state",
        "SELECT 1 FROM tally WHERE events <> (SELECT count(*) FROM event WHERE event.state = tally.state)",
    ),
    (
        "an event has a body as long as it is not done",
        "SELECT 1 FROM event WHERE (state <> 'done') <> EXISTS (SELECT 1 FROM body WHERE body.seq = event.seq)",
    ),
    ("a body is that of an event", "SELECT 1 FROM body WHERE seq NOT IN (SELECT seq FROM event)"),
    (
        "of a done event nothing is kept but its key and its times",
        "SELECT 1 FROM event WHERE state = 'done' \
         AND coalesce(event_type, job, source, why, due, ahead, turn) IS NOT NULL",
    ),
    (
        "what is ahead of an event is known if it is nothing that must be waited for",
        "WITH unfinished AS (SELECT *, row_number() OVER (PARTITION BY job ORDER BY seq) AS place FROM event \
                             WHERE state IN ('queued', 'delayed', 'leased')) \
         SELECT 1 FROM unfinished WHERE ahead <> CASE \
             WHEN place > 1 THEN 2 \
             ELSE EXISTS (SELECT 1 FROM event AS dead WHERE dead.job = unfinished.job AND dead.state = 'dead' \
                                                        AND dead.seq < unfinished.seq) END",
    ),
    (
        "the first event in line of each type in a job has a turn, and no other",
        "WITH in_line AS (SELECT *, row_number() OVER (PARTITION BY job, event_type ORDER BY seq) AS place \
                         FROM event WHERE ahead IS NOT NULL AND due IS NULL) \
         SELECT 1 FROM in_line WHERE (place = 1) <> (turn IS NOT NULL)",
    ),
    (
        "a job has one turn, which is near",
        "SELECT 1 FROM event, progress WHERE event.turn IS NOT NULL \
         GROUP BY job HAVING min(event.turn) <> max(event.turn) OR max(event.turn) > progress.turn + 1",
    ),
];

#[tokio::test]
async fn after_any_calls_the_file_does_not_contradict_itself() {
    for seed in 0..8 {
        let place = Place::new();
        let inbox = place.open().await;
        let witness = place.connect();
        let mut caller = Caller { random: Rng::with_seed(seed), held: Vec::new(), inbox };
        for step in 0..150 {
            caller.call_something().await;
            assert_consistent(&witness, seed, step);
        }
    }
}

fn assert_consistent(witness: &Connection, seed: u64, step: u32) {
    for (rule, contradiction) in CONTRADICTIONS {
        let found = witness.prepare_cached(contradiction).unwrap().exists([]).unwrap();
        assert!(!found, "seed {seed}, step {step}: it is not true that {rule}");
    }
}

struct Caller {
    random: Rng,
    held: Vec<Holder>,
    inbox: SqliteInbox,
}

impl Caller {
    async fn call_something(&mut self) {
        let number = self.random.u64(..NAMES);
        match self.random.u32(..14) {
            0..=4 => {
                let event = self.event(number);
                self.inbox.accept(&event).await.unwrap();
            }
            5..=6 => self.lease().await,
            7 => drop(self.inbox.replay(key(number)).await.unwrap()),
            8 if self.random.u32(..3) == 0 => drop(self.inbox.prune(Duration::ZERO).await.unwrap()),
            8 => drop(self.inbox.discard(key(number)).await.unwrap()),
            _ => self.settle().await,
        }
    }

    /// Each time it comes it may be of another job and another type.
    fn event(&mut self, number: u64) -> InboxEvent {
        let mut event = event(number, ["a", "b", "c"][self.random.usize(..3)]);
        event.event_type = TYPES[self.random.usize(..2)].clone();
        event
    }

    async fn lease(&mut self) {
        let lease = if self.random.bool() { LEASE } else { Duration::ZERO };
        let order = [Order::Any, Order::PerJob { behind_dead: false }, Order::PerJob { behind_dead: true }];
        let mut request = LeaseRequest::new(lease).unwrap().limit(self.random.usize(1..4));
        request = request.order(order[self.random.usize(..3)]);
        if self.random.bool() {
            request = request.event_types([TYPES[self.random.usize(..2)].clone()]);
        }
        if let Some(held) = self.held.last().filter(|_| self.random.bool()) {
            request.token = held.token;
        }
        self.held.extend(self.inbox.lease(&request).await.unwrap().iter().map(|leased| leased.holder));
    }

    async fn settle(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let holder = self.held[self.random.usize(..self.held.len())];
        let outcome = match self.random.u32(..6) {
            0 => self.inbox.done(&holder).await,
            1 => self.inbox.retry(&holder, Duration::ZERO, "now").await,
            2 => self.inbox.retry(&holder, Duration::from_millis(3), "soon").await,
            3 => self.inbox.give_back(&holder).await,
            4 => self.inbox.renew(&holder, LEASE).await,
            _ => self.inbox.bury(&holder, "dead").await,
        };
        let _ = outcome.unwrap();
    }
}
