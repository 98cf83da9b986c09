#![doc = "A dedupe store of one's own."]

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use lipdub_core::dedupe::{Claim, ClaimRequest, ClaimToken, Transition};
use lipdub_core::{ConfigError, DedupeStore, EventKey, StoreError, Webhook, async_trait};

/// A store that forgets nothing until the process ends. One lock makes each transition atomic.
#[derive(Debug, Default)]
pub struct CustomStore {
    records: Mutex<HashMap<EventKey, Record>>,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    state: State,
    attempt: u32,
    /// Nobody, if the claim was given back.
    holder: Option<ClaimToken>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Running { lease_until: Instant },
    Failed,
    Done,
}

impl CustomStore {
    /// Writes `next` if the claim is the caller's, or if nobody knows of any claim.
    fn settle(&self, request: &ClaimRequest, attempt: u32, next: State) -> Result<Transition, StoreError> {
        let mut records = self.records()?;
        let record = match records.get(&request.key) {
            None => Record { state: next, attempt, holder: Some(request.token) },
            Some(known) if known.holder != Some(request.token) => return Ok(Transition::Refused),
            Some(known) => match (known.state, next) {
                // Of the attempt that was granted: without an answer to the claim, its holder does not know it.
                (State::Running { .. }, _) => Record { state: next, ..*known },
                // Said again.
                (State::Failed, State::Failed) | (State::Done, State::Done) => *known,
                _ => return Ok(Transition::Refused),
            },
        };
        records.insert(request.key, record);
        Ok(Transition::Applied)
    }

    fn records(&self) -> Result<MutexGuard<'_, HashMap<EventKey, Record>>, StoreError> {
        self.records.lock().map_err(|_| StoreError::new("poisoned", "a panic"))
    }
}

#[async_trait]
impl DedupeStore for CustomStore {
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let now = Instant::now();
        let mut records = self.records()?;
        let attempt = match records.get(&request.key) {
            None => 1,
            Some(known) => match known.state {
                State::Done => return Ok(Claim::Done),
                State::Failed => known.attempt + 1,
                State::Running { .. } if known.holder == Some(request.token) => known.attempt,
                State::Running { lease_until } if lease_until > now => {
                    return Ok(Claim::Busy { lapses_in: lease_until - now });
                }
                State::Running { .. } => known.attempt + 1,
            },
        };
        let state = State::Running { lease_until: now + request.lease };
        records.insert(request.key, Record { state, attempt, holder: Some(request.token) });
        Ok(Claim::Granted { attempt })
    }

    async fn renew(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.settle(request, attempt, State::Running { lease_until: Instant::now() + request.lease })
    }

    async fn done(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.settle(request, attempt, State::Done)
    }

    async fn fail(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.settle(request, attempt, State::Failed)
    }

    async fn release(&self, request: &ClaimRequest, _attempt: u32) -> Result<Transition, StoreError> {
        let mut records = self.records()?;
        match records.get(&request.key).copied() {
            Some(Record { state: State::Running { .. }, attempt, holder })
                if holder == Some(request.token) =>
            {
                records.remove(&request.key);
                if attempt > 1 {
                    let before = Record { state: State::Failed, attempt: attempt - 1, holder: None };
                    records.insert(request.key, before);
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
