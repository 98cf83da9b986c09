use std::fmt;
use std::time::Duration;

use super::LipDub;
use crate::testing::fault::Faults;
use crate::testing::target::Target;

/// Makes a [`LipDub`].
///
/// # Settings
///
/// | setting | default | why |
/// |---|---|---|
/// | [`api_key`](Self::api_key), [`x_api_key`](Self::x_api_key) | none | LipDub sends one if it is configured |
/// | [`cut_off`](Self::cut_off) | 5 s | LipDub waits no longer |
/// | [`tries`](Self::tries) | 3 | LipDub tries no more often |
/// | [`retry_delay`](Self::retry_delay) | 5 s | LipDub does not say; a longer one is easier on a receiver |
/// | [`consumers`](Self::consumers) | 10 | how many jobs are delivered at the same time |
/// | [`faults`](Self::faults) | none | |
#[must_use = "it is `build` that makes the provider"]
pub struct LipDubBuilder {
    pub(super) target: Box<dyn Target>,
    pub(super) credential: Option<Credential>,
    pub(super) old_key: String,
    pub(super) cut_off: Duration,
    pub(super) tries: u32,
    pub(super) retry_delay: Duration,
    pub(super) consumers: usize,
    pub(super) faults: Faults,
}

/// How a key is sent.
pub(super) struct Credential {
    pub(super) header: &'static str,
    pub(super) scheme: &'static str,
    pub(super) key: String,
}

impl LipDubBuilder {
    pub(super) fn new(target: Box<dyn Target>) -> Self {
        Self {
            target,
            credential: None,
            old_key: "whk_not_valid_any_more".to_owned(),
            cut_off: Duration::from_secs(5),
            tries: 3,
            retry_delay: Duration::from_secs(5),
            consumers: 10,
            faults: Faults::none(),
        }
    }

    /// Sends this key as `Authorization: Bearer`.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.credential = Some(Credential { header: "authorization", scheme: "Bearer ", key: key.into() });
        self
    }

    /// Sends this key as `X-Api-Key`, as for older tenants.
    pub fn x_api_key(mut self, key: impl Into<String>) -> Self {
        self.credential = Some(Credential { header: "x-api-key", scheme: "", key: key.into() });
        self
    }

    /// Sets the key that [`Fault::OldKey`](crate::testing::Fault::OldKey) sends. Defaults to one that nobody has.
    pub fn old_key(mut self, key: impl Into<String>) -> Self {
        self.old_key = key.into();
        self
    }

    /// Sets how long LipDub waits for an answer. Defaults to 5 s.
    pub fn cut_off(mut self, time: Duration) -> Self {
        self.cut_off = time;
        self
    }

    /// Sets how often LipDub tries before it gives up. Defaults to 3.
    pub fn tries(mut self, times: u32) -> Self {
        self.tries = times;
        self
    }

    /// Sets how long LipDub waits before it tries again. Defaults to 5 s.
    pub fn retry_delay(mut self, time: Duration) -> Self {
        self.retry_delay = time;
        self
    }

    /// Sets how many jobs are delivered at the same time. Defaults to 10.
    pub fn consumers(mut self, jobs: usize) -> Self {
        self.consumers = jobs.max(1);
        self
    }

    /// Lets things go wrong by chance. Defaults to none.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Makes the provider.
    pub fn build(self) -> LipDub {
        LipDub::new(self)
    }
}

impl fmt::Debug for LipDubBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LipDubBuilder").finish_non_exhaustive()
    }
}
