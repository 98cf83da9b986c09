//! Run with `cargo run -p example-axum-callbacks`.
//!
//! An order is placed, a render is asked for with a callback URL that is signed for the order, and the event
//! that comes there says which order is finished. LipDub is played by the one in the box.

#![allow(clippy::print_stdout, reason = "an application prints what it likes")]

use std::error::Error;
use std::time::Duration;

use axum::Router;
use lipdub_axum::testing::{HttpTarget, LipDub, sample};
use lipdub_axum::{CallbackUrl, JobLinks, SigningKey, Source, Webhook};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

type BoxError = Box<dyn Error + Send + Sync>;

/// Where the world reaches the webhook. LipDub calls nothing but https and public hosts.
const PUBLIC_URL: &str = "https://hooks.example.com/webhooks/lipdub";

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    // `openssl rand -base64 32` makes one. It is yours alone; LipDub never sees it.
    let links = JobLinks::new(PUBLIC_URL, SigningKey::new("VPZ8UpBCsY3j6RhVrxlDmJW0bUq1oa5Yz9kKcGtFtA4=")?)?;
    let (finished, mut orders) = mpsc::unbounded_channel();
    let webhook = Webhook::builder()
        .api_key("whk_123")
        .job_links(links.clone())
        .on_render_complete(move |event| {
            let finished = finished.clone();
            async move {
                match event.source {
                    Source::Job(order) => finished.send((order, event.data.download_url))?,
                    source => println!("a render that no order asked for, by {source:?}"),
                }
                Ok(())
            }
        })
        .build()?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let lipdub = PretendedLipDub::at(&format!("http://{}/webhooks/lipdub", listener.local_addr()?))?;
    let application: Router = Router::new().merge(lipdub_axum::router(webhook.clone()));
    tokio::spawn(async move { axum::serve(listener, application).await });

    for order in ["7", "8, with a slash / and an ü"] {
        lipdub.create_render(order, links.mint(order)?).await;
        if let Some((order, url)) = orders.recv().await {
            println!(
                "order {order} is finished: {}",
                url.map_or("no link".to_owned(), |url| format!("{url:?}"))
            );
        }
    }
    webhook.drain(Duration::from_secs(5)).await;
    Ok(())
}

/// What stands for LipDub's REST API here.
struct PretendedLipDub(LipDub);

impl PretendedLipDub {
    fn at(webhook: &str) -> Result<Self, BoxError> {
        Ok(Self(LipDub::builder(HttpTarget::new(webhook)?).build()))
    }

    /// In earnest: `POST …/generate` with the URL as `callback_url`, for which it is serialisable.
    async fn create_render(&self, order: &str, callback_url: CallbackUrl) {
        println!(
            "order {order} is placed, and LipDub is asked to call {}",
            JobLinks::redact(callback_url.as_str())
        );
        self.0.deliver(&sample::render_complete().callback_url(callback_url)).await;
    }
}
