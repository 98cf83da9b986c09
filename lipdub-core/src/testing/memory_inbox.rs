use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::dedupe::{ClaimToken, StoreError, Transition};
use crate::event::EventKey;
use crate::inbox::{
    Accepted, DeadFilter, DeadLetter, Holder, Inbox, InboxEvent, InboxRecord, InboxState, InboxStats, Job,
    LeaseRequest, Leased, Order,
};

/// An inbox in the memory of this process, for tests of what you do with one.
///
/// **Not for production.** It loses everything with the process, so an answer of 200 would be a lie: LipDub takes
/// the event for delivered and never sends it again. It looks at every event whenever it is asked for one, too.
///
/// It goes by tokio's clock, so on a paused one leases and delays take no time. Put it into an
/// [`Arc`](std::sync::Arc) to look into it while a webhook has it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use lipdub_core::inbox::{Accepted, InboxEvent, Job, LeaseRequest};
/// use lipdub_core::testing::MemoryInbox;
/// use lipdub_core::{EventKey, EventType, Inbox, Source};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let inbox = MemoryInbox::new();
/// let event = InboxEvent {
///     key: EventKey::custom(&EventType::RenderComplete, "7"),
///     event_type: EventType::RenderComplete,
///     job: Job::new("order 7"),
///     source: Source::Tenant,
///     body: r#"{"event_type": "VIDEO_RENDER_COMPLETE"}"#.into(),
/// };
/// assert_eq!(inbox.accept(&event).await?, Accepted::New);
/// assert_eq!(inbox.accept(&event).await?, Accepted::Waiting);
///
/// let leased = inbox.lease(&LeaseRequest::new(Duration::from_secs(15))?).await?;
/// assert_eq!(leased[0].event, event);
/// # Ok::<(), lipdub_core::StoreError>(())
/// # }).unwrap();
/// ```
#[derive(Default)]
pub struct MemoryInbox {
    contents: Mutex<Contents>,
}

impl MemoryInbox {
    /// Makes an inbox with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, holder: &Holder, settlement: Settlement) -> Transition {
        self.contents().settle(holder, settlement, Instant::now())
    }
}

impl fmt::Debug for MemoryInbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.contents().stats(Instant::now());
        formatter.debug_tuple("MemoryInbox").field(&stats).finish()
    }
}

#[async_trait]
impl Inbox for MemoryInbox {
    async fn accept(&self, event: &InboxEvent) -> Result<Accepted, StoreError> {
        Ok(self.contents().accept(event, Instant::now()))
    }

    async fn lease(&self, request: &LeaseRequest) -> Result<Vec<Leased>, StoreError> {
        Ok(self.contents().lease(request, Instant::now()))
    }

    async fn renew(&self, holder: &Holder, lease: Duration) -> Result<Transition, StoreError> {
        Ok(self.contents().renew(holder, after(Instant::now(), lease)))
    }

    async fn done(&self, holder: &Holder) -> Result<Transition, StoreError> {
        Ok(self.settle(holder, Settlement::Done))
    }

    async fn retry(&self, holder: &Holder, delay: Duration, why: &str) -> Result<Transition, StoreError> {
        Ok(self.settle(holder, Settlement::Retry { delay, why: why.to_owned() }))
    }

    async fn bury(&self, holder: &Holder, why: &str) -> Result<Transition, StoreError> {
        Ok(self.settle(holder, Settlement::Bury { why: why.to_owned() }))
    }

    async fn give_back(&self, holder: &Holder) -> Result<Transition, StoreError> {
        Ok(self.settle(holder, Settlement::GiveBack))
    }

    async fn dead(&self, filter: &DeadFilter) -> Result<Vec<DeadLetter>, StoreError> {
        Ok(self.contents().dead(filter, Instant::now()))
    }

    async fn find(&self, key: EventKey) -> Result<Option<InboxRecord>, StoreError> {
        Ok(self.contents().find(key, Instant::now()))
    }

    async fn replay(&self, key: EventKey) -> Result<Transition, StoreError> {
        Ok(self.contents().replay(key, Instant::now()))
    }

