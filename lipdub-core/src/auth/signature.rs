//! Signatures of deliveries.

mod check;
mod clock;
mod error;
mod hmac_sha256;
mod mac;
mod secrets;
mod standard_webhooks;

use std::fmt;
use std::sync::Arc;

pub use self::check::SignatureCounts;
pub(crate) use self::check::{KeptHeaders, SignatureCheck};
pub use self::error::SignatureError;
pub use self::hmac_sha256::HmacSha256;
pub use self::mac::SignatureEncoding;
pub use self::standard_webhooks::StandardWebhooks;

/// Says whether a delivery is signed as it should be.
///
/// LipDub signs nothing today. [`HmacSha256`] and [`StandardWebhooks`] are the schemes that are most likely
/// to come; implement this trait for any other, and give it to
/// [`WebhookBuilder::signature`](crate::WebhookBuilder::signature).
///
/// # Rules
///
/// - Verify the bytes of [`Signed::body`], and not what you make of them: white space counts.
/// - Compare in constant time, as the `verify_slice` of `hmac` does.
/// - Every value of a header counts: see [`Signed::values`].
/// - It runs between reading and parsing, on the task of the connection, so it must not block.
/// - If it panics, the delivery is not verified: an enforced one is answered 500.
///
/// # Examples
///
/// HMAC-SHA512 of the body, in hex:
///
/// ```
/// use hmac::{Hmac, KeyInit, Mac};
/// use lipdub_core::{SignatureError, SignatureMode, Signed, Verifier, Webhook};
/// use sha2::Sha512;
///
/// struct HmacSha512(Hmac<Sha512>);
///
/// impl Verifier for HmacSha512 {
///     fn headers(&self) -> Vec<&str> {
///         vec!["x-signature-512"]
///     }
///
///     fn verify(&self, signed: &Signed<'_>) -> Result<(), SignatureError> {
///         let signature = signed.value("x-signature-512")?;
///         let mac = bytes_of(signature).ok_or(SignatureError::Malformed)?;
///         let expected = self.0.clone().chain_update(signed.body());
///         expected.verify_slice(&mac).map_err(|_| SignatureError::Mismatch)
///     }
/// }
///
/// fn bytes_of(hex: &[u8]) -> Option<Vec<u8>> {
///     let digits: Option<Vec<u32>> = hex.iter().map(|digit| char::from(*digit).to_digit(16)).collect();
///     digits?.chunks(2).map(|pair| u8::try_from(pair.first()? << 4 | pair.get(1)?).ok()).collect()
/// }
///
/// let verifier = HmacSha512(Hmac::new_from_slice(b"the secret")?);
/// assert_eq!(verifier.verify(&Signed::new(&[], b"{}")), Err(SignatureError::Missing));
///
/// let webhook = Webhook::builder()
///     .signature(verifier, SignatureMode::Enforce)
///     .fallback(|_event| async { Ok(()) })
///     .build()?;
/// # let _ = webhook;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Verifier: Send + Sync + 'static {
    /// The names of the headers that it wants to see, in any case. No others are kept.
    ///
    /// Asked once, when the webhook is built.
    fn headers(&self) -> Vec<&str>;

    /// Whether the signature of a delivery is right.
    ///
    /// # Errors
    ///
    /// A [`SignatureError`] that says why it is not.
    fn verify(&self, signed: &Signed<'_>) -> Result<(), SignatureError>;
}

impl<V: Verifier + ?Sized> Verifier for Arc<V> {
    fn headers(&self) -> Vec<&str> {
        (**self).headers()
    }

    fn verify(&self, signed: &Signed<'_>) -> Result<(), SignatureError> {
        (**self).verify(signed)
    }
}

/// What a [`Verifier`] sees of a delivery: the headers that it asked for, and the body as it came.
#[derive(Clone, Copy)]
pub struct Signed<'a> {
    headers: &'a [(&'a str, &'a [u8])],
    body: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Puts headers and a body together, to try a verifier with.
    ///
    /// # Examples
    ///
    /// ```
    /// use lipdub_core::{SignatureError, Signed};
    ///
    /// let headers = [("X-Signature", b"abc".as_slice()), ("X-Twice", b"1"), ("X-Twice", b"2")];
    /// let signed = Signed::new(&headers, b"{}");
    /// assert_eq!(signed.value("x-signature"), Ok(b"abc".as_slice()));
    /// assert_eq!(signed.value("x-twice"), Err(SignatureError::Malformed));
    /// assert_eq!(signed.values("x-twice").collect::<Vec<_>>(), [b"1", b"2"]);
    /// ```
    pub fn new(headers: &'a [(&'a str, &'a [u8])], body: &'a [u8]) -> Self {
        Self { headers, body }
    }

    /// All values of a header, whose name is given in any case.
    ///
    /// They are bytes, because a header need not be text.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let is_named = move |(header, _): &&(&str, _)| header.eq_ignore_ascii_case(name);
        self.headers.iter().filter(is_named).map(|(_, value)| *value)
    }

    /// The value of a header that may be there only once, such as a timestamp.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Missing`] if it is not there, and [`SignatureError::Malformed`] if it is there twice:
    /// another reader might take the other one.
    pub fn value(&self, name: &str) -> Result<&'a [u8], SignatureError> {
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value),
            (None, _) => Err(SignatureError::Missing),
            (Some(_), Some(_)) => Err(SignatureError::Malformed),
        }
    }

    /// The body as it came, byte for byte.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }
}

impl fmt::Debug for Signed<'_> {
    /// Leaves out what came with the request.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Signed").finish_non_exhaustive()
    }
}

/// What becomes of a delivery whose signature is missing or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureMode {
    /// Verified, counted and logged, and let in all the same. To watch before switching to
    /// [`Enforce`](Self::Enforce).
    ///
    /// What is not signed is logged at `debug`, for until LipDub signs that is every delivery; what is signed
    /// and wrong, at `warn`.
    Observe,
    /// Refused with 401, as with a wrong API key, and logged at `warn`.
    Enforce,
}
