//! The way of a delivery: begin, read, parse, claim, attempt, settle, answer.

mod builder;
mod config_error;
mod shutdown;
mod twins;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

pub use self::builder::WebhookBuilder;
use self::builder::{CannotKey, EventKeyFn, OnFailure};
pub use self::config_error::ConfigError;
pub use self::shutdown::Drained;
pub(crate) use self::shutdown::{Shutdown, Stop};
use self::twins::{Entry, Twins};
pub(crate) use self::twins::{Outcome, Report};
use crate::attempt::{Attempt, Dedupe};
use crate::auth::Access;
use crate::delivery::{Answer, Head, Status};
use crate::event::{EventType, Received};
use crate::handler::Handlers;

/// A receiver of LipDub's webhooks: who may deliver, what handles which event, and what is remembered.
///
/// Give it to an adapter (`lipdub_axum::router(webhook)`, `lipdub_actix::routes(webhook)`, or a service
/// or layer of `lipdub_tower`). Clones are cheap and share everything, so one `Webhook` can be mounted
/// in several places and moved into an application factory.
///
/// # Examples
///
/// ```
/// use lipdub_core::Webhook;
///
/// let webhook = Webhook::builder()
///     .api_key("whk_123")
///     .on_render_complete(|event| async move {
///         println!("render {:?} is finished", event.data.generate_id);
///         Ok(())
///     })
///     .build()?;
/// # let _ = webhook;
/// # Ok::<(), lipdub_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Webhook {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) handlers: Handlers,
    pub(crate) on_failure: Option<OnFailure>,
    pub(crate) dedupe: Dedupe,
    pub(crate) fail_open: bool,
    /// One permit for each attempt that may be in flight, if there is a limit.
    pub(crate) in_flight: Option<Arc<Semaphore>>,
    access: Access,
    event_key: Option<EventKeyFn>,
    body_limit: usize,
    read_timeout: Duration,
    answer_deadline: Duration,
    retry_after: Duration,
    twins: Arc<Twins>,
    shutdown: Shutdown,
}

impl Webhook {
    /// Starts with the defaults, no credential and no handler.
    pub fn builder() -> WebhookBuilder {
        WebhookBuilder::default()
    }

    /// Looks at a delivery before its body is read.
    ///
    /// For adapters. The order is: method, content encoding, declared length, credentials. A delivery that
    /// fails is answered at once, and its body need not be read at all. The answer deadline runs from here.
    ///
    /// # Errors
    ///
    /// The [`Answer`] to give.
    pub fn begin(&self, head: &Head<'_>) -> Result<Delivery, Answer> {
        let begun = Instant::now();
        let refused = |status| Err(self.inner.answer(status));
        if !head.is_post() {
            return refused(Status::MethodNotAllowed);
        }
        if !head.is_unencoded() {
            return refused(Status::UnsupportedEncoding);
        }
        if head.declared_length().is_some_and(|length| length > self.inner.body_limit as u128) {
            return refused(Status::TooLarge);
        }
        if !self.inner.access.admits(head) {
            tracing::warn!("a delivery with missing or wrong credentials was refused");
            return refused(Status::Unauthorized);
        }
        let Some(stop) = self.inner.shutdown.enter() else {
            return refused(Status::Unavailable);
        };
        Ok(Delivery { webhook: Arc::clone(&self.inner), begun, event_hint: head.event_hint(), stop })
    }

    /// The types that have a handler of their own, to be compared with what the account has enabled.
    pub fn event_types(&self) -> impl Iterator<Item = &EventType> {
        self.inner.handlers.types()
    }

    /// Shuts down: refuses new deliveries with 503, and waits until those in flight are settled.
    ///
    /// Attempts outlive their connections, so a server's own graceful shutdown does not wait for all of them.
    /// With axum or hyper let the server finish first, so that it refuses nothing, then drain, then end the
    /// process. With actix-web drain first: attempts run on its workers, and end with them.
    ///
    /// Attempts that still run when `timeout` has passed are dropped at the point where they wait and are
    /// marked as failed, so that the event can run again elsewhere at once and need not wait for the lease.
    /// This takes at most one more store timeout. There is no way back: make a new `Webhook` to start again.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, deliveries stay refused, and what is in flight goes on. It can be called
    /// again.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// use std::time::Duration;
    ///
    /// use lipdub_core::{Drained, Webhook};
    ///
    /// let webhook =
    ///     Webhook::builder().api_key("whk_123").fallback(|_event| async { Ok(()) }).build()?;
    /// assert_eq!(webhook.drain(Duration::from_secs(10)).await, Drained::Finished);
    /// # Ok::<(), lipdub_core::ConfigError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn drain(&self, timeout: Duration) -> Drained {
        // One call to mark what was stopped, and a little for the tasks to be scheduled.
        let grace = self.inner.dedupe.timeout() + Duration::from_millis(250);
        self.inner.shutdown.drain(timeout, grace).await
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Webhook")
            .field("event_types", &self.event_types().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn answer(&self, status: Status) -> Answer {
        Answer::new(status, self.retry_after)
    }
}

/// A delivery that may be read: its head was found to be in order.
pub struct Delivery {
    webhook: Arc<Inner>,
    begun: Instant,
    event_hint: Option<Box<str>>,
    stop: Stop,
}

impl Delivery {
    /// Reads the body under the limit and the read timeout.
    ///
    /// `poll_chunk` is the framework's body: it yields chunks of data until there is none left.
    ///
    /// # Errors
    ///
    /// The [`Answer`] to give if the body is too large, too slow, or breaks off.
    ///
    /// # Cancel safety
    ///
    /// What was read is lost if the future is dropped; nothing else has happened yet.
    pub async fn read<E>(
        &self,
        mut poll_chunk: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<Bytes, E>>>,
    ) -> Result<Bytes, Answer> {
        let limit = self.webhook.body_limit;
        let whole = async {
            let mut body = Body::default();
            while let Some(chunk) = poll_fn(&mut poll_chunk).await {
                let chunk = chunk.map_err(|_| Status::Malformed)?;
                if chunk.len() > limit - body.len() {
                    return Err(Status::TooLarge);
                }
                body.push(chunk);
            }
            Ok(body.into_bytes())
        };
        let read = timeout_at(self.begun + self.webhook.read_timeout, whole).await;
        read.unwrap_or(Err(Status::Timeout)).map_err(|status| self.webhook.answer(status))
    }

