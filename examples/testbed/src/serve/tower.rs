use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use lipdub_core::Webhook;
use lipdub_tower::WebhookLayer;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tower::{Layer as _, service_fn};

use crate::{BoxError, SERVER_GRACE};

pub(crate) async fn until(
    asked_to_stop: impl Future<Output = ()>,
    listener: TcpListener,
    webhook: &Webhook,
) -> Result<(), BoxError> {
    let service = WebhookLayer::new(webhook.clone()).layer(service_fn(application));
    let connections = GracefulShutdown::new();
    let mut asked_to_stop = std::pin::pin!(asked_to_stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut asked_to_stop => break,
        };
        let Ok((stream, _peer)) = accepted else {
            // Out of file descriptors, say; there is nothing to wait for but time.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let service = TowerToHyperService::new(service.clone());
        let connection =
            http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connections.watch(connection));
    }
    drop(listener);
    drop(timeout(SERVER_GRACE, connections.shutdown()).await);
    Ok(())
}

async fn application(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    match request.uri().path() {
        "/healthz" => *response.body_mut() = Full::from("ok"),
        _ => *response.status_mut() = StatusCode::NOT_FOUND,
    }
    Ok(response)
}
