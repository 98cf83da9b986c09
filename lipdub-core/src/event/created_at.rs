use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

/// The `created_at` of an event: the text always, the time if the text is one.
///
/// LipDub's backend is written in Python, whose `datetime.isoformat()` leaves the zone out when there is
/// none, so a time without a zone is taken as UTC. A timestamp that makes no sense does not hinder the
/// event.
///
/// # Examples
///
/// ```
/// use lipdub_core::CreatedAt;
///
/// let created_at = CreatedAt::from("2026-01-02T03:04:05.123456");
/// assert_eq!(created_at.raw(), "2026-01-02T03:04:05.123456");
/// assert_eq!(created_at.time(), CreatedAt::from("2026-01-02 04:04:05.123456+01:00").time());
/// assert_eq!(CreatedAt::from("yesterday").time(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct CreatedAt {
    raw: String,
}

impl CreatedAt {
    /// The text as it came: the string, or the JSON of what was there in its place, or nothing.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The time, if the text is an ISO 8601 timestamp.
    pub fn time(&self) -> Option<SystemTime> {
        let zoned = self.raw.parse::<Timestamp>().ok();
        SystemTime::try_from(zoned.or_else(|| in_utc(&self.raw))?).ok()
    }
}

impl From<&str> for CreatedAt {
    fn from(raw: &str) -> Self {
        Self { raw: raw.to_owned() }
    }
}

impl From<String> for CreatedAt {
    fn from(raw: String) -> Self {
        Self { raw }
    }
}

impl From<CreatedAt> for String {
    fn from(created_at: CreatedAt) -> Self {
        created_at.raw
    }
}

fn in_utc(raw: &str) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(raw.parse::<DateTime>().ok()?).ok()
}
