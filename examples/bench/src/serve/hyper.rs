use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use lipdub_tower::WebhookLayer;
use tokio::net::TcpListener;
use tower::{Layer as _, Service, service_fn};

use super::receivers::webhook;
use super::{listen, no_such_server};
use crate::BoxError;
use crate::options::{Receiver, Serve};

pub(super) async fn serve(options: &Serve) -> Result<(), BoxError> {
    match webhook(options).await? {
        Some(webhook) => {
            connections(listen().await?, WebhookLayer::new(webhook).layer(service_fn(bare))).await
        }
        None if options.receiver == Receiver::Bare => connections(listen().await?, service_fn(bare)).await,
        None => Err(no_such_server(options)),
    }
}

async fn connections<S, B>(listener: TcpListener, service: S) -> Result<(), BoxError>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Error: Into<BoxError>, Data: Send> + Send + 'static,
{
    loop {
        let (stream, _peer) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        let connection =
            http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connection);
    }
}

async fn bare(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    if request.into_body().collect().await.is_err() {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(response)
}
