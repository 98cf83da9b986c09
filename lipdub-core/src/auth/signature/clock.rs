use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::SignatureError;

/// What the time of a signature is compared with.
#[derive(Clone)]
pub(super) struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    pub(super) fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Whether something was signed no longer ago than the tolerance, nor further in the future.
    pub(super) fn check(&self, signed_at: u64, tolerance: Duration) -> Result<(), SignatureError> {
        let now = (self.0)().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if Duration::from_secs(now.abs_diff(signed_at)) <= tolerance {
            Ok(())
        } else if signed_at < now {
            Err(SignatureError::TooOld)
        } else {
            Err(SignatureError::TooNew)
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(SystemTime::now)
    }
}

/// The seconds since 1970 in a header: digits and nothing else, so that there is one reading of what was
/// signed.
pub(super) fn unix_seconds(value: &[u8]) -> Result<u64, SignatureError> {
    let is_number = value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| is_number);
    text.and_then(|digits| digits.parse().ok()).ok_or(SignatureError::Malformed)
}
