//! Run with `LIPDUB_WEBHOOK_API_KEY=whk_123 cargo run -p example-actix`.
//!
//! `LIPDUB_BIND` says where to listen (127.0.0.1:3000), and `REDIS_URL` where to remember events, if not in
//! memory. LipDub delivers to `/webhooks/lipdub`.

#![allow(clippy::print_stdout, reason = "an application prints what it likes")]

use std::env;
use std::error::Error;
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use lipdub_actix::{RedisStore, Webhook};

type BoxError = Box<dyn Error + Send + Sync>;

#[actix_web::main]
async fn main() -> Result<(), BoxError> {
    let webhook = webhook().await?;
    let application = {
        // One webhook for all workers: its clones share what they remember.
        let webhook = webhook.clone();
        move || {
            App::new()
                .route("/", web::get().to(|| async { "This application has a webhook." }))
                .service(lipdub_actix::routes(webhook.clone()))
        }
    };

    let bind = env::var("LIPDUB_BIND").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let server = HttpServer::new(application).disable_signals().shutdown_timeout(5).bind(bind)?;
    println!("listening on {:?}", server.addrs());
    let server = server.run();
    let (handle, server) = (server.handle(), actix_web::rt::spawn(server));

    asked_to_stop().await?;
    // First the handlers: they run on the server's workers, and would end with them.
    webhook.drain(Duration::from_secs(20)).await;
    // Then the server, so that whoever still waits is answered.
    handle.stop(true).await;
    server.await??;
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
