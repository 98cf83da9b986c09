//! Deliveries without a socket.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use lipdub_core::{Answer, Event, EventKey, Head, Webhook, WebhookBuilder};
use tracing_subscriber::fmt::MakeWriter;

pub(crate) const KEY: &str = "whk_secret_0123456789";

/// Delivers a body with the right key.
pub(crate) async fn deliver(webhook: &Webhook, body: impl Into<Bytes>) -> Answer {
    let headers = [("authorization", format!("Bearer {KEY}"))];
    let begun = webhook.begin(&Head::new("POST", &headers));
    match begun {
        Ok(delivery) => delivery.run(body.into(), |task| drop(tokio::spawn(task))).await,
        Err(answer) => answer,
    }
}

/// The status of the answer to a body.
pub(crate) async fn status(webhook: &Webhook, body: impl Into<Bytes>) -> &'static str {
    deliver(webhook, body).await.status().as_str()
}

/// The event that a fallback handler is given for a body.
pub(crate) fn event_of(body: &str) -> Event {
    event_by(Webhook::builder(), body)
}

/// The same, with more settings.
pub(crate) fn event_by(builder: WebhookBuilder, body: &str) -> Event {
    let seen = Arc::new(Mutex::new(None));
    let sees = Arc::clone(&seen);
    let webhook = builder.api_key(KEY).fallback(move |event| {
        *sees.lock().unwrap() = Some(event);
        async { Ok(()) }
    });
    let webhook = webhook.build().unwrap();
    let answer = block_on(deliver(&webhook, body.to_owned()));
    let event = seen.lock().unwrap().take();
    event.unwrap_or_else(|| panic!("{answer:?} for {body}"))
}

/// The key of the event in a body.
pub(crate) fn key_of(body: &str) -> EventKey {
    event_of(body).key
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// Everything that came out.
#[derive(Clone, Default)]
pub(crate) struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    pub(crate) fn say(&self, text: impl std::fmt::Debug) {
        writeln!(self.0.lock().unwrap(), "{text:#?} {text:?}").unwrap();
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
