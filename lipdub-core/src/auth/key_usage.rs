use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// How many deliveries came with a key of an [`ApiKeys`](crate::ApiKeys), and when the last did.
///
/// It names the key by its place and never shows it. An old key that was not used since LipDub has the new
/// one is no longer needed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyUsage {
    /// The key's place in the set, from 0. A key that is given twice has its first place only.
    pub index: usize,
    /// How many deliveries came with it since this process first had it in the set. One with a wrong key beside it
    /// does not count; one that was refused for another reason does, for it needs the key all the same.
    pub deliveries: u64,
    /// When the last one came, by the clock of the system, to the microsecond; `None` if none did.
    pub last_at: Option<SystemTime>,
}

/// Counts without a lock.
#[derive(Default)]
pub(super) struct Uses {
    deliveries: AtomicU64,
    /// In microseconds since 1970, at least 1; 0 for never.
    last_at: AtomicU64,
}

impl Uses {
    pub(super) fn count(&self, now: SystemTime) {
        let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let micros = u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX).max(1);
        self.last_at.fetch_max(micros, Ordering::Relaxed);
        // Second, so that whoever sees the delivery sees when it was.
        self.deliveries.fetch_add(1, Ordering::Release);
    }

    pub(super) fn of_key(&self, index: usize) -> KeyUsage {
        let deliveries = self.deliveries.load(Ordering::Acquire);
        let last_at = match self.last_at.load(Ordering::Relaxed) {
            0 => None,
            micros => SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(micros)),
        };
        KeyUsage { index, deliveries, last_at }
    }
}
