//! The data of the documented events.
//!
//! LipDub documents no more of it than `stage`, so nothing here is required: what is missing or of an
//! unexpected shape is `None`, and whatever was not taken is kept in `extra`. A documented event never fails
//! to decode.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::json::{NotJson, PRIVATE, Reader};

/// Lets data be made of JSON in each of the ways that there are, leniently.
macro_rules! known_fields {
    ($data:ident: $($field:ident),+) => {
        impl KnownFields for $data {
            fn take(&mut self, name: &str, value: Value) -> Result<(), Value> {
                match name {
                    $(stringify!($field) => put(&mut self.$field, value),)+
                    _ => Err(value),
                }
            }

            fn extra(&mut self) -> &mut Extra {
                &mut self.extra
            }
        }

        impl From<Value> for $data {
            fn from(data: Value) -> Self {
                fields_of(data)
            }
        }

        impl<'de> Deserialize<'de> for $data {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(AnyJson(PhantomData))
            }
        }
    };
}

/// The data of [`EventType::RenderComplete`](crate::EventType::RenderComplete).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RenderComplete {
    /// The render, as the REST API's `generate` calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generate_id: Option<Id>,
    /// The shot that was rendered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shot_id: Option<Id>,
    /// The video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_id: Option<Id>,
    /// The audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_id: Option<Id>,
    /// The reference that you gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_id: Option<String>,
    /// Where to download the result, for a short time. It may differ from one delivery to the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download_url: Option<DownloadUrl>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

known_fields!(RenderComplete: generate_id, shot_id, video_id, audio_id, tracking_id, download_url);

/// The data of [`EventType::RenderFailed`](crate::EventType::RenderFailed).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RenderFailed {
    /// The render, as the REST API's `generate` calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generate_id: Option<Id>,
    /// The shot that was to be rendered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shot_id: Option<Id>,
    /// The video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_id: Option<Id>,
    /// The audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_id: Option<Id>,
    /// The reference that you gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_id: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

known_fields!(RenderFailed: generate_id, shot_id, video_id, audio_id, tracking_id);

/// The data of the events that report a stage on the way to a render, from upload to training.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StageEvent {
    /// The stage, the one field that LipDub documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The shot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shot_id: Option<Id>,
    /// The video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_id: Option<Id>,
    /// The audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_id: Option<Id>,
    /// The reference that you gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_id: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

known_fields!(StageEvent: stage, shot_id, video_id, audio_id, tracking_id);

/// An id that LipDub gave, whether it came as a number or as a string.
///
/// `7` and `"7"` are one id, as is `7.0`; it is kept, compared and serialised as text. A number over
/// 64 bits is not taken, because JSON parsers round such numbers: look into the event's `raw` for it.
///
/// # Examples
///
/// ```
/// use lipdub_core::RenderComplete;
/// use serde_json::json;
///
/// let number = RenderComplete::from(json!({ "generate_id": 7 }));
/// let string = RenderComplete::from(json!({ "generate_id": "7" }));
/// assert_eq!(number, string);
/// assert_eq!(number.generate_id.unwrap().as_u64(), Some(7));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(String);

impl Id {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a number, if it is one.
    pub fn as_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

/// A link to a render. Whoever has it can download the film, so its `Debug` prints `[REDACTED]`.
///
/// LipDub signs such links for a short time: download at once, or ask the REST API for a new one.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DownloadUrl(String);

impl DownloadUrl {
    /// The link as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DownloadUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DownloadUrl([REDACTED])")
    }
}

impl From<DownloadUrl> for String {
    fn from(url: DownloadUrl) -> Self {
        url.0
    }
}

/// The fields of an event's data that no named field has taken.
///
/// Empty if the data is not an object; the event's `raw` holds what was there. `Debug` prints the names only.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Extra(Map<String, Value>);

impl Extra {
    /// The field of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// Data of which some fields are known, and the others are kept.
pub(crate) trait KnownFields: Default {
    /// Takes the value of a known field if it fits, and else gives it back.
    fn take(&mut self, name: &str, value: Value) -> Result<(), Value>;

    fn extra(&mut self) -> &mut Extra;

    /// Of fields with one name the last one counts.
    fn set(&mut self, name: Cow<'_, str>, value: Value) {
        match self.take(&name, value) {
            Ok(()) => drop(self.extra().0.remove(&*name)),
            Err(value) => drop(self.extra().0.insert(name.into_owned(), value)),
        }
    }
}

fn put<T: FromValue>(field: &mut Option<T>, value: Value) -> Result<(), Value> {
    *field = None;
    *field = Some(T::from_value(value)?);
    Ok(())
}

fn fields_of<T: KnownFields>(data: Value) -> T {
    let mut known = T::default();
    if let Value::Object(fields) = data {
        fields.into_iter().for_each(|(name, value)| known.set(Cow::Owned(name), value));
    }
    known
}

/// Reads the fields of a JSON object; there are none in anything else.
///
/// The same as to deserialise it, in half the time: most values are strings without escapes.
pub(super) fn read<T: KnownFields>(json: &str) -> Result<T, NotJson> {
    let (mut known, mut reader) = (T::default(), Reader::new(json));
    if !reader.takes(b'{') {
        return Ok(known);
    }
    let mut is_first = true;
    while reader.goes_on(b'}', &mut is_first)? {
        let name = reader.name()?.into_str().ok_or(NotJson)?;
        let value = match reader.peek() {
            Some(b'"') => Value::String(reader.string()?.into_str().ok_or(NotJson)?.into_owned()),
            _ => reader.value()?,
        };
        known.set(name, value);
    }
    Ok(known)
}

/// Takes whatever a [`Value`] can be of.
struct AnyJson<T>(PhantomData<T>);

impl<'de, T: KnownFields> Visitor<'de> for AnyJson<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut known = T::default();
        while let Some((Name(name), value)) = map.next_entry()? {
            // With `arbitrary_precision`, a number comes as such a field; no event has one.
            if !name.starts_with(PRIVATE) {
                known.set(name, value);
            }
        }
        Ok(known)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        IgnoredAny.visit_seq(seq).map(|_| T::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_none<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_bool<E>(self, _value: bool) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_i64<E>(self, _value: i64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_u64<E>(self, _value: u64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_f64<E>(self, _value: f64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_str<E>(self, _value: &str) -> Result<T, E> {
        Ok(T::default())
    }
}

/// The name of a field, borrowed unless it has escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

trait FromValue: Sized {
    /// Gives the value back if it does not fit.
    fn from_value(value: Value) -> Result<Self, Value>;
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(other),
        }
    }
}

impl FromValue for DownloadUrl {
    fn from_value(value: Value) -> Result<Self, Value> {
        String::from_value(value).map(Self)
    }
}

impl FromValue for Id {
    fn from_value(value: Value) -> Result<Self, Value> {
        match value {
            Value::String(text) => Ok(Self(text)),
            Value::Number(number) => {
                let whole = number.as_u64().map(|id| id.to_string());
                let whole = whole.or_else(|| number.as_i64().map(|id| id.to_string()));
                let whole = whole.or_else(|| number.as_f64().and_then(whole_number));
                whole.map(Self).ok_or(Value::Number(number))
            }
            other => Err(other),
        }
    }
}

/// The digits of a float that stands for exactly one whole number.
fn whole_number(float: f64) -> Option<String> {
    const EXACT_BELOW: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
    (float.fract() == 0.0 && float.abs() < EXACT_BELOW).then(|| format!("{float:.0}"))
}
