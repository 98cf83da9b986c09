//! Handling what is in the inbox.

mod attempt;
mod backoff;
mod outage;

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, timeout};

use self::attempt::{Attempt, Ended};
use self::backoff::Backoff;
use self::outage::Outage;
use crate::dedupe::StoreError;
use crate::event::EventType;
use crate::handler::Handlers;
use crate::horizon::{DAY, RETENTION};
use crate::inbox::{Intake, LeaseRequest, Leased, Order};
use crate::webhook::{ConfigError, Inner, Task};

/// Handles the events of an inbox with the webhook's handlers. Made by [`Webhook::worker`](crate::Webhook::worker).
///
/// Any number of workers, in one process or in several, may work on one inbox. A worker outlives an inbox that
/// fails: it waits, and goes on when the inbox answers again.
///
/// # What becomes of an event
///
/// | the handler | the event |
/// |---|---|
/// | returns `Ok`, or [`HandlerError::ignore`](crate::HandlerError::ignore) | is done |
/// | fails or panics | is tried again, later each time, or when [`HandlerError::retry_after`](crate::HandlerError::retry_after) says |
/// | fails for the last time, or [`HandlerError::permanent`](crate::HandlerError::permanent) | is a dead letter, with the errors that led to it |
/// | dies with its process | is tried again when the lease has lapsed |
///
/// If the inbox takes no mark, the worker tries until it does, and keeps the lease up meanwhile. Where it cannot, because
/// the inbox has been out of its reach for longer than the lease, another worker that does reach it takes the event: then
/// one that was handled is handled again. A longer [`lease`](Self::lease) outlasts longer outages, and after a crash
/// events wait for it.
///
/// The errors are kept in the inbox, with their causes: it is yours, and so is what is in it.
///
/// # Settings
///
/// | setting | default | why |
/// |---|---|---|
/// | [`concurrency`](Self::concurrency) | 8 | |
/// | [`tries`](Self::tries) | 15 | with the pauses between them, about a day and a half |
/// | [`backoff`](Self::backoff) | 10 s, doubled each time, up to 12 h | |
/// | [`lease`](Self::lease) | 60 s, renewed every 20 s | after a crash, an event waits this long |
/// | [`order`](Self::order) | [`Order::Any`] | |
/// | [`unknown_types`](Self::unknown_types) | [`UnknownTypes::Fallback`] | |
/// | [`probe_after`](Self::probe_after) | 10 failures in a row | an outage shall not use up everybody's tries |
/// | [`grace`](Self::grace) | 30 s | |
/// | [`retention`](Self::retention) | 30 days | a replay by LipDub's support can come 28 days later |
///
/// # Examples
///
/// ```no_run
/// # async fn example(webhook: lipdub_core::Webhook) -> Result<(), lipdub_core::ConfigError> {
/// let stopped = async { drop(tokio::signal::ctrl_c().await) };
/// webhook.worker().concurrency(4).run_until(stopped).await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "it is `run_until` that does the work"]
pub struct Worker {
    receiver: Arc<Inner>,
    handlers: Arc<Handlers>,
    intake: Option<Arc<Intake>>,
    spawn: Box<dyn Fn(Task) + Send + Sync>,
    settings: Settings,
}

/// What an attempt needs to know, too.
#[derive(Clone, Debug)]
struct Settings {
    concurrency: usize,
    tries: u32,
    backoff: Backoff,
    lease: Duration,
    order: Order,
    unknown_types: UnknownTypes,
    probe_after: u32,
    idle: Duration,
    grace: Duration,
    retention: Duration,
}

/// What a worker does with events of a type for which it has no handler of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownTypes {
    /// It gives them to the [`fallback`](crate::WebhookBuilder::fallback). Without one it leaves them.
    #[default]
    Fallback,
    /// It leaves them in the inbox, for a worker of a newer version.
    Leave,
}

impl Worker {
    pub(crate) fn new(receiver: Arc<Inner>, handlers: Arc<Handlers>, intake: Option<Arc<Intake>>) -> Self {
        let settings = Settings {
            concurrency: 8,
            tries: 15,
            backoff: Backoff::new(Duration::from_secs(10), DAY / 2),
            lease: Duration::from_secs(60),
            order: Order::Any,
            unknown_types: UnknownTypes::Fallback,
            probe_after: 10,
            idle: Duration::from_secs(1),
            grace: Duration::from_secs(30),
            retention: RETENTION,
        };
        let spawn = Box::new(|task| drop(tokio::spawn(task)));
        Self { receiver, handlers, intake, spawn, settings }
    }

    /// How many events are handled at the same time. Defaults to 8.
    pub fn concurrency(mut self, events: usize) -> Self {
        self.settings.concurrency = events;
        self
    }

    /// How often an event is tried before it is a dead letter. Defaults to 15.
    pub fn tries(mut self, tries: u32) -> Self {
        self.settings.tries = tries;
        self
    }

