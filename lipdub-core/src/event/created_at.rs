use std::sync::Arc;
#[cfg(feature = "time")]
use std::time::SystemTime;

#[cfg(feature = "time")]
use jiff::{civil::Time, fmt::temporal::Pieces, tz::Offset};
use serde::{Deserialize, Serialize};

/// The `created_at` of an event: the text always and, with feature `time`, the time if the text is one.
///
/// A timestamp that makes no sense does not hinder the event.
///
/// # Examples
///
/// ```
/// use lipdub_core::CreatedAt;
///
/// let created_at = CreatedAt::from("2026-01-02T03:04:05.123456");
/// assert_eq!(created_at.raw(), "2026-01-02T03:04:05.123456");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct CreatedAt {
    raw: Arc<str>,
}

impl CreatedAt {
    /// The text as it came: the string, or the JSON of what was there in its place, or nothing.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The time, if the text is an ISO 8601 timestamp up to 9999-12-30. One that only names its zone
    /// (`…[Europe/Berlin]`) is none, and the fraction of a second in an offset is rounded.
    ///
    /// LipDub's backend is written in Python, whose `datetime.isoformat()` leaves the zone out when there is
    /// none, so a time without a zone is taken as UTC.
    ///
    /// # Examples
    ///
    /// ```
    /// use lipdub_core::CreatedAt;
    ///
    /// let created_at = CreatedAt::from("2026-01-02T03:04:05.123456");
    /// assert_eq!(created_at.time(), CreatedAt::from("2026-01-02 04:04:05.123456+01:00").time());
    /// assert_eq!(CreatedAt::from("yesterday").time(), None);
    /// ```
    #[cfg(feature = "time")]
    pub fn time(&self) -> Option<SystemTime> {
        let pieces = Pieces::parse(self.raw()).ok()?;
        let offset = match pieces.to_numeric_offset() {
            Some(offset) => offset,
            None if pieces.time_zone_annotation().is_none() => Offset::UTC,
            // It takes a database to know what the time was there.
            None => return None,
        };
        let local = pieces.date().to_datetime(pieces.time().unwrap_or_else(Time::midnight));
        SystemTime::try_from(offset.to_timestamp(local).ok()?).ok()
    }
}

impl From<&str> for CreatedAt {
    fn from(raw: &str) -> Self {
        Self { raw: raw.into() }
    }
}

impl From<String> for CreatedAt {
    fn from(raw: String) -> Self {
        Self { raw: raw.into() }
    }
}

impl From<CreatedAt> for String {
    fn from(created_at: CreatedAt) -> Self {
        created_at.raw.as_ref().into()
    }
}
