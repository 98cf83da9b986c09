//! The application under test: an axum server with a webhook, as yours would be.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use lipdub_axum::{DEFAULT_PATH, Drained, HandlerError, RenderComplete, Webhook};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use crate::BoxError;
use crate::journal::Journal;

pub(crate) const KEY: &str = "whk_quickstart";

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    pub(crate) journal: Journal,
    /// Slow work waits for a permit, so that the story decides when it is finished.
    pub(crate) work: Arc<Semaphore>,
    webhook: Webhook,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Receiver {
    pub(crate) async fn start() -> Result<Self, BoxError> {
        let (journal, work) = (Journal::new(), Arc::new(Semaphore::new(0)));
        let webhook = webhook(&journal, &work)?;
        let application: Router = Router::new().merge(lipdub_axum::router(webhook.clone()));

        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let serving =
            axum::serve(listener, application).with_graceful_shutdown(async { drop(stopped.await) });
        let server = tokio::spawn(async { serving.await });
        Ok(Self { address, journal, work, webhook, stop, server })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}{DEFAULT_PATH}", self.address)
    }

    /// Stops the server, then drains what still runs. Whether all of it finished.
    pub(crate) async fn stop(self) -> Result<bool, BoxError> {
        drop(self.stop);
        self.server.await??;
        Ok(self.webhook.drain(Duration::from_secs(5)).await == Drained::Finished)
    }
}

fn webhook(journal: &Journal, work: &Arc<Semaphore>) -> Result<Webhook, BoxError> {
    let (finished, failed, work) = (journal.clone(), journal.clone(), work.clone());
    let webhook = Webhook::builder()
        .api_key(KEY)
        // Shorter than the default of 4 s, so that you need not wait for the slow handler.
        .answer_deadline(Duration::from_secs(1))
        .on_render_complete(move |event| {
            let (journal, work) = (finished.clone(), work.clone());
            async move {
                journal.note(format!("began attempt {}", event.attempt));
                let result = handle(&event.data, event.attempt, &work).await;
                journal.note(if result.is_ok() { "succeeded" } else { "failed" }.to_owned());
                result
            }
        })
        .on_render_failed(move |event| {
            let journal = failed.clone();
            async move {
                journal.note(format!("began attempt {}, succeeded", event.attempt));
                Ok(())
            }
        })
        .build()?;
    Ok(webhook)
}

/// What you would do with a finished render. Here the `tracking_id` says how well it goes.
async fn handle(render: &RenderComplete, attempt: u32, work: &Semaphore) -> Result<(), HandlerError> {
    match render.tracking_id.as_deref() {
        Some("slow") => work.acquire().await?.forget(),
        Some("fails once") if attempt == 1 => return Err("the database is down".into()),
        _ => {}
    }
    Ok(())
}
