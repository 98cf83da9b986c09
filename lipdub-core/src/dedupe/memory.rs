use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::time::Instant;

use super::{Claim, ClaimRequest, ClaimToken, DedupeStore, StoreError, Transition};
use crate::event::EventKey;

/// Remembers events in the memory of this process.
///
/// The default. It serves one process, and forgets everything when that ends: events that are delivered again
/// after a restart run again. With several processes, or if that matters, use `RedisStore`.
///
/// It is bounded. An event costs about 240 bytes, measured as resident memory with a million events, and is
/// forgotten when its retention has passed. When there are more events than the capacity, which is a million
/// by default, the oldest settled ones are forgotten early, with a warning in the log; events that are being
/// handled never are.
///
/// # Examples
///
/// ```
/// use lipdub_core::{MemoryStore, Webhook};
///
/// let webhook = Webhook::builder()
///     .api_key("whk_123")
///     .fallback(|_event| async { Ok(()) })
///     .dedupe(MemoryStore::with_capacity(10_000))
///     .build()?;
/// # let _ = webhook;
/// # Ok::<(), lipdub_core::ConfigError>(())
/// ```
pub struct MemoryStore {
    /// Several, so that threads seldom wait for each other and no table is large when it grows.
    shards: Box<[Mutex<Shard>]>,
}

impl MemoryStore {
    const SHARDS: usize = 64;
    const DEFAULT_CAPACITY: usize = 1_000_000;

    /// Makes a store for up to a million events.
    pub fn new() -> Self {
        Self::with_capacity(Self::DEFAULT_CAPACITY)
    }

    /// Makes a store for up to about `events` events, and at least one.
    ///
    /// Under 6,400 it is exact; above that, events spread over 64 tables by chance, and a table can be full a
    /// little before the others.
    pub fn with_capacity(events: usize) -> Self {
        let shards = if events < Self::SHARDS * 100 { 1 } else { Self::SHARDS };
        let capacity = events.div_ceil(shards).max(1);
        Self { shards: (0..shards).map(|_| Mutex::new(Shard::new(capacity))).collect() }
    }

    fn shard(&self, key: &EventKey) -> MutexGuard<'_, Shard> {
        lock(&self.shards[usize::from(key.spread()) % self.shards.len()])
    }

    fn events(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).records.len()).sum()
    }

    fn settle(&self, request: &ClaimRequest, next: State) -> Transition {
        self.shard(&request.key).settle(request, next, Instant::now())
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // A panic cannot leave a shard half-changed: the record is written last and at once.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MemoryStore").field("events", &self.events()).finish_non_exhaustive()
    }
}

#[async_trait]
impl DedupeStore for MemoryStore {
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        Ok(self.shard(&request.key).claim(request, Instant::now()))
    }

    async fn renew(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        let lease_until = Instant::now() + request.lease;
        Ok(self.settle(request, State::Running { attempt, lease_until }))
    }

    async fn done(&self, request: &ClaimRequest, _attempt: u32) -> Result<Transition, StoreError> {
        Ok(self.settle(request, State::Done))
    }

    async fn fail(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        Ok(self.settle(request, State::Failed { attempt }))
    }

    async fn release(&self, request: &ClaimRequest, _attempt: u32) -> Result<Transition, StoreError> {
        Ok(self.shard(&request.key).release(request, Instant::now()))
    }
}

struct Shard {
    records: HashMap<EventKey, Record>,
    /// Every key once, the oldest first, with the time at which to see whether it can be forgotten.
    queue: VecDeque<(EventKey, Instant)>,
    capacity: usize,
    has_warned: bool,
}

/// Who gave back a claim holds it no more.
const NOBODY: ClaimToken = ClaimToken([0; 16]);

struct Record {
    state: State,
    /// Of the last claim that was granted, or nobody's if that was given back.
    token: ClaimToken,
    expires: Instant,
}

#[derive(Clone, Copy)]
enum State {
    Running { attempt: u32, lease_until: Instant },
    Failed { attempt: u32 },
    Done,
}

