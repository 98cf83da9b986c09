use std::sync::{Arc, Mutex};
use std::time::Duration;

use lipdub_core::{Event, EventType, HandlerError, HandlerErrorKind, Receiver, Webhook, WebhookBuilder};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

/// The API key of the receiver under test.
pub const KEY: &str = "whk_secret_0123456789";

/// What the handlers did, and a gate to hold them with.
#[derive(Clone, Debug)]
pub struct Attempts {
    log: Arc<Mutex<Vec<String>>>,
    count: watch::Sender<usize>,
    gate: Arc<Semaphore>,
}

impl Attempts {
    /// What was logged: `start ID ATTEMPT` and `done ID ATTEMPT`.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Waits until there are so many lines in the log.
    pub async fn reach(&self, lines: usize) {
        let mut count = self.count.subscribe();
        let reached = timeout(Duration::from_secs(20), count.wait_for(|count| *count >= lines));
        let _ = reached.await.unwrap_or_else(|_| panic!("{lines} lines, but there are {:?}", self.log()));
    }

    /// Lets handlers that wait go on.
    pub fn open_gate(&self) {
        self.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    fn note(&self, line: String) {
        self.log.lock().unwrap().push(line);
        self.count.send_modify(|count| *count += 1);
    }

    /// Does what `data.do` says: `ok`, `fail`, `fail_once`, `permanent`, `ignore`, `panic`, `wait`,
    /// `wait_and_fail`.
    async fn obey(self, attempt: u32, data: Value) -> Result<(), HandlerError> {
        let id = data["id"].clone();
        self.note(format!("start {id} {attempt}"));
        match data["do"].as_str().unwrap_or("ok") {
            "fail" => return Err("the inside of an error".into()),
            "fail_once" if attempt == 1 => return Err("the inside of an error".into()),
            "permanent" => return Err(HandlerError::permanent("the inside of an error")),
            "ignore" => return Err(HandlerError::ignore("the inside of an error")),
            "panic" => panic!("the inside of a panic"),
            "wait" => drop(self.gate.acquire().await),
            "wait_and_fail" => {
                drop(self.gate.acquire().await);
                return Err("the inside of an error".into());
            }
            _ => {}
        }
        self.note(format!("done {id} {attempt}"));
        Ok(())
    }
}

/// A receiver to be, with any kind of handlers: all of them obey `data.do`.
#[derive(Debug)]
pub struct Setup {
    builder: WebhookBuilder,
    attempts: Attempts,
}

impl Setup {
    /// Changes the settings.
    pub fn with(self, change: impl FnOnce(WebhookBuilder) -> WebhookBuilder) -> Self {
        Self { builder: change(self.builder), ..self }
    }

    /// With closures for finished renders and for failed ones.
    pub fn webhook(self) -> Webhook {
        let (finished, failed) = (self.attempts.clone(), self.attempts);
        let builder = self
            .builder
            .on_render_complete(move |event| {
                let data: Value = serde_json::from_slice(&event.raw).unwrap_or_default();
                finished.clone().obey(event.attempt, data["data"].clone())
            })
            .on(EventType::RenderFailed, move |event: Event<Typed>| {
                failed.clone().obey(event.attempt, json!({ "id": event.data.id }))
            });
        builder.build().unwrap()
    }

    /// For a handler of one's own, with what such a handler does.
    pub fn own(self) -> (Receiver, OwnHandler) {
        (self.builder.build_receiver().unwrap(), OwnHandler { attempts: self.attempts })
    }
}

/// A receiver with one key, and what its handlers do.
pub fn receiver() -> (Setup, Attempts) {
    let attempts =
        Attempts { log: Arc::default(), count: watch::Sender::new(0), gate: Arc::new(Semaphore::new(0)) };
    (Setup { builder: Webhook::builder().api_key(KEY), attempts: attempts.clone() }, attempts)
}

/// A handler that answers by itself, with the codes and words of the webhook.
#[derive(Clone, Debug)]
pub struct OwnHandler {
    attempts: Attempts,
}

impl OwnHandler {
    /// Handles an event; code and body of the response.
    pub async fn handle(self, event: Event) -> (u16, String) {
        let obeyed = match event.event_type {
            EventType::RenderComplete => self.attempts.obey(event.attempt, event.data).await,
            EventType::RenderFailed if event.data["id"].is_u64() => {
                self.attempts.obey(event.attempt, json!({ "id": event.data["id"] })).await
            }
            EventType::RenderFailed => Err("it does not decode".into()),
            _ => Err(HandlerError::ignore("not handled here")),
        };
        let (code, status) = match obeyed.map_err(|error| error.kind()) {
            Ok(()) => (200, "processed"),
            Err(HandlerErrorKind::Ignore) => (200, "ignored"),
            Err(HandlerErrorKind::Permanent) => (422, "unprocessable"),
            Err(_) => (500, "failed"),
        };
        (code, json!({ "status": status }).to_string())
    }
}

/// Data that cannot be decoded from just anything.
#[derive(Debug, serde::Deserialize)]
struct Typed {
    id: u64,
}

/// A finished render with these data.
#[expect(clippy::needless_pass_by_value, reason = "callers make them on the spot")]
pub fn event(data: Value) -> String {
    json!({ "event_type": "VIDEO_RENDER_COMPLETE", "created_at": "2026-01-02T03:04:05Z", "data": data })
        .to_string()
}
