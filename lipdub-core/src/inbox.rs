//! Storing events before they are handled, so that an answer of 200 is never a lie.
//!
//! A receiver with an inbox stores each event and answers; workers handle them later, for as long as it takes.
//!
//! ```text
//! (none) ─accept→ QUEUED(due now) ─lease→ LEASED(token, attempt n) ─done→ DONE     its key is kept
//!                   ↑    ↑                  │ │ │ └─bury(why)→ DEAD(why) ─discard→ DONE
//!                   │    ├──give_back───────┘ │ └─(the lease lapses)→ may be leased anew, attempt n + 1
//!                   │    └──retry(later, why)─┘
//!                   └──── replay, or accepted again ──── DEAD
//! ```
//!
//! The promise is **at least once, with successes remembered**, as without an inbox.

mod event;
mod intake;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use self::event::{InboxEvent, Job};
pub(crate) use self::intake::{Intake, JobFn};
#[cfg(feature = "redis")]
pub use self::redis::{RedisInbox, RedisInboxBuilder};
#[cfg(feature = "sqlite")]
pub use self::sqlite::{SqliteInbox, SqliteInboxBuilder};
use crate::dedupe::{ClaimToken, StoreError, Transition};
use crate::event::{EventKey, EventType};

/// Where events wait until they are handled.
///
/// # What an inbox must keep
///
/// 1. `accept` returns when the event is **durable**: it survives what the inbox promises to survive, and comes
///    out as it came in, to the byte.
/// 2. `accept` is idempotent by the event's key: an event that is there is not stored a second time and changes
///    in nothing, and one that is done is not queued again while it is remembered. One that is dead is queued
///    again, with the body and the source that came last, for the signed links in them are fresher, and is as
///    old as that. Its type, its job and its place among the others stay what they were.
/// 3. Every transition is **one atomic compare-and-set** on the event's state and token. Two leases never hold
///    one event at once, apart from one that has lapsed. `replay` and `discard` apply only to what is dead.
/// 4. `lease` gives events that are due, of the types and no more than the request asks for, each to the token
///    of the request, and counts the attempt. Asked again with the same token it gives what this token still
///    holds, lapsed or not, the same attempts, the lease renewed, and tops it up to the limit: callers repeat a
///    call whose answer was lost. An event whose lease has lapsed is due.
/// 5. `renew`, `done`, `retry`, `bury` and `give_back` apply only for the token that holds the event, which one
///    that has settled it no longer does. A lapsed lease alone takes nothing away: as long as nobody has leased
///    the event anew, its holder still can settle it.
/// 6. `done`, `retry`, `bury` and `give_back` said again with the token that said them are applied again, until
///    the event is leased, queued or discarded by another call, and change nothing more, whatever delay and
///    reason they tell. Said after one of the others they are refused.
/// 7. `retry` makes the event due when the delay has passed, and keeps the reason. `give_back` makes it due at
///    once and takes the attempt back from the count of tries.
/// 8. Attempts only grow while the event is remembered; **tries** count from when it was last queued by
///    `accept` or `replay`.
/// 9. Jobs take turns: of the events that are due, one of a job with few does not wait for all of a job with
///    many. Within a job, the order is that of arrival as far as events are due.
/// 10. With [`Order::PerJob`], an event is not leased while, or together with, an earlier one of its job that
///    is queued or leased, or, if that is asked for, dead, of whatever type that is. A later one keeps none
///    waiting: an event that is replayed or revived has the place in which it first came, and is leased beside a
///    later one that is leased already.
/// 11. A done event keeps its key and its times and loses its body; a discarded one, too. A dead one keeps all.
///    Done and dead ones are forgotten by `prune`, which is called until it says 0, and only when they have
///    been so for longer than it says.
/// 12. Time is the inbox's own, not the callers': their clocks differ.
/// 13. Nothing loads all events: `lease` and `dead` read as many as they return, more or less, however many
///    there are.
/// 14. `find`, `dead` and `stats` tell what the last transition has left: an event is in one state at a time,
///    and one whose lease has lapsed is leased until it is leased anew or settled. A page of `dead` begins after
///    where its [`after`](DeadFilter::after) died last, whatever has become of that since, and nothing comes
///    after one that is forgotten or never died.
///
/// # Cancel safety
///
/// Every method may be dropped half-way, or time out, with the transition made or not made. Callers rely on
/// rules 2, 4 and 6 and ask again with the same token.
#[async_trait]
pub trait Inbox: fmt::Debug + Send + Sync + 'static {
    /// Stores an event, unless it is there.
    ///
    /// # Errors
    ///
    /// If it could not be stored, or it is not known whether it was.
    async fn accept(&self, event: &InboxEvent) -> Result<Accepted, StoreError>;

    /// Takes the next events that are due, at most as many as the request says.
    ///
    /// # Errors
    ///
    /// If the inbox could not be asked, or it is not known what it did.
    async fn lease(&self, request: &LeaseRequest) -> Result<Vec<Leased>, StoreError>;

    /// Prolongs the lease, from now.
    ///
    /// # Errors
    ///
    /// As for [`lease`](Self::lease).
    async fn renew(&self, holder: &Holder, lease: Duration) -> Result<Transition, StoreError>;

    /// Marks the event as handled.
    ///
    /// # Errors
    ///
    /// As for [`lease`](Self::lease).
    async fn done(&self, holder: &Holder) -> Result<Transition, StoreError>;

    /// Queues the event again for when the delay has passed.
    ///
    /// # Errors
    ///
    /// As for [`lease`](Self::lease).
    async fn retry(&self, holder: &Holder, delay: Duration, why: &str) -> Result<Transition, StoreError>;

    /// Gives up on the event, which is a dead letter then.
    ///
    /// # Errors
    ///
    /// As for [`lease`](Self::lease).
    async fn bury(&self, holder: &Holder, why: &str) -> Result<Transition, StoreError>;

    /// Queues the event again as if it had not been leased, except that attempts only grow.
    ///
    /// # Errors
    ///
    /// As for [`lease`](Self::lease).
    async fn give_back(&self, holder: &Holder) -> Result<Transition, StoreError>;

    /// The dead letters, those that died last first, without their bodies.
    ///
    /// # Errors
    ///
    /// If the inbox could not be asked.
    async fn dead(&self, filter: &DeadFilter) -> Result<Vec<DeadLetter>, StoreError>;

    /// What is known of an event.
    ///
    /// # Errors
    ///
    /// If the inbox could not be asked.
    async fn find(&self, key: EventKey) -> Result<Option<InboxRecord>, StoreError>;

    /// Queues a dead letter again as it is, with all its tries. Refused if it is not dead.
    ///
    /// # Errors
    ///
    /// As for [`lease`](Self::lease).
    async fn replay(&self, key: EventKey) -> Result<Transition, StoreError>;

    /// Throws a dead letter away. Its key is remembered as that of a done event. Refused if it is not dead.
    ///
    /// # Errors
    ///
    /// As for [`lease`](Self::lease).
    async fn discard(&self, key: EventKey) -> Result<Transition, StoreError>;

    /// How many events there are in each state.
    ///
    /// # Errors
    ///
    /// If the inbox could not be asked.
    async fn stats(&self) -> Result<InboxStats, StoreError>;

    /// Forgets events that have been done or dead for longer than `age`, a batch of them; how many it forgot.
    ///
    /// # Errors
    ///
    /// If the inbox could not be asked.
    async fn prune(&self, age: Duration) -> Result<u64, StoreError>;
}

