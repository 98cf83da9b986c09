//! The way of a delivery: begin, read, verify, parse, claim, attempt, settle, answer.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::builder::{CannotKey, EventKeyFn, OnFailure};
use super::twins::{Entry, Twins};
use super::{Drained, Shutdown, Stop};
use crate::attempt::{Attempt, Dedupe, catch_panic};
use crate::auth::{Access, Admitted, SignatureCounts};
use crate::deadline::{at_once, until};
use crate::delivery::{Answer, Head, Status};
use crate::event::{EventType, Received};
use crate::handler::{Failure, HandlerError, HandlerErrorKind};

/// A receiver without handlers: who may deliver and what is remembered, for handlers of your own.
///
/// With a web framework you give it to the extractor and to the layer of its adapter. For everything else there
/// is [`Webhook`](crate::Webhook). Clones are cheap and share everything.
///
/// # Examples
///
/// ```
/// use lipdub_core::Webhook;
///
/// let receiver = Webhook::builder().api_key("whk_123").build_receiver()?;
/// # let _ = receiver;
/// # Ok::<(), lipdub_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Receiver {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) on_failure: Option<OnFailure>,
    pub(crate) dedupe: Dedupe,
    pub(crate) fail_open: bool,
    /// One permit for each attempt that may be in flight, if there is a limit.
    pub(crate) in_flight: Option<Arc<Semaphore>>,
    pub(super) access: Access,
    pub(super) event_key: Option<EventKeyFn>,
    pub(super) body_limit: usize,
    pub(super) read_timeout: Duration,
    pub(super) answer_deadline: Duration,
    pub(super) retry_after: Duration,
    pub(super) twins: Arc<Twins>,
    pub(super) shutdown: Shutdown,
}

impl Receiver {
    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    pub(super) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Looks at a delivery before its body is read: see [`Webhook::begin`](crate::Webhook::begin).
    ///
    /// # Errors
    ///
    /// The [`Answer`] to give.
    pub fn begin(&self, head: &Head<'_>) -> Result<Inbound, Answer> {
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
        let admitted = match self.inner.access.admit(head) {
            Ok(admitted) => admitted,
            Err(reason) => {
                tracing::warn!("a delivery was refused: {reason}");
                return refused(Status::Unauthorized);
            }
        };
        let Some(stop) = self.inner.shutdown.enter() else {
            return refused(Status::Unavailable);
        };
        let receiver = Arc::clone(&self.inner);
        Ok(Inbound { receiver, begun, admitted, event_hint: head.event_hint(), stop })
    }

    /// Whether a job's link is a way in, so that a router has to take the paths of such links too.
    pub fn takes_job_links(&self) -> bool {
        self.inner.access.takes_job_links()
    }

    /// How many deliveries were signed, and how: see [`WebhookBuilder::signature`](crate::WebhookBuilder::signature).
    pub fn signatures(&self) -> SignatureCounts {
        self.inner.access.signatures()
    }

    /// Shuts down, as [`Webhook::drain`](crate::Webhook::drain) does.
    ///
    /// # Cancel safety
    ///
    /// As there: it can be called again.
    pub async fn drain(&self, timeout: Duration) -> Drained {
        // One call to mark what was stopped, and a little for the tasks to be scheduled.
        let grace = self.inner.dedupe.timeout() + Duration::from_millis(250);
        self.inner.shutdown.drain(timeout, grace).await
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Receiver").finish_non_exhaustive()
    }
}

impl Inner {
    /// Logs that an attempt did not succeed, and tells whoever wants to know.
    pub(crate) fn tell_failure(&self, received: &Received, attempt: u32, error: &HandlerError) {
        match error.kind() {
            HandlerErrorKind::Ignore => tracing::debug!(attempt, "{error}"),
            HandlerErrorKind::Permanent | HandlerErrorKind::Retry => tracing::warn!(attempt, "{error}"),
        }
        let Some(hook) = &self.on_failure else { return };
        let failure = Failure { key: received.key(), event_type: received.event_type(), attempt, error };
        if catch_unwind(AssertUnwindSafe(|| hook(&failure))).is_err() {
            tracing::error!("the on_failure hook panicked");
        }
    }

    fn answer(&self, status: Status) -> Answer {
        tracing::debug!(%status, "answering a delivery");
        Answer::new(status, self.retry_after)
    }
}

/// A delivery at a [`Receiver`] that may be read: its head was found to be in order.
pub struct Inbound {
    receiver: Arc<Inner>,
    begun: Instant,
    admitted: Admitted,
    event_hint: Option<EventType>,
    stop: Stop,
}

