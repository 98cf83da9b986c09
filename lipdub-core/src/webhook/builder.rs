use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::receiver::{Inner, Receiver};
use super::twins::Twins;
use super::{ConfigError, Shutdown, Webhook};
use crate::attempt::Dedupe;
use crate::auth::{AccessBuilder, ApiKey, ApiKeys, SignatureMode, Verifier};
use crate::callback::{JobLinks, KeyWithLink};
use crate::dedupe::{DedupeStore, MemoryStore};
use crate::event::{
    Event, EventKey, EventType, KnownFields, Received, RenderComplete, RenderFailed, StageEvent,
};
use crate::handler::{DoubleHandler, Failure, Handler, HandlerError, Handlers};
use crate::horizon::{DAY, LATEST_REPLAY, RETENTION};
use crate::inbox::{Inbox, Intake, Job, JobFn};

pub(crate) type OnFailure = Box<dyn Fn(&Failure<'_>) + Send + Sync>;
pub(crate) type EventKeyFn = Box<dyn Fn(&Received) -> Result<EventKey, CannotKey> + Send + Sync>;

/// The event key's closure could not be asked.
pub(crate) struct CannotKey;

/// Makes a [`Webhook`]. All faults are found by [`build`](Self::build).
///
/// # Settings
///
/// | setting | default | why |
/// |---|---|---|
/// | [`body_limit`](Self::body_limit) | 256 KiB | LipDub's events are well under 10 KiB |
/// | [`read_timeout`](Self::read_timeout) | 5 s | LipDub waits no longer for the answer |
/// | [`answer_deadline`](Self::answer_deadline) | 4 s | a second for the way there and back |
/// | [`retry_after`](Self::retry_after) | 5 s | |
/// | [`dedupe`](Self::dedupe) | [`MemoryStore`] | needs nothing; right for one process |
/// | [`lease`](Self::lease) | 15 s, renewed every 5 s | after a crash, LipDub's three tries must not all meet it |
/// | [`retention`](Self::retention) | 30 days | a replay by hand can come 28 days later |
/// | [`store_timeout`](Self::store_timeout) | 2 s | two calls fit under the answer deadline |
/// | [`in_flight_limit`](Self::in_flight_limit) | none | |
/// | [`fail_open`](Self::fail_open) | off | a store that is down means 503, not a second run |
#[must_use = "it is `build` that makes the webhook"]
pub struct WebhookBuilder {
    access: AccessBuilder,
    handlers: Handlers,
    double_handler: Option<DoubleHandler>,
    on_failure: Option<OnFailure>,
    event_key: Option<EventKeyFn>,
    store: Option<Box<dyn DedupeStore>>,
    inbox: Option<Arc<dyn Inbox>>,
    job: Option<JobFn>,
    fail_open: bool,
    body_limit: usize,
    read_timeout: Duration,
    answer_deadline: Duration,
    retry_after: Duration,
    lease: Duration,
    retention: Duration,
    store_timeout: Duration,
    in_flight_limit: Option<usize>,
}

impl Default for WebhookBuilder {
    fn default() -> Self {
        Self {
            access: AccessBuilder::default(),
            handlers: Handlers::default(),
            double_handler: None,
            on_failure: None,
            event_key: None,
            store: None,
            inbox: None,
            job: None,
            fail_open: false,
            body_limit: 256 * 1024,
            read_timeout: Duration::from_secs(5),
            answer_deadline: Duration::from_secs(4),
            retry_after: Duration::from_secs(5),
            lease: Duration::from_secs(15),
            retention: RETENTION,
            store_timeout: Duration::from_secs(2),
            in_flight_limit: None,
        }
    }
}

/// Who may deliver.
impl WebhookBuilder {
    /// Accepts this webhook API key, and any other that is given.
    ///
    /// It is taken from `Authorization: Bearer KEY` and from `X-Api-Key: KEY`, which older tenants of LipDub
    /// send. A delivery may carry up to four credentials in these headers, and each must be right. Give the old
    /// and the new key while you rotate; to do that without a restart, see [`api_keys`](Self::api_keys).
    pub fn api_key(mut self, key: impl AsRef<str>) -> Self {
        self.access.keys.push(ApiKey::new(key));
        self
    }

    /// Accepts the keys of a set that can be changed while the receiver runs.
    ///
    /// Not together with [`api_key`](Self::api_key).
    pub fn api_keys(mut self, keys: ApiKeys) -> Self {
        self.access.shared_keys = Some(keys);
        self
    }

    /// Takes deliveries over links that were signed for a job, too.
    ///
    /// The adapters then also receive at `PATH/jobs/JOB/TOKEN`. Without any API key or enforced signature only the links are
    /// a way in, and LipDub's fallback to the tenant's webhook, a day after the render was asked for, is refused.
    ///
    /// # Examples
    ///
    /// See [`JobLinks`].
    pub fn job_links(mut self, links: JobLinks) -> Self {
        self.access.links = Some(links);
        self
    }

    /// Whether a delivery over a job's link needs the API key, too. Defaults to [`KeyWithLink::Accepted`].
    pub fn key_with_link(mut self, key: KeyWithLink) -> Self {
        self.access.key_with_link = key;
        self
    }

    /// Verifies the signature of every delivery, when its body was read and before anything is made of it.
    ///
    /// LipDub signs nothing today. On the day it does, add a verifier that observes, watch
    /// [`Webhook::signatures`] and the log until every delivery is signed right, and enforce it then.
    ///
    /// | mode | with an API key | without | with [`allow_unauthenticated`](Self::allow_unauthenticated) |
    /// |---|---|---|---|
    /// | [`Observe`](SignatureMode::Observe) | the key decides | a build error: nothing keeps anybody out | everybody is let in |
    /// | [`Enforce`](SignatureMode::Enforce) | both must be right | the signature decides | a build error: they contradict each other |
    ///
    /// A job's link spares no signature. Keep the key: without the right one no body is read, and none has to be verified.
    ///
    /// One verifier for each webhook; a second is a build error. A verifier can ask several others, and
    /// [`HmacSha256`](crate::HmacSha256) and [`StandardWebhooks`](crate::StandardWebhooks) take several secrets.
    ///
    /// # Examples
    ///
    /// ```
    /// use lipdub_core::{HmacSha256, SignatureMode, Webhook};
    ///
    /// let verifier = HmacSha256::new("x-lipdub-signature", "the new secret")?
    ///     .also("the old secret")?
    ///     .prefix("sha256=");
    /// let webhook = Webhook::builder()
    ///     .api_key("whk_123")
    ///     .signature(verifier, SignatureMode::Observe)
    ///     .fallback(|_event| async { Ok(()) })
    ///     .build()?;
    /// # let _ = webhook;
    /// # Ok::<(), lipdub_core::ConfigError>(())
    /// ```
    pub fn signature(mut self, verifier: impl Verifier, mode: SignatureMode) -> Self {
        self.access.add_signature(verifier, mode);
        self
    }

    /// Lets everybody in.
    ///
    /// Anybody who finds the URL can then invent events. Only for a receiver that cannot be reached but by
    /// LipDub, and for tests. Not together with a key or an enforced signature. A job's link must be right even so.
    pub fn allow_unauthenticated(mut self) -> Self {
        self.access.everybody = true;
        self
    }
}

/// What handles which event. One handler for each type; a second one is a build error.
impl WebhookBuilder {
    /// Handles `VIDEO_RENDER_COMPLETE`: a render is finished.
    ///
    /// # Examples
    ///
    /// State is cloned for each event:
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// use lipdub_core::Webhook;
    ///
    /// let finished = Arc::new(AtomicU64::new(0));
    /// let webhook = Webhook::builder()
    ///     .api_key("whk_123")
    ///     .on_render_complete(move |event| {
    ///         let finished = finished.clone();
    ///         async move {
    ///             finished.fetch_add(1, Ordering::Relaxed);
    ///             println!("render {:?} is finished", event.data.generate_id);
    ///             Ok(())
    ///         }
    ///     })
    ///     .build()?;
    /// # let _ = webhook;
    /// # Ok::<(), lipdub_core::ConfigError>(())
    /// ```
    pub fn on_render_complete<F, Fut>(self, handler: F) -> Self
    where
        F: Fn(Event<RenderComplete>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        self.on_documented(EventType::RenderComplete, handler)
    }

    /// Handles `RENDER_PROCESSING_FAILED`: a render failed.
    pub fn on_render_failed<F, Fut>(self, handler: F) -> Self
    where
        F: Fn(Event<RenderFailed>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        self.on_documented(EventType::RenderFailed, handler)
    }

    /// Handles `PREPROCESSING_COMPLETE`, where LipDub has enabled it for the account.
    pub fn on_preprocessing_complete<F, Fut>(self, handler: F) -> Self
    where
        F: Fn(Event<StageEvent>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        self.on_documented(EventType::PreprocessingComplete, handler)
    }

    /// Handles `TRAINING_COMPLETE`, where LipDub has enabled it for the account.
    pub fn on_training_complete<F, Fut>(self, handler: F) -> Self
    where
        F: Fn(Event<StageEvent>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        self.on_documented(EventType::TrainingComplete, handler)
    }

    /// Handles `FILE_UPLOAD_COMPLETE`, where LipDub has enabled it for the account.
    pub fn on_file_upload_complete<F, Fut>(self, handler: F) -> Self
    where
        F: Fn(Event<StageEvent>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        self.on_documented(EventType::FileUploadComplete, handler)
    }

    /// Handles `FILE_UPLOAD_FAILED`, where LipDub has enabled it for the account.
    pub fn on_file_upload_failed<F, Fut>(self, handler: F) -> Self
    where
        F: Fn(Event<StageEvent>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        self.on_documented(EventType::FileUploadFailed, handler)
    }

    /// Handles `VIDEO_VALIDATION_COMPLETE`, where LipDub has enabled it for the account.
    pub fn on_video_validation_complete<F, Fut>(self, handler: F) -> Self
    where
        F: Fn(Event<StageEvent>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        self.on_documented(EventType::VideoValidationComplete, handler)
    }

    /// Handles `VIDEO_VALIDATION_FAILED`, where LipDub has enabled it for the account.
    pub fn on_video_validation_failed<F, Fut>(self, handler: F) -> Self
    where
        F: Fn(Event<StageEvent>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        self.on_documented(EventType::VideoValidationFailed, handler)
    }

    /// Handles `BEGIN_TRAINING_FAILURE`, where LipDub has enabled it for the account.
    pub fn on_begin_training_failure<F, Fut>(self, handler: F) -> Self
    where
        F: Fn(Event<StageEvent>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        self.on_documented(EventType::BeginTrainingFailure, handler)
    }

    /// Handles a type with data of your own type `T`.
    ///
    /// If the data does not decode as a `T`, the delivery is answered 500 `failed`, and
    /// [`on_failure`](Self::on_failure) is told why: LipDub keeps the event, and it can be replayed when the
    /// type is mended.
    ///
    /// # Examples
    ///
    /// ```
    /// use lipdub_core::{EventType, Webhook};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Avatar {
    ///     avatar_id: u64,
    /// }
    ///
    /// let webhook = Webhook::builder()
    ///     .api_key("whk_123")
    ///     .on::<Avatar>(EventType::from("AVATAR_COMPLETE"), |event| async move {
    ///         println!("avatar {} is finished", event.data.avatar_id);
    ///         Ok(())
    ///     })
    ///     .build()?;
    /// # let _ = webhook;
    /// # Ok::<(), lipdub_core::ConfigError>(())
    /// ```
    pub fn on<T: DeserializeOwned + 'static>(
        mut self,
        event_type: EventType,
        handler: impl Handler<T>,
    ) -> Self {
        if let Err(double) = self.handlers.add(event_type, handler) {
            self.double_handler = Some(double);
        }
        self
    }

    /// Handles every type that has no handler of its own.
    ///
    /// Without it such events are answered 200 `ignored`, for LipDub may add types at any time.
    pub fn fallback<F, Fut>(mut self, handler: F) -> Self
    where
        F: Fn(Event<Value>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        if let Err(double) = self.handlers.set_fallback(handler) {
            self.double_handler = Some(double);
        }
        self
    }

    /// Is told of each attempt that did not succeed, and why.
    ///
    /// The one place where the inside of a handler's error can be seen: this crate writes it to no log, since
    /// it may hold what does not belong there. It runs in the attempt's task, so it must not block.
    ///
    /// # Examples
    ///
    /// ```
    /// use lipdub_core::Webhook;
    ///
    /// let webhook = Webhook::builder()
    ///     .api_key("whk_123")
    ///     .on_render_complete(|_event| async { Err("the database is down".into()) })
    ///     .on_failure(|failure| {
    ///         eprintln!("{} of {}: {}", failure.key, failure.event_type, failure.error.inner());
    ///     })
    ///     .build()?;
    /// # let _ = webhook;
    /// # Ok::<(), lipdub_core::ConfigError>(())
    /// ```
    pub fn on_failure(mut self, hook: impl Fn(&Failure<'_>) + Send + Sync + 'static) -> Self {
        self.on_failure = Some(Box::new(hook));
        self
    }

    fn on_documented<T: KnownFields + DeserializeOwned + 'static>(
        mut self,
        event_type: EventType,
        handler: impl Handler<T>,
    ) -> Self {
        if let Err(double) = self.handlers.add_lenient(event_type, handler) {
            self.double_handler = Some(double);
        }
        self
    }
}

