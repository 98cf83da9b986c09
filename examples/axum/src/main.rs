//! Run with `LIPDUB_WEBHOOK_API_KEY=whk_123 cargo run -p example-axum`.
//!
//! `LIPDUB_BIND` says where to listen (127.0.0.1:3000), and `REDIS_URL` where to remember events, if not in
//! memory. LipDub delivers to `/webhooks/lipdub`.

#![allow(clippy::print_stdout, reason = "an application prints what it likes")]

use std::env;
use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use lipdub_axum::{RedisStore, Webhook};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

type BoxError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let webhook = webhook().await?;
    let application: Router = Router::new()
        .route("/", get(|| async { "This application has a webhook." }))
        .merge(lipdub_axum::router(webhook.clone()));

    let bind = env::var("LIPDUB_BIND").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(bind).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, application).with_graceful_shutdown(async { drop(stopped.await) });
    let server = tokio::spawn(server.into_future());

    asked_to_stop().await?;
    drop(stop);
    // First the server, but not for ever: one stalled connection would hold it.
    let _ = timeout(Duration::from_secs(5), server).await;
    // Then the handlers, which outlive their connections.
    webhook.drain(Duration::from_secs(20)).await;
    Ok(())
}

/// What you do with LipDub's events.
async fn webhook() -> Result<Webhook, BoxError> {
    let mut webhook = Webhook::builder()
        .api_key(env::var("LIPDUB_WEBHOOK_API_KEY").map_err(|_| "set LIPDUB_WEBHOOK_API_KEY")?)
        .on_render_complete(|event| async move {
            println!("render {:?} is finished", event.data.generate_id);
            Ok(())
        })
        .on_render_failed(|event| async move {
            println!("render {:?} failed", event.data.generate_id);
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
