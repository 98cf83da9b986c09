//! The same handler, written for each framework by a user who does not want closures.

use std::convert::Infallible;

use actix_web::http::StatusCode as ActixStatus;
use axum::body::Body;
use axum::extract::{FromRef, State};
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::any;
use lipdub_core::{Event, Received, Receiver};
use lipdub_tower::{ClientErrors, DEFAULT_PATH, DedupeLayer};
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

use crate::receiver::OwnHandler;

#[derive(Clone)]
struct Application {
    receiver: Receiver,
    handler: OwnHandler,
}

impl FromRef<Application> for Receiver {
    fn from_ref(application: &Application) -> Self {
        application.receiver.clone()
    }
}

async fn on_event(
    State(application): State<Application>,
    lipdub_axum::LipDub(event): lipdub_axum::LipDub<Event>,
) -> impl IntoResponse {
    let (code, body) = application.handler.handle(event).await;
    (StatusCode::from_u16(code).expect("a code"), body)
}

pub(crate) fn axum(receiver: Receiver, handler: OwnHandler) -> axum::Router {
    axum::Router::new().route(DEFAULT_PATH, any(on_event)).with_state(Application { receiver, handler })
}

pub(crate) fn axum_under_layer(receiver: Receiver, handler: OwnHandler) -> axum::Router {
    let layer = DedupeLayer::new(receiver.clone()).client_errors(ClientErrors::Permanent);
    let router = axum::Router::new().route(DEFAULT_PATH, any(on_event).layer(layer));
    router.with_state(Application { receiver, handler })
}

pub(crate) fn actix(
    receiver: Receiver,
    handler: OwnHandler,
) -> impl Fn(&mut actix_web::web::ServiceConfig) + Clone + Send + 'static {
    move |config| {
        let handler = handler.clone();
        let on_event = move |lipdub_actix::LipDub(event): lipdub_actix::LipDub<Event>| {
            let handler = handler.clone();
            async move {
                let (code, body) = handler.handle(event).await;
                actix_web::HttpResponse::build(ActixStatus::from_u16(code).expect("a code")).body(body)
            }
        };
        config
            .app_data(receiver.clone())
            .service(actix_web::web::resource(lipdub_actix::DEFAULT_PATH).to(on_event));
    }
}

/// A service without a framework; what comes from hyper is made a body that can be put together again.
pub(crate) fn tower(
    receiver: Receiver,
    handler: OwnHandler,
) -> impl Service<
    Request<hyper::body::Incoming>,
    Response = Response<impl hyper::body::Body<Data = bytes::Bytes, Error = Infallible> + Send>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Send {
    let service = service_fn(move |request: Request<Body>| {
        let handler = handler.clone();
        async move {
            let received = request.extensions().get::<Received>().expect("the layer puts it there");
            let (code, body) = match received.event() {
                Ok(event) => handler.handle(event).await,
                Err(_) => (500, String::new()),
            };
            let mut response = Response::new(http_body_util::Full::<bytes::Bytes>::from(body));
            *response.status_mut() = StatusCode::from_u16(code).expect("a code");
            Ok::<_, Infallible>(response)
        }
    });
    let deduped = DedupeLayer::new(receiver).client_errors(ClientErrors::Permanent).layer(service);
    deduped.map_request(|request: Request<hyper::body::Incoming>| request.map(Body::new))
}