/// What is remembered.
impl WebhookBuilder {
    /// Remembers events in this store. Defaults to [`MemoryStore::new`], which serves one process.
    pub fn dedupe(mut self, store: impl DedupeStore) -> Self {
        self.store = Some(Box::new(store));
        self
    }

    /// Stores events in this inbox and answers; a [`worker`](Webhook::worker) handles them later.
    ///
    /// For work that takes longer than LipDub waits. An event that is stored is answered 200 `accepted`, and is handled until
    /// that has succeeded, or it is a dead letter. Not together with [`dedupe`](Self::dedupe): the inbox remembers
    /// what was handled. Limits of attempts in flight are the worker's.
    pub fn inbox(mut self, inbox: impl Inbox) -> Self {
        self.inbox = Some(Arc::new(inbox));
        self
    }

    /// Says which job an event in the inbox belongs to. Defaults to what its data say: see [`Job`].
    ///
    /// Jobs take turns, and events of one job can be handled [one after the other](crate::inbox::Order::PerJob). If the
    /// closure panics, or the data cannot be decoded, it is the default.
    pub fn job(mut self, job: impl Fn(&Event) -> String + Send + Sync + 'static) -> Self {
        self.job = Some(Box::new(move |received| {
            let event = received.event().ok()?;
            catch_unwind(AssertUnwindSafe(|| job(&event))).ok().map(Job::new)
        }));
        self
    }

