use std::borrow::Cow;
use std::pin::pin;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue,
};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_core::Stream as _;
use lipdub_core::{Answer, Head, Headers, Status, Webhook};

/// Takes a request as a delivery.
pub(crate) async fn deliver(webhook: &Webhook, request: &HttpRequest, payload: web::Payload) -> HttpResponse {
    let delivery = match webhook.begin(&head(request, &ActixHeaders(request.headers()))) {
        Ok(delivery) => delivery,
        Err(answer) => return response(answer),
    };
    let mut payload = pin!(payload);
    let answer = match delivery.read(|context| payload.as_mut().poll_next(context)).await {
        // Actix's own way of spawning: handlers can then spawn tasks that are not `Send`, as its users do.
        Ok(body) => delivery.run(body, |task| drop(actix_web::rt::spawn(task))).await,
        Err(answer) => answer,
    };
    response(answer)
}

/// What core has to know of a request before its body is read.
pub(crate) fn head<'a>(request: &'a HttpRequest, headers: &'a ActixHeaders<'a>) -> Head<'a> {
    Head::new(request.method().as_str(), headers).path(request.uri().path())
}

pub(crate) fn response(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for (name, value) in answer.headers() {
        let name = HeaderName::from_static(name);
        match value {
            Cow::Borrowed(value) => response.insert_header((name, HeaderValue::from_static(value))),
            Cow::Owned(value) => response.insert_header((name, value)),
        };
    }
    if answer.status() == Status::Timeout {
        // The rest of the body may still come, so the connection is of no more use.
        response.force_close();
    }
    response.body(answer.body())
}

/// Actix is on http 0.2, whose header map is another type than http 1's.
pub(crate) struct ActixHeaders<'a>(pub(crate) &'a HeaderMap);

impl Headers for ActixHeaders<'_> {
    fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
        const X_LIPDUB_EVENT: HeaderName = HeaderName::from_static("x-lipdub-event");

        // A name takes longer to be parsed than to be found, and these are looked for in each delivery.
        let values = match name {
            "authorization" => self.0.get_all(AUTHORIZATION),
            "content-encoding" => self.0.get_all(CONTENT_ENCODING),
            "content-length" => self.0.get_all(CONTENT_LENGTH),
            "x-api-key" => self.0.get_all(X_API_KEY),
            "x-lipdub-event" => self.0.get_all(X_LIPDUB_EVENT),
            other => self.0.get_all(other),
        };
        values.for_each(|value| visit(value.as_bytes()));
    }
}