    async fn discard(&self, key: EventKey) -> Result<Transition, StoreError> {
        Ok(self.contents().discard(key, Instant::now()))
    }

    async fn stats(&self) -> Result<InboxStats, StoreError> {
        Ok(self.contents().stats(Instant::now()))
    }

    async fn prune(&self, age: Duration) -> Result<u64, StoreError> {
        Ok(self.contents().prune(age, Instant::now()))
    }
}

/// An event is in one of the two, or unknown.
#[derive(Default)]
struct Contents {
    open: HashMap<EventKey, Open>,
    done: HashMap<EventKey, Done>,
    /// Of the next event that arrives, or dies.
    number: u64,
    /// How far the turns of all jobs have come, and the last turn of each.
    turn: u64,
    last_turns: HashMap<Job, u64>,
}

/// An event that is to be handled yet, or is dead.
struct Open {
    event: InboxEvent,
    state: State,
    history: History,
    /// Less than that of every event that arrived later.
    number: u64,
    /// When it is its turn: an event of each job before the second of any.
    turn: u64,
    tries: u32,
}

enum State {
    Queued { due: Instant, by: Option<(ClaimToken, Kind)> },
    Leased { by: ClaimToken, until: Instant },
    Dead { since: Instant, by: ClaimToken },
}

struct Done {
    since: Instant,
    by: Option<ClaimToken>,
    history: History,
}

struct History {
    accepted: Instant,
    attempt: u32,
    why: Option<String>,
    /// Less than that of every event that died later, if it has died.
    died: Option<u64>,
}

/// What the holder of an event says in the end.
enum Settlement {
    Done,
    Retry { delay: Duration, why: String },
    Bury { why: String },
    GiveBack,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Done,
    Retry,
    Bury,
    GiveBack,
}

impl Contents {
    fn accept(&mut self, event: &InboxEvent, now: Instant) -> Accepted {
        if self.done.contains_key(&event.key) {
            return Accepted::Done;
        }
        if let Some(open) = self.open.get_mut(&event.key) {
            if !open.revive(now) {
                return Accepted::Waiting;
            }
            (open.event.body, open.event.source) = (event.body.clone(), event.source.clone());
            open.history.accepted = now;
            return Accepted::Revived;
        }
        let open = Open {
            event: event.clone(),
            state: State::queued(now),
            history: History { accepted: now, attempt: 0, why: None, died: None },
            number: self.next_number(),
            turn: self.next_turn(&event.job),
            tries: 0,
        };
        self.open.insert(event.key, open);
        Accepted::New
    }

    fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// Start-time fair queueing: after the job's own, and not before those of others that have had their turn.
    fn next_turn(&mut self, job: &Job) -> u64 {
        let last = self.last_turns.entry(job.clone()).or_default();
        *last = (*last + 1).max(self.turn);
        *last
    }

    fn lease(&mut self, request: &LeaseRequest, now: Instant) -> Vec<Leased> {
        let mut keys = self.held_by(request.token);
        let wanted = request.limit.saturating_sub(keys.len());
        keys.extend(self.due(request, now).into_iter().take(wanted));
        keys.into_iter().filter_map(|key| self.take(key, request, now)).collect()
    }

    fn held_by(&self, token: ClaimToken) -> Vec<EventKey> {
        in_turn(self.open.values().filter(|open| open.is_held_by(token)))
    }

    fn due(&self, request: &LeaseRequest, now: Instant) -> Vec<EventKey> {
        let first = match request.order {
            Order::Any => None,
            Order::PerJob { behind_dead } => Some(self.first_of_each_job(behind_dead)),
        };
        in_turn(self.open.values().filter(|open| {
            let is_asked_for =
                request.event_types.as_ref().is_none_or(|types| types.contains(&open.event.event_type));
            let is_first =
                first.as_ref().is_none_or(|first| first.get(&open.event.job) == Some(&open.number));
            is_asked_for && is_first && open.is_due(request.token, now)
        }))
    }

    fn first_of_each_job(&self, behind_dead: bool) -> HashMap<&Job, u64> {
        let mut first = HashMap::new();
        for open in self.open.values().filter(|open| behind_dead || !open.is_dead()) {
            let number = first.entry(&open.event.job).or_insert(open.number);
            *number = open.number.min(*number);
        }
        first
    }

