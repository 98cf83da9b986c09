use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::SignatureError;
use super::mac::Mac;
use crate::webhook::ConfigError;

/// The secrets that may have signed, at least one. Of each only the HMAC that it begins is kept.
#[derive(Clone)]
pub(super) struct Secrets(Vec<Hmac<Sha256>>);

impl Secrets {
    pub(super) fn new(secret: &[u8]) -> Result<Self, ConfigError> {
        Ok(Self(vec![begin(secret)?]))
    }

    pub(super) fn add(&mut self, secret: &[u8]) -> Result<(), ConfigError> {
        self.0.push(begin(secret)?);
        Ok(())
    }

    /// Whether any of them has made any of these MACs of the content, which is given in pieces.
    ///
    /// One is enough: whoever can make one of them has a secret. All are compared, each in constant time.
    pub(super) fn check(&self, content: &[&[u8]], macs: &[Mac]) -> Result<(), SignatureError> {
        let mut is_right = false;
        for secret in &self.0 {
            let expected = content.iter().fold(secret.clone(), Hmac::chain_update);
            for mac in macs {
                is_right |= expected.clone().verify_slice(mac).is_ok();
            }
        }
        if is_right { Ok(()) } else { Err(SignatureError::Mismatch) }
    }
}

fn begin(secret: &[u8]) -> Result<Hmac<Sha256>, ConfigError> {
    if secret.is_empty() {
        return Err(ConfigError::UnusableSecret(
            "it is empty: is the environment variable that it comes from set?",
        ));
    }
    Hmac::new_from_slice(secret).map_err(|_| ConfigError::UnusableSecret("HMAC does not take its length"))
}