impl Inbound {
    /// Reads the body under the limit and the read timeout: see [`Delivery::read`](crate::Delivery::read).
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
        let limit = self.receiver.body_limit;
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
        let read = until(self.begun + self.receiver.read_timeout, pin!(whole)).await;
        read.unwrap_or(Err(Status::Timeout)).map_err(|status| self.answer(status))
    }

    /// The event in the body.
    ///
    /// # Errors
    ///
    /// The [`Answer`] to give if its signature is not right, it is no event, or its key cannot be made.
    pub fn receive(&self, body: Bytes) -> Result<Received, Answer> {
        // Nothing is claimed here, so nothing counts attempts: it is the first as far as anybody knows.
        Ok(self.keyed(self.parse(body)?)?.in_attempt(1))
    }

    /// Lets `work` handle the event, unless it was handled, and says what to answer.
    ///
    /// `work` is called in an attempt, when the event is claimed, and never twice. What it says
    /// settles the event. `spawn` must go on with the attempt as a task: see [`Delivery::run`](crate::Delivery::run).
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: an attempt that has begun goes on, and its outcome is remembered.
    pub async fn run<W, F>(&self, received: Received, work: W, spawn: impl Fn(Task)) -> Answer
    where
        W: FnOnce(Received) -> F + Send + 'static,
        F: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        let deadline = self.deadline();
        let outcome = pin!(self.outcome(received, work, deadline, spawn));
        let outcome = until(deadline, outcome).await;
        self.answer(outcome.unwrap_or(Status::Pending))
    }

    /// Makes the attempt, or waits for the twin that makes it and takes its place if it fails.
    #[expect(clippy::manual_async_fn, reason = "the future of an `async fn` has room for the event twice")]
    fn outcome<W, F>(
        &self,
        received: Received,
        work: W,
        deadline: Instant,
        spawn: impl Fn(Task),
    ) -> impl Future<Output = Status>
    where
        W: FnOnce(Received) -> F + Send + 'static,
        F: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        async move {
            let (report, awaited) = loop {
                match self.receiver.twins.enter(received.key()) {
                    Entry::First(report, awaited) => break (report, awaited),
                    Entry::Twin(awaited) => {
                        if let Some(status) = awaited.outcome().await.status_for_twin() {
                            return status;
                        }
                    }
                }
            };
            let receiver = Arc::clone(&self.receiver);
            let attempt = Attempt::new(receiver, received, report, deadline, self.stop.clone());
            if let Some(task) = attempt.task(work).begin().await {
                spawn(task);
            }
            awaited.outcome().await.status()
        }
    }

    /// The event in the body, whose signature is verified before anything is made of it.
    pub(super) fn parse(&self, body: Bytes) -> Result<Received, Answer> {
        self.receiver.access.verify(&self.admitted, &body).map_err(|status| self.answer(status))?;
        let source = self.admitted.source.clone();
        let received = Received::parse(body, source).map_err(|_| self.answer(Status::Malformed))?;
        self.compare_hint(received.event_type());
        Ok(received)
    }

    /// The event with the key that it shall have.
    pub(super) fn keyed(&self, received: Received) -> Result<Received, Answer> {
        let Some(event_key) = &self.receiver.event_key else { return Ok(received) };
        let key = event_key(&received).map_err(|CannotKey| {
            tracing::error!(event_type = received.event_type().label(), "the event key could not be made");
            self.answer(Status::Failed)
        })?;
        Ok(received.with_key(key))
    }

    /// When the answer must be given.
    pub(super) fn deadline(&self) -> Instant {
        self.begun + self.receiver.answer_deadline
    }

    pub(super) fn answer(&self, status: Status) -> Answer {
        self.receiver.answer(status)
    }

    fn compare_hint(&self, event_type: &EventType) {
        if self.event_hint.as_ref().is_some_and(|hint| hint != event_type) {
            tracing::warn!(
                event_type = event_type.label(),
                "X-LipDub-Event differs from the body, which wins"
            );
        }
    }
}

impl fmt::Debug for Inbound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Inbound").finish_non_exhaustive()
    }
}

/// An attempt that has begun, to go on as a task of its own. See [`Delivery::run`](crate::Delivery::run).
pub struct Task(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Task {
    pub(crate) fn new(attempt: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Box::pin(attempt))
    }

    /// Begins the attempt, and gives it back if it has to wait: what does not needs no task of its own.
    ///
    /// A panic is the attempt's end, as it is a task's.
    async fn begin(mut self) -> Option<Self> {
        let begun = catch_panic(at_once(Pin::new(&mut self))).await;
        matches!(begun, Ok(None)).then_some(self)
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
