use std::fmt;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::clock::{Clock, unix_seconds};
use super::mac::macs;
use super::secrets::Secrets;
use super::{SignatureEncoding, SignatureError, Signed, Verifier};
use crate::webhook::ConfigError;

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";

/// Verifies signatures by the specification of [Standard Webhooks], in its symmetric scheme (`v1`).
///
/// `webhook-signature` holds `v1,` and the base64 of an HMAC-SHA256 of `ID.TIMESTAMP.BODY`, where id and
/// timestamp are `webhook-id` and `webhook-timestamp`. It may hold several, while the sender rotates its
/// secret: one that is right is enough. Those of other schemes, such as the asymmetric `v1a`, are skipped.
///
/// An id with a full stop in it is refused, as the specification advises: it could pretend to be the
/// beginning of a body.
///
/// The id takes no part in the [`EventKey`](crate::EventKey).
///
/// [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
///
/// # Examples
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
///
/// use lipdub_core::{Signed, StandardWebhooks, Verifier};
///
/// let verifier = StandardWebhooks::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?
///     .clock(|| UNIX_EPOCH + Duration::from_secs(1_614_265_330));
///
/// let headers = [
///     ("webhook-id", b"msg_p5jXN8AQM9LWM0D4loKWxJek".as_slice()),
///     ("webhook-timestamp", b"1614265330"),
///     ("webhook-signature", b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
/// ];
/// assert_eq!(verifier.verify(&Signed::new(&headers, br#"{"test": 2432232314}"#)), Ok(()));
/// # Ok::<(), lipdub_core::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use = "give it to `WebhookBuilder::signature`"]
pub struct StandardWebhooks {
    secrets: Secrets,
    tolerance: Duration,
    clock: Clock,
}

impl StandardWebhooks {
    /// Verifies by this secret: base64, with or without `whsec_` before it.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnusableSecret`] if it is empty or not base64.
    pub fn new(secret: impl AsRef<str>) -> Result<Self, ConfigError> {
        Ok(Self {
            secrets: Secrets::new(&decode(secret.as_ref())?)?,
            tolerance: Duration::from_secs(5 * 60),
            clock: Clock::default(),
        })
    }

    /// Accepts signatures by this secret, too, while you rotate.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn also(mut self, secret: impl AsRef<str>) -> Result<Self, ConfigError> {
        self.secrets.add(&decode(secret.as_ref())?)?;
        Ok(self)
    }

    /// How long ago, or how far in the future, a delivery may have been signed. Defaults to 5 minutes.
    ///
    /// Each try of LipDub, and a replay weeks later, must be signed anew: watch with
    /// [`SignatureMode::Observe`](crate::SignatureMode::Observe) whether that is so.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Tells the time by this clock. Defaults to the system's; for tests in which time passes.
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(now);
        self
    }
}

impl Verifier for StandardWebhooks {
    fn headers(&self) -> Vec<&str> {
        vec![ID, TIMESTAMP, SIGNATURE]
    }

    fn verify(&self, signed: &Signed<'_>) -> Result<(), SignatureError> {
        let (id, time) = (signed.value(ID)?, signed.value(TIMESTAMP)?);
        let macs = macs(signed, SIGNATURE, "v1,", SignatureEncoding::Base64)?;
        let signed_at = unix_seconds(time)?;
        if id.is_empty() || id.contains(&b'.') {
            return Err(SignatureError::Malformed);
        }
        self.secrets.check(&[id, b".", time, b".", signed.body()], &macs)?;
        self.clock.check(signed_at, self.tolerance)
    }
}

impl fmt::Debug for StandardWebhooks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StandardWebhooks").finish_non_exhaustive()
    }
}

fn decode(secret: &str) -> Result<Vec<u8>, ConfigError> {
    let text = secret.strip_prefix("whsec_").unwrap_or(secret);
    BASE64_STANDARD.decode(text).map_err(|_| {
        ConfigError::UnusableSecret(
            "it is not base64, with or without `whsec_` before it (`whpk_…` is of an asymmetric scheme, which is not verified here)",
        )
    })
}
