//! Your closures: how they are called, kept, and how they fail.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::event::{DecodeError, Event, EventKey, EventType, KnownFields, Received};

type BoxError = Box<dyn Error + Send + Sync>;

/// A closure or function that handles an event with data of type `T`.
///
/// You need not name this trait: any `Fn(Event<T>) -> impl Future<Output = Result<(), HandlerError>>` is one,
/// if it and its future are `Send` and `'static`.
///
/// The future goes on in a task of its own as soon as it has to wait, so a sender that hangs up does not cut it off. It
/// must not block the thread: use `tokio::task::spawn_blocking` for work that does.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot handle an event with data of type `{T}`",
    note = "a handler is a closure `|event: Event<{T}>| async move {{ …; Ok(()) }}`, `Send + Sync + 'static`, whose future is `Send`",
    note = "to use captured state, clone it first: `move |event| {{ let jobs = jobs.clone(); async move {{ … }} }}`"
)]
pub trait Handler<T>: Fn(Event<T>) -> Self::Future + Send + Sync + 'static {
    /// What the closure returns.
    type Future: Future<Output = Result<(), HandlerError>> + Send + 'static;
}

impl<T, F, Fut> Handler<T> for F
where
    F: Fn(Event<T>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
{
    type Future = Fut;
}

/// Why a handler did not handle an event, and what shall come of it.
///
/// Any error becomes one that asks for a retry, so `?` works on all of them. It is not an
/// [`Error`] itself, for the same reason that `anyhow::Error` is not: the conversion would then
/// be ambiguous.
///
/// Its `Debug` and `Display` tell only what kind it is. The inside is at [`inner`](Self::inner), and is
/// given to the [`on_failure`](crate::WebhookBuilder::on_failure) hook; it reaches no answer and no log
/// line of this crate, because it may hold what your customers would not like to see there.
///
/// # Examples
///
/// ```
/// use lipdub_core::{HandlerError, Webhook};
///
/// # async fn finish(_: Option<lipdub_core::Id>) -> Result<(), std::io::Error> { Ok(()) }
/// let webhook = Webhook::builder()
///     .api_key("whk_123")
///     .on_render_complete(|event| async move {
///         if event.data.tracking_id.as_deref() == Some("somebody else's") {
///             return Err(HandlerError::ignore("not ours"));
///         }
///         let Some(_url) = &event.data.download_url else {
///             return Err(HandlerError::permanent("nothing to download"));
///         };
///         finish(event.data.generate_id).await?; // failed: deliver it again
///         Ok(())
///     })
///     .build()?;
/// # let _ = webhook;
/// # Ok::<(), lipdub_core::ConfigError>(())
/// ```
pub struct HandlerError {
    kind: HandlerErrorKind,
    inner: BoxError,
    delay: Option<Duration>,
}

/// What shall come of an event whose handler failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HandlerErrorKind {
    /// It is answered 500 and handled again when it is delivered again.
    Retry,
    /// It is answered 200 `rejected` and remembered as done: it would fail every time.
    Permanent,
    /// It is answered 200 `ignored` and remembered as done: it is not for this handler.
    Ignore,
}

impl HandlerError {
    /// The handler failed this time; the event shall be delivered again.
    ///
    /// The same as converting the error, for where you want to say so.
    pub fn retry(error: impl Into<BoxError>) -> Self {
        Self { kind: HandlerErrorKind::Retry, inner: error.into(), delay: None }
    }

    /// The handler failed this time; the event shall be tried again when this delay has passed.
    ///
    /// For a receiver with an inbox. Without one it is LipDub that delivers again, when it likes.
    pub fn retry_after(delay: Duration, error: impl Into<BoxError>) -> Self {
        Self { delay: Some(delay), ..Self::retry(error) }
    }

    /// The handler will fail each time; the event shall not be delivered again.
    pub fn permanent(error: impl Into<BoxError>) -> Self {
        Self { kind: HandlerErrorKind::Permanent, inner: error.into(), delay: None }
    }

    /// The event is not for this handler, and that is all right.
    pub fn ignore(reason: impl Into<BoxError>) -> Self {
        Self { kind: HandlerErrorKind::Ignore, inner: reason.into(), delay: None }
    }

    /// What shall come of the event.
    pub fn kind(&self) -> HandlerErrorKind {
        self.kind
    }