    /// Handles the event, or finds that it was handled, and says what to answer.
    ///
    /// The attempt is given to `spawn`, which must start it as a task: it has to go on when this future is
    /// dropped, and after the answer deadline. That is `tokio::spawn`, or where handlers shall be able to
    /// spawn tasks that are not `Send`, the framework's own way.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: an attempt that has begun goes on, and its outcome is remembered.
    pub async fn run(self, body: Bytes, spawn: impl Fn(Task)) -> Answer {
        let status = match self.webhook.receive(body) {
            Ok(received) => {
                self.compare_hint(&received.event_type);
                let deadline = self.begun + self.webhook.answer_deadline;
                let outcome = timeout_at(deadline, self.outcome(received, deadline, spawn));
                outcome.await.unwrap_or(Status::Pending)
            }
            Err(status) => status,
        };
        tracing::debug!(%status, "answered a delivery");
        self.webhook.answer(status)
    }

    /// Makes the attempt, or waits for the twin that makes it and takes its place if it fails.
    async fn outcome(&self, received: Received, deadline: Instant, spawn: impl Fn(Task)) -> Status {
        loop {
            let (mut awaited, is_first) = match self.webhook.twins.enter(received.key) {
                Entry::First(report, awaited) => {
                    let webhook = Arc::clone(&self.webhook);
                    spawn(
                        Attempt::new(webhook, received.clone(), report, deadline, self.stop.clone()).task(),
                    );
                    (awaited, true)
                }
                Entry::Twin(awaited) => (awaited, false),
            };
            let outcome = awaited.outcome().await;
            match if is_first { Some(outcome.status()) } else { outcome.status_for_twin() } {
                Some(status) => return status,
                None => continue,
            }
        }
    }

    fn compare_hint(&self, event_type: &EventType) {
        if self.event_hint.as_deref().is_some_and(|hint| hint != event_type.as_str()) {
            tracing::warn!(
                event_type = event_type.label(),
                "X-LipDub-Event differs from the body, which wins"
            );
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Delivery").finish_non_exhaustive()
    }
}

impl Inner {
    /// The event in a body, if there is something to do for it.
    fn receive(&self, body: Bytes) -> Result<Received, Status> {
        let mut received = Received::parse(body).map_err(|_| Status::Malformed)?;
        if !self.handlers.handles(&received.event_type) {
            tracing::debug!(event_type = received.event_type.label(), "there is no handler for this type");
            return Err(Status::Ignored);
        }
        if let Some(event_key) = &self.event_key {
            received.key = event_key(&received).map_err(|CannotKey| {
                tracing::error!(event_type = received.event_type.label(), "the event key could not be made");
                Status::Failed
            })?;
        }
        Ok(received)
    }
}

/// One attempt, to be run as a task of its own. See [`Delivery::run`].
pub struct Task(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Task {
    pub(crate) fn new(attempt: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Box::pin(attempt))
    }
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Task").finish_non_exhaustive()
    }
}

/// A body as it arrives. Most come in one chunk, which is taken as it is.
#[derive(Default)]
struct Body {
    first: Bytes,
    rest: Option<BytesMut>,
}

impl Body {
    fn len(&self) -> usize {
        self.rest.as_ref().map_or(self.first.len(), BytesMut::len)
    }

    fn push(&mut self, chunk: Bytes) {
        match &mut self.rest {
            Some(rest) => rest.extend_from_slice(&chunk),
            None if self.first.is_empty() => self.first = chunk,
            None => {
                let mut whole = BytesMut::from(&*self.first);
                whole.extend_from_slice(&chunk);
                self.rest = Some(whole);
            }
        }
    }

    fn into_bytes(self) -> Bytes {
        self.rest.map_or(self.first, BytesMut::freeze)
    }
}
