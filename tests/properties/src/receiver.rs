//! Deliveries without a socket, and a store that lets every event pass.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use lipdub_core::dedupe::{Claim, ClaimRequest, Transition};
use lipdub_core::{DedupeStore, EventKey, Head, Status, StoreError, Webhook, WebhookBuilder, async_trait};
use tokio::runtime::{Builder, Runtime};

/// A webhook that handles every event, however often it comes.
pub(crate) struct Receiver {
    webhook: Webhook,
    runtime: Runtime,
    claimed: Claimed,
}

impl Receiver {
    pub(crate) fn new(handlers: WebhookBuilder) -> Self {
        let claimed = Claimed::default();
        let settings = handlers.allow_unauthenticated().answer_deadline(Duration::from_secs(3600));
        Self {
            webhook: settings.dedupe(claimed.clone()).build().unwrap(),
            runtime: Builder::new_current_thread().enable_time().build().unwrap(),
            claimed,
        }
    }

    /// What is answered to a body, and under which key its event was claimed.
    pub(crate) fn deliver(&self, body: &[u8]) -> (Status, Option<EventKey>) {
        let delivery = self.webhook.begin(&Head::new("POST", &[("", ""); 0])).unwrap();
        let run = async { delivery.run(Bytes::copy_from_slice(body), |task| drop(tokio::spawn(task))).await };
        let answer = self.runtime.block_on(run);
        (answer.status(), self.claimed.take())
    }
}

/// Grants every claim, and notes the key.
#[derive(Clone, Debug, Default)]
struct Claimed(Arc<Mutex<Option<EventKey>>>);

impl Claimed {
    fn take(&self) -> Option<EventKey> {
        self.0.lock().unwrap().take()
    }
}

#[async_trait]
impl DedupeStore for Claimed {
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        *self.0.lock().unwrap() = Some(request.key);
        Ok(Claim::Granted { attempt: 1 })
    }

    async fn renew(&self, _: &ClaimRequest, _: u32) -> Result<Transition, StoreError> {
        Ok(Transition::Applied)
    }

    async fn done(&self, _: &ClaimRequest, _: u32) -> Result<Transition, StoreError> {
        Ok(Transition::Applied)
    }

    async fn fail(&self, _: &ClaimRequest, _: u32) -> Result<Transition, StoreError> {
        Ok(Transition::Applied)
    }

    async fn release(&self, _: &ClaimRequest, _: u32) -> Result<Transition, StoreError> {
        Ok(Transition::Applied)
    }
}
