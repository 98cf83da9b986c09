use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::attempt::Ended;
use super::backoff::Backoff;

/// Tells an outage from failures of single events: so many failures in a row, with no success between.
///
/// In an outage one event at a time is tried, with growing pauses, until one succeeds.
#[derive(Debug)]
pub(super) struct Outage {
    probe_after: u32,
    pauses: Backoff,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    next_probe: Option<Instant>,
}

impl Outage {
    pub(super) fn new(probe_after: u32) -> Self {
        let pauses = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        Self { probe_after, pauses, state: Mutex::default() }
    }

    pub(super) fn is_probing(&self) -> bool {
        self.state().failures >= self.probe_after
    }

    /// Waits until the next probe is due, if there is an outage.
    pub(super) async fn pause(&self) {
        let next_probe = self.state().next_probe;
        if let Some(next_probe) = next_probe {
            sleep_until(next_probe).await;
        }
    }

    pub(super) fn has_to_pause(&self) -> bool {
        self.state().next_probe.is_some_and(|next_probe| next_probe > Instant::now())
    }

    pub(super) fn note(&self, ended: Ended) {
        let mut state = self.state();
        match ended {
            Ended::Succeeded => {
                if state.failures >= self.probe_after {
                    tracing::info!("an event was handled again: the outage is over");
                }
                *state = State::default();
            }
            Ended::Failed => {
                let failures = state.failures.saturating_add(1);
                state.failures = failures;
                if failures == self.probe_after {
                    tracing::warn!(failures, "this looks like an outage: trying one event at a time");
                }
                if let Some(failed_probes) = failures.checked_sub(self.probe_after) {
                    state.next_probe = Some(Instant::now() + self.pauses.pause(failed_probes + 1));
                }
            }
            Ended::Otherwise => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
