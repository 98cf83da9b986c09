use std::fmt;
use std::sync::Arc;

use super::key_set::{Current, KeySet};
use super::{ApiKey, KeyUsage, Shown};
use crate::delivery::Head;
use crate::webhook::ConfigError;

/// The API keys that are valid now; they can be replaced while the receiver runs.
///
/// Clones share the keys: give one to the [`Webhook`](crate::Webhook), and keep one. They are replaced all at once,
/// and a delivery meets either the keys of before or those of after.
///
/// # To rotate without a lost delivery
///
/// LipDub has one key at a time, and a new one takes the place of the old. The receiver takes several, and must
/// take both as long as deliveries with either can come:
///
/// 1. Add the new key: `old` and `new` are both valid. Do it before LipDub has the new key if you choose the key, and
///    at once if LipDub makes it; what comes in between is answered 401, and LipDub tries again.
/// 2. Give LipDub the new key.
/// 3. Wait until [`usage`](Self::usage) shows that the new key is used and the old one is not any more.
/// 4. Take the old key away.
///
/// # Examples
///
/// ```
/// use lipdub_core::{ApiKey, ApiKeys, Webhook};
///
/// let keys = ApiKeys::new([ApiKey::new("old")?])?;
/// let webhook = Webhook::builder()
///     .api_keys(keys.clone())
///     .fallback(|_event| async { Ok(()) })
///     .build()?;
///
/// keys.replace([ApiKey::new("old")?, ApiKey::new("new")?])?;
/// for key in keys.usage() {
///     println!("{} deliveries came with key {}, the last at {:?}", key.deliveries, key.index, key.last_at);
/// }
/// # let _ = webhook;
/// # Ok::<(), lipdub_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct ApiKeys {
    current: Arc<Current>,
}

impl ApiKeys {
    /// Makes a set of keys, any of which is accepted.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoCredential`] if there is no key in it.
    pub fn new(keys: impl IntoIterator<Item = ApiKey>) -> Result<Self, ConfigError> {
        Ok(Self { current: Arc::new(Current::new(at_least_one(keys)?)) })
    }

    /// Accepts these keys from now on, and no others.
    ///
    /// A key that stays keeps its [`usage`](Self::usage).
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoCredential`] if there is no key in it; the keys stay as they were.
    pub fn replace(&self, keys: impl IntoIterator<Item = ApiKey>) -> Result<(), ConfigError> {
        self.current.replace(&at_least_one(keys)?);
        Ok(())
    }

    /// For each key, in the order in which they were given: how many deliveries came with it, and when the last did.
    ///
    /// It counts in this process only. A delivery that carries several keys counts for each, and one that carries a
    /// key twice once. The log has the key's index for each delivery, at the level `debug`.
    pub fn usage(&self) -> Vec<KeyUsage> {
        self.current.get().usage()
    }

    /// What a request shows: every key that it carries must be right.
    pub(super) fn check(&self, head: &Head<'_>) -> Shown {
        self.current.get().check(head)
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKeys([REDACTED])")
    }
}

fn at_least_one(keys: impl IntoIterator<Item = ApiKey>) -> Result<KeySet, ConfigError> {
    KeySet::new(keys).ok_or(ConfigError::NoCredential)
}
