use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::{Accepted, Inbox, InboxEvent, Job};
use crate::dedupe::{StoreError, in_time};
use crate::delivery::Status;
use crate::event::Received;

/// How a receiver stores events, and wakes the workers of its process.
pub(crate) struct Intake {
    pub(crate) inbox: Arc<dyn Inbox>,
    /// Told when there is something to do.
    pub(crate) stored: Notify,
    pub(crate) timeout: Duration,
    job: Option<JobFn>,
}

pub(crate) type JobFn = Box<dyn Fn(&Received) -> Option<Job> + Send + Sync>;

impl Intake {
    pub(crate) fn new(inbox: Arc<dyn Inbox>, timeout: Duration, job: Option<JobFn>) -> Self {
        Self { inbox, stored: Notify::new(), timeout, job }
    }

    /// Stores an event, and says what to answer.
    ///
    /// A call that fails is repeated once: it is the same to store an event twice.
    pub(crate) async fn accept(&self, received: &Received) -> Status {
        let job = self.job.as_ref().and_then(|job| job(received));
        let event = InboxEvent::new(received, job.unwrap_or_else(|| Job::of(received)));
        let accepted = match self.in_time(self.inbox.accept(&event)).await {
            Err(_) => self.in_time(self.inbox.accept(&event)).await,
            accepted => accepted,
        };
        match accepted {
            Ok(Accepted::Done) => Status::Duplicate,
            Ok(accepted) => {
                tracing::debug!(key = %event.key, ?accepted, "an event is in the inbox");
                self.stored.notify_one();
                Status::Accepted
            }
            Err(error) => {
                tracing::error!(%error, "an event could not be stored");
                Status::Unavailable
            }
        }
    }

    /// Waits for the inbox, and no longer than it may take.
    pub(crate) async fn in_time<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        in_time(self.timeout, call).await
    }
}

impl fmt::Debug for Intake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Intake").field("inbox", &self.inbox).finish_non_exhaustive()
    }
}