    /// Says what makes two deliveries the same event. Defaults to the whole content: see [`EventKey`].
    ///
    /// The text that the closure returns counts together with the event's type. Choose what is equal in every
    /// delivery of an event **and in no other event**: one that looks like an event that was handled is not
    /// handled. The closure sees attempt 0; if it panics, or the data is none that a `serde_json::Value` can
    /// hold, the delivery is answered 500.
    ///
    /// # Examples
    ///
    /// ```
    /// use lipdub_core::Webhook;
    ///
    /// let webhook = Webhook::builder()
    ///     .api_key("whk_123")
    ///     .fallback(|_event| async { Ok(()) })
    ///     .event_key(|event| format!("{} {}", event.data["generate_id"], event.created_at.raw()))
    ///     .build()?;
    /// # let _ = webhook;
    /// # Ok::<(), lipdub_core::ConfigError>(())
    /// ```
    pub fn event_key(mut self, identify: impl Fn(&Event) -> String + Send + Sync + 'static) -> Self {
        self.event_key = Some(Box::new(move |received| {
            let event = received.event().map_err(|_| CannotKey)?;
            let identity = catch_unwind(AssertUnwindSafe(|| identify(&event))).map_err(|_| CannotKey)?;
            Ok(EventKey::custom(received.event_type(), &identity))
        }));
        self
    }

