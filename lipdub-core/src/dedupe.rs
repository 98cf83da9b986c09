//! Remembering the events that were handled.
//!
//! A store keeps one record for each [`EventKey`]. A delivery *claims* its event, runs the handler under a
//! *lease*, and settles the claim as done or failed:
//!
//! ```text
//! (none) ─claim→ RUNNING(token, lease, attempt 1) ─done→ DONE          kept for the retention
//!                  │  ├─fail→ FAILED(attempt n) ─claim→ RUNNING(attempt n+1)   kept for the retention
//!                  │  └─release→ as before the claim, the attempt not counted
//!                  └─ lease lapsed (the holder died) ─claim→ RUNNING(new token, attempt n+1)
//! ```
//!
//! An event is deduped on *succeeded*, never on *seen*: one that failed runs again when it comes again, and
//! one that succeeded never does. What this amounts to is **at least once, with successes remembered**: if a
//! process dies after a handler's effect and before the mark, the event runs again.
//!
//! [`MemoryStore`] serves a single process, `RedisStore` (feature `redis`) several. Your own implements
//! [`DedupeStore`].

mod fingerprint;
mod memory;
#[cfg(feature = "redis")]
mod redis;

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use crate::event::EventKey;

pub use self::memory::MemoryStore;
#[cfg(feature = "redis")]
pub use self::redis::{RedisStore, RedisStoreBuilder};