    /// How long to wait after the first failure, and at most. The wait doubles from failure to failure, and is up to a
    /// fifth shorter or longer by chance, so that what failed together does not come back together.
    ///
    /// Defaults to 10 s and 12 h.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.settings.backoff = Backoff::new(first, longest);
        self
    }

    /// How long a worker holds an event without renewing that. Defaults to 60 s.
    ///
    /// It is renewed at a third of that while the handler runs, so it does not limit the handler.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// Which events may be handled at the same time. Defaults to [`Order::Any`].
    pub fn order(mut self, order: Order) -> Self {
        self.settings.order = order;
        self
    }

    /// What to do with events of a type for which there is no handler. Defaults to [`UnknownTypes::Fallback`].
    pub fn unknown_types(mut self, unknown_types: UnknownTypes) -> Self {
        self.settings.unknown_types = unknown_types;
        self
    }

    /// After how many failures in a row the worker tries one event at a time, until one succeeds. Defaults to 10.
    pub fn probe_after(mut self, failures: u32) -> Self {
        self.settings.probe_after = failures;
        self
    }

    /// How long to wait before looking into an empty inbox again. Defaults to 1 s.
    ///
    /// What is accepted in the same process is handled at once.
    pub fn idle(mut self, pause: Duration) -> Self {
        self.settings.idle = pause;
        self
    }

    /// How long handlers may still run when the worker is to stop. Defaults to 30 s.
    ///
    /// What runs longer is dropped where it waits, and given back: another worker can take it at once, and the
    /// attempt does not count.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = grace;
        self
    }

    /// How long done and dead events are remembered. Defaults to 30 days.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.settings.retention = retention;
        self
    }

    /// Starts handlers as tasks in this way. Defaults to `tokio::spawn`.
    ///
    /// With actix-web, handlers that start tasks which are not `Send` need
    /// `spawn_with(|task| drop(actix_web::rt::spawn(task)))`.
    pub fn spawn_with(mut self, spawn: impl Fn(Task) + Send + Sync + 'static) -> Self {
        self.spawn = Box::new(spawn);
        self
    }

    /// Handles events until `shutdown` is finished, and then what has begun.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the webhook has no inbox, or a setting makes no sense; never because the inbox fails.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, handlers that run go on and their events are settled; no new ones are taken.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<(), ConfigError> {
        let Some(intake) = self.intake else { return Err(ConfigError::NoInbox) };
        self.settings.check()?;
        let event_types = event_types(&self.handlers, self.settings.unknown_types);
        let (stop, _) = watch::channel(false);
        let mut run = Run {
            slots: Arc::new(Semaphore::new(self.settings.concurrency)),
            outage: Arc::new(Outage::new(self.settings.probe_after)),
            asked: None,
            pruned: None,
            receiver: self.receiver,
            handlers: self.handlers,
            intake,
            spawn: self.spawn,
            event_types,
            stop,
            settings: Arc::new(self.settings),
        };
        tokio::select! {
            never = run.take_events() => match never {},
            () = shutdown => {}
        }
        run.finish().await;
        Ok(())
    }
}