impl State {
    /// The same, of the attempt that was granted. Its holder may not know which, if the answer was lost.
    fn of(self, attempt: u32) -> Self {
        match self {
            Self::Running { lease_until, .. } => Self::Running { attempt, lease_until },
            Self::Failed { .. } => Self::Failed { attempt },
            Self::Done => Self::Done,
        }
    }
}

impl Record {
    fn is_live(&self, now: Instant) -> bool {
        self.expires > now && !matches!(self.state, State::Failed { attempt: 0 })
    }
}

impl Shard {
    fn new(capacity: usize) -> Self {
        Self { records: HashMap::new(), queue: VecDeque::new(), capacity, has_warned: false }
    }

    fn claim(&mut self, request: &ClaimRequest, now: Instant) -> Claim {
        let attempt = match self.live(&request.key, now) {
            None => 1,
            Some(record) => match record.state {
                State::Done => return Claim::Done,
                State::Failed { attempt } => attempt.saturating_add(1),
                State::Running { attempt, .. } if record.token == request.token => attempt,
                State::Running { attempt, lease_until } if lease_until <= now => attempt.saturating_add(1),
                State::Running { lease_until, .. } => return Claim::Busy { lapses_in: lease_until - now },
            },
        };
        self.write(request, State::Running { attempt, lease_until: now + request.lease }, now);
        Claim::Granted { attempt }
    }

    fn settle(&mut self, request: &ClaimRequest, next: State, now: Instant) -> Transition {
        let next = match self.live(&request.key, now) {
            None => next,
            Some(record) if record.token != request.token => return Transition::Refused,
            Some(record) => match (record.state, next) {
                (State::Running { attempt, .. }, next) => next.of(attempt),
                // Said again.
                (State::Failed { .. }, State::Failed { .. }) | (State::Done, State::Done) => record.state,
                _ => return Transition::Refused,
            },
        };
        self.write(request, next, now);
        Transition::Applied
    }

    fn release(&mut self, request: &ClaimRequest, now: Instant) -> Transition {
        match self.live(&request.key, now) {
            Some(Record { state: State::Running { attempt, .. }, token, .. }) if *token == request.token => {
                // For the first attempt this is FAILED(0), which stands for no record: its key is in the queue.
                let before = State::Failed { attempt: attempt.saturating_sub(1) };
                self.write(&ClaimRequest { token: NOBODY, ..request.clone() }, before, now);
                Transition::Applied
            }
            _ => Transition::Refused,
        }
    }

    fn live(&self, key: &EventKey, now: Instant) -> Option<&Record> {
        self.records.get(key).filter(|record| record.is_live(now))
    }

    fn write(&mut self, request: &ClaimRequest, state: State, now: Instant) {
        let record = Record { state, token: request.token, expires: now + request.retention };
        if let Some(known) = self.records.get_mut(&request.key) {
            *known = record;
            return;
        }
        self.make_room(now);
        // Most events are settled soon after the claim, which prolongs them: look a little later.
        self.queue.push_back((request.key, record.expires + request.retention / 16));
        self.records.insert(request.key, record);
    }

    /// Forgets what has expired, and more if there is no room: a few at a time, so that no claim waits.
    fn make_room(&mut self, now: Instant) {
        const AT_A_TIME: usize = 4;
        for _ in 0..AT_A_TIME {
            let is_full = self.queue.len() >= self.capacity;
            match self.queue.front() {
                Some((_, due)) if is_full || *due <= now => {}
                _ => return,
            }
            let Some((key, _)) = self.queue.pop_front() else { return };
            let Some(record) = self.records.get(&key) else { continue };
            let is_running = matches!(record.state, State::Running { lease_until, .. } if lease_until > now);
            let is_kept = record.is_live(now);
            if is_running || (is_kept && !is_full) {
                self.queue.push_back((key, record.expires));
                continue;
            }
            if is_kept {
                self.warn_once();
            }
            self.records.remove(&key);
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
