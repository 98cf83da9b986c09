use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use lipdub_core::Webhook;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::{BoxError, SERVER_GRACE};

pub(crate) async fn until(
    asked_to_stop: impl Future<Output = ()>,
    listener: TcpListener,
    webhook: &Webhook,
) -> Result<(), BoxError> {
    let application: Router = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .merge(lipdub_axum::router(webhook.clone()));

    let (stop, stopped) = oneshot::channel::<()>();
    let serving = axum::serve(listener, application).with_graceful_shutdown(async { drop(stopped.await) });
    let server = tokio::spawn(serving.into_future());
    asked_to_stop.await;
    drop(stop);
    // axum itself would wait for the slowest connection, for ever if need be.
    match timeout(SERVER_GRACE, server).await {
        Ok(ended) => Ok(ended??),
        Err(_) => Ok(()),
    }
}
