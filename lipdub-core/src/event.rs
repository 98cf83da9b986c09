//! What happened: the event, its type, its data and its key.

mod canonical;
mod created_at;
mod data;
mod envelope;
mod event_type;
mod json;
mod key;
mod received;

use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::created_at::CreatedAt;
pub(crate) use self::data::KnownFields;
pub use self::data::{DownloadUrl, Extra, Id, RenderComplete, RenderFailed, StageEvent};
pub(crate) use self::envelope::NotAnEvent;
pub use self::event_type::EventType;
pub use self::key::{EventKey, ParseEventKeyError};
pub use self::received::{DecodeError, Received};

/// Something that happened at LipDub, with its data as a `T`.
///
/// A handler receives one. `T` is [`RenderComplete`], [`RenderFailed`] or [`StageEvent`] for the
/// documented types, your own type with [`on`](crate::WebhookBuilder::on), and [`serde_json::Value`] in
/// the [`fallback`](crate::WebhookBuilder::fallback).
///
/// An event can be serialised and read back, so that you can put it on a queue of your own. Its `Debug`
/// leaves the data and the body out: they are your customers', and a download link is a secret.
#[derive(Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event<T = serde_json::Value> {
    /// What makes this event this one: equal in every delivery of it. See [`EventKey`].
    pub key: EventKey,
    /// What kind of thing happened.
    pub event_type: EventType,
    /// When it happened, as LipDub says.
    pub created_at: CreatedAt,
    /// What LipDub tells about it.
    pub data: T,
    /// Which run of the handler on this event this is: 1 for the first, and never less than before.
    ///
    /// It can serve as a fencing number (`UPDATE … WHERE attempt < $1`): a run that was believed dead
    /// and was replaced has a smaller one than its successor.
    pub attempt: u32,
    /// How it came.
    pub source: Source,
    /// The body as it was received, always UTF-8.
    #[serde(with = "text")]
    pub raw: Bytes,
}

impl Event {
    /// The event with its data as a `T`, when you have looked at the type.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the data is no `T`. The types of this crate take whatever there is.
    ///
    /// # Examples
    ///
    /// ```
    /// use lipdub_core::{DecodeError, Event, EventType, RenderComplete, RenderFailed};
    ///
    /// fn handle(event: Event) -> Result<(), DecodeError> {
    ///     match event.event_type {
    ///         EventType::RenderComplete => println!("{:?}", event.decode::<RenderComplete>()?.data.download_url),
    ///         EventType::RenderFailed => println!("{:?}", event.decode::<RenderFailed>()?.data.generate_id),
    ///         _ => {}
    ///     }
    ///     Ok(())
    /// }
    /// # let event = r#"{"event_type": "RENDER_PROCESSING_FAILED", "data": {"generate_id": 7}}"#;
    /// # let key = format!("v1-{:064}", 0);
    /// # let event = serde_json::json!({
    /// #     "key": key, "event_type": "RENDER_PROCESSING_FAILED", "created_at": "", "data": {}, "attempt": 1,
    /// #     "source": "tenant", "raw": event,
    /// # });
    /// # handle(serde_json::from_value(event)?)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn decode<T: DeserializeOwned>(self) -> Result<Event<T>, DecodeError> {
        let Self { key, event_type, created_at, data, attempt, source, raw } = self;
        let data = serde_json::from_value(data).map_err(DecodeError::from)?;
        Ok(Event { key, event_type, created_at, data, attempt, source, raw })
    }
}

impl<T> fmt::Debug for Event<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Event")
            .field("key", &self.key)
            .field("event_type", &self.event_type)
            .field("created_at", &self.created_at)
            .field("attempt", &self.attempt)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// How a delivery came to us.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// By the webhook that is configured for the account, or by a plain `callback_url`.
    Tenant,
    /// By the link that was signed for a job, with your reference of it. See [`JobLinks`](crate::JobLinks).
    Job(String),
}

/// Bytes that are known to be text, as a string.
mod text {
    use bytes::Bytes;
    use serde::{Deserialize as _, Deserializer, Serializer, ser::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(bytes).map_err(S::Error::custom)?)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        String::deserialize(deserializer).map(Bytes::from)
    }
}
