use std::error::Error;
use std::fmt;

use axum::extract::{FromRef, FromRequest, Request};
use axum::response::{IntoResponse, Response};
use lipdub_core::{Answer, Event, Received, Receiver, Rejection};
use serde::de::DeserializeOwned;

/// An event from LipDub, for a handler of your own.
///
/// The delivery was let in as the [`Receiver`] in the router's state says, its body was read under the receiver's
/// limits, and it is an event. Everything else is rejected with the answer that [`router`](crate::router) would
/// give. `T` may be any type that the data decodes as; with `Event` alone, look at
/// [`event_type`](Event::event_type) first and [`decode`](Event::decode) it then.
///
/// **By itself it remembers nothing**: the handler runs for each delivery, also for the second of one event, and
/// it has to be finished within LipDub's 5 s. Under a [`DedupeLayer`](crate::DedupeLayer) an event is handled until it has been
/// handled successfully, and the handler outlives the connection.
///
/// # Examples
///
/// ```
/// use axum::Router;
/// use axum::extract::FromRef;
/// use axum::http::StatusCode;
/// use axum::routing::post;
/// use lipdub_axum::{DedupeLayer, Event, LipDub, Receiver, RenderComplete, Webhook};
///
/// #[derive(Clone)]
/// struct Application {
///     receiver: Receiver,
/// }
///
/// impl FromRef<Application> for Receiver {
///     fn from_ref(application: &Application) -> Self {
///         application.receiver.clone()
///     }
/// }
///
/// async fn on_event(LipDub(event): LipDub<Event<RenderComplete>>) -> StatusCode {
///     println!("attempt {} at render {:?}", event.attempt, event.data.generate_id);
///     StatusCode::NO_CONTENT
/// }
///
/// let receiver = Webhook::builder().api_key("whk_123").build_receiver()?;
/// let application: Router = Router::new()
///     .route("/hooks/lipdub", post(on_event).layer(DedupeLayer::new(receiver.clone())))
///     .with_state(Application { receiver });
/// # Ok::<(), lipdub_axum::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LipDub<E>(pub E);

impl<S, T> FromRequest<S> for LipDub<Event<T>>
where
    S: Send + Sync,
    T: DeserializeOwned,
    Receiver: FromRef<S>,
{
    type Rejection = LipDubRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, LipDubRejection> {
        let received = match request.extensions().get::<Received>() {
            Some(received) => received.clone(),
            None => {
                lipdub_tower::receive(&Receiver::from_ref(state), request).await.map_err(Rejection::from)?
            }
        };
        Ok(Self(received.event().map_err(Rejection::from)?))
    }
}

/// Why a handler does not get an event: see [`Rejection`]. As a response it is what the webhook's own route answers.
#[derive(Debug)]
pub struct LipDubRejection(Rejection);

impl LipDubRejection {
    /// What LipDub is answered.
    pub fn answer(&self) -> Answer {
        self.0.answer()
    }
}

impl From<Rejection> for LipDubRejection {
    fn from(rejection: Rejection) -> Self {
        Self(rejection)
    }
}

impl IntoResponse for LipDubRejection {
    fn into_response(self) -> Response {
        lipdub_tower::response(self.answer()).into_response()
    }
}

impl fmt::Display for LipDubRejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Error for LipDubRejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
