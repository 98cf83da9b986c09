use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use lipdub_core::{Drained, Receiver, Webhook};
use lipdub_tower::WebhookLayer;
use tower::{Layer as _, Service, service_fn};

use crate::own_handlers;
use crate::receiver::Setup;

/// Which adapter, which part of it, and which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framework {
    /// `lipdub_axum::router` on `axum::serve`.
    Axum,
    /// `lipdub_actix::routes` on actix's own server, with two workers.
    Actix,
    /// `lipdub_tower::WebhookLayer` on hyper, with no framework.
    Tower,
    /// A handler with `lipdub_axum::LipDub` under `lipdub_axum::DedupeLayer`.
    AxumLayer,
    /// A service under `lipdub_tower::DedupeLayer`, on hyper.
    TowerLayer,
    /// A handler with `lipdub_axum::LipDub` alone.
    AxumExtractor,
    /// A handler with `lipdub_actix::LipDub` alone.
    ActixExtractor,
}

/// A server on a free port of the loopback interface; it ends with the test.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    receives: Receives,
}

/// What is there to be drained.
#[derive(Clone, Debug)]
enum Receives {
    Webhook(Webhook),
    Receiver(Receiver),
    /// What a test has put together by itself.
    Unknown,
}

impl Server {
    /// Starts a server with a receiver at the default path.
    pub fn start(framework: Framework, setup: Setup) -> Self {
        if matches!(framework, Framework::Axum | Framework::Actix | Framework::Tower) {
            return Self::with_webhook(framework, setup.webhook());
        }
        let (receiver, handler) = setup.own();
        let receives = Receives::Receiver(receiver.clone());
        let server = match framework {
            Framework::AxumLayer => Self::axum(own_handlers::axum_under_layer(receiver, handler)),
            Framework::AxumExtractor => Self::axum(own_handlers::axum(receiver, handler)),
            Framework::ActixExtractor => Self::actix(own_handlers::actix(receiver, handler)),
            _ => Self::on_free_port(|listener| start_hyper(listener, own_handlers::tower(receiver, handler))),
        };
        Self { receives, ..server }
    }

    /// Starts a server for a webhook at the default path.
    pub fn with_webhook(framework: Framework, webhook: Webhook) -> Self {
        let receives = Receives::Webhook(webhook.clone());
        let server = match framework {
            Framework::Axum => Self::axum(axum::Router::new().merge(lipdub_axum::router(webhook))),
            Framework::Actix => Self::actix(move |config| {
                config.service(lipdub_actix::routes(webhook.clone()));
            }),
            Framework::Tower => Self::on_free_port(|listener| start_hyper(listener, with_layer(webhook))),
            _ => panic!("a {framework:?} has no webhook"),
        };
        Self { receives, ..server }
    }

    /// Starts axum with this router.
    pub fn axum(router: axum::Router) -> Self {
        Self::on_free_port(|listener| {
            let listener = tokio_listener(listener);
            tokio::spawn(async move { axum::serve(listener, router).await });
        })
    }

    /// Starts actix-web with this configuration.
    pub fn actix(configure: impl Fn(&mut actix_web::web::ServiceConfig) + Clone + Send + 'static) -> Self {
        Self::on_free_port(|listener| start_actix(listener, configure))
    }

    /// Drains the receiver; the server goes on.
    pub async fn drain(&self, timeout: Duration) -> Drained {
        match &self.receives {
            Receives::Webhook(webhook) => webhook.drain(timeout).await,
            Receives::Receiver(receiver) => receiver.drain(timeout).await,
            Receives::Unknown => panic!("the test knows what it has put together"),
        }
    }

    fn on_free_port(start: impl FnOnce(TcpListener)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        start(listener);
        Self { address, receives: Receives::Unknown }
    }
}

fn start_actix(
    listener: TcpListener,
    configure: impl Fn(&mut actix_web::web::ServiceConfig) + Clone + Send + 'static,
) {
    let (started, has_started) = mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let application = move || actix_web::App::new().configure(configure.clone());
            let server = actix_web::HttpServer::new(application).workers(2).disable_signals();
            let server = server.listen(listener).expect("a socket").run();
            started.send(()).expect("the test waits");
            server.await
        })
    });
    has_started.recv().expect("the server starts");
}

/// An application of nothing but 404, with a webhook in front.
fn with_layer(
    webhook: Webhook,
) -> impl Service<
    Request<hyper::body::Incoming>,
    Response = Response<impl hyper::body::Body<Data = Bytes, Error = Infallible> + Send>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Send {
    let application = service_fn(|_request: Request<hyper::body::Incoming>| async {
        let mut response = Response::new(Full::<Bytes>::from("not found"));
        *response.status_mut() = hyper::StatusCode::NOT_FOUND;
        Ok::<_, Infallible>(response)
    });
    WebhookLayer::new(webhook).layer(application)
}

fn start_hyper<S, B>(listener: TcpListener, service: S)
where
    S: Service<Request<hyper::body::Incoming>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    B: hyper::body::Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let listener = tokio_listener(listener);
    let service = TowerToHyperService::new(service);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new());
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service.clone()));
        }
    });
}

fn tokio_listener(listener: TcpListener) -> tokio::net::TcpListener {
    listener.set_nonblocking(true).expect("a socket");
    tokio::net::TcpListener::from_std(listener).expect("a socket")
}
