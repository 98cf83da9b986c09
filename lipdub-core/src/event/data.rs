//! The data of the documented events.
//!
//! LipDub documents no more of it than `stage`, so nothing here is required: what is missing or of an
//! unexpected shape is `None`, and whatever was not taken is kept in `extra`. A documented event never fails
//! to decode.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The data of [`EventType::RenderComplete`](crate::EventType::RenderComplete).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Value")]
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

impl From<Value> for RenderComplete {
    fn from(data: Value) -> Self {
        let mut fields = Fields::of(data);
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

/// The data of [`EventType::RenderFailed`](crate::EventType::RenderFailed).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Value")]
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

impl From<Value> for RenderFailed {
    fn from(data: Value) -> Self {
        let mut fields = Fields::of(data);
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

/// The data of the events that report a stage on the way to a render, from upload to training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Value")]
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

impl From<Value> for StageEvent {
    fn from(data: Value) -> Self {
        let mut fields = Fields::of(data);
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

/// The fields of a JSON object, to be taken one by one; empty for anything else.
struct Fields(Map<String, Value>);

impl Fields {
    fn of(data: Value) -> Self {
        match data {
            Value::Object(fields) => Self(fields),
            _ => Self(Map::new()),
        }
    }

    /// Takes a field out if it fits; one that does not stays for `extra`.
    fn take<T: FromField>(&mut self, name: &str) -> Option<T> {
        let taken = T::from_field(self.0.get(name)?)?;
        self.0.remove(name);
        Some(taken)
    }

    fn rest(self) -> Extra {
        Extra(self.0)
    }
}

trait FromField: Sized {
    fn from_field(value: &Value) -> Option<Self>;
}

impl FromField for String {
    fn from_field(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl FromField for DownloadUrl {
    fn from_field(value: &Value) -> Option<Self> {
        String::from_field(value).map(Self)
    }
}

impl FromField for Id {
    fn from_field(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self(text.clone())),
            Value::Number(number) => {
                let whole = number.as_u64().map(|id| id.to_string());
                let whole = whole.or_else(|| number.as_i64().map(|id| id.to_string()));
                whole.or_else(|| number.as_f64().and_then(whole_number)).map(Self)
            }
            _ => None,
        }
    }
}

/// The digits of a float that stands for exactly one whole number.
fn whole_number(float: f64) -> Option<String> {
    const EXACT_BELOW: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
    (float.fract() == 0.0 && float.abs() < EXACT_BELOW).then(|| format!("{float:.0}"))
}
