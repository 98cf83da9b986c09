use std::mem;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use lipdub_core::{HandlerError, Received, Receiver, Status};
use tokio::sync::oneshot;
use tower_layer::Layer;
use tower_service::Service;

use crate::body::LayerBody;
use crate::future::DedupeFuture;
use crate::service::{head, poll_chunk, response};

/// Lets a service of your own handle events, each until it has been handled successfully.
///
/// It takes every request that comes to it for a delivery: lets in who may deliver, claims the event, puts it as
/// [`Received`] into the request's extensions, calls the inner service, and settles the event by the response:
///
/// | the inner service | the event | LipDub is answered |
/// |---|---|---|
/// | answers 2xx | is done | with that |
/// | answers 4xx | as [`client_errors`](Self::client_errors) says | |
/// | answers anything else | has failed, and is handled when it comes again | with that |
/// | fails or panics | has failed | with the error, or 500 `failed` |
/// | is not finished at the answer deadline; it goes on | is done or has failed when it ends | 503 `pending` |
///
/// A delivery of an event that is done, that is running, or that may not come in does not reach the inner
/// service; it is answered as [`WebhookService`](crate::WebhookService) would. The inner service goes on in
/// a task of its own as soon as it has to wait, so that a sender who hangs up cuts nothing off, and the lease is
/// renewed while it does.
/// An event counts as handled when the response is there: what its body still does is not waited for.
///
/// The inner service gets the body that was read, with the request as it came. It is called when it is ready,
/// and as long as it is not, no delivery is taken.
///
/// # Examples
///
/// ```
/// use std::convert::Infallible;
///
/// use bytes::Bytes;
/// use http::{Request, Response, StatusCode};
/// use http_body_util::Full;
/// use lipdub_tower::{DedupeLayer, Received, RenderComplete, Webhook};
/// use tower::{Layer as _, ServiceExt as _, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let receiver = Webhook::builder().api_key("whk_123").build_receiver()?;
/// let service = DedupeLayer::new(receiver).layer(service_fn(|request: Request<Full<Bytes>>| async move {
///     let received = request.extensions().get::<Received>();
///     if let Some(Ok(event)) = received.map(Received::event::<RenderComplete>) {
///         println!("attempt {} at render {:?}", event.attempt, event.data.generate_id);
///     }
///     Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
/// }));
///
/// let delivery = Request::post("/")
///     .header("authorization", "Bearer whk_123")
///     .body(Full::from(r#"{"event_type": "VIDEO_RENDER_COMPLETE"}"#))?;
/// assert_eq!(service.oneshot(delivery).await?.status(), StatusCode::OK);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct DedupeLayer {
    receiver: Receiver,
    client_errors: ClientErrors,
}

/// What a response with 4xx means for the event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientErrors {
    /// It has failed and is handled again when it comes again, which it does: LipDub is answered with the 4xx.
    ///
    /// The default, because nothing is lost by it.
    #[default]
    Retry,
    /// It can never be handled: it is done, and LipDub is answered 200 `rejected`.
    Permanent,
}

impl DedupeLayer {
    /// Lets in and remembers as the receiver says.
    pub fn new(receiver: Receiver) -> Self {
        Self { receiver, client_errors: ClientErrors::default() }
    }

    /// What a response with 4xx means. Defaults to [`ClientErrors::Retry`].
    #[must_use]
    pub fn client_errors(mut self, client_errors: ClientErrors) -> Self {
        self.client_errors = client_errors;
        self
    }
}

impl<S> Layer<S> for DedupeLayer {
    type Service = Dedupe<S>;

    fn layer(&self, inner: S) -> Dedupe<S> {
        Dedupe { inner, receiver: self.receiver.clone(), client_errors: self.client_errors }
    }
}

/// A service that handles each event until it has been handled successfully. Made by a [`DedupeLayer`].
#[derive(Clone, Debug)]
pub struct Dedupe<S> {
    inner: S,
    receiver: Receiver,
    client_errors: ClientErrors,
}

impl<S, B, R> Service<Request<B>> for Dedupe<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    R: Body<Data = Bytes> + Send + 'static,
    B: Body + From<Bytes> + Send + 'static,
    B::Data: Send,
{
    type Response = Response<LayerBody<R>>;
    type Error = S::Error;
    type Future = DedupeFuture<R, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // It is the one that was polled that is ready; its clone need not be.
        let next = self.inner.clone();
        let inner = mem::replace(&mut self.inner, next);
        DedupeFuture::new(deliver(&self.receiver, self.client_errors, inner, request))
    }
}

/// Takes a request as a delivery to the inner service.
fn deliver<S, B, R>(
    receiver: &Receiver,
    client_errors: ClientErrors,
    mut inner: S,
    request: Request<B>,
) -> impl Future<Output = Result<Response<LayerBody<R>>, S::Error>> + Send + use<S, B, R>
where
    S: Service<Request<B>, Response = Response<R>> + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    R: Send + 'static,
    B: Body + From<Bytes> + Send + 'static,
    B::Data: Send,
{
    let begun = receiver.begin(&head(&request));
    async move {
        let (mut parts, body) = request.into_parts();
        let taken = async {
            let inbound = begun?;
            let mut body = pin!(body);
            let body = inbound.read(|context| poll_chunk(body.as_mut(), context)).await?;
            Ok((inbound.receive(body.clone())?, inbound, body))
        };
        let (received, inbound, body) = match taken.await {
            Ok(taken) => taken,
            Err(answer) => return Ok(response(answer).map(LayerBody::webhook)),
        };
        let (responded, mut inner_response) = oneshot::channel();
        let work = move |received: Received| async move {
            parts.extensions.insert(received);
            let result = inner.call(Request::from_parts(parts, B::from(body))).await;
            let judged = judge(result.as_ref().ok().map(Response::status), client_errors);
            // Nobody waits for it any longer if the deadline has passed, or the sender has hung up.
            let _ = responded.send(result);
            judged
        };
        let answer = inbound.run(received, work, |task| drop(tokio::spawn(task))).await;
        match (answer.status(), inner_response.try_recv()) {
            (Status::Processed | Status::Failed, Ok(result)) => Ok(result?.map(LayerBody::inner)),
            _ => Ok(response(answer).map(LayerBody::webhook)),
        }
    }
}

/// What a response means for the event; there is none if the service failed.
fn judge(status: Option<StatusCode>, client_errors: ClientErrors) -> Result<(), HandlerError> {
    match status {
        Some(status) if status.is_success() => Ok(()),
        Some(status) if status.is_client_error() && client_errors == ClientErrors::Permanent => {
            Err(HandlerError::permanent(format!("the inner service answered {status}")))
        }
        Some(status) => Err(HandlerError::retry(format!("the inner service answered {status}"))),
        None => Err(HandlerError::retry("the inner service failed")),
    }
}
