use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{SignatureError, Signed};

/// A whole HMAC-SHA256; one that was cut short, or has more to it, is none.
pub(super) type Mac = [u8; 32];

/// How a signature's bytes are written in its header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureEncoding {
    /// Hexadecimal digits, in either case. The default.
    #[default]
    Hex,
    /// Base64 with the standard alphabet and with padding.
    Base64,
}

impl SignatureEncoding {
    fn decode(self, text: &[u8]) -> Option<Mac> {
        match self {
            Self::Hex => from_hex(text),
            Self::Base64 => BASE64_STANDARD.decode(text).ok()?.try_into().ok(),
        }
    }
}

/// The signatures in a header, all of them: a sender that rotates its secret signs with the old and the new
/// one.
///
/// Each follows the prefix, and commas or white space are between them. What has another prefix is of
/// another scheme, and skipped.
pub(super) fn macs(
    signed: &Signed<'_>,
    header: &str,
    prefix: &str,
    encoding: SignatureEncoding,
) -> Result<Vec<Mac>, SignatureError> {
    let mut values = signed.values(header).peekable();
    if values.peek().is_none() {
        return Err(SignatureError::Missing);
    }
    let macs: Vec<Mac> = values
        .flat_map(|value| after_each(prefix.as_bytes(), value))
        .filter_map(|text| encoding.decode(text))
        .collect();
    if macs.is_empty() { Err(SignatureError::Malformed) } else { Ok(macs) }
}

/// What follows the prefix in each item of a list. The prefix may have a comma or a space in it.
fn after_each<'a>(prefix: &'a [u8], list: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = list;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let prefixed = rest.strip_prefix(prefix);
            let mut parts = prefixed.unwrap_or(rest).splitn(2, |byte| matches!(byte, b',' | b' ' | b'\t'));
            let item = parts.next().unwrap_or_default();
            rest = parts.next().unwrap_or_default();
            if prefixed.is_some() {
                return Some(item);
            }
        }
        None
    })
}

fn from_hex(text: &[u8]) -> Option<Mac> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok();
    let bytes: Vec<u8> = pairs.iter().map(byte).collect::<Option<_>>()?;
    bytes.try_into().ok()
}