    /// When it shall be tried again, if the handler said so.
    pub fn delay(&self) -> Option<Duration> {
        self.delay
    }

    /// The error or reason that was given.
    pub fn inner(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.inner
    }
}

impl<E: Into<BoxError>> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self::retry(error)
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.kind {
            HandlerErrorKind::Retry => "the handler failed and asks for the event again",
            HandlerErrorKind::Permanent => "the handler says that it can never handle this event",
            HandlerErrorKind::Ignore => "the handler says that this event is not for it",
        })
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HandlerError").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// An attempt that did not succeed, as [`on_failure`](crate::WebhookBuilder::on_failure) learns of it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Failure<'a> {
    /// The event.
    pub key: EventKey,
    /// Its type.
    pub event_type: &'a EventType,
    /// Which attempt it was.
    pub attempt: u32,
    /// What the handler returned; of a panic, its message; of data that did not decode, serde's error.
    pub error: &'a HandlerError,
}

/// What already has a handler.
pub(crate) struct DoubleHandler(pub(crate) String);

pub(crate) type HandlerFuture = Pin<Box<dyn Future<Output = Result<(), HandlerError>> + Send>>;

type AnyHandler = Box<dyn Fn(&Received) -> Result<HandlerFuture, HandlerError> + Send + Sync>;

/// One handler for each type, and perhaps one for the rest.
#[derive(Default)]
pub(crate) struct Handlers {
    by_type: Vec<(EventType, AnyHandler)>,
    fallback: Option<AnyHandler>,
}

impl Handlers {
    /// Keeps a handler whose data can fail to decode.
    pub(crate) fn add<T: DeserializeOwned + 'static>(
        &mut self,
        event_type: EventType,
        handler: impl Handler<T>,
    ) -> Result<(), DoubleHandler> {
        self.insert(event_type, decoding(handler))
    }

    /// Keeps a handler whose data takes whatever there is.
    pub(crate) fn add_lenient<T: KnownFields + DeserializeOwned + 'static>(
        &mut self,
        event_type: EventType,
        handler: impl Handler<T>,
    ) -> Result<(), DoubleHandler> {
        let call = move |received: &Received| -> Result<HandlerFuture, HandlerError> {
            Ok(Box::pin(handler(received.event_leniently())))
        };
        self.insert(event_type, Box::new(call))
    }

    /// Keeps the handler for all other types.
    pub(crate) fn set_fallback(&mut self, handler: impl Handler<Value>) -> Result<(), DoubleHandler> {
        match self.fallback.replace(decoding(handler)) {
            None => Ok(()),
            Some(_) => Err(DoubleHandler("the fallback".to_owned())),
        }
    }

    pub(crate) fn has_fallback(&self) -> bool {
        self.fallback.is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_type.is_empty() && self.fallback.is_none()
    }

    pub(crate) fn handles(&self, event_type: &EventType) -> bool {
        self.find(event_type).is_some()
    }

    pub(crate) fn types(&self) -> impl Iterator<Item = &EventType> {
        self.by_type.iter().map(|(event_type, _)| event_type)
    }

    /// Calls the handler; the error is that of the data, the future's is the handler's own.
    pub(crate) fn call(&self, received: &Received) -> Result<HandlerFuture, HandlerError> {
        match self.find(received.event_type()) {
            Some(handler) => handler(received),
            None => Err(HandlerError::ignore("no handler for this type")),
        }
    }

    fn find(&self, event_type: &EventType) -> Option<&AnyHandler> {
        let own = self.by_type.iter().find(|(handled, _)| handled == event_type);
        own.map(|(_, handler)| handler).or(self.fallback.as_ref())
    }

    fn insert(&mut self, event_type: EventType, handler: AnyHandler) -> Result<(), DoubleHandler> {
        if self.by_type.iter().any(|(handled, _)| *handled == event_type) {
            return Err(DoubleHandler(event_type.to_string()));
        }
        self.by_type.push((event_type, handler));
        Ok(())
    }
}

fn decoding<T: DeserializeOwned + 'static>(handler: impl Handler<T>) -> AnyHandler {
    Box::new(move |received| {
        // What serde says is for `on_failure`, without a word of ours around it.
        let event = received.event().map_err(DecodeError::into_inner)?;
        Ok(Box::pin(handler(event)))
    })
}
