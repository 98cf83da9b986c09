//! Where a receiver is.

use std::fmt;

use lipdub_core::testing::InvalidUrl;
use url::Url;

/// A URL that can be delivered to.
#[derive(Clone)]
pub(crate) struct Address(Url);

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|_| InvalidUrl::NotAUrl.to_string())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidUrl::Scheme.to_string());
        }
        // The client would make a second `Authorization` of them.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "leave the name and password before the host out; a key goes with --api-key".to_owned()
            );
        }
        Ok(Self(url))
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for Address {
    /// Leaves the path out, which may be a secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Address").field(&self.0.host_str()).finish()
    }
}
