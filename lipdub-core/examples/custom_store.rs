#![doc = "A dedupe store of one's own."]

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Instant;

use lipdub_core::dedupe::{Claim, ClaimRequest, ClaimToken, Transition};
use lipdub_core::{ConfigError, DedupeStore, EventKey, StoreError, Webhook, async_trait};

/// A store that forgets nothing until the process ends. One lock makes each transition atomic.
#[derive(Debug, Default)]
pub struct CustomStore {
    records: Mutex<HashMap<EventKey, (State, ClaimToken)>>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Running { attempt: u32, lease_until: Instant },
    Failed { attempt: u32 },
    Done,
}

impl CustomStore {
    /// Writes `next` if the claim is the caller's, or if nobody knows of any claim.
    fn settle(&self, request: &ClaimRequest, next: State) -> Result<Transition, StoreError> {
        let mut records = self.records.lock().map_err(|_| StoreError::new("poisoned", "a panic"))?;
        let applies = match records.get(&request.key) {
            None => true,
            Some((_, token)) if *token != request.token => false,
            Some((State::Running { .. }, _)) => true,
            // Said again. After a release this is the failure before it, which was another attempt.
            Some((State::Failed { attempt: last }, _)) => {
                matches!(next, State::Failed { attempt } if attempt == *last)
            }
            Some((State::Done, _)) => matches!(next, State::Done),
        };
        if !applies {
            return Ok(Transition::Refused);
        }
        records.insert(request.key, (next, request.token));
        Ok(Transition::Applied)
    }
}

#[async_trait]
impl DedupeStore for CustomStore {
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let now = Instant::now();
        let mut records = self.records.lock().map_err(|_| StoreError::new("poisoned", "a panic"))?;
        let attempt = match records.get(&request.key) {
            None => 1,
            Some((State::Done, _)) => return Ok(Claim::Done),
            Some((State::Failed { attempt }, _)) => attempt + 1,
            Some((State::Running { attempt, .. }, token)) if *token == request.token => *attempt,
            Some((State::Running { lease_until, .. }, _)) if *lease_until > now => {
                return Ok(Claim::Busy { lapses_in: *lease_until - now });
            }
            Some((State::Running { attempt, .. }, _)) => attempt + 1,
        };
        let running = State::Running { attempt, lease_until: now + request.lease };
        records.insert(request.key, (running, request.token));
        Ok(Claim::Granted { attempt })
    }

    async fn renew(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.settle(request, State::Running { attempt, lease_until: Instant::now() + request.lease })
    }

    async fn done(&self, request: &ClaimRequest, _attempt: u32) -> Result<Transition, StoreError> {
        self.settle(request, State::Done)
    }

    async fn fail(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.settle(request, State::Failed { attempt })
    }

    async fn release(&self, request: &ClaimRequest, _attempt: u32) -> Result<Transition, StoreError> {
        let mut records = self.records.lock().map_err(|_| StoreError::new("poisoned", "a panic"))?;
        match records.get(&request.key).copied() {
            Some((State::Running { attempt: held, .. }, token)) if token == request.token => {
                records.remove(&request.key);
                if held > 1 {
                    let before = State::Failed { attempt: held - 1 };
                    records.insert(request.key, (before, request.token));
                }
                Ok(Transition::Applied)
            }
            _ => Ok(Transition::Refused),
        }
    }
}

#[allow(dead_code)]
fn main() -> Result<(), ConfigError> {
    webhook().map(drop)
}

fn webhook() -> Result<Webhook, ConfigError> {
    Webhook::builder()
        .api_key("whk_123")
        .fallback(|_event| async { Ok(()) })
        .dedupe(CustomStore::default())
        .build()
}
