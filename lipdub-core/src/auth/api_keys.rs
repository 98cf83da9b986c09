use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest as _, Sha256};
use subtle::Choice;

use super::{ApiKey, Shown};
use crate::delivery::Head;
use crate::webhook::ConfigError;

/// The API keys that are valid now; they can be replaced while the receiver runs.
///
/// Clones share the keys. To rotate without a refused delivery: accept the old and the new key, switch
/// LipDub to the new one, then accept only the new one.
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
/// # let _ = webhook;
/// # Ok::<(), lipdub_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct ApiKeys {
    keys: Arc<RwLock<Arc<[ApiKey]>>>,
}

impl ApiKeys {
    /// Makes a set of keys, any of which is accepted.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoCredential`] if there is no key in it.
    pub fn new(keys: impl IntoIterator<Item = ApiKey>) -> Result<Self, ConfigError> {
        Ok(Self { keys: Arc::new(RwLock::new(at_least_one(keys)?)) })
    }

    /// Accepts these keys from now on, and no others.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoCredential`] if there is no key in it; the keys stay as they were.
    pub fn replace(&self, keys: impl IntoIterator<Item = ApiKey>) -> Result<(), ConfigError> {
        let keys = at_least_one(keys)?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// What a request shows: every key that it carries must be right.
    pub(super) fn check(&self, head: &Head<'_>) -> Shown {
        let keys = Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner));
        let mut credentials = 0_u32;
        let mut all_right = Choice::from(1);
        let mut check = |credential: Option<&[u8]>| {
            credentials += 1;
            all_right &= credential.map_or(Choice::from(0), |credential| matches_any(&keys, credential));
        };
        head.each("authorization", &mut |value| check(bearer(value)));
        head.each("x-api-key", &mut |value| check(Some(value)));
        match (credentials, all_right.into()) {
            (0, _) => Shown::Nothing,
            (_, true) => Shown::Right,
            (_, false) => Shown::Wrong,
        }
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKeys([REDACTED])")
    }
}

fn at_least_one(keys: impl IntoIterator<Item = ApiKey>) -> Result<Arc<[ApiKey]>, ConfigError> {
    let keys: Arc<[ApiKey]> = keys.into_iter().collect();
    if keys.is_empty() { Err(ConfigError::NoCredential) } else { Ok(keys) }
}

/// Compares digests, and with every key, so that time tells neither length nor place of a difference.
fn matches_any(keys: &[ApiKey], credential: &[u8]) -> Choice {
    let digest: [u8; 32] = Sha256::digest(credential).into();
    keys.iter().fold(Choice::from(0), |found, key| found | key.has(&digest))
}

/// The token of `Bearer TOKEN`; the scheme is case-insensitive ([RFC 9110, section 11.1]).
///
/// [RFC 9110, section 11.1]: https://www.rfc-editor.org/rfc/rfc9110.html#section-11.1
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(b"bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii_start())
}
