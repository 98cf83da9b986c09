use actix_web::{App, HttpResponse, HttpServer, web};
use lipdub_core::Webhook;
use tokio::net::TcpListener;

use crate::{BoxError, DRAIN_GRACE, SERVER_GRACE};

pub(crate) async fn until(
    asked_to_stop: impl Future<Output = ()>,
    listener: TcpListener,
    webhook: &Webhook,
) -> Result<(), BoxError> {
    let application = {
        let webhook = webhook.clone();
        move || {
            App::new()
                .route("/healthz", web::get().to(|| async { "ok" }))
                .service(lipdub_actix::routes(webhook.clone()))
                .default_service(web::to(HttpResponse::NotFound))
        }
    };
    let server = HttpServer::new(application)
        .workers(2)
        .disable_signals()
        .shutdown_timeout(SERVER_GRACE.as_secs())
        .listen(listener.into_std()?)?
        .run();
    let (handle, server) = (server.handle(), tokio::spawn(server));
    asked_to_stop.await;
    // Attempts run on actix's workers and end with them, so here the draining comes first.
    webhook.drain(DRAIN_GRACE).await;
    handle.stop(true).await;
    Ok(server.await??)
}
