//! Who may deliver: API keys.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use crate::delivery::Head;
use crate::webhook::ConfigError;

/// The webhook API key that you gave to LipDub.
///
/// Only its SHA-256 is kept, and it prints as `[REDACTED]`.
#[derive(Clone)]
pub struct ApiKey {
    digest: [u8; 32],
}

impl ApiKey {
    /// Takes a key as it is configured at LipDub.
    ///
    /// # Errors
    ///
    /// [`ConfigError::EmptyApiKey`] if it is empty, and [`ConfigError::UnusableApiKey`] if it begins
    /// or ends with white space or holds a control character: no HTTP header can carry such a key, and
    /// a line break at the end is what a key read from a file often brings with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use lipdub_core::{ApiKey, ConfigError};
    ///
    /// let key = ApiKey::new("whk_123")?;
    /// assert_eq!(format!("{key:?}"), "ApiKey([REDACTED])");
    /// assert!(matches!(ApiKey::new(""), Err(ConfigError::EmptyApiKey)));
    /// assert!(matches!(ApiKey::new("whk_123\n"), Err(ConfigError::UnusableApiKey)));
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn new(key: impl AsRef<str>) -> Result<Self, ConfigError> {
        let key = key.as_ref();
        if key.is_empty() {
            return Err(ConfigError::EmptyApiKey);
        }
        if key.trim() != key || key.chars().any(char::is_control) {
            return Err(ConfigError::UnusableApiKey);
        }
        Ok(Self { digest: Sha256::digest(key).into() })
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey([REDACTED])")
    }
}

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

    /// Whether a request may deliver: it carries a credential, and every one it carries is right.
    pub(crate) fn admit(&self, head: &Head<'_>) -> bool {
        let keys = Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner));
        let mut credentials = 0_u32;
        let mut all_right = Choice::from(1);
        let mut check = |credential: Option<&[u8]>| {
            credentials += 1;
            all_right &= credential.map_or(Choice::from(0), |credential| matches_any(&keys, credential));
        };
        head.each("authorization", &mut |value| check(bearer(value)));
        head.each("x-api-key", &mut |value| check(Some(value)));
        credentials > 0 && all_right.into()
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKeys([REDACTED])")
    }
}

/// Who may deliver.
pub(crate) enum Access {
    Keys(ApiKeys),
    Everybody,
}

impl Access {
    /// Makes sense of what was configured, which must be exactly one of the three.
    pub(crate) fn new(
        keys: Vec<Result<ApiKey, ConfigError>>,
        shared_keys: Option<ApiKeys>,
        everybody: bool,
    ) -> Result<Self, ConfigError> {
        let keys: Vec<ApiKey> = keys.into_iter().collect::<Result<_, _>>()?;
        match (keys.is_empty(), shared_keys, everybody) {
            (false, None, false) => ApiKeys::new(keys).map(Self::Keys),
            (true, Some(shared_keys), false) => Ok(Self::Keys(shared_keys)),
            (true, None, true) => Ok(Self::Everybody),
            (true, None, false) => Err(ConfigError::NoCredential),
            _ => Err(ConfigError::AmbiguousCredentials),
        }
    }

    pub(crate) fn admits(&self, head: &Head<'_>) -> bool {
        match self {
            Self::Keys(keys) => keys.admit(head),
            Self::Everybody => true,
        }
    }
}

fn at_least_one(keys: impl IntoIterator<Item = ApiKey>) -> Result<Arc<[ApiKey]>, ConfigError> {
    let keys: Arc<[ApiKey]> = keys.into_iter().collect();
    if keys.is_empty() { Err(ConfigError::NoCredential) } else { Ok(keys) }
}

/// Compares digests, and with every key, so that time tells neither length nor place of a difference.
fn matches_any(keys: &[ApiKey], credential: &[u8]) -> Choice {
    let digest: [u8; 32] = Sha256::digest(credential).into();
    keys.iter().fold(Choice::from(0), |found, key| found | key.digest.ct_eq(&digest))
}

/// The token of `Bearer TOKEN`; the scheme is case-insensitive ([RFC 9110, section 11.1]).
///
/// [RFC 9110, section 11.1]: https://www.rfc-editor.org/rfc/rfc9110.html#section-11.1
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(b"bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii_start())
}
