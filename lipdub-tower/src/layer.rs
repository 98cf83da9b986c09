use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use lipdub_core::Webhook;
use tower_layer::Layer;
use tower_service::Service;

use crate::DEFAULT_PATH;
use crate::body::LayerBody;
use crate::future::LayerFuture;
use crate::service::deliver;

/// Takes LipDub's deliveries at its path, and hands everything else to the inner service untouched.
///
/// If the webhook takes job links, `PATH/jobs/JOB/TOKEN` is taken, too.
///
/// Every method on the path belongs to the webhook, so a `GET` there is answered 405. The path is compared
/// with the request's exactly; where a router has cut off a prefix, as in axum's `nest`, it is compared with
/// the rest. With axum use `Router::layer`, not `route_layer`, which sees only paths that have a route.
///
/// A delivery waits until the inner service is ready, as any request does.
///
/// # Examples
///
/// ```
/// use std::convert::Infallible;
///
/// use bytes::Bytes;
/// use http::{Request, Response, StatusCode};
/// use http_body_util::Full;
/// use lipdub_tower::{Webhook, WebhookLayer};
/// use tower::{Layer as _, ServiceExt as _, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let webhook = Webhook::builder()
///     .api_key("whk_123")
///     .on_render_complete(|_event| async { Ok(()) })
///     .build()?;
///
/// let application = service_fn(|_request: Request<Full<Bytes>>| async {
///     Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("hello")))
/// });
/// let service = WebhookLayer::new(webhook).layer(application);
///
/// let delivery = Request::post("/webhooks/lipdub").body(Full::default())?;
/// let response = service.clone().oneshot(delivery).await?;
/// assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
///
/// let other = Request::get("/").body(Full::default())?;
/// assert_eq!(service.oneshot(other).await?.status(), StatusCode::OK);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct WebhookLayer {
    webhook: Webhook,
    path: Arc<str>,
}

impl WebhookLayer {
    /// Takes deliveries at [`DEFAULT_PATH`], which is `/webhooks/lipdub`.
    pub fn new(webhook: Webhook) -> Self {
        Self { webhook, path: DEFAULT_PATH.into() }
    }

    /// Takes deliveries at this path, which begins with a slash.
    #[must_use]
    pub fn path(mut self, path: impl Into<Arc<str>>) -> Self {
        self.path = path.into();
        self
    }
}

impl<S> Layer<S> for WebhookLayer {
    type Service = WithWebhook<S>;

    fn layer(&self, inner: S) -> WithWebhook<S> {
        WithWebhook { inner, webhook: self.webhook.clone(), path: Arc::clone(&self.path) }
    }
}

/// A service that takes LipDub's deliveries too. Made by a [`WebhookLayer`].
#[derive(Clone, Debug)]
pub struct WithWebhook<S> {
    inner: S,
    webhook: Webhook,
    path: Arc<str>,
}

impl<S> WithWebhook<S> {
    fn takes(&self, path: &str) -> bool {
        let job_link = || path.strip_prefix(self.path.trim_end_matches('/'));
        path == &*self.path || self.webhook.takes_job_links() && job_link().is_some_and(is_job_link)
    }
}

impl<S, B, R> Service<Request<B>> for WithWebhook<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data = Bytes>,
    B: Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<LayerBody<R>>;
    type Error = S::Error;
    type Future = LayerFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if self.takes(request.uri().path()) {
            LayerFuture::webhook(deliver(&self.webhook, request))
        } else {
            LayerFuture::inner(self.inner.call(request))
        }
    }
}

/// Whether what follows the webhook's path is `/jobs/JOB/TOKEN`.
fn is_job_link(rest: &str) -> bool {
    let segments = rest.strip_prefix("/jobs/").and_then(|rest| rest.split_once('/'));
    segments.is_some_and(|(job, token)| !job.is_empty() && !token.is_empty() && !token.contains('/'))
}
