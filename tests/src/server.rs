use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use lipdub_core::Webhook;
use lipdub_tower::WebhookLayer;
use tower::{Layer as _, service_fn};

/// Which adapter, and which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framework {
    /// `lipdub_axum::router` on `axum::serve`.
    Axum,
    /// `lipdub_actix::routes` on actix's own server, with two workers.
    Actix,
    /// `lipdub_tower::WebhookLayer` on hyper, with no framework.
    Tower,
}

impl Framework {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Axum, Self::Actix, Self::Tower];
}

/// A server on a free port of the loopback interface; it ends with the test.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts a server for a webhook at the default path.
    pub fn start(framework: Framework, webhook: Webhook) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        match framework {
            Framework::Axum => start_axum(listener, axum::Router::new().merge(lipdub_axum::router(webhook))),
            Framework::Actix => start_actix(listener, move |config| {
                config.service(lipdub_actix::routes(webhook.clone()));
            }),
            Framework::Tower => start_hyper(listener, webhook),
        }
        Self { address }
    }

    /// Starts axum with this router.
    pub fn axum(router: axum::Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        start_axum(listener, router);
        Self { address }
    }

    /// Starts actix-web with this configuration.
    pub fn actix(configure: impl Fn(&mut actix_web::web::ServiceConfig) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        start_actix(listener, configure);
        Self { address }
    }
}

fn start_axum(listener: TcpListener, router: axum::Router) {
    listener.set_nonblocking(true).expect("a socket");
    let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
    tokio::spawn(async move { axum::serve(listener, router).await });
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

fn start_hyper(listener: TcpListener, webhook: Webhook) {
    listener.set_nonblocking(true).expect("a socket");
    let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
    let application = service_fn(|_request: Request<hyper::body::Incoming>| async {
        let mut response = Response::new(Full::<Bytes>::from("not found"));
        *response.status_mut() = hyper::StatusCode::NOT_FOUND;
        Ok::<_, Infallible>(response)
    });
    let service = TowerToHyperService::new(WebhookLayer::new(webhook).layer(application));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new());
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service.clone()));
        }
    });
}
