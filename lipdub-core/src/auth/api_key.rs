use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

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

    /// Whether this is the key with that digest, in a time that tells neither length nor place of a difference.
    pub(super) fn has(&self, digest: &[u8; 32]) -> Choice {
        words(&self.digest).ct_eq(&words(digest)[..])
    }

    /// What it is known by among keys that the operator gave. Compare a stranger's with [`has`](Self::has).
    pub(super) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

/// The digest in parts as large as can be compared at once.
fn words(digest: &[u8; 32]) -> [u64; 4] {
    let (words, _) = digest.as_chunks();
    std::array::from_fn(|index| u64::from_ne_bytes(words[index]))
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey([REDACTED])")
    }
}
