//! The futures of the services.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use lipdub_core::Answer;
use pin_project_lite::pin_project;

use crate::body::{LayerBody, WebhookBody};
use crate::service::response;

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The future of a [`WebhookService`](crate::WebhookService).
///
/// # Cancel safety
///
/// It is cancel safe: an attempt that has begun goes on when it is dropped, and its outcome is remembered.
pub struct ResponseFuture {
    kind: ResponseKind,
}

enum ResponseKind {
    /// At once, for its body need not be read.
    Answered(Ready<Answer>),
    Delivering(BoxFuture<Answer>),
}

impl ResponseFuture {
    pub(crate) fn answered(answer: Answer) -> Self {
        Self { kind: ResponseKind::Answered(ready(answer)) }
    }

    pub(crate) fn delivering(delivering: impl Future<Output = Answer> + Send + 'static) -> Self {
        Self { kind: ResponseKind::Delivering(Box::pin(delivering)) }
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response<WebhookBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = match &mut self.kind {
            ResponseKind::Answered(answer) => Pin::new(answer).poll(context),
            ResponseKind::Delivering(delivering) => delivering.as_mut().poll(context),
        };
        answer.map(|answer| Ok(response(answer)))
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

/// The future of a service behind a [`DedupeLayer`](crate::DedupeLayer).
///
/// # Cancel safety
///
/// That of [`ResponseFuture`]: the inner service goes on, and its response settles the event.
pub struct DedupeFuture<R, E> {
    delivering: BoxFuture<Result<Response<LayerBody<R>>, E>>,
}

impl<R, E> DedupeFuture<R, E> {
    pub(crate) fn new(
        delivering: impl Future<Output = Result<Response<LayerBody<R>>, E>> + Send + 'static,
    ) -> Self {
        Self { delivering: Box::pin(delivering) }
    }
}

impl<R, E> Future for DedupeFuture<R, E> {
    type Output = Result<Response<LayerBody<R>>, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.delivering.as_mut().poll(context)
    }
}

impl<R, E> fmt::Debug for DedupeFuture<R, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DedupeFuture").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of a service behind a [`WebhookLayer`](crate::WebhookLayer).
    ///
    /// # Cancel safety
    ///
    /// For a delivery, that of [`ResponseFuture`]; otherwise that of the inner service's future.
    #[derive(Debug)]
    pub struct LayerFuture<F> {
        #[pin]
        kind: Kind<F>,
    }
}

pin_project! {
    #[project = KindProjection]
    #[derive(Debug)]
    enum Kind<F> {
        Inner { #[pin] future: F },
        Webhook { #[pin] future: ResponseFuture },
    }
}

impl<F> LayerFuture<F> {
    pub(crate) fn inner(future: F) -> Self {
        Self { kind: Kind::Inner { future } }
    }

    pub(crate) fn webhook(future: ResponseFuture) -> Self {
        Self { kind: Kind::Webhook { future } }
    }
}

impl<F, B, E> Future for LayerFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<LayerBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProjection::Inner { future } => {
                future.poll(context).map_ok(|response| response.map(LayerBody::inner))
            }
            KindProjection::Webhook { future } => future
                .poll(context)
                .map_ok(|response| response.map(LayerBody::webhook))
                .map_err(|never| match never {}),
        }
    }
}
