//! Handlers that are written by the user: the extractors, and the layer that dedupes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use axum::routing::post as on_post;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use lipdub_core::{ConfigError, Event, JobLinks, Receiver, RenderComplete, SigningKey, Source, Webhook};
use lipdub_tests::{Framework, KEY, Reply, Server, event, on_each, post, receiver, send};
use lipdub_tower::{ClientErrors, Dedupe, DedupeLayer, Received};
use serde_json::{Value, json};
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _, service_fn};

fn a_receiver() -> Receiver {
    Webhook::builder().api_key(KEY).build_receiver().unwrap()
}

fn delivery(id: u64) -> Request<Body> {
    Request::post("/")
        .header("x-api-key", KEY)
        .header("x-own", "header")
        .body(Body::from(event(json!({ "id": id }))))
        .unwrap()
}

/// A service that answers with the code that is set, and how often it was called.
fn answering(
    code: &Arc<AtomicU16>,
    calls: &Arc<AtomicUsize>,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    let (code, calls) = (Arc::clone(code), Arc::clone(calls));
    service_fn(move |_request: Request<Body>| {
        calls.fetch_add(1, Ordering::SeqCst);
        let response = Response::builder()
            .status(code.load(Ordering::SeqCst))
            .header("x-from", "the inner service")
            .body(Body::from("its body"))
            .unwrap();
        async move { Ok(response) }
    })
}

