//! Where a receiver is.

use std::fmt;

use lipdub_core::testing::InvalidUrl;
use lipdub_core::{CallbackUrl, CallbackUrlError};
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

    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether the host could be reached from anywhere, as far as its name tells: no name is looked up.
    pub(crate) fn is_public(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default().trim_end_matches('.');
        let judged = CallbackUrl::parse(&format!("https://{host}/"));
        !matches!(judged, Err(CallbackUrlError::NotPublic(_) | CallbackUrlError::NoHost))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_only_some_can_reach_is_not_public() {
        let is_public = |host: &str| Address::parse(&format!("https://{host}/")).unwrap().is_public();
        for host in
            ["lipdub.ai", "a.b.example.com", "8.8.8.8", "172.32.0.1", "100.128.0.1", "[2001:4860:4860::8888]"]
        {
            assert!(is_public(host), "{host}");
        }
        for host in [
            "localhost",
            "LOCALHOST:3000",
            "a.localhost.",
            "receiver",
            "receiver.local",
            "receiver.internal",
            "127.0.0.9",
            "0x7f.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "[::1]",
            "[::]",
            "[fd00::1]",
            "[fe80::1]",
            "[::ffff:10.0.0.1]",
        ] {
            assert!(!is_public(host), "{host}");
        }
        assert!(is_public("notlocalhost.dev") && is_public("latest.dev"));
    }
}
