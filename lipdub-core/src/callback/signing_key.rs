use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::webhook::ConfigError;

/// A secret of yours with which [`JobLinks`](super::JobLinks) are signed. LipDub never sees it.
///
/// It prints as `[REDACTED]`. Links carry an id of the key, made of the key itself, so that several keys can be
/// told apart and none has to be named.
#[derive(Clone)]
pub struct SigningKey {
    id: [u8; Self::ID_LENGTH],
    prepared: Hmac<Sha256>,
}

impl SigningKey {
    pub(super) const ID_LENGTH: usize = 4;
    pub(super) const SIGNATURE_LENGTH: usize = 32;

    /// What RFC 2104, section 3, advises: no less than the length of the hash.
    const SHORTEST: usize = 32;

    /// Takes a secret of at least 32 bytes, such as `openssl rand -base64 32` makes.
    ///
    /// The bytes are taken as they are; base64 and hex are not decoded.
    ///
    /// # Errors
    ///
    /// [`ConfigError::ShortSigningKey`] if it is shorter: whoever guesses it can sign links.
    ///
    /// # Examples
    ///
    /// ```
    /// use lipdub_core::{ConfigError, SigningKey};
    ///
    /// let key = SigningKey::new("VPZ8UpBCsY3j6RhVrxlDmJW0bUq1oa5Yz9kKcGtFtA4=")?;
    /// assert_eq!(format!("{key:?}"), "SigningKey([REDACTED])");
    /// assert!(matches!(SigningKey::new("too short"), Err(ConfigError::ShortSigningKey)));
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let secret = secret.as_ref();
        if secret.len() < Self::SHORTEST {
            return Err(ConfigError::ShortSigningKey);
        }
        let prepared = Hmac::new_from_slice(secret).map_err(|_| ConfigError::ShortSigningKey)?;
        let mut id = [0; Self::ID_LENGTH];
        let digest = prepared.clone().chain_update("lipdub key id").finalize().into_bytes();
        id.copy_from_slice(&digest[..Self::ID_LENGTH]);
        Ok(Self { id, prepared })
    }

    pub(super) fn id(&self) -> [u8; Self::ID_LENGTH] {
        self.id
    }

    pub(super) fn sign(&self, parts: &[&[u8]]) -> [u8; Self::SIGNATURE_LENGTH] {
        self.feed(parts).finalize().into_bytes().into()
    }

    /// Whether this key signed these parts, in a time that tells nothing of the right signature.
    pub(super) fn has_signed(&self, parts: &[&[u8]], signature: &[u8]) -> bool {
        self.feed(parts).verify_slice(signature).is_ok()
    }

    fn feed(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        parts.iter().fold(self.prepared.clone(), Hmac::chain_update)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey([REDACTED])")
    }
}