#[async_trait]
impl<I: Inbox + ?Sized> Inbox for Arc<I> {
    async fn accept(&self, event: &InboxEvent) -> Result<Accepted, StoreError> {
        (**self).accept(event).await
    }

    async fn lease(&self, request: &LeaseRequest) -> Result<Vec<Leased>, StoreError> {
        (**self).lease(request).await
    }

    async fn renew(&self, holder: &Holder, lease: Duration) -> Result<Transition, StoreError> {
        (**self).renew(holder, lease).await
    }

    async fn done(&self, holder: &Holder) -> Result<Transition, StoreError> {
        (**self).done(holder).await
    }

    async fn retry(&self, holder: &Holder, delay: Duration, why: &str) -> Result<Transition, StoreError> {
        (**self).retry(holder, delay, why).await
    }

    async fn bury(&self, holder: &Holder, why: &str) -> Result<Transition, StoreError> {
        (**self).bury(holder, why).await
    }

    async fn give_back(&self, holder: &Holder) -> Result<Transition, StoreError> {
        (**self).give_back(holder).await
    }

    async fn dead(&self, filter: &DeadFilter) -> Result<Vec<DeadLetter>, StoreError> {
        (**self).dead(filter).await
    }

    async fn find(&self, key: EventKey) -> Result<Option<InboxRecord>, StoreError> {
        (**self).find(key).await
    }

    async fn replay(&self, key: EventKey) -> Result<Transition, StoreError> {
        (**self).replay(key).await
    }

    async fn discard(&self, key: EventKey) -> Result<Transition, StoreError> {
        (**self).discard(key).await
    }

    async fn stats(&self) -> Result<InboxStats, StoreError> {
        (**self).stats().await
    }

    async fn prune(&self, age: Duration) -> Result<u64, StoreError> {
        (**self).prune(age).await
    }
}

/// What became of an event that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Accepted {
    /// It is stored and queued.
    New,
    /// It was there, and has not been handled yet.
    Waiting,
    /// It was dead, and is queued again as it came now.
    Revived,
    /// It was handled before.
    Done,
}

