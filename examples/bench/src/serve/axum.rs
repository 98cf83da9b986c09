use axum::Router;
use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use lipdub_tower::DEFAULT_PATH;

use super::naive::Naive;
use super::receivers::webhook;
use super::writes::Writes;
use super::{listen, no_such_server};
use crate::BoxError;
use crate::options::{Receiver, Serve};

pub(super) async fn serve(options: &Serve) -> Result<(), BoxError> {
    let application = if options.receiver == Receiver::Bare {
        Router::new().route(DEFAULT_PATH, post(bare))
    } else if options.receiver == Receiver::Refuse {
        Router::new().route(DEFAULT_PATH, post(|| async { StatusCode::UNAUTHORIZED }))
    } else if let Some(webhook) = webhook(options).await? {
        Router::new().merge(lipdub_axum::router(webhook))
    } else if let Some(naive) = Naive::new(options).await? {
        Router::new().route(DEFAULT_PATH, post(receive)).with_state(naive)
    } else if let Some(writes) = Writes::new(options).await? {
        Router::new().route(DEFAULT_PATH, post(write)).with_state(writes)
    } else {
        return Err(no_such_server(options));
    };
    Ok(axum::serve(listen().await?, application).await?)
}

async fn bare(headers: HeaderMap, body: Bytes) -> StatusCode {
    // The load of strangers asks for a 401, from which a handler without any check is not exempt.
    std::hint::black_box(&body);
    match headers.get(AUTHORIZATION) {
        Some(value) if value.as_bytes().ends_with(b"else") => StatusCode::UNAUTHORIZED,
        _ => StatusCode::OK,
    }
}

async fn receive(State(naive): State<Naive>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let authorization = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    status(naive.receive(authorization, &body).await)
}

async fn write(State(writes): State<Writes>, body: Bytes) -> StatusCode {
    status(writes.receive(body).await)
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
