//! Receivers of other webhooks. None of them knows duplicates.

use std::convert::Infallible;
use std::io::Write as _;
use std::sync::Arc;

use axum::routing::{post, post_service};
use axum::{Extension, Router};
use pretix_webhook::{BasicAuthCredential, WebhookServiceBuilder};
use pretix_webhook_events::WebhookEvent;
use slack_morphism::axum_support::{SlackEventsAxumListener, SlackEventsExtractors};
use slack_morphism::hyper_tokio::SlackClientHyperConnector;
use slack_morphism::prelude::*;
use tokio::net::TcpListener;
use tower::ServiceBuilder;

use crate::BoxError;

const PATH: &str = "/webhooks/lipdub";

pub(crate) async fn serve(receiver: &str, secret: &str) -> Result<(), BoxError> {
    let application = match receiver {
        "pretix-webhook" => pretix(secret),
        "slack-morphism" => slack(secret),
        _ => return Err("there is no such receiver".into()),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    Ok(axum::serve(listener, application).await?)
}

fn pretix(secret: &str) -> Router {
    let service = WebhookServiceBuilder::new()
        .require_basic_auth([BasicAuthCredential::new("lipdub", secret)])
        .build(|event: WebhookEvent| async move {
            std::hint::black_box(event.notification_id());
            Ok::<_, Infallible>(())
        });
    Router::new().route(PATH, post_service(service))
}

fn slack(secret: &str) -> Router {
    // It is never called.
    let connector = hyper_util::client::legacy::connect::HttpConnector::new();
    let client = Arc::new(SlackClient::new(SlackClientHyperConnector::with_connector(connector)));
    let listener = SlackEventsAxumListener::new(Arc::new(SlackClientEventsListenerEnvironment::new(client)));
    let layer = listener
        .events_layer(&SlackSigningSecret::new(secret.to_owned()))
        .with_event_extractor(SlackEventsExtractors::push_event());
    let handler = post(|Extension(event): Extension<SlackPushEvent>| async move {
        std::hint::black_box(&event);
        axum::http::StatusCode::OK
    });
    Router::new().route(PATH, handler.layer(ServiceBuilder::new().layer(layer)))
}
