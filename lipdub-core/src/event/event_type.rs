use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What kind of thing happened: the `event_type` of the body.
///
/// Two types are equal if their names are, so `EventType::Other("TRAINING_COMPLETE".into())` is
/// [`TrainingComplete`](Self::TrainingComplete).
///
/// # Examples
///
/// ```
/// use lipdub_core::EventType;
///
/// assert_eq!(EventType::from("VIDEO_RENDER_COMPLETE"), EventType::RenderComplete);
/// assert_eq!(EventType::from("AVATAR_COMPLETE").as_str(), "AVATAR_COMPLETE");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventType {
    /// `VIDEO_RENDER_COMPLETE`: a render is finished and can be downloaded.
    RenderComplete,
    /// `RENDER_PROCESSING_FAILED`: a render failed.
    RenderFailed,
    /// `PREPROCESSING_COMPLETE`, where it is enabled for the account.
    PreprocessingComplete,
    /// `TRAINING_COMPLETE`, where it is enabled for the account.
    TrainingComplete,
    /// `FILE_UPLOAD_COMPLETE`, where it is enabled for the account.
    FileUploadComplete,
    /// `FILE_UPLOAD_FAILED`, where it is enabled for the account.
    FileUploadFailed,
    /// `VIDEO_VALIDATION_COMPLETE`, where it is enabled for the account.
    VideoValidationComplete,
    /// `VIDEO_VALIDATION_FAILED`, where it is enabled for the account.
    VideoValidationFailed,
    /// `BEGIN_TRAINING_FAILURE`, where it is enabled for the account.
    BeginTrainingFailure,
    /// A type that this version of the crate does not know, by its name.
    Other(String),
}

impl EventType {
    /// The types that LipDub documents.
    pub const DOCUMENTED: [Self; 9] = [
        Self::RenderComplete,
        Self::RenderFailed,
        Self::PreprocessingComplete,
        Self::TrainingComplete,
        Self::FileUploadComplete,
        Self::FileUploadFailed,
        Self::VideoValidationComplete,
        Self::VideoValidationFailed,
        Self::BeginTrainingFailure,
    ];

    /// The name that LipDub uses.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(name) => name,
            documented => documented.documented_name(),
        }
    }

    /// The name for log lines: what a sender made up is no text for a log.
    pub(crate) fn label(&self) -> &'static str {
        self.documented_name()
    }

    fn documented_name(&self) -> &'static str {
        match self {
            Self::RenderComplete => "VIDEO_RENDER_COMPLETE",
            Self::RenderFailed => "RENDER_PROCESSING_FAILED",
            Self::PreprocessingComplete => "PREPROCESSING_COMPLETE",
            Self::TrainingComplete => "TRAINING_COMPLETE",
            Self::FileUploadComplete => "FILE_UPLOAD_COMPLETE",
            Self::FileUploadFailed => "FILE_UPLOAD_FAILED",
            Self::VideoValidationComplete => "VIDEO_VALIDATION_COMPLETE",
            Self::VideoValidationFailed => "VIDEO_VALIDATION_FAILED",
            Self::BeginTrainingFailure => "BEGIN_TRAINING_FAILURE",
            Self::Other(_) => "(other)",
        }
    }
}

impl From<&str> for EventType {
    fn from(name: &str) -> Self {
        let documented = Self::DOCUMENTED.into_iter().find(|documented| documented.as_str() == name);
        documented.unwrap_or_else(|| Self::Other(name.to_owned()))
    }
}

impl From<String> for EventType {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl PartialEq for EventType {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for EventType {}

impl Hash for EventType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}