/// Where claims are kept.
///
/// # What a store must keep
///
/// The conformance suite (feature `testing`, `dedupe_store_conformance!`) has tests for each of these but the
/// ninth, which shows only where the callers' clocks differ.
///
/// 1. Each event has a record of its own, and every transition is **one atomic compare-and-set** on its state and
///    token. Reading and then writing is not enough: of any number of callers that claim at once, one is granted
///    the claim.
/// 2. A claim is granted if there is no record (attempt 1), if the event failed (attempt n + 1), if the lease
///    of its holder has lapsed (attempt n + 1), or if it is asked for again with the token that holds it (the
///    same attempt, the lease renewed): callers repeat a claim whose answer was lost.
/// 3. A claim on a done event is answered [`Claim::Done`], on a running one [`Claim::Busy`].
/// 4. `renew`, `done`, `fail` and `release` apply only for the token that holds the claim; whoever was
///    replaced changes nothing, not even after the replacement has failed or finished. A lapsed lease alone
///    takes nothing away: as long as nobody has claimed the event anew, its holder still can settle it.
/// 5. `renew`, `done` and `fail` also apply if there is **no record**, as after a flush of the store: the
///    success of a holder is a fact that nobody contradicts.
/// 6. `done` and `fail` said again with the token that said them are applied again; `fail` after `done` is not.
/// 7. `release` puts back what was before the claim: nothing for attempt 1, else FAILED(attempt n − 1).
/// 8. Attempts only grow while the record lives, whatever `attempt` a call tells: a holder that had no answer to
///    its claim does not know it.
/// 9. Time is the store's own, not the callers': their clocks differ.
/// 10. A record is kept for the request's `retention` after its last transition, and may be forgotten after.
///
/// # Cancel safety
///
/// Every method may be dropped half-way, or time out, with the transition made or not made. Callers rely on
/// rules 2 and 6 and ask again with the same token.
///
/// # Examples
///
/// A whole store, which the conformance suite is run on as well:
///
/// ```
#[doc = include_str!("../examples/custom_store.rs")]
/// ```
#[async_trait]
pub trait DedupeStore: fmt::Debug + Send + Sync + 'static {
    /// Claims an event for the token's holder until the lease has passed.
    ///
    /// # Errors
    ///
    /// If the store could not be asked, or it is not known what it did.
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError>;

    /// Prolongs the lease of the `attempt` that was granted, from now.
    ///
    /// # Errors
    ///
    /// As for [`claim`](Self::claim).
    async fn renew(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError>;

    /// Marks the event as handled.
    ///
    /// # Errors
    ///
    /// As for [`claim`](Self::claim).
    async fn done(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError>;

    /// Marks the `attempt` as failed, so that the event is handled again when it comes again.
    ///
    /// # Errors
    ///
    /// As for [`claim`](Self::claim).
    async fn fail(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError>;

    /// Gives back a claim under which nothing was done.
    ///
    /// `attempt` is 0 if it is not known whether the claim was granted at all.
    ///
    /// # Errors
    ///
    /// As for [`claim`](Self::claim).
    async fn release(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError>;
}

#[async_trait]
impl<S: DedupeStore + ?Sized> DedupeStore for Arc<S> {
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        (**self).claim(request).await
    }

    async fn renew(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        (**self).renew(request, attempt).await
    }

    async fn done(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        (**self).done(request, attempt).await
    }

    async fn fail(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        (**self).fail(request, attempt).await
    }

    async fn release(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        (**self).release(request, attempt).await
    }
}

/// Who claims which event, and for how long.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClaimRequest {
    /// The event.
    pub key: EventKey,
    /// The claimer.
    pub token: ClaimToken,
    /// How long the claim stands without being renewed.
    pub lease: Duration,
    /// How long the record is kept after a transition.
    pub retention: Duration,
}

impl ClaimRequest {
    /// Makes a request with a new random token.
    ///
    /// # Errors
    ///
    /// If the operating system has no randomness to give.
    pub fn new(key: EventKey, lease: Duration, retention: Duration) -> Result<Self, StoreError> {
        Ok(Self { key, token: ClaimToken::random()?, lease, retention })
    }
}

/// What a claimer knows a claim by: 128 random bits, chosen by itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClaimToken([u8; 16]);

impl ClaimToken {
    pub(crate) fn random() -> Result<Self, StoreError> {
        STOCK.with_borrow_mut(|stock| {
            if let Some(token) = stock.pop() {
                return Ok(Self(token));
            }
            let mut fresh = [[0; 16]; 64];
            getrandom::fill(fresh.as_flattened_mut())
                .map_err(|error| StoreError::new("no randomness", error))?;
            let [token, rest @ ..] = fresh;
            stock.extend(rest);
            Ok(Self(token))
        })
    }

    /// Half of its bits, which are enough for those who claim one event to differ by.
    fn half(self) -> u64 {
        u64::from_be_bytes(std::array::from_fn(|index| self.0[index]))
    }
}

thread_local! {
    /// Tokens for the next claims of this thread: the system takes as long to make one as to make many.
    ///
    /// No two processes share them: a process that is forked has no other threads than the one that forked, and a
    /// runtime does not outlive a fork.
    static STOCK: RefCell<Vec<[u8; 16]>> = const { RefCell::new(Vec::new()) };
}

impl fmt::Display for ClaimToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for ClaimToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ClaimToken({self})")
    }
}

/// The answer to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// The event is the claimer's to handle, for the `attempt`th time.
    Granted {
        /// From 1.
        attempt: u32,
    },
    /// The event was handled before.
    Done,
    /// Somebody else is handling it, under a lease that lapses in `lapses_in` if it is not renewed.
    Busy {
        /// By the store's clock.
        lapses_in: Duration,
    },
}

/// Whether a transition was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Transition {
    /// It was, now or when it was asked for before.
    Applied,
    /// It was not: the claim is not the caller's any more.
    Refused,
}

/// A store could not be asked, or it is not known what it did.
///
/// Its `Display` is fit for a log line: it says what went wrong in fixed words. The error underneath is its
/// [`source`](Error::source), and is not in its `Debug`.
pub struct StoreError {
    what: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// Says what went wrong, in words that are fit for a log line, and keeps the error underneath.
    pub fn new(what: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { what, source: Some(source.into()) }
    }

    /// Says what went wrong where there is no error underneath, or one that must not be shown.
    pub(crate) fn bare(what: &'static str) -> Self {
        Self { what, source: None }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the store failed: {}", self.what)
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StoreError").field("what", &self.what).finish_non_exhaustive()
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// Waits for a store, and no longer than it may take.
pub(crate) async fn in_time<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(limit, call).await.unwrap_or_else(|_| Err(StoreError::bare("it did not answer in time")))
}
