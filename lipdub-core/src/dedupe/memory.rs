mod moment;
mod queue;
mod shard;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::time::Instant;

use self::moment::Moment;
use self::shard::Shard;
use super::fingerprint::Fingerprint;
use super::{Claim, ClaimRequest, DedupeStore, StoreError, Transition};

/// Remembers events in the memory of this process.
///
/// The default. It serves one process, and forgets everything when that ends: events that are delivered again
/// after a restart run again. With several processes, or if that matters, use `RedisStore`.
///
/// It is bounded. When there are more events than the capacity, which is a million by default, the oldest settled
/// ones are forgotten early, with a warning in the log; events that are being handled never are. An event is
/// forgotten when its retention has passed.
///
/// # What it costs
///
/// An event that is done costs about 62 bytes, measured as resident memory with a million events and with ten
/// million, so the default takes 62 MB when it is full. Memory is taken as events come, and kept for others when
/// they are forgotten.
///
/// A claim took 0.1 µs with a thousand events, and 0.3 µs with ten million. None waits while a table grows or while
/// many events expire: the longest call on the way to ten million took 0.25 ms. It is measured by
/// `cargo bench -p lipdub-core --bench memory_store`.
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
    shards: Box<[Mutex<Shard>]>,
    made_at: Instant,
}

impl MemoryStore {
    const DEFAULT_CAPACITY: usize = 1_000_000;

    /// Makes a store for up to a million events.
    pub fn new() -> Self {
        Self::with_capacity(Self::DEFAULT_CAPACITY)
    }

    /// Makes a store for up to about `events` events, and at least one.
    ///
    /// Under 6,400 it is exact; above that, events spread over 64 tables or more by chance, and a table can be
    /// full a little before the others. It takes memory as events come, and not before.
    pub fn with_capacity(events: usize) -> Self {
        let shards = shards(events);
        let capacity = events.div_ceil(shards).max(1);
        let shards = (0..shards).map(|_| Mutex::new(Shard::new(capacity))).collect();
        Self { shards, made_at: Instant::now() }
    }

    /// Makes a transition of an event.
    fn on<T>(
        &self,
        request: &ClaimRequest,
        transition: impl FnOnce(&mut Shard, Fingerprint, Moment) -> T,
    ) -> T {
        let key = Fingerprint::of(&request.key);
        let mut shard = lock(&self.shards[key.among(self.shards.len())]);
        // Behind the lock, so that a shard's time does not go back.
        let now = Moment::now(self.made_at);
        transition(&mut shard, key, now)
    }

    fn events(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).events()).sum()
    }
}

/// Several, so that threads seldom wait for each other and no table is large when it grows.
fn shards(events: usize) -> usize {
    const FEWEST: usize = 64;
    const MOST: usize = 4_096;
    const EVENTS_IN_EACH: usize = 8_192;
    if events < FEWEST * 100 {
        return 1;
    }
    (events / EVENTS_IN_EACH).clamp(FEWEST, MOST).next_power_of_two()
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // What can panic in there is the log alone, and then nothing is half-changed.
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
        Ok(self.on(request, |shard, key, now| shard.claim(key, request, now)))
    }

    async fn renew(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        Ok(self.on(request, |shard, key, now| shard.renew(key, request, attempt, now)))
    }

    async fn done(&self, request: &ClaimRequest, _attempt: u32) -> Result<Transition, StoreError> {
        Ok(self.on(request, |shard, key, now| shard.done(key, request, now)))
    }

    async fn fail(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        Ok(self.on(request, |shard, key, now| shard.fail(key, request, attempt, now)))
    }

    async fn release(&self, request: &ClaimRequest, _attempt: u32) -> Result<Transition, StoreError> {
        Ok(self.on(request, |shard, key, now| shard.release(key, request, now)))
    }
}
