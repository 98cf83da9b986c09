use std::ops::{Add, Sub};
use std::time::Duration;

use tokio::time::Instant;

/// A point in time in half the space of an `Instant`: nanoseconds since the store was made, or before.
///
/// It reaches for 292 years, and what is later is then.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(i64);

impl Moment {
    pub(super) fn now(epoch: Instant) -> Self {
        let now = Instant::now();
        // A clock that is paused, as in tests, may stand before the time at which the store was made.
        if now < epoch { Self(-nanos(epoch - now)) } else { Self(nanos(now - epoch)) }
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

impl Sub for Moment {
    type Output = Duration;

    /// Nothing, if `earlier` is later.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