async fn text(body: impl hyper::body::Body<Data = Bytes, Error: std::fmt::Debug>) -> String {
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn the_response_settles_the_event_and_is_what_lipdub_sees() {
    let its_own = |code| (code, "its body".to_owned());
    let rejected = (200, r#"{"status":"rejected"}"#.to_owned());
    let duplicate = (200, r#"{"status":"duplicate"}"#.to_owned());
    let table = [
        (200, ClientErrors::Retry, its_own(200), Some(&duplicate)),
        (204, ClientErrors::Retry, its_own(204), Some(&duplicate)),
        (299, ClientErrors::Permanent, its_own(299), Some(&duplicate)),
        (302, ClientErrors::Permanent, its_own(302), None),
        (400, ClientErrors::Retry, its_own(400), None),
        (422, ClientErrors::Retry, its_own(422), None),
        (400, ClientErrors::Permanent, rejected.clone(), Some(&duplicate)),
        (499, ClientErrors::Permanent, rejected, Some(&duplicate)),
        (500, ClientErrors::Permanent, its_own(500), None),
        (503, ClientErrors::Retry, its_own(503), None),
    ];
    for (code, client_errors, first, second) in table {
        let (codes, calls) = (Arc::new(AtomicU16::new(code)), Arc::default());
        let layer = DedupeLayer::new(a_receiver()).client_errors(client_errors);
        let service = layer.layer(answering(&codes, &calls));
        let seen = async || {
            let response = service.clone().oneshot(delivery(1)).await.unwrap();
            (response.status().as_u16(), text(response.into_body()).await)
        };
        assert_eq!(seen().await, first, "{code}");
        codes.store(200, Ordering::SeqCst);
        assert_eq!(seen().await, *second.unwrap_or(&its_own(200)), "{code}");
        assert_eq!(calls.load(Ordering::SeqCst), if second.is_some() { 1 } else { 2 }, "{code}");
    }
}

#[tokio::test]
async fn headers_and_body_of_the_inner_response_arrive() {
    let service =
        DedupeLayer::new(a_receiver()).layer(answering(&Arc::new(AtomicU16::new(201)), &Arc::default()));
    let response = service.oneshot(delivery(1)).await.unwrap();
    assert_eq!(response.headers()["x-from"], "the inner service");
    assert_eq!(text(response.into_body()).await, "its body");
}

#[tokio::test]
async fn the_inner_service_gets_the_request_as_it_came_and_the_event() {
    let service = DedupeLayer::new(a_receiver()).layer(service_fn(|request: Request<Body>| async move {
        let (parts, body) = request.into_parts();
        let received = parts.extensions.get::<Received>().unwrap();
        let event = received.event::<RenderComplete>().unwrap();
        let decoded = received.event().and_then(Event::decode::<RenderComplete>).unwrap();
        assert_eq!((decoded.key, &decoded.data, &decoded.raw), (event.key, &event.data, &event.raw));
        assert!(received.event().and_then(Event::decode::<u64>).is_err());
        assert_eq!((parts.method, parts.uri.path()), (Method::POST, "/"));
        assert_eq!(parts.headers["x-own"], "header");
        assert_eq!(text(body).await.as_bytes(), event.raw);
        assert_eq!((event.attempt, event.key), (1, received.key()));
        assert_eq!(event.source, Source::Tenant);
        Ok::<_, Infallible>(Response::new(Body::empty()))
    }));
    assert_eq!(service.oneshot(delivery(1)).await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_error_of_the_inner_service_is_a_failure_and_is_passed_on() {
    let fails = Arc::new(AtomicBool::new(true));
    let service = DedupeLayer::new(a_receiver()).layer(service_fn({
        let fails = Arc::clone(&fails);
        move |_request: Request<Body>| {
            let fails = fails.load(Ordering::SeqCst);
            async move { if fails { Err("it is broken") } else { Ok(Response::new(Body::empty())) } }
        }
    }));
    assert_eq!(service.clone().oneshot(delivery(1)).await.unwrap_err(), "it is broken");
    fails.store(false, Ordering::SeqCst);
    assert_eq!(text(service.clone().oneshot(delivery(1)).await.unwrap().into_body()).await, "");
    let again = service.oneshot(delivery(1)).await.unwrap();
    assert_eq!(text(again.into_body()).await, r#"{"status":"duplicate"}"#);
}

/// A service that must not be called before it was polled ready, clones of which are not.
#[derive(Debug, Default)]
struct Particular {
    is_ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Clone for Particular {
    fn clone(&self) -> Self {
        Self { is_ready: false, calls: Arc::clone(&self.calls) }
    }
}

impl Service<Request<Body>> for Particular {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<Body>) -> Self::Future {
        assert!(self.is_ready, "called before it was ready");
        self.calls.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok(Response::new(Body::empty())))
    }
}

#[tokio::test]
async fn it_is_the_service_that_was_ready_that_is_called() {
    let particular = Particular::default();
    let calls = Arc::clone(&particular.calls);
    let mut service = DedupeLayer::new(a_receiver()).layer(particular);
    for id in 0..3 {
        service.ready().await.unwrap();
        assert_eq!(service.call(delivery(id)).await.unwrap().status(), 200);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_inner_service_that_takes_one_at_a_time_is_never_waited_for_in_vain() {
    let service = ServiceBuilder::new()
        .layer(DedupeLayer::new(a_receiver()))
        .concurrency_limit(1)
        .service(answering(&Arc::new(AtomicU16::new(200)), &Arc::default()));
    let deliveries: Vec<_> =
        (0..50).map(|id| tokio::spawn(service.clone().oneshot(delivery(id % 10)))).collect();
    for delivery in deliveries {
        assert_eq!(delivery.await.unwrap().unwrap().status(), 200);
    }
}

#[tokio::test]
async fn as_long_as_the_inner_service_is_not_ready_no_delivery_is_taken() {
    let one =
        tower::limit::ConcurrencyLimit::new(answering(&Arc::new(AtomicU16::new(200)), &Arc::default()), 1);
    let mut holder = one.clone();
    holder.ready().await.unwrap();
    let mut service: Dedupe<_> = DedupeLayer::new(a_receiver()).layer(one);
    let is_pending = |service: &mut Dedupe<_>| {
        let mut context = Context::from_waker(std::task::Waker::noop());
        Service::<Request<Body>>::poll_ready(service, &mut context).is_pending()
    };
    assert!(is_pending(&mut service));
    drop(holder);
    assert!(!is_pending(&mut service));
}

on_each! {
    [axum_extractor AxumExtractor, actix_extractor ActixExtractor]

    async fn an_extractor_alone_remembers_nothing_and_counts_no_attempts(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup);
        for _ in 0..2 {
            let reply = send(server.address, post(event(json!({ "id": 1 })))).await.unwrap();
            assert_eq!(reply.status(), "processed");
        }
        assert_eq!(attempts.log(), ["start 1 1", "done 1 1", "start 1 1", "done 1 1"]);
    }
}

#[derive(Debug, serde::Deserialize)]
struct Typed {
    id: u64,
}

fn typed(data: Value) -> Vec<u8> {
    post(event(data))
}

async fn data_of_the_wrong_type_is_a_failure(server: Server) {
    assert_eq!(send(server.address, typed(json!({ "id": 7 }))).await.unwrap().body, "7");
    let reply = send(server.address, typed(json!({ "id": "a secret" }))).await.unwrap();
    assert_eq!((reply.code, reply.status().as_str()), (500, "failed"));
    assert!(!reply.body.contains("secret"));
}

#[tokio::test]
async fn axum_s_extractor_answers_data_of_the_wrong_type_as_a_route_does() {
    use lipdub_axum::LipDub;
    let handler = async |LipDub(event): LipDub<Event<Typed>>| event.data.id.to_string();
    data_of_the_wrong_type_is_a_failure(Server::axum(
        Router::new().route("/webhooks/lipdub", on_post(handler)).with_state(a_receiver()),
    ))
    .await;
}

#[tokio::test]
async fn actix_s_extractor_answers_data_of_the_wrong_type_as_a_route_does() {
    use actix_web::web;
    use lipdub_actix::LipDub;
    let receiver = a_receiver();
    let server = Server::actix(move |config| {
        let handler = async |LipDub(event): LipDub<Event<Typed>>| event.data.id.to_string();
        config.app_data(web::Data::new(receiver.clone())).route("/webhooks/lipdub", web::post().to(handler));
    });
    data_of_the_wrong_type_is_a_failure(server).await;
}

#[tokio::test]
async fn actix_s_extractor_without_a_receiver_keeps_the_event_at_lipdub() {
    use actix_web::web;
    use lipdub_actix::LipDub;
    let server = Server::actix(|config| {
        let handler = async |LipDub(event): LipDub<Event<Typed>>| event.data.id.to_string();
        config.route("/webhooks/lipdub", web::post().to(handler));
    });
    assert_eq!(send(server.address, typed(json!({ "id": 7 }))).await.unwrap().status(), "failed");
}

fn links_and_receiver() -> (JobLinks, Receiver) {
    let links = JobLinks::new("https://hooks.example.com/own", SigningKey::new([1; 32]).unwrap()).unwrap();
    let receiver = Webhook::builder().api_key(KEY).job_links(links.clone()).build_receiver().unwrap();
    (links, receiver)
}

async fn deliver_to(server: &Server, path: &str) -> Reply {
    let body = event(json!({ "id": 1 }));
    let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
    send(server.address, head + &body).await.unwrap()
}

async fn the_job_is_seen(server: Server, links: &JobLinks) {
    let link = links.mint("order 7").unwrap();
    let path = link.as_str().strip_prefix("https://hooks.example.com").unwrap();
    assert_eq!(deliver_to(&server, path).await.body, "order 7");
    assert_eq!(deliver_to(&server, &path.replace("207", "208")).await.status(), "unauthorized");
    assert_eq!(deliver_to(&server, "/own").await.status(), "unauthorized");
}

fn job_of(source: Source) -> String {
    match source {
        Source::Job(job) => job,
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn axum_s_extractor_and_the_layer_take_job_links() {
    use lipdub_axum::LipDub;
    let handler = async |LipDub(event): LipDub<Event>| job_of(event.source);
    for under_layer in [false, true] {
        let (links, receiver) = links_and_receiver();
        let mut on_event = on_post(handler);
        if under_layer {
            on_event = on_event.layer(DedupeLayer::new(receiver.clone()));
        }
        let nested = Router::new().route("/", on_event.clone()).route("/jobs/{job}/{token}", on_event);
        the_job_is_seen(Server::axum(Router::new().nest("/own", nested).with_state(receiver)), &links).await;
    }
}

#[tokio::test]
async fn actix_s_extractor_takes_job_links() {
    use actix_web::web;
    use lipdub_actix::LipDub;
    let (links, receiver) = links_and_receiver();
    let server = Server::actix(move |config| {
        let handler = async |LipDub(event): LipDub<Event>| job_of(event.source);
        let resource = web::resource(["", "/jobs/{job}/{token}"]).route(web::post().to(handler));
        config.app_data(receiver.clone()).service(web::scope("/own").service(resource));
    });
    the_job_is_seen(server, &links).await;
}

#[tokio::test]
async fn other_extractors_see_the_request_too() {
    use lipdub_axum::LipDub;
    let handler =
        async |State(_): State<Receiver>, uri: Uri, headers: HeaderMap, LipDub(event): LipDub<Event>| {
            format!("{} {} {}", uri.path(), headers["x-own"].to_str().unwrap(), event.event_type)
        };
    let receiver = a_receiver();
    let router = Router::new()
        .route("/", on_post(handler).layer(DedupeLayer::new(receiver.clone())))
        .with_state(receiver);
    let response = router.oneshot(delivery(1)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(response.into_body()).await, "/ header VIDEO_RENDER_COMPLETE");
}

#[test]
fn a_receiver_for_handlers_of_one_s_own_takes_no_other_handler() {
    let builder = Webhook::builder().api_key(KEY).fallback(|_event| async { Ok(()) });
    assert_eq!(builder.build_receiver().unwrap_err(), ConfigError::UnusedHandler);
}
