use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::web::{Bytes, Data, ServiceConfig, post};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use lipdub_actix::DEFAULT_PATH;

use super::naive::Naive;
use super::receivers::webhook;
use super::{listen, no_such_server};
use crate::BoxError;
use crate::options::{Receiver, Serve};

pub(super) async fn serve(options: &Serve) -> Result<(), BoxError> {
    let receiver = options.receiver;
    let webhook = webhook(options).await?;
    let naive = Naive::new(options).await?;
    let is_plain = matches!(receiver, Receiver::Bare | Receiver::Refuse);
    if !is_plain && webhook.is_none() && naive.is_none() {
        return Err(no_such_server(options));
    }
    let configure = move |service: &mut ServiceConfig| {
        match (&webhook, &naive) {
            (Some(webhook), _) => service.service(lipdub_actix::routes(webhook.clone())),
            (_, Some(naive)) => {
                service.app_data(Data::new(naive.clone())).route(DEFAULT_PATH, post().to(receive))
            }
            _ if receiver == Receiver::Refuse => {
                service.route(DEFAULT_PATH, post().to(|| async { HttpResponse::Unauthorized().finish() }))
            }
            _ => service.route(DEFAULT_PATH, post().to(bare)),
        };
    };
    let listener = listen().await?.into_std()?;
    let application = move || App::new().configure(configure.clone());
    Ok(HttpServer::new(application).disable_signals().listen(listener)?.run().await?)
}

async fn bare(request: HttpRequest, body: Bytes) -> HttpResponse {
    std::hint::black_box(&body);
    match request.headers().get(AUTHORIZATION) {
        Some(value) if value.as_bytes().ends_with(b"else") => HttpResponse::Unauthorized().finish(),
        _ => HttpResponse::Ok().finish(),
    }
}

async fn receive(naive: Data<Naive>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let authorization = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let status = StatusCode::from_u16(naive.receive(authorization, &body).await);
    HttpResponse::new(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
}
