use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How [`Webhook::drain`](crate::Webhook::drain) ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Drained {
    /// Everything in flight was settled.
    Finished,
    /// Some attempts ran for too long and were stopped.
    Stopped,
}

/// Knows what is in flight, and tells it to stop.
pub(crate) struct Shutdown {
    /// Each delivery and each attempt holds a receiver, so that the channel is closed when none is left.
    phase: watch::Sender<Phase>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    Draining,
    Stopped,
}

impl Shutdown {
    pub(crate) fn new() -> Self {
        Self { phase: watch::Sender::new(Phase::Open) }
    }

    /// Counts a delivery in, unless there shall be no more.
    pub(crate) fn enter(&self) -> Option<Stop> {
        let receiver = self.phase.subscribe();
        let is_open = *receiver.borrow() == Phase::Open;
        is_open.then_some(Stop { phase: receiver })
    }

    pub(crate) async fn drain(&self, patience: Duration, grace: Duration) -> Drained {
        self.phase.send_if_modified(|phase| {
            let was_open = *phase == Phase::Open;
            if was_open {
                *phase = Phase::Draining;
            }
            was_open
        });
        if timeout(patience, self.phase.closed()).await.is_ok() {
            return Drained::Finished;
        }
        self.phase.send_replace(Phase::Stopped);
        if timeout(grace, self.phase.closed()).await.is_err() {
            tracing::warn!("an attempt could not be stopped in time; its event waits for the lease to lapse");
        }
        Drained::Stopped
    }
}

/// Held by whatever is in flight; tells when it has to stop.
#[derive(Clone)]
pub(crate) struct Stop {
    phase: watch::Receiver<Phase>,
}

impl Stop {
    pub(crate) fn is_requested(&self) -> bool {
        *self.phase.borrow() == Phase::Stopped
    }

    pub(crate) async fn requested(&self) {
        let mut phase = self.phase.clone();
        if phase.wait_for(|phase| *phase == Phase::Stopped).await.is_err() {
            // Nobody is left who could ask.
            std::future::pending::<()>().await;
        }
    }
}