    /// How long a claim stands without being renewed. Defaults to 15 s.
    ///
    /// It is renewed at a third of that while the handler runs, so it does not limit the handler. After a
    /// crash, an event waits this long before it can run again.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// How long an event is remembered. Defaults to 30 days.
    ///
    /// LipDub's support can replay an event up to 28 days later: 14 days in its queue and 14 in the dead
    /// letter queue, the most that SQS allows. With a shorter retention, which is logged, such a replay runs
    /// again.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// How long a call to the store may take. Defaults to 2 s.
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.store_timeout = timeout;
        self
    }

    /// Handles events even while the store cannot be reached.
    ///
    /// **Without dedupe**: an event that is delivered twice meanwhile can run twice. The default is to answer
    /// 503, so that LipDub delivers again; after three tries the event is in its dead letter queue.
    pub fn fail_open(mut self) -> Self {
        self.fail_open = true;
        self
    }
}

/// Limits.
impl WebhookBuilder {
    /// How many bytes a body may have. Defaults to 256 KiB. Limits of the framework are not looked at.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// How long the body may take to arrive. Defaults to 5 s.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = timeout;
        self
    }

    /// When to answer 503 `pending` if the handler is not finished; it goes on. Defaults to 4 s.
    ///
    /// It counts from the moment when the request's head was read. LipDub waits for about 5 s.
    pub fn answer_deadline(mut self, deadline: Duration) -> Self {
        self.answer_deadline = deadline;
        self
    }

    /// The `Retry-After` of answers with 503. Defaults to 5 s.
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = delay;
        self
    }

    /// How many attempts may be in flight at once; one more is answered 503. Defaults to no limit.
    pub fn in_flight_limit(mut self, attempts: usize) -> Self {
        self.in_flight_limit = Some(attempts);
        self
    }

    /// Makes the webhook.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the fault.
    pub fn build(mut self) -> Result<Webhook, ConfigError> {
        if self.handlers.is_empty() {
            return Err(ConfigError::NoHandler);
        }
        if let Some(DoubleHandler(handled)) = self.double_handler {
            return Err(ConfigError::DoubleHandler(handled));
        }
        let handlers = Arc::new(std::mem::take(&mut self.handlers));
        let (job, timeout) = (self.job.take(), self.store_timeout);
        let intake = self.inbox.take().map(|inbox| Arc::new(Intake::new(inbox, timeout, job)));
        if intake.is_some() && (self.store.is_some() || self.fail_open) {
            return Err(ConfigError::AmbiguousStore);
        }
        Ok(Webhook { receiver: self.receiver()?, handlers, intake })
    }

    /// Makes a receiver without handlers, for an extractor or a layer that hands the events on.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the fault; a handler is one.
    pub fn build_receiver(self) -> Result<Receiver, ConfigError> {
        if !self.handlers.is_empty() {
            return Err(ConfigError::UnusedHandler);
        }
        if self.inbox.is_some() {
            return Err(ConfigError::UnusedInbox);
        }
        self.receiver()
    }

    fn receiver(self) -> Result<Receiver, ConfigError> {
        self.check()?;
        let access = self.access.build()?;
        if self.retention < LATEST_REPLAY {
            tracing::warn!(
                days = self.retention.as_secs() / DAY.as_secs(),
                "events are remembered for less than 28 days: one that is replayed later runs again"
            );
        }
        let store = self.store.unwrap_or_else(|| Box::new(MemoryStore::new()));
        Ok(Receiver::new(Inner {
            on_failure: self.on_failure,
            dedupe: Dedupe::new(store, self.lease, self.retention, self.store_timeout),
            fail_open: self.fail_open,
            in_flight: self.in_flight_limit.map(|attempts| Arc::new(Semaphore::new(attempts))),
            access,
            event_key: self.event_key,
            body_limit: self.body_limit,
            read_timeout: self.read_timeout,
            answer_deadline: self.answer_deadline,
            retry_after: self.retry_after,
            twins: Arc::new(Twins::default()),
            shutdown: Shutdown::new(),
        }))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let unusable = [
            ("body_limit must be at least 1", self.body_limit == 0),
            ("in_flight_limit must be at least 1", self.in_flight_limit == Some(0)),
            ("in_flight_limit is too large", self.in_flight_limit > Some(Semaphore::MAX_PERMITS)),
            ("read_timeout must not be zero", self.read_timeout.is_zero()),
            ("answer_deadline must not be zero", self.answer_deadline.is_zero()),
            ("read_timeout must not be over a day", self.read_timeout > DAY),
            ("answer_deadline must not be over a day", self.answer_deadline > DAY),
            ("retry_after must not be over a day", self.retry_after > DAY),
            ("store_timeout must not be zero", self.store_timeout.is_zero()),
            ("store_timeout must not be over a day", self.store_timeout > DAY),
            ("lease must be at least 10 ms", self.lease < Duration::from_millis(10)),
            ("lease must not be longer than retention", self.lease > self.retention),
            ("retention must not be over ten years", self.retention > DAY.saturating_mul(3653)),
        ];
        match unusable.into_iter().find(|(_, is_so)| *is_so) {
            Some((reason, _)) => Err(ConfigError::UnusableSetting(reason)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for WebhookBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WebhookBuilder").finish_non_exhaustive()
    }
}
