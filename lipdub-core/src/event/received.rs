use std::error::Error;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::data::{self, KnownFields};
use super::envelope::{Envelope, NotAnEvent};
use super::{CreatedAt, Event, EventKey, EventType, Source};

/// An event whose data is not decoded yet: its delivery was let in, and its body is an event.
///
/// For handlers of your own: a [`Receiver`](crate::Receiver) makes one of a delivery, and the layer that
/// dedupes puts it into the request's extensions.
#[derive(Clone)]
pub struct Received {
    key: EventKey,
    attempt: u32,
    /// Shared, for it goes from hand to hand.
    content: Arc<Content>,
}

struct Content {
    event_type: EventType,
    created_at: CreatedAt,
    /// The text of `data` within `raw`, if there is any.
    data: Option<Bytes>,
    raw: Bytes,
    source: Source,
}

impl Received {
    /// What makes this event this one: equal in every delivery of it.
    pub fn key(&self) -> EventKey {
        self.key
    }

    /// What kind of thing happened.
    pub fn event_type(&self) -> &EventType {
        &self.content.event_type
    }

    /// The event with its data as a `T`.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the data is no `T`. The types of this crate take whatever a `serde_json::Value` can
    /// hold.
    pub fn event<T: DeserializeOwned>(&self) -> Result<Event<T>, DecodeError> {
        Ok(self.with_data(decode(self.data_text()).map_err(DecodeError::from)?))
    }

    /// Reads the envelope, leniently: only `event_type` is needed.
    pub(crate) fn parse(raw: Bytes, source: Source) -> Result<Self, NotAnEvent> {
        let text = std::str::from_utf8(&raw).map_err(|_| NotAnEvent)?;
        // A byte order mark may be ignored (RFC 8259, section 8.1).
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let Envelope { key, event_type, created_at, data } = Envelope::read(text)?;
        let data = data.map(|data| raw.slice_ref(data.as_bytes()));
        Ok(Self { key, attempt: 0, content: Arc::new(Content { event_type, created_at, data, raw, source }) })
    }

    pub(crate) fn source(&self) -> &Source {
        &self.content.source
    }

    pub(crate) fn raw(&self) -> &Bytes {
        &self.content.raw
    }

    /// The same under another key.
    pub(crate) fn with_key(mut self, key: EventKey) -> Self {
        self.key = key;
        self
    }

    /// The same in its `attempt`th attempt.
    pub(crate) fn in_attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// The event with data that takes whatever there is, so that it can never fail to decode.
    pub(crate) fn event_leniently<T: KnownFields + DeserializeOwned>(&self) -> Event<T> {
        let data = data::read(self.data_text()).or_else(|_| decode(self.data_text()));
        self.with_data(data.unwrap_or_default())
    }

    fn data_text(&self) -> &str {
        let data = self.content.data.as_deref().and_then(|data| std::str::from_utf8(data).ok());
        data.unwrap_or("null")
    }

    fn with_data<T>(&self, data: T) -> Event<T> {
        let content = &self.content;
        Event {
            key: self.key,
            event_type: content.event_type.clone(),
            created_at: content.created_at.clone(),
            data,
            attempt: self.attempt,
            source: content.source.clone(),
            raw: content.raw.clone(),
        }
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Received")
            .field("key", &self.key)
            .field("event_type", self.event_type())
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// The data of an event is not of the type that was asked for.
///
/// Its `Display` says no more, for what serde tells can hold a customer's data; that is its
/// [`source`](Error::source).
pub struct DecodeError(serde_json::Error);

impl DecodeError {
    pub(crate) fn into_inner(self) -> serde_json::Error {
        self.0
    }
}

impl From<serde_json::Error> for DecodeError {
    fn from(error: serde_json::Error) -> Self {
        Self(error)
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DecodeError").finish_non_exhaustive()
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the event's data does not decode as the type that the handler takes")
    }
}

impl Error for DecodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn decode<T: DeserializeOwned>(data: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(data).or_else(|error| match with_whole_characters(data) {
        Some(repaired) => serde_json::from_str(&repaired),
        None => Err(error),
    })
}

/// Puts U+FFFD in the place of each half of a surrogate pair, if there is any.
///
/// Python's `json` writes such halves, and a file name that was cut in the middle of an emoji has one.
/// No Rust string can hold it, and the event must not be lost for it.
fn with_whole_characters(json: &str) -> Option<String> {
    let mut repaired = String::with_capacity(json.len());
    let mut rest = json;
    let mut changed = false;
    while let Some(backslash) = rest.find('\\') {
        let (before, escape) = rest.split_at(backslash);
        repaired.push_str(before);
        let is_pair = high_surrogate(escape) && escape.get(6..).is_some_and(low_surrogate);
        let is_half = !is_pair && (high_surrogate(escape) || low_surrogate(escape));
        let length = if is_pair {
            12
        } else if is_half {
            6
        } else {
            2
        };
        let (taken, after) = escape.split_at_checked(length)?;
        repaired.push_str(if is_half { "\\ufffd" } else { taken });
        changed |= is_half;
        rest = after;
    }
    repaired.push_str(rest);
    changed.then_some(repaired)
}

fn high_surrogate(escape: &str) -> bool {
    code_unit(escape).is_some_and(|unit| (0xd800..0xdc00).contains(&unit))
}

fn low_surrogate(escape: &str) -> bool {
    code_unit(escape).is_some_and(|unit| (0xdc00..0xe000).contains(&unit))
}

/// The code unit of an escape such as `\ud83c`.
fn code_unit(escape: &str) -> Option<u16> {
    u16::from_str_radix(escape.strip_prefix("\\u")?.get(..4)?, 16).ok()
}
