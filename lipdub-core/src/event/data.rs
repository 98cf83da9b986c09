//! The data of the documented events.
//!
//! LipDub documents no more of it than `stage`, so nothing here is required: what is missing or of an
//! unexpected shape is `None`, and whatever was not taken is kept in `extra`. A documented event never fails
//! to decode.

use std::borrow::Cow;
use std::{fmt, mem};

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

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

impl From<Fields<'_>> for RenderComplete {
    fn from(mut fields: Fields<'_>) -> Self {
        Self {
            generate_id: fields.take("generate_id"),
            shot_id: fields.take("shot_id"),
            video_id: fields.take("video_id"),
            audio_id: fields.take("audio_id"),
            tracking_id: fields.take("tracking_id"),
            download_url: fields.take("download_url"),
            extra: fields.rest(),
        }
    }
}

impl From<Value> for RenderComplete {
    fn from(data: Value) -> Self {
        Self::from(Fields::from(data))
    }
}

impl<'de> Deserialize<'de> for RenderComplete {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Fields::deserialize(deserializer).map(Self::from)
    }
}

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

impl From<Fields<'_>> for RenderFailed {
    fn from(mut fields: Fields<'_>) -> Self {
        Self {
            generate_id: fields.take("generate_id"),
            shot_id: fields.take("shot_id"),
            video_id: fields.take("video_id"),
            audio_id: fields.take("audio_id"),
            tracking_id: fields.take("tracking_id"),
            extra: fields.rest(),
        }
    }
}

impl From<Value> for RenderFailed {
    fn from(data: Value) -> Self {
        Self::from(Fields::from(data))
    }
}

impl<'de> Deserialize<'de> for RenderFailed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Fields::deserialize(deserializer).map(Self::from)
    }
}

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

impl From<Fields<'_>> for StageEvent {
    fn from(mut fields: Fields<'_>) -> Self {
        Self {
            stage: fields.take("stage"),
            shot_id: fields.take("shot_id"),
            video_id: fields.take("video_id"),
            audio_id: fields.take("audio_id"),
            tracking_id: fields.take("tracking_id"),
            extra: fields.rest(),
        }
    }
}

impl From<Value> for StageEvent {
    fn from(data: Value) -> Self {
        Self::from(Fields::from(data))
    }
}

impl<'de> Deserialize<'de> for StageEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Fields::deserialize(deserializer).map(Self::from)
    }
}

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

/// The fields of a JSON object, to be taken one by one; none for anything else.
///
/// A list, for they are few, and most are taken at once. Of doubles the last one counts, as in a [`Map`].
#[derive(Default)]
struct Fields<'a>(Vec<(Cow<'a, str>, Value)>);

impl Fields<'_> {
    /// Takes a field out if it fits; one that does not stays for `extra`.
    fn take<T: FromField>(&mut self, name: &str) -> Option<T> {
        let (_, value) = self.0.iter_mut().rfind(|(field, _)| field == name)?;
        match T::from_field(mem::take(value)) {
            Ok(taken) => {
                self.0.retain(|(field, _)| field != name);
                Some(taken)
            }
            Err(unfit) => {
                *value = unfit;
                None
            }
        }
    }

    fn rest(self) -> Extra {
        Extra(self.0.into_iter().map(|(name, value)| (name.into_owned(), value)).collect())
    }
}

impl From<Value> for Fields<'_> {
    fn from(data: Value) -> Self {
        match data {
            Value::Object(fields) => {
                Self(fields.into_iter().map(|(name, value)| (Cow::Owned(name), value)).collect())
            }
            _ => Self::default(),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldsVisitor)
    }
}

/// Takes whatever a [`Value`] can be of.
struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Vec::with_capacity(8);
        while let Some((Name(name), value)) = map.next_entry()? {
            // With `arbitrary_precision`, a number comes as such a field; no event has one.
            if !name.starts_with("$serde_json::private::") {
                fields.push((name, value));
            }
        }
        Ok(Fields(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Fields<'de>, A::Error> {
        IgnoredAny.visit_seq(seq).map(|_| Fields::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Fields<'de>, D::Error> {
        Fields::deserialize(deserializer)
    }

    fn visit_unit<E>(self) -> Result<Fields<'de>, E> {
        Ok(Fields::default())
    }

    fn visit_none<E>(self) -> Result<Fields<'de>, E> {
        Ok(Fields::default())
    }

    fn visit_bool<E>(self, _value: bool) -> Result<Fields<'de>, E> {
        Ok(Fields::default())
    }

    fn visit_i64<E>(self, _value: i64) -> Result<Fields<'de>, E> {
        Ok(Fields::default())
    }

    fn visit_u64<E>(self, _value: u64) -> Result<Fields<'de>, E> {
        Ok(Fields::default())
    }

    fn visit_f64<E>(self, _value: f64) -> Result<Fields<'de>, E> {
        Ok(Fields::default())
    }

    fn visit_str<E>(self, _value: &str) -> Result<Fields<'de>, E> {
        Ok(Fields::default())
    }
}

/// The name of a field, borrowed unless it has escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

trait FromField: Sized {
    /// Gives the value back if it does not fit.
    fn from_field(value: Value) -> Result<Self, Value>;
}

impl FromField for String {
    fn from_field(value: Value) -> Result<Self, Value> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(other),
        }
    }
}

impl FromField for DownloadUrl {
    fn from_field(value: Value) -> Result<Self, Value> {
        String::from_field(value).map(Self)
    }
}

impl FromField for Id {
    fn from_field(value: Value) -> Result<Self, Value> {
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
