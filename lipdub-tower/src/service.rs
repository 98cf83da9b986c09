use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::header::{HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body::Body;
use lipdub_core::{Answer, Head, Received, Receiver, Webhook};
use tower_service::Service;

use crate::body::WebhookBody;
use crate::future::ResponseFuture;

/// Answers every request as a delivery from LipDub.
///
/// For a path of its own: `Router::route_service` of axum, or a hyper server that receives nothing else. Where
/// other requests come too, a [`WebhookLayer`](crate::WebhookLayer) tells them apart.
///
/// The body may be of any type. Handlers run as tasks of their own, so it must be called within a tokio
/// runtime.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, StatusCode};
/// use http_body_util::Full;
/// use lipdub_tower::{Webhook, WebhookService};
/// use tower::ServiceExt as _;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let webhook = Webhook::builder()
///     .api_key("whk_123")
///     .on_render_complete(|_event| async { Ok(()) })
///     .build()?;
///
/// let delivery = Request::post("/")
///     .header("authorization", "Bearer whk_123")
///     .body(Full::<Bytes>::from(r#"{"event_type": "VIDEO_RENDER_COMPLETE"}"#))?;
/// let response = WebhookService::new(webhook).oneshot(delivery).await?;
/// assert_eq!(response.status(), StatusCode::OK);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct WebhookService {
    webhook: Webhook,
}

impl WebhookService {
    /// Makes a service of a webhook.
    pub fn new(webhook: Webhook) -> Self {
        Self { webhook }
    }
}

impl<B> Service<Request<B>> for WebhookService
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<WebhookBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        deliver(&self.webhook, request)
    }
}

/// Takes a request for a delivery, and gives the event to a handler of yours. It is not deduped.
///
/// For a service that wants to do the rest by itself; a [`DedupeLayer`](crate::DedupeLayer) remembers what was handled.
///
/// # Errors
///
/// The [`Answer`] to give, which [`response`] makes a response of.
///
/// # Cancel safety
///
/// What was read of the body is lost if the future is dropped; nothing else has happened.
pub fn receive<B>(
    receiver: &Receiver,
    request: Request<B>,
) -> impl Future<Output = Result<Received, Answer>> + Send + use<B>
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    let begun = receiver.begin(&head(&request));
    let body = request.into_body();
    async move {
        let inbound = begun?;
        let mut body = pin!(body);
        let body = inbound.read(|context| poll_chunk(body.as_mut(), context)).await?;
        inbound.receive(body)
    }
}

/// Takes a request as a delivery.
pub(crate) fn deliver<B>(webhook: &Webhook, request: Request<B>) -> ResponseFuture
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    let delivery = match webhook.begin(&head(&request)) {
        Ok(delivery) => delivery,
        Err(answer) => return ResponseFuture::answered(answer),
    };
    // The rest of the request has done its part, and need not be kept until the answer.
    let body = request.into_body();
    ResponseFuture::delivering(async move {
        let mut body = pin!(body);
        match delivery.read(|context| poll_chunk(body.as_mut(), context)).await {
            Ok(body) => delivery.run(body, |task| drop(tokio::spawn(task))).await,
            Err(answer) => answer,
        }
    })
}

/// What core has to know of a request before its body is read.
pub(crate) fn head<B>(request: &Request<B>) -> Head<'_> {
    Head::new(request.method().as_str(), request.headers()).path(request.uri().path())
}

/// The next chunk of data; trailers are of no interest.
pub(crate) fn poll_chunk<B: Body>(
    mut body: Pin<&mut B>,
    context: &mut Context<'_>,
) -> Poll<Option<Result<Bytes, B::Error>>> {
    loop {
        let Some(frame) = ready!(body.as_mut().poll_frame(context)) else { return Poll::Ready(None) };
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(mut data)) => {
                let length = data.remaining();
                return Poll::Ready(Some(Ok(data.copy_to_bytes(length))));
            }
            Ok(Err(_trailers)) => {}
            Err(error) => return Poll::Ready(Some(Err(error))),
        }
    }
}

/// The response that an answer is, with the same bytes from each adapter.
pub fn response(answer: Answer) -> Response<WebhookBody> {
    let mut response = Response::new(WebhookBody::new(answer.body()));
    *response.status_mut() = StatusCode::from_u16(answer.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers() {
        let value = match value {
            Cow::Borrowed(value) => Ok(HeaderValue::from_static(value)),
            Cow::Owned(value) => HeaderValue::try_from(value),
        };
        if let Ok(value) = value {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}
