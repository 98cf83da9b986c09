use std::error::Error;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::canonical;
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

/// A body that is not an event: no JSON object, no `event_type`, or nested beyond reason.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotAnEvent;

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
        let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|_| NotAnEvent)?;
        let event_type = envelope.event_type.ok_or(NotAnEvent)?;
        let event_type = canonical::string(event_type).map_err(|_| NotAnEvent)?;
        let event_type = EventType::from(std::str::from_utf8(&event_type).map_err(|_| NotAnEvent)?);
        let key = EventKey::of_event(&event_type, envelope.created_at, envelope.data);
        let key = key.map_err(|_| NotAnEvent)?;
        let created_at = created_at(envelope.created_at);
        let data = envelope.data.map(|data| raw.slice_ref(data.get().as_bytes()));
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
    pub(crate) fn event_leniently<T: DeserializeOwned + Default>(&self) -> Event<T> {
        self.with_data(decode(self.data_text()).unwrap_or_default())
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

fn created_at(value: Option<&RawValue>) -> CreatedAt {
    let Some(value) = value else { return CreatedAt::from("") };
    let text = canonical::string(value).ok();
    let text = text.as_deref().and_then(|text| std::str::from_utf8(text).ok());
    CreatedAt::from(text.unwrap_or(value.get()))
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

/// The three fields that make an event; of doubles the last one counts, as in Python.
#[derive(Default)]
struct Envelope<'a> {
    event_type: Option<&'a RawValue>,
    created_at: Option<&'a RawValue>,
    data: Option<&'a RawValue>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Envelope<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Envelope<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut envelope = Envelope::default();
                while let Some(name) = map.next_key::<&RawValue>()? {
                    match &*canonical::string(name).map_err(|_| A::Error::custom("no name"))? {
                        b"event_type" => envelope.event_type = Some(map.next_value()?),
                        b"created_at" => envelope.created_at = Some(map.next_value()?),
                        b"data" => envelope.data = Some(map.next_value()?),
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(envelope)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}
