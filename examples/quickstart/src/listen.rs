//! Keeps a receiver up, so that a LipDub account or curl can be pointed at it.

use std::time::Duration;

use axum::Router;
use lipdub_axum::{DEFAULT_PATH, Drained, Event, Webhook};
use tokio::net::TcpListener;

use crate::BoxError;

pub(crate) async fn run(address: &str) -> Result<(), BoxError> {
    let listener = TcpListener::bind(address).await?;
    let url = format!("http://{}{DEFAULT_PATH}", listener.local_addr()?);
    let webhook = webhook(&api_key(&url))?;
    let application: Router = Router::new().merge(lipdub_axum::router(webhook.clone()));

    println!("Waiting for events. Ctrl-C ends it.\n");
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    axum::serve(listener, application).with_graceful_shutdown(interrupted).await?;

    // Handlers outlive their connections, so the server does not wait for them.
    match webhook.drain(Duration::from_secs(10)).await {
        Drained::Finished => println!("\nAll handlers have finished."),
        _ => println!("\nSome handlers had to be stopped: LipDub will deliver their events again."),
    }
    Ok(())
}

/// The account's key, or one to try it with. Tells how to deliver something.
fn api_key(url: &str) -> String {
    let configured = std::env::var("LIPDUB_WEBHOOK_API_KEY").ok();
    let key = configured.as_deref().unwrap_or("whk_demo");
    let shown = if configured.is_some() { "$LIPDUB_WEBHOOK_API_KEY" } else { key };
    if configured.is_none() {
        println!("LIPDUB_WEBHOOK_API_KEY is not set, so the key is `{key}`.");
    }
    println!("The receiver is at {url}. To deliver an event by hand:\n");
    println!("curl -i {url} \\");
    println!("  -H \"Authorization: Bearer {shown}\" \\");
    println!("  -d '{{\"event_type\": \"VIDEO_RENDER_COMPLETE\", \"created_at\": \"2026-01-02T03:04:05Z\",");
    println!("       \"data\": {{\"generate_id\": 42}}}}'\n");
    key.to_owned()
}

fn webhook(key: &str) -> Result<Webhook, BoxError> {
    let webhook = Webhook::builder()
        .api_key(key)
        .on_render_complete(|event| async move {
            show(&event, event.data.generate_id.as_ref().map(ToString::to_string));
            Ok(())
        })
        .on_render_failed(|event| async move {
            show(&event, event.data.generate_id.as_ref().map(ToString::to_string));
            Ok(())
        })
        .fallback(|event| async move {
            show(&event, None);
            Ok(())
        })
        .build()?;
    Ok(webhook)
}

/// Prints an event, but not its data: that is your customers', and a download link is a secret.
fn show<T>(event: &Event<T>, generate_id: Option<String>) {
    let render = generate_id.map_or(String::new(), |id| format!(" of render {id}"));
    println!("{}{render} at {}, attempt {}", event.event_type, event.created_at.raw(), event.attempt);
    println!("  key {}", event.key);
}