/// Who takes how many events, and for how long.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LeaseRequest {
    /// Who takes them. A request that is repeated has the same token.
    pub token: ClaimToken,
    /// How many events at most.
    pub limit: usize,
    /// How long the lease stands without being renewed.
    pub lease: Duration,
    /// Which events may be handled at the same time.
    pub order: Order,
    /// The types that may be taken, or any.
    pub event_types: Option<Arc<[EventType]>>,
}

impl LeaseRequest {
    /// Asks for one event of any type in any order, with a new random token.
    ///
    /// # Errors
    ///
    /// If the operating system has no randomness to give.
    pub fn new(lease: Duration) -> Result<Self, StoreError> {
        Ok(Self { token: ClaimToken::random()?, limit: 1, lease, order: Order::default(), event_types: None })
    }

    /// Sets how many events are asked for.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Sets which events may be handled at the same time.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Asks for events of these types alone.
    #[must_use]
    pub fn event_types(mut self, event_types: impl Into<Arc<[EventType]>>) -> Self {
        self.event_types = Some(event_types.into());
        self
    }
}

/// Which events may be handled at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// Any.
    #[default]
    Any,
    /// Those of different jobs: an event is not leased while an earlier one of its job is queued or leased.
    ///
    /// That holds as long as all workers ask for it, and two events of a job still run at the same time in two cases: a
    /// dead letter is queued again while a later event is being handled, which nobody calls back; and a worker goes on
    /// with an event though its lease has lapsed, and another one has come to an end with it.
    PerJob {
        /// Whether an event waits for the earlier ones that are dead, too, until they are replayed or discarded. Then the
        /// first of the two cases does not arise.
        behind_dead: bool,
    },
}

/// An event that was taken, and must be settled.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Leased {
    /// Who holds it.
    pub holder: Holder,
    /// The event.
    pub event: InboxEvent,
    /// How often it was leased, from 1. It only grows.
    pub attempt: u32,
    /// How many of the attempts count since it was last accepted or replayed, this one among them.
    pub tries: u32,
    /// How long ago it was accepted, or revived if it was.
    pub age: Duration,
    /// Why it was queued again, if it was.
    pub why: Option<String>,
}

impl Leased {
    /// Puts together what an inbox has to tell.
    pub fn new(holder: Holder, event: InboxEvent, attempt: u32, tries: u32, age: Duration) -> Self {
        Self { holder, event, attempt, tries, age, why: None }
    }

    /// Sets why it was queued again.
    #[must_use]
    pub fn why(mut self, why: Option<String>) -> Self {
        self.why = why;
        self
    }
}

/// Who holds which event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    /// The event.
    pub key: EventKey,
    /// By what it was leased.
    pub token: ClaimToken,
}

/// Which dead letters to list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadFilter {
    /// Of this type.
    pub event_type: Option<EventType>,
    /// Of this job.
    pub job: Option<Job>,
    /// That died before this one, which was the last of the page before.
    ///
    /// It may have been replayed, discarded or handled since. If it has died anew, the page begins after that, with
    /// what died last of all: so replay the last one of a page when you have the next page. If it is forgotten there is
    /// no page, for those that died before it are forgotten, too.
    pub after: Option<EventKey>,
    /// At most so many.
    pub limit: usize,
}

impl Default for DeadFilter {
    /// The first hundred of all.
    fn default() -> Self {
        Self { event_type: None, job: None, after: None, limit: 100 }
    }
}

/// An event that was given up on.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The event.
    pub key: EventKey,
    /// Its type.
    pub event_type: EventType,
    /// Its job.
    pub job: Job,
    /// How often it was leased.
    pub attempt: u32,
    /// Why it was given up on.
    pub why: String,
    /// How long ago it was accepted.
    pub age: Duration,
    /// How long ago it was given up on.
    pub dead_for: Duration,
}

/// What is known of an event.
#[derive(Clone, Debug)]
pub struct InboxRecord {
    /// The event, as long as its body is kept, and if it can be read.
    pub event: Option<InboxEvent>,
    /// Where it is.
    pub state: InboxState,
    /// How often it was leased.
    pub attempt: u32,
    /// Why it was queued again or given up on, at last.
    pub why: Option<String>,
    /// How long ago it was accepted.
    pub age: Duration,
}

/// Where an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InboxState {
    /// It waits until it is due.
    Queued,
    /// A worker has it.
    Leased,
    /// It was handled, or discarded.
    Done,
    /// It was given up on.
    Dead,
}

/// How many events there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InboxStats {
    /// Queued, and due.
    pub due: u64,
    /// Queued for later.
    pub delayed: u64,
    /// Held by a worker, or by one that has died.
    pub leased: u64,
    /// Given up on.
    pub dead: u64,
    /// Handled and remembered.
    pub done: u64,
    /// How long the oldest of those that are due has waited since it was accepted.
    pub oldest_due: Option<Duration>,
}
