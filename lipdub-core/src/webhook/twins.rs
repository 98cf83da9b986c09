use std::collections::HashMap;
use std::collections::hash_map;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::SetOnce;

use crate::delivery::Status;
use crate::event::EventKey;

/// The attempts that are running in this process, so that twins wait for each other and not on the store.
#[derive(Default)]
pub(crate) struct Twins {
    running: Mutex<HashMap<EventKey, Arc<SetOnce<Outcome>>>>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Processed,
    Ignored,
    Rejected,
    /// The store remembers the event as done.
    Remembered,
    Failed,
    /// Another process has been running it until the answer deadline.
    Busy,
    Unavailable,
}

impl Outcome {
    /// Whether the handler came to an end that shall be remembered.
    pub(crate) fn is_success(self) -> bool {
        matches!(self, Self::Processed | Self::Ignored | Self::Rejected)
    }

    /// What the delivery that made the attempt is answered.
    pub(crate) fn status(self) -> Status {
        match self {
            Self::Processed => Status::Processed,
            Self::Ignored => Status::Ignored,
            Self::Rejected => Status::Rejected,
            Self::Remembered => Status::Duplicate,
            Self::Failed => Status::Failed,
            Self::Busy => Status::Pending,
            Self::Unavailable => Status::Unavailable,
        }
    }

    /// What a twin is answered; nothing if it has to try for itself.
    pub(crate) fn status_for_twin(self) -> Option<Status> {
        match self {
            Self::Processed | Self::Ignored | Self::Rejected | Self::Remembered => Some(Status::Duplicate),
            Self::Unavailable => Some(Status::Unavailable),
            Self::Failed | Self::Busy => None,
        }
    }
}

/// What a delivery is among its twins.
pub(crate) enum Entry {
    /// Nobody runs this event: make the attempt, and report.
    First(Report, Awaited),
    /// Somebody does.
    Twin(Awaited),
}

impl Twins {
    pub(crate) fn enter(self: &Arc<Self>, key: EventKey) -> Entry {
        match self.lock().entry(key) {
            hash_map::Entry::Occupied(entry) => Entry::Twin(Awaited(entry.get().clone())),
            hash_map::Entry::Vacant(entry) => {
                let told = Arc::clone(entry.insert(Arc::default()));
                let awaited = Awaited(Arc::clone(&told));
                // An attempt that vanishes without a word was dropped by its runtime: nothing is known of it.
                let outcome = Outcome::Unavailable;
                Entry::First(Report { twins: Arc::clone(self), key, told, outcome }, awaited)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EventKey, Arc<SetOnce<Outcome>>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The running attempt's place in the table; left when it is dropped, however that comes about.
pub(crate) struct Report {
    twins: Arc<Twins>,
    key: EventKey,
    told: Arc<SetOnce<Outcome>>,
    /// What is told in the end.
    outcome: Outcome,
}

impl Report {
    /// Tells the outcome and makes room for the next attempt.
    pub(crate) fn close(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// Tells the outcome, and goes on answering with it until it is dropped.
    pub(crate) fn announce(&self, outcome: Outcome) {
        // The first word stands.
        let _ = self.told.set(outcome);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        // First out of the table: a twin that hears of a failure enters it anew.
        self.twins.lock().remove(&self.key);
        self.announce(self.outcome);
    }
}

/// The outcome of an attempt that is running.
pub(crate) struct Awaited(Arc<SetOnce<Outcome>>);

impl Awaited {
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub(crate) async fn outcome(&self) -> Outcome {
        *self.0.wait().await
    }
}
