//! What every holder of a lease does, whether the event comes from a store or from an inbox.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::time::Duration;

use tokio::time::sleep;

use crate::dedupe::{StoreError, Transition};

/// Renews a lease at a third of it, and sooner after a call that failed, until it is dropped.
pub(crate) async fn keep<F>(lease: Duration, attempt: u32, renew: impl Fn() -> F) -> Infallible
where
    F: Future<Output = Result<Transition, StoreError>>,
{
    let mut wait = lease / 3;
    loop {
        sleep(wait).await;
        match renew().await {
            Ok(Transition::Applied) => wait = lease / 3,
            Ok(Transition::Refused) => {
                tracing::warn!(attempt, "the event was taken over while its handler ran");
                return pending().await;
            }
            Err(error) => {
                tracing::warn!(%error, attempt, "the lease could not be renewed");
                wait = lease / 12;
            }
        }
    }
}