impl Settings {
    fn check(&self) -> Result<(), ConfigError> {
        let unusable = [
            ("concurrency must be at least 1", self.concurrency == 0),
            ("concurrency is too large", self.concurrency > Semaphore::MAX_PERMITS),
            ("tries must be at least 1", self.tries == 0),
            ("probe_after must be at least 1", self.probe_after == 0),
            ("lease must be at least 10 ms", self.lease < Duration::from_millis(10)),
            ("lease must not be over a day", self.lease > DAY),
            ("idle must not be zero", self.idle.is_zero()),
        ];
        match unusable.into_iter().find(|(_, is_so)| *is_so) {
            Some((reason, _)) => Err(ConfigError::UnusableSetting(reason)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Worker").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The types to ask for, or any.
fn event_types(handlers: &Handlers, unknown_types: UnknownTypes) -> Option<Arc<[EventType]>> {
    let takes_any = handlers.has_fallback() && unknown_types == UnknownTypes::Fallback;
    (!takes_any).then(|| handlers.types().cloned().collect())
}

/// A worker at work.
struct Run {
    receiver: Arc<Inner>,
    handlers: Arc<Handlers>,
    intake: Arc<Intake>,
    spawn: Box<dyn Fn(Task) + Send + Sync>,
    event_types: Option<Arc<[EventType]>>,
    /// One permit for each event that is being handled.
    slots: Arc<Semaphore>,
    outage: Arc<Outage>,
    stop: watch::Sender<bool>,
    /// What was asked of the inbox, and has not been answered.
    asked: Option<LeaseRequest>,
    pruned: Option<Instant>,
    settings: Arc<Settings>,
}

/// How often to forget what is old.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

impl Run {
    /// # Cancel safety
    ///
    /// What was asked for and not answered is in `asked`; all that was answered has begun.
    async fn take_events(&mut self) -> std::convert::Infallible {
        loop {
            let slot = self.free_slot().await;
            let more = if self.outage.is_probing() { 0 } else { self.slots.available_permits() };
            let leased = self.lease(1 + more).await;
            if leased.is_empty() {
                drop(slot);
                self.prune_now_and_then().await;
                let _ = timeout(self.settings.idle, self.intake.stored.notified()).await;
                continue;
            }
            let mut slot = Some(slot);
            for leased in leased {
                let own = slot.take().or_else(|| Arc::clone(&self.slots).try_acquire_owned().ok());
                self.begin(leased, own);
            }
        }
    }

    /// Waits until one more event may be handled; in an outage, until none is and the next probe is due.
    async fn free_slot(&self) -> OwnedSemaphorePermit {
        loop {
            self.outage.pause().await;
            let slots = if self.outage.is_probing() { self.settings.concurrency } else { 1 };
            let slots = u32::try_from(slots).unwrap_or(u32::MAX);
            if let Ok(mut all) = Arc::clone(&self.slots).acquire_many_owned(slots).await
                && let Some(one) = all.split(1)
                // What was waited for may have failed.
                && !self.outage.has_to_pause()
            {
                return one;
            }
        }
    }

    /// Leases until it is known what was leased: a call whose answer was lost is repeated with the same token.
    async fn lease(&mut self, limit: usize) -> Vec<Leased> {
        let pauses = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
        let mut failures = 0;
        loop {
            let error = match self.try_to_lease(limit).await {
                Ok(leased) => return leased,
                Err(error) => error,
            };
            tracing::error!(%error, "the inbox cannot be read; trying until it can");
            failures += 1;
            sleep(pauses.pause(failures)).await;
        }
    }

    async fn try_to_lease(&mut self, limit: usize) -> Result<Vec<Leased>, StoreError> {
        let request = match self.asked.take() {
            Some(request) => request,
            None => self.request(limit)?,
        };
        let request = self.asked.insert(request);
        let leased = self.intake.in_time(self.intake.inbox.lease(request)).await?;
        self.asked = None;
        Ok(leased)
    }

    fn request(&self, limit: usize) -> Result<LeaseRequest, StoreError> {
        let request = LeaseRequest::new(self.settings.lease)?.limit(limit).order(self.settings.order);
        Ok(match &self.event_types {
            Some(event_types) => request.event_types(Arc::clone(event_types)),
            None => request,
        })
    }

    fn begin(&self, leased: Leased, slot: Option<OwnedSemaphorePermit>) {
        let attempt = Attempt {
            receiver: Arc::clone(&self.receiver),
            handlers: Arc::clone(&self.handlers),
            intake: Arc::clone(&self.intake),
            settings: Arc::clone(&self.settings),
            leased,
            stop: self.stop.subscribe(),
        };
        let outage = Arc::clone(&self.outage);
        (self.spawn)(attempt.task(move |ended: Ended| {
            outage.note(ended);
            drop(slot);
        }));
    }

    async fn prune_now_and_then(&mut self) {
        if self.pruned.is_some_and(|pruned| pruned.elapsed() < PRUNE_EVERY) {
            return;
        }
        self.pruned = Some(Instant::now());
        loop {
            match self.intake.in_time(self.intake.inbox.prune(self.settings.retention)).await {
                Ok(0) => return,
                Ok(events) => tracing::debug!(events, "done and dead events are forgotten"),
                Err(error) => {
                    tracing::warn!(%error, "what is old in the inbox could not be forgotten");
                    return;
                }
            }
        }
    }

    /// Waits for what runs, and stops what runs for too long.
    async fn finish(self) {
        if let Some(asked) = &self.asked {
            self.give_back(asked).await;
        }
        let all = u32::try_from(self.settings.concurrency).unwrap_or(u32::MAX);
        let mut finished = pin!(self.slots.acquire_many(all));
        if timeout(self.settings.grace, &mut finished).await.is_err() {
            tracing::warn!("handlers that still run are stopped, and their events given back");
            self.stop.send_replace(true);
            // One call to give it back, and a little for the tasks to be scheduled.
            let _ = timeout(self.intake.timeout + Duration::from_millis(250), finished).await;
        }
    }

    /// Gives back what the inbox may have given in an answer that was not waited for.
    ///
    /// To learn what that is, it asks the same again. What is taken now for the first time goes back with it.
    async fn give_back(&self, asked: &LeaseRequest) {
        let Ok(leased) = self.intake.in_time(self.intake.inbox.lease(asked)).await else { return };
        for leased in leased {
            // If it fails, the lease lapses.
            let _ = self.intake.in_time(self.intake.inbox.give_back(&leased.holder)).await;
        }
    }
}