    fn take(&mut self, key: EventKey, request: &LeaseRequest, now: Instant) -> Option<Leased> {
        let open = self.open.get_mut(&key)?;
        if !open.is_held_by(request.token) {
            open.history.attempt = open.history.attempt.saturating_add(1);
            open.tries = open.tries.saturating_add(1);
        }
        open.state = State::Leased { by: request.token, until: after(now, request.lease) };
        self.turn = self.turn.max(open.turn);
        let holder = Holder { key, token: request.token };
        let History { accepted, attempt, why, .. } = &open.history;
        let leased = Leased::new(holder, open.event.clone(), *attempt, open.tries, now - *accepted);
        Some(leased.why(why.clone()))
    }

    fn renew(&mut self, holder: &Holder, until: Instant) -> Transition {
        match self.open.get_mut(&holder.key) {
            Some(open) if open.is_held_by(holder.token) => {
                open.state = State::Leased { by: holder.token, until };
                Transition::Applied
            }
            _ => Transition::Refused,
        }
    }

    fn settle(&mut self, holder: &Holder, settlement: Settlement, now: Instant) -> Transition {
        let by = holder.token;
        if self.is_said_again(holder, settlement.kind()) {
            return Transition::Applied;
        }
        let number = self.next_number();
        let Some(open) = self.open.get_mut(&holder.key).filter(|open| open.is_held_by(by)) else {
            return Transition::Refused;
        };
        let kind = settlement.kind();
        match settlement {
            Settlement::Done => self.finish(holder.key, Some(by), now),
            Settlement::Retry { delay, why } => {
                open.state = State::Queued { due: after(now, delay), by: Some((by, kind)) };
                open.history.why = Some(why);
            }
            Settlement::Bury { why } => {
                open.state = State::Dead { since: now, by };
                open.history.why = Some(why);
                open.history.died = Some(number);
            }
            Settlement::GiveBack => {
                open.state = State::Queued { due: now, by: Some((by, kind)) };
                open.tries = open.tries.saturating_sub(1);
            }
        }
        Transition::Applied
    }

    fn is_said_again(&self, holder: &Holder, kind: Kind) -> bool {
        let said = self.open.get(&holder.key).and_then(|open| match open.state {
            State::Queued { by, .. } => by,
            State::Leased { .. } => None,
            State::Dead { by, .. } => Some((by, Kind::Bury)),
        });
        let done = self.done.get(&holder.key).and_then(|done| Some((done.by?, Kind::Done)));
        said.or(done) == Some((holder.token, kind))
    }

    /// It loses its body.
    fn finish(&mut self, key: EventKey, by: Option<ClaimToken>, now: Instant) {
        if let Some(Open { history, .. }) = self.open.remove(&key) {
            self.done.insert(key, Done { since: now, by, history });
        }
    }

    fn replay(&mut self, key: EventKey, now: Instant) -> Transition {
        let is_revived = self.open.get_mut(&key).is_some_and(|open| open.revive(now));
        if is_revived { Transition::Applied } else { Transition::Refused }
    }

    fn discard(&mut self, key: EventKey, now: Instant) -> Transition {
        if !self.open.get(&key).is_some_and(Open::is_dead) {
            return Transition::Refused;
        }
        self.finish(key, None, now);
        Transition::Applied
    }

    fn dead(&self, filter: &DeadFilter, now: Instant) -> Vec<DeadLetter> {
        let before = filter.after.map_or(Some(u64::MAX), |after| self.died(after));
        let is_on_page = |open: &&Open| before.is_some_and(|before| open.history.died < Some(before));
        let mut dead: Vec<_> = self.open.values().filter(is_on_page).collect();
        dead.sort_by_key(|open| Reverse(open.history.died));
        let is_asked_for = |letter: &DeadLetter| {
            filter.event_type.as_ref().is_none_or(|event_type| *event_type == letter.event_type)
                && filter.job.as_ref().is_none_or(|job| *job == letter.job)
        };
        let letters = dead.into_iter().filter_map(|open| open.dead_letter(now));
        letters.filter(is_asked_for).take(filter.limit).collect()
    }

