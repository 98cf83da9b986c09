//! Run with `LIPDUB_WEBHOOK_API_KEY=whk_123 cargo run -p example-axum-inbox`.
//!
//! Each event is stored and answered at once, and handled later, for as long as that takes. `LIPDUB_BIND` says where to
//! listen (127.0.0.1:3000), and `LIPDUB_INBOX` in which file events are kept (lipdub-inbox.db).

#![allow(clippy::print_stdout, reason = "an application prints what it likes")]

use std::env;
use std::error::Error;
use std::time::Duration;

use axum::Router;
use lipdub_axum::inbox::Order;
use lipdub_axum::{HandlerError, SqliteInbox, Webhook};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

type BoxError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let file = env::var("LIPDUB_INBOX").unwrap_or_else(|_| "lipdub-inbox.db".to_owned());
    let webhook = Webhook::builder()
        .api_key(env::var("LIPDUB_WEBHOOK_API_KEY").map_err(|_| "set LIPDUB_WEBHOOK_API_KEY")?)
        .inbox(SqliteInbox::open(file).await?)
        .on_render_complete(|event| async move {
            let Some(_url) = &event.data.download_url else {
                return Err(HandlerError::permanent("nothing to download")); // a dead letter
            };
            // Download, transcode, mail a customer. What fails is tried again later; `event.attempt` counts.
            sleep(Duration::from_secs(30)).await;
            println!("render {:?} is booked", event.data.generate_id);
            Ok(())
        })
        .on_failure(|failure| eprintln!("{}: {}", failure.event_type, failure.error.inner()))
        .build()?;

    let (stop, stopped) = watch::channel(());
    let stopped = || {
        let mut stopped = stopped.clone();
        async move { drop(stopped.changed().await) }
    };
    // Here or in a process of its own: any number of workers may work on one inbox.
    let worker = webhook.worker().concurrency(4).order(Order::PerJob { behind_dead: false });
    let worker = tokio::spawn(worker.run_until(stopped()));

    let bind = env::var("LIPDUB_BIND").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(bind).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let application: Router = Router::new().merge(lipdub_axum::router(webhook.clone()));
    let server = axum::serve(listener, application).with_graceful_shutdown(stopped());
    let server = tokio::spawn(server.into_future());

    tokio::signal::ctrl_c().await?;
    drop(stop);
    // The worker waits up to 30 s for what runs, and gives back what is left.
    let _ = timeout(Duration::from_secs(5), server).await;
    webhook.drain(Duration::from_secs(5)).await;
    Ok(worker.await??)
}
