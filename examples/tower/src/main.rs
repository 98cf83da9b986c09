//! Run with `LIPDUB_WEBHOOK_API_KEY=whk_123 cargo run -p example-tower`.
//!
//! `LIPDUB_BIND` says where to listen (127.0.0.1:3000), and `REDIS_URL` where to remember events, if not in
//! memory. LipDub delivers to `/webhooks/lipdub`.

#![allow(clippy::print_stdout, reason = "an application prints what it likes")]

use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::{server::graceful::GracefulShutdown, service::TowerToHyperService};
use lipdub_tower::{RedisStore, Webhook, WebhookLayer};
use tokio::time::{sleep, timeout};
use tower::{Layer as _, service_fn};

type BoxError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let webhook = webhook().await?;
    let service = WebhookLayer::new(webhook.clone()).layer(service_fn(application));

    let bind = env::var("LIPDUB_BIND").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(bind).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let connections = GracefulShutdown::new();
    let mut asked_to_stop = std::pin::pin!(asked_to_stop());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            asked = &mut asked_to_stop => break asked?,
        };
        let Ok((stream, _)) = accepted else {
            sleep(Duration::from_millis(100)).await; // out of file descriptors, say
            continue;
        };
        let service = TowerToHyperService::new(service.clone());
        let mut http = http1::Builder::new();
        let connection = http.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connections.watch(connection));
    }
    // First the connections, then the handlers, which outlive them.
    let _ = timeout(Duration::from_secs(5), connections.shutdown()).await;
    webhook.drain(Duration::from_secs(20)).await;
    Ok(())
}

/// The application itself, which the webhook is laid around.
async fn application(_request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::from("This application has a webhook.")))
}

/// What you do with LipDub's events.
async fn webhook() -> Result<Webhook, BoxError> {
    let mut webhook = Webhook::builder()
        .api_key(env::var("LIPDUB_WEBHOOK_API_KEY").map_err(|_| "set LIPDUB_WEBHOOK_API_KEY")?)
        .on_render_complete(|event| async move {
            println!("render {:?} is finished", event.data.generate_id);
            Ok(())
        })
        .on_failure(|failure| eprintln!("{}: {}", failure.event_type, failure.error.inner()));
    if let Ok(url) = env::var("REDIS_URL") {
        webhook = webhook.dedupe(RedisStore::connect(url).await?);
    }
    Ok(webhook.build()?)
}

/// Waits for Ctrl-C, or where there is such a thing, for SIGTERM.
async fn asked_to_stop() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