    /// When it died last, if it did.
    fn died(&self, key: EventKey) -> Option<u64> {
        let history = self.open.get(&key).map(|open| &open.history);
        history.or(self.done.get(&key).map(|done| &done.history))?.died
    }

    fn find(&self, key: EventKey, now: Instant) -> Option<InboxRecord> {
        if let Some(Done { history, .. }) = self.done.get(&key) {
            return Some(history.record(None, InboxState::Done, now));
        }
        let open = self.open.get(&key)?;
        let state = match open.state {
            State::Queued { .. } => InboxState::Queued,
            State::Leased { .. } => InboxState::Leased,
            State::Dead { .. } => InboxState::Dead,
        };
        Some(open.history.record(Some(open.event.clone()), state, now))
    }

    fn stats(&self, now: Instant) -> InboxStats {
        let mut stats = InboxStats { done: self.done.len() as u64, ..InboxStats::default() };
        for open in self.open.values() {
            match open.state {
                State::Queued { due, .. } if due <= now => {
                    stats.due += 1;
                    stats.oldest_due = stats.oldest_due.max(Some(now - open.history.accepted));
                }
                State::Queued { .. } => stats.delayed += 1,
                State::Leased { .. } => stats.leased += 1,
                State::Dead { .. } => stats.dead += 1,
            }
        }
        stats
    }

    fn prune(&mut self, age: Duration, now: Instant) -> u64 {
        let before = self.open.len() + self.done.len();
        self.open.retain(|_, open| !matches!(open.state, State::Dead { since, .. } if now - since > age));
        self.done.retain(|_, done| now - done.since <= age);
        (before - self.open.len() - self.done.len()) as u64
    }
}

/// Those whose turn comes first, and of one turn those that arrived first.
fn in_turn<'a>(events: impl Iterator<Item = &'a Open>) -> Vec<EventKey> {
    let mut events: Vec<_> = events.collect();
    events.sort_by_key(|open| (open.turn, open.number));
    events.into_iter().map(|open| open.event.key).collect()
}

impl Open {
    fn is_due(&self, to: ClaimToken, now: Instant) -> bool {
        match self.state {
            State::Queued { due, .. } => due <= now,
            State::Leased { by, until } => until <= now && by != to,
            State::Dead { .. } => false,
        }
    }

    fn is_held_by(&self, token: ClaimToken) -> bool {
        matches!(self.state, State::Leased { by, .. } if by == token)
    }

    fn is_dead(&self) -> bool {
        matches!(self.state, State::Dead { .. })
    }

    /// Queues it if it is dead.
    fn revive(&mut self, now: Instant) -> bool {
        let is_dead = self.is_dead();
        if is_dead {
            self.state = State::queued(now);
            self.tries = 0;
        }
        is_dead
    }

    fn dead_letter(&self, now: Instant) -> Option<DeadLetter> {
        let State::Dead { since, .. } = self.state else { return None };
        Some(DeadLetter {
            key: self.event.key,
            event_type: self.event.event_type.clone(),
            job: self.event.job.clone(),
            attempt: self.history.attempt,
            why: self.history.why.clone().unwrap_or_default(),
            age: now - self.history.accepted,
            dead_for: now - since,
        })
    }
}

impl State {
    fn queued(due: Instant) -> Self {
        Self::Queued { due, by: None }
    }
}

impl History {
    fn record(&self, event: Option<InboxEvent>, state: InboxState, now: Instant) -> InboxRecord {
        let Self { accepted, attempt, why, .. } = self;
        InboxRecord { event, state, attempt: *attempt, why: why.clone(), age: now - *accepted }
    }
}

impl Settlement {
    fn kind(&self) -> Kind {
        match self {
            Self::Done => Kind::Done,
            Self::Retry { .. } => Kind::Retry,
            Self::Bury { .. } => Kind::Bury,
            Self::GiveBack => Kind::GiveBack,
        }
    }
}

/// A century is for ever, and does not overflow.
fn after(now: Instant, time: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    now + time.min(CENTURY)
}
