use super::super::fingerprint::Fingerprint;
use super::super::{Claim, ClaimRequest, ClaimToken, Transition};
use super::moment::Moment;
use super::queue::Queue;

/// A part of the events, each of which is in one of two queues: it is running, or it is settled.
///
/// Both are in the order of the last transition. So the settled event that has been there for longest is at the
/// front, and a running one is never in its way.
pub(super) struct Shard {
    running: Queue<Running>,
    settled: Queue<Settled>,
    capacity: usize,
    has_warned: bool,
}

#[derive(Clone, Copy)]
struct Running {
    attempt: u32,
    token: ClaimToken,
    lease_until: Moment,
    expires: Moment,
}

#[derive(Clone, Copy)]
struct Settled {
    outcome: Outcome,
    by: Mark,
    expires: Moment,
}

#[derive(Clone, Copy)]
enum Outcome {
    Done,
    Failed { attempt: u32 },
}

/// Who settled an event.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mark(u64);

impl Mark {
    /// Who gave back a claim holds it no more.
    const NOBODY: Self = Self(0);

    fn of(token: ClaimToken) -> Self {
        Self(token.half())
    }
}

enum Record {
    Running(Running),
    Settled(Settled),
}

impl Record {
    fn expires(&self) -> Moment {
        match self {
            Self::Running(running) => running.expires,
            Self::Settled(settled) => settled.expires,
        }
    }
}

impl Shard {
    pub(super) const fn new(capacity: usize) -> Self {
        Self { running: Queue::new(), settled: Queue::new(), capacity, has_warned: false }
    }

    pub(super) fn events(&self) -> usize {
        self.running.len() + self.settled.len()
    }

    pub(super) fn claim(&mut self, key: Fingerprint, request: &ClaimRequest, now: Moment) -> Claim {
        let attempt = match self.live(key, now) {
            None => 1,
            Some(Record::Settled(Settled { outcome: Outcome::Done, .. })) => return Claim::Done,
            Some(Record::Settled(Settled { outcome: Outcome::Failed { attempt }, .. })) => {
                attempt.saturating_add(1)
            }
            Some(Record::Running(running)) if running.token == request.token => running.attempt,
            Some(Record::Running(running)) if running.lease_until <= now => running.attempt.saturating_add(1),
            Some(Record::Running(running)) => {
                return Claim::Busy { lapses_in: running.lease_until - now };
            }
        };
        self.run(key, request, attempt, now);
        Claim::Granted { attempt }
    }

    pub(super) fn renew(
        &mut self,
        key: Fingerprint,
        request: &ClaimRequest,
        attempt: u32,
        now: Moment,
    ) -> Transition {
        let attempt = match self.live(key, now) {
            None => attempt,
            Some(Record::Running(running)) if running.token == request.token => running.attempt,
            Some(_) => return Transition::Refused,
        };
        self.run(key, request, attempt, now);
        Transition::Applied
    }

    pub(super) fn done(&mut self, key: Fingerprint, request: &ClaimRequest, now: Moment) -> Transition {
        let by = Mark::of(request.token);
        match self.live(key, now) {
            None => {}
            Some(Record::Running(running)) if running.token == request.token => {}
            // Said again.
            Some(Record::Settled(Settled { outcome: Outcome::Done, by: before, .. })) if before == by => {}
            Some(_) => return Transition::Refused,
        }
        self.settle(key, request, by, Outcome::Done, now);
        Transition::Applied
    }

    pub(super) fn fail(
        &mut self,
        key: Fingerprint,
        request: &ClaimRequest,
        attempt: u32,
        now: Moment,
    ) -> Transition {
        let by = Mark::of(request.token);
        let attempt =
            match self.live(key, now) {
                None => attempt,
                Some(Record::Running(running)) if running.token == request.token => running.attempt,
                // Said again.
                Some(Record::Settled(Settled {
                    outcome: Outcome::Failed { attempt }, by: before, ..
                })) if before == by => attempt,
                Some(_) => return Transition::Refused,
            };
        self.settle(key, request, by, Outcome::Failed { attempt }, now);
        Transition::Applied
    }

    pub(super) fn release(&mut self, key: Fingerprint, request: &ClaimRequest, now: Moment) -> Transition {
        match self.live(key, now) {
            Some(Record::Running(running)) if running.token == request.token => match running.attempt {
                0 | 1 => self.forget(key),
                attempt => {
                    let before = Outcome::Failed { attempt: attempt - 1 };
                    self.settle(key, request, Mark::NOBODY, before, now);
                }
            },
            _ => return Transition::Refused,
        }
        Transition::Applied
    }

    fn live(&self, key: Fingerprint, now: Moment) -> Option<Record> {
        let settled = || self.settled.find(key).map(Record::Settled);
        let known = self.running.find(key).map(Record::Running).or_else(settled);
        known.filter(|record| record.expires() > now)
    }

    fn run(&mut self, key: Fingerprint, request: &ClaimRequest, attempt: u32, now: Moment) {
        self.take_place(key, now);
        let lease_until = now + request.lease;
        let expires = now + request.retention;
        self.running.push(key, Running { attempt, token: request.token, lease_until, expires });
    }

    fn settle(&mut self, key: Fingerprint, request: &ClaimRequest, by: Mark, outcome: Outcome, now: Moment) {
        self.take_place(key, now);
        self.settled.push(key, Settled { outcome, by, expires: now + request.retention });
    }

    /// Takes the place that the event has, or makes room for it.
    fn take_place(&mut self, key: Fingerprint, now: Moment) {
        if self.running.remove(key).is_none() && self.settled.remove(key).is_none() {
            self.make_room(now);
        }
    }

    fn forget(&mut self, key: Fingerprint) {
        if self.running.remove(key).is_none() {
            self.settled.remove(key);
        }
    }

    /// Forgets what has expired, and more if there is no room: a few at a time, so that no claim waits.
    fn make_room(&mut self, now: Moment) {
        const AT_A_TIME: usize = 4;
        for _ in 0..AT_A_TIME {
            let is_full = self.events() >= self.capacity;
            match self.nearest_to_its_end(now) {
                Some((key, expires)) if expires <= now => self.forget(key),
                Some((key, _)) if is_full => {
                    self.warn_once();
                    self.forget(key);
                }
                None if is_full => self.pass_over_a_running_event(),
                _ => return,
            }
        }
    }

    /// Of those that may be forgotten: the oldest settled one, or the oldest running one if its lease has lapsed.
    fn nearest_to_its_end(&self, now: Moment) -> Option<(Fingerprint, Moment)> {
        let settled = self.settled.oldest().map(|(key, settled)| (key, settled.expires));
        let running = self.running.oldest().filter(|(_, running)| running.lease_until <= now);
        let lapsed = running.map(|(key, running)| (key, running.expires));
        settled.into_iter().chain(lapsed).min_by_key(|(_, expires)| *expires)
    }

    /// The lease of the oldest may be longer than those of others, and theirs may have lapsed.
    fn pass_over_a_running_event(&mut self) {
        if let Some((key, running)) = self.running.oldest() {
            self.running.remove(key);
            self.running.push(key, running);
        }
    }

    fn warn_once(&mut self) {
        if !self.has_warned {
            self.has_warned = true;
            tracing::warn!(
                capacity = self.capacity,
                "the memory store is full and forgets events before their retention has passed, so one that is \
                 delivered again late may run again; give it more capacity or use Redis"
            );
        }
    }
}
