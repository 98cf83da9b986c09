use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError, web};
use futures_core::Stream as _;
use lipdub_core::{Answer, Event, Received, Receiver, Rejection};
use serde::de::DeserializeOwned;

use crate::deliver::{ActixHeaders, head, response};

/// An event from LipDub, for a handler of your own.
///
/// The delivery was let in as the [`Receiver`] in the application's data says, its body was read under the
/// receiver's limits, and it is an event. Everything else is rejected with the answer that [`routes`](crate::routes)
/// would give. `T` may be any type that the data decodes as; with `Event` alone, look at
/// [`event_type`](Event::event_type) first and [`decode`](Event::decode) it then.
///
/// **It remembers nothing**: the handler runs for each delivery, also for the second of one event, it has to be
/// finished within LipDub's 5 s, and actix may drop it when LipDub hangs up. For more use [`routes`](crate::routes).
///
/// # Examples
///
/// ```
/// use actix_web::{App, HttpResponse, web};
/// use lipdub_actix::{Event, LipDub, RenderComplete, Webhook};
///
/// async fn on_event(event: LipDub<Event<RenderComplete>>) -> HttpResponse {
///     let LipDub(event) = event;
///     println!("render {:?} is finished", event.data.generate_id);
///     HttpResponse::NoContent().finish()
/// }
///
/// let receiver = Webhook::builder().api_key("whk_123").build_receiver()?;
/// let application =
///     App::new().app_data(receiver.clone()).route("/hooks/lipdub", web::post().to(on_event));
/// # drop(application);
/// # Ok::<(), lipdub_actix::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LipDub<E>(pub E);

impl<T: DeserializeOwned> FromRequest for LipDub<Event<T>> {
    type Error = LipDubRejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, LipDubRejection>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let received = receive(&request, payload).await?;
            Ok(Self(received.event().map_err(Rejection::from)?))
        })
    }
}

async fn receive(request: &HttpRequest, payload: Payload) -> Result<Received, Rejection> {
    let receiver = request.app_data::<Receiver>();
    let receiver = receiver.or_else(|| request.app_data::<web::Data<Receiver>>().map(web::Data::get_ref));
    let receiver =
        receiver.ok_or_else(|| Rejection::without_receiver("the application: `App::app_data(receiver)`"))?;
    let inbound = receiver.begin(&head(request, &ActixHeaders(request.headers())))?;
    let mut payload = pin!(payload);
    let body = inbound.read(|context| payload.as_mut().poll_next(context)).await?;
    Ok(inbound.receive(body)?)
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

impl ResponseError for LipDubRejection {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.answer().code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        response(self.answer())
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
