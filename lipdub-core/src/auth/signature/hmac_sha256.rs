use std::fmt;
use std::time::{Duration, SystemTime};

use super::clock::{Clock, unix_seconds};
use super::mac::macs;
use super::secrets::Secrets;
use super::{SignatureEncoding, SignatureError, Signed, Verifier};
use crate::webhook::ConfigError;

/// Verifies an HMAC-SHA256 of the body in a header, as most senders of webhooks make it.
///
/// Header, prefix, encoding and timestamp are yours to set, for LipDub has not said what its will be.
///
/// # Several signatures
///
/// A header may hold several, and come several times; commas or white space are between them. One that is
/// right is enough, since a sender that rotates its secret signs with the old and the new one, and nobody can
/// make one without a secret. What has not the prefix is skipped. A MAC that is not whole is none.
///
/// # Examples
///
/// ```
/// use lipdub_core::{HmacSha256, SignatureError, Signed, Verifier};
///
/// let verifier =
///     HmacSha256::new("x-lipdub-signature", "It's a Secret to Everybody")?.prefix("sha256=");
///
/// let signature = b"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
/// let headers = [("x-lipdub-signature", signature.as_slice())];
/// assert_eq!(verifier.verify(&Signed::new(&headers, b"Hello, World!")), Ok(()));
/// assert_eq!(verifier.verify(&Signed::new(&headers, b"Hello!")), Err(SignatureError::Mismatch));
/// # Ok::<(), lipdub_core::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use = "give it to `WebhookBuilder::signature`"]
pub struct HmacSha256 {
    header: String,
    secrets: Secrets,
    prefix: String,
    encoding: SignatureEncoding,
    timestamp: Option<Timestamp>,
    clock: Clock,
}

#[derive(Clone)]
struct Timestamp {
    header: String,
    tolerance: Duration,
}

impl HmacSha256 {
    /// Verifies the signature in this header by this secret, whose bytes are taken as they are.
    ///
    /// Without further settings the header holds the hex of an HMAC of the body, and nothing else.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnusableSecret`] if the secret is empty, or a text with white space at its beginning or
    /// end: a line break is what a secret read from a file often brings with it.
    pub fn new(header: impl Into<String>, secret: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        Ok(Self {
            header: header.into(),
            secrets: Secrets::new(trimmed(secret.as_ref())?)?,
            prefix: String::new(),
            encoding: SignatureEncoding::default(),
            timestamp: None,
            clock: Clock::default(),
        })
    }

    /// Accepts signatures by this secret, too, while you rotate.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn also(mut self, secret: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        self.secrets.add(trimmed(secret.as_ref())?)?;
        Ok(self)
    }

    /// What stands before the signature, such as `sha256=`. Defaults to nothing. Its case counts.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How the signature is written. Defaults to [`SignatureEncoding::Hex`].
    pub fn encoding(mut self, encoding: SignatureEncoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Expects the time of signing in this header, in seconds since 1970, and a signature of `TIME.BODY`.
    ///
    /// A delivery is refused if it was signed longer ago than the tolerance, so that nobody can send it once
    /// more, or further in the future. Five minutes are usual. Each try of LipDub, and a replay weeks later,
    /// must then be signed anew: watch with [`SignatureMode::Observe`](crate::SignatureMode::Observe) whether
    /// that is so. The header may be there once only.
    ///
    /// Without it an old delivery can be sent again by whoever has seen it. It is then a duplicate as long as
    /// it is remembered, 30 days by default.
    pub fn timestamp(mut self, header: impl Into<String>, tolerance: Duration) -> Self {
        self.timestamp = Some(Timestamp { header: header.into(), tolerance });
        self
    }

    /// Tells the time by this clock. Defaults to the system's; for tests in which time passes.
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(now);
        self
    }
}

impl Verifier for HmacSha256 {
    fn headers(&self) -> Vec<&str> {
        let timestamp = self.timestamp.iter().map(|timestamp| &*timestamp.header);
        timestamp.chain([&*self.header]).collect()
    }

    fn verify(&self, signed: &Signed<'_>) -> Result<(), SignatureError> {
        let macs = macs(signed, &self.header, &self.prefix, self.encoding)?;
        let Some(timestamp) = &self.timestamp else {
            return self.secrets.check(&[signed.body()], &macs);
        };
        let time = signed.value(&timestamp.header)?;
        let signed_at = unix_seconds(time)?;
        self.secrets.check(&[time, b".", signed.body()], &macs)?;
        self.clock.check(signed_at, timestamp.tolerance)
    }
}

impl fmt::Debug for HmacSha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HmacSha256").finish_non_exhaustive()
    }
}

fn trimmed(secret: &[u8]) -> Result<&[u8], ConfigError> {
    // Bytes at random can begin or end like this, too, but then are no text.
    let is_untrimmed = std::str::from_utf8(secret).is_ok_and(|text| text.trim() != text);
    if is_untrimmed {
        return Err(ConfigError::UnusableSecret("it begins or ends with white space: trim it"));
    }
    Ok(secret)
}
