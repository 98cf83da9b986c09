use std::fmt;

/// Why a delivery's signature is not right.
///
/// It goes into the log, so it holds neither a secret nor anything from the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureError {
    /// A header that belongs to the signature is not there.
    Missing,
    /// The headers are there, but cannot be read.
    Malformed,
    /// No secret makes this signature of this body.
    Mismatch,
    /// The signature is right, but older than the tolerance.
    TooOld,
    /// The signature is right, but from further in the future than the tolerance.
    TooNew,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Missing => {
                "it is not signed: see whether LipDub signs for this account, and under which header names"
            }
            Self::Malformed => {
                "its signature cannot be read: compare prefix, encoding and headers with what LipDub documents"
            }
            Self::Mismatch => {
                "its signature is wrong: compare the secret with LipDub's, and see that no proxy changes the body"
            }
            Self::TooOld => {
                "its signature is too old: it was sent before, or this machine's clock is fast, or the tolerance too small"
            }
            Self::TooNew => "its signature is from the future: see whether this machine's clock is slow",
        })
    }
}

impl std::error::Error for SignatureError {}
