//! SIGTERM, and Ctrl-C.

use std::future::Future;
use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Waits until the process is asked to stop. From this call on, a signal no longer kills it.
pub(crate) fn asked() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
