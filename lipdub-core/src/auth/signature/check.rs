use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{SignatureError, SignatureMode, Signed, Verifier};
use crate::delivery::{Head, Status};
use crate::webhook::ConfigError;

/// How many deliveries were signed, since the webhook was built; in either mode.
///
/// # Examples
///
/// ```
/// use lipdub_core::{SignatureMode, StandardWebhooks, Webhook};
///
/// let verifier = StandardWebhooks::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
/// let webhook = Webhook::builder()
///     .api_key("whk_123")
///     .signature(verifier, SignatureMode::Observe)
///     .fallback(|_event| async { Ok(()) })
///     .build()?;
///
/// // Later:
/// let signatures = webhook.signatures();
/// if signatures.right > 1000 && signatures.missing + signatures.wrong == 0 {
///     println!("every delivery is signed: they can be enforced");
/// }
/// # Ok::<(), lipdub_core::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignatureCounts {
    /// With a right signature.
    pub right: u64,
    /// Without a signature, or without a header that belongs to it.
    pub missing: u64,
    /// With a signature that is wrong, unreadable, too old or from the future, or at which the verifier
    /// panicked.
    pub wrong: u64,
}

/// A verifier, and what its verdict does.
pub(crate) struct SignatureCheck {
    verifier: Box<dyn Verifier>,
    mode: SignatureMode,
    headers: BTreeSet<Arc<str>>,
    right: AtomicU64,
    missing: AtomicU64,
    wrong: AtomicU64,
}

/// The headers of a delivery that the verifier asked for.
#[derive(Default)]
pub(crate) struct KeptHeaders(Vec<(Arc<str>, Box<[u8]>)>);

impl SignatureCheck {
    pub(crate) fn new(verifier: Box<dyn Verifier>, mode: SignatureMode) -> Result<Self, ConfigError> {
        let headers: BTreeSet<Arc<str>> =
            verifier.headers().into_iter().map(|name| name.to_ascii_lowercase().into()).collect();
        if !headers.iter().all(|name| is_header_name(name)) {
            return Err(ConfigError::UnusableSetting(
                "a header of the signature has a name that no HTTP header can have",
            ));
        }
        let [right, missing, wrong] = [const { AtomicU64::new(0) }; 3];
        Ok(Self { verifier, mode, headers, right, missing, wrong })
    }

    pub(crate) fn is_enforced(&self) -> bool {
        self.mode == SignatureMode::Enforce
    }

    pub(crate) fn counts(&self) -> SignatureCounts {
        let [right, missing, wrong] =
            [&self.right, &self.missing, &self.wrong].map(|count| count.load(Ordering::Relaxed));
        SignatureCounts { right, missing, wrong }
    }

    /// Copies what the verifier will want to see once the body is there. The server limits how much that is.
    pub(crate) fn keep(&self, head: &Head<'_>) -> KeptHeaders {
        let mut kept = Vec::new();
        for name in &self.headers {
            head.each(name, &mut |value| kept.push((Arc::clone(name), Box::from(value))));
        }
        KeptHeaders(kept)
    }

    /// Verifies, counts and logs, and says what to answer if the delivery must not be let in.
    pub(crate) fn check(&self, kept: &KeptHeaders, body: &[u8]) -> Result<(), Status> {
        let Err(fault) = self.verify(kept, body) else {
            self.right.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        let count = if fault.is_missing() { &self.missing } else { &self.wrong };
        count.fetch_add(1, Ordering::Relaxed);
        match self.mode {
            SignatureMode::Observe if fault.is_missing() => {
                tracing::debug!("a delivery was let in although {fault}");
                Ok(())
            }
            SignatureMode::Observe => {
                tracing::warn!("a delivery was let in although {fault}");
                Ok(())
            }
            SignatureMode::Enforce => {
                tracing::warn!("a delivery was refused: {fault}");
                Err(fault.status())
            }
        }
    }

    fn verify(&self, kept: &KeptHeaders, body: &[u8]) -> Result<(), Fault> {
        let headers: Vec<(&str, &[u8])> = kept.0.iter().map(|(name, value)| (&**name, &**value)).collect();
        let signed = Signed::new(&headers, body);
        let verdict = catch_unwind(AssertUnwindSafe(|| self.verifier.verify(&signed)));
        verdict.map_err(|_| Fault::Panic)?.map_err(Fault::Signature)
    }
}

/// Why a delivery is not known to be signed.
enum Fault {
    Signature(SignatureError),
    Panic,
}

impl Fault {
    fn is_missing(&self) -> bool {
        matches!(self, Self::Signature(SignatureError::Missing))
    }

    fn status(&self) -> Status {
        match self {
            Self::Signature(_) => Status::Unauthorized,
            Self::Panic => Status::Failed,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature(error) => error.fmt(formatter),
            Self::Panic => formatter.write_str("the verifier of its signature panicked"),
        }
    }
}

/// Whether it is a token of [RFC 9110, section 5.6.2].
///
/// [RFC 9110, section 5.6.2]: https://www.rfc-editor.org/rfc/rfc9110.html#section-5.6.2
fn is_header_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}
