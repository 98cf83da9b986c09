//! What every holder of a lease does, whether the event comes from a store or from an inbox.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::time::Duration;

use tokio::time::sleep;

use crate::dedupe::{StoreError, Transition};

/// Renews a lease while a handler runs, until it is dropped.
pub(crate) async fn keep<F>(lease: Duration, attempt: u32, renew: impl Fn() -> F) -> Infallible
where
    F: Future<Output = Result<Transition, StoreError>>,
{
    keep_until_refused(lease, attempt, renew).await;
    tracing::warn!(attempt, "the event was taken over while its handler ran");
    pending().await
}

/// Renews a lease at a third of it, and sooner after a call that failed, until that is refused.
pub(crate) async fn keep_until_refused<F>(lease: Duration, attempt: u32, renew: impl Fn() -> F)
where
    F: Future<Output = Result<Transition, StoreError>>,
{
    let mut wait = lease / 3;
    loop {
        sleep(wait).await;
        match renew().await {
            Ok(Transition::Applied) => wait = lease / 3,
            Ok(Transition::Refused) => return,
            Err(error) => {
                tracing::warn!(%error, attempt, "the lease could not be renewed");
                wait = lease / 12;
            }
        }
    }
}
