//! Waiting for something, but not for ever. Most of it is there at once: then no timer is set, nor is the clock read.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// What the future comes to, if it need not wait.
pub(crate) async fn at_once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Waits until the deadline.
pub(crate) async fn until<F: Future>(
    deadline: Instant,
    mut future: Pin<&mut F>,
) -> Result<F::Output, Elapsed> {
    match at_once(future.as_mut()).await {
        Some(output) => Ok(output),
        // Boxed, for most have no use for a timer, and shall not make room for one.
        None => Box::pin(timeout_at(deadline, future)).await,
    }
}
