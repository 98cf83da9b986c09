//! The receiver with its handlers.

mod builder;
mod config_error;
mod receiver;
mod shutdown;
mod twins;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;

pub use self::builder::WebhookBuilder;
pub use self::config_error::ConfigError;
pub(crate) use self::receiver::Inner;
pub use self::receiver::{Inbound, Receiver, Task};
pub use self::shutdown::Drained;
pub(crate) use self::shutdown::{Shutdown, Stop};
pub(crate) use self::twins::{Outcome, Report};
use crate::auth::SignatureCounts;
use crate::deadline::until;
use crate::delivery::{Answer, Head, Status};
use crate::event::EventType;
use crate::handler::Handlers;
use crate::inbox::Intake;
use crate::worker::Worker;

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
    receiver: Receiver,
    handlers: Arc<Handlers>,
    /// Where events are stored, if they are not handled at once.
    intake: Option<Arc<Intake>>,
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
        let inbound = self.receiver.begin(head)?;
        Ok(Delivery { inbound, handlers: Arc::clone(&self.handlers), intake: self.intake.clone() })
    }

    /// The types that have a handler of their own, to be compared with what the account has enabled.
    pub fn event_types(&self) -> impl Iterator<Item = &EventType> {
        self.handlers.types()
    }

    /// How many deliveries were signed, and how: see [`WebhookBuilder::signature`].
    ///
    /// All are 0 if no verifier was given.
    pub fn signatures(&self) -> SignatureCounts {
        self.receiver.signatures()
    }

    /// Whether a job's link is a way in, so that an adapter has to take the paths of such links too.
    pub fn takes_job_links(&self) -> bool {
        self.receiver.takes_job_links()
    }

    /// A worker that handles what is in the inbox, with this webhook's handlers.
    ///
    /// See [`Worker`] for its settings. Without an inbox it cannot run.
    pub fn worker(&self) -> Worker {
        Worker::new(Arc::clone(self.receiver.inner()), Arc::clone(&self.handlers), self.intake.clone())
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
        self.receiver.drain(timeout).await
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

/// A delivery that may be read: its head was found to be in order.
pub struct Delivery {
    inbound: Inbound,
    handlers: Arc<Handlers>,
    intake: Option<Arc<Intake>>,
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
        poll_chunk: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<Bytes, E>>>,
    ) -> Result<Bytes, Answer> {
        self.inbound.read(poll_chunk).await
    }

    /// Handles the event, or finds that it was handled, or stores it in the inbox, and says what to answer.
    ///
    /// The attempt begins here. If it has to wait, it is given to `spawn`, which must go on with it as a task: it
    /// must not end when this future is dropped, nor at the answer deadline. That is `tokio::spawn`, or where
    /// handlers shall be able to spawn tasks that are not `Send`, the framework's own way.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: an attempt that has begun goes on, and its outcome is remembered.
    pub async fn run(&self, body: Bytes, spawn: impl Fn(Task)) -> Answer {
        let received = match self.inbound.parse(body) {
            Ok(received) => received,
            Err(answer) => return answer,
        };
        if !self.handlers.handles(received.event_type()) {
            tracing::debug!(event_type = received.event_type().label(), "there is no handler for this type");
            return self.inbound.answer(Status::Ignored);
        }
        let received = match self.inbound.keyed(received) {
            Ok(received) => received,
            Err(answer) => return answer,
        };
        match &self.intake {
            Some(intake) => {
                let stored = until(self.inbound.deadline(), pin!(intake.accept(&received))).await;
                self.inbound.answer(stored.unwrap_or(Status::Unavailable))
            }
            None => {
                let handlers = Arc::clone(&self.handlers);
                let handle = async move |received| handlers.call(&received)?.await;
                self.inbound.run(received, handle, spawn).await
            }
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Delivery").finish_non_exhaustive()
    }
}
