use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::host::{self, NonPublicHost};

/// A URL that can be the `callback_url` of a render.
///
/// LipDub takes https URLs on a public host, not too long ones, and answers any other with 422. This type
/// holds a URL to these rules before you send it, closely enough that parsers cannot differ on it, and says
/// which rule it breaks:
///
/// * It begins with `https://`, in any case, and is at most [`MAX_LENGTH`](Self::MAX_LENGTH) characters long.
/// * It is made of the characters of a URI ([RFC 3986](https://www.rfc-editor.org/rfc/rfc3986#section-2));
///   every other one is percent-encoded.
/// * Its host is a public name, or a public IP address. See [`NonPublicHost`] for those that are not.
/// * A name is of letters, digits, hyphens and dots, an international one in punycode (`xn--…`). It has no
///   underscore, for which no public authority issues certificates, and no dot at the end, with which
///   certificates and virtual hosts often do not match.
/// * An IPv4 address is four decimal numbers, an IPv6 address is in square brackets and has no zone.
/// * A port is 1 to 65535, without a leading zero.
/// * It has no user name, password or fragment: the first two do not belong into a URL, and the third is
///   never sent.
///
/// This is less than RFC 3986 allows, and may be less than LipDub takes, so that no other parser takes the
/// host for a different one: `127.1` and `0x7f000001` are addresses to many, and so are full-width digits.
/// Whether a label in punycode decodes is not looked at.
///
/// **No name is looked up.** It may resolve differently at LipDub than here, and to something else a moment
/// later; a look-up blocks, and whoever owns the name chooses the answer. The check finds mistakes that can
/// be seen in the text. It is no protection against a hostile URL: whoever connects to it, as LipDub does,
/// has to check the address that it connects to.
///
/// The path and query can be a secret, as in a signed link. So there is no `Display`, and `Debug` shows the
/// scheme and host only.
///
/// # Examples
///
/// ```
/// use lipdub_core::{CallbackUrl, CallbackUrlError, NonPublicHost};
/// use serde_json::json;
///
/// let url = CallbackUrl::parse("https://dub.example.com/webhooks/lipdub?film=7")?;
/// assert_eq!(format!("{url:?}"), "CallbackUrl(https://dub.example.com[REDACTED])");
///
/// let render = json!({ "callback_url": url });
/// assert_eq!(render["callback_url"], "https://dub.example.com/webhooks/lipdub?film=7");
///
/// let refused = CallbackUrl::parse("https://localhost/webhooks/lipdub");
/// assert_eq!(refused, Err(CallbackUrlError::NotPublic(NonPublicHost::Loopback)));
/// # Ok::<(), CallbackUrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CallbackUrl(String);

impl CallbackUrl {
    /// As many characters as LipDub takes, by what its own client allows: 2,048.
    pub const MAX_LENGTH: usize = 2048;

    /// Checks a URL, and keeps it as it is written.
    ///
    /// # Errors
    ///
    /// The rule that it breaks, or one of them.
    pub fn parse(url: &str) -> Result<Self, CallbackUrlError> {
        url.parse()
    }

    /// The URL as text, which can be a secret.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[cfg(feature = "testing")]
    pub(crate) fn path(&self) -> &str {
        let tail = Parts::of(&self.0).tail;
        &tail[..tail.find('?').unwrap_or(tail.len())]
    }
}

impl FromStr for CallbackUrl {
    type Err = CallbackUrlError;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        Self::try_from(url)
    }
}

impl TryFrom<&str> for CallbackUrl {
    type Error = CallbackUrlError;

    fn try_from(url: &str) -> Result<Self, Self::Error> {
        check(url)?;
        Ok(Self(url.to_owned()))
    }
}

impl TryFrom<String> for CallbackUrl {
    type Error = CallbackUrlError;

    fn try_from(url: String) -> Result<Self, Self::Error> {
        check(&url)?;
        Ok(Self(url))
    }
}

impl From<CallbackUrl> for String {
    fn from(url: CallbackUrl) -> Self {
        url.0
    }
}

impl AsRef<str> for CallbackUrl {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for CallbackUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, _port) = host_and_port(Parts::of(&self.0).authority);
        write!(formatter, "CallbackUrl(https://{host}[REDACTED])")
    }
}

fn check(url: &str) -> Result<(), CallbackUrlError> {
    check_length(url)?;
    check_characters(url)?;
    let Parts { scheme, authority, tail } = Parts::of(url);
    if !scheme.eq_ignore_ascii_case("https") {
        return Err(CallbackUrlError::NotHttps);
    }
    if authority.contains('@') {
        return Err(CallbackUrlError::Credentials);
    }
    if tail.contains('#') {
        return Err(CallbackUrlError::Fragment);
    }
    let (host, port) = host_and_port(authority);
    host::check(host)?;
    check_port(port)?;
    check_brackets(url, tail)
}

fn check_length(url: &str) -> Result<(), CallbackUrlError> {
    match url.chars().count() {
        0..=CallbackUrl::MAX_LENGTH => Ok(()),
        length => Err(CallbackUrlError::TooLong { length }),
    }
}

/// Whether each character is one of a URI, and each `%` begins two hexadecimal digits (RFC 3986, section 2).
fn check_characters(url: &str) -> Result<(), CallbackUrlError> {
    let bytes = url.as_bytes();
    let is_right = |index: usize| match bytes[index] {
        b'%' => {
            matches!(bytes.get(index + 1..index + 3), Some(digits) if digits.iter().all(u8::is_ascii_hexdigit))
        }
        byte => byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&byte),
    };
    match (0..bytes.len()).find(|&index| !is_right(index)) {
        Some(index) => Err(CallbackUrlError::Character { index }),
        None => Ok(()),
    }
}

fn check_port(port: Option<&str>) -> Result<(), CallbackUrlError> {
    // Some parsers read a leading zero as octal, and `u16` reads a plus sign.
    let is_right =
        |port: &str| port.starts_with(|first| ('1'..='9').contains(&first)) && port.parse::<u16>().is_ok();
    if port.is_none_or(is_right) { Ok(()) } else { Err(CallbackUrlError::Port) }
}

/// Square brackets stand around an IPv6 address and nowhere else (RFC 3986, section 3.2.2).
fn check_brackets(url: &str, tail: &str) -> Result<(), CallbackUrlError> {
    match tail.find(['[', ']']) {
        Some(index) => Err(CallbackUrlError::Character { index: url.len() - tail.len() + index }),
        None => Ok(()),
    }
}

/// A URL, cut where RFC 3986 cuts it.
struct Parts<'a> {
    scheme: &'a str,
    authority: &'a str,
    /// Path, query and fragment.
    tail: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        Self { scheme, authority, tail }
    }
}

fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        // A colon within brackets is one of an IPv6 address.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Why a URL cannot be a [`CallbackUrl`]. It holds nothing of the URL, which can be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallbackUrlError {
    /// It has more than [`CallbackUrl::MAX_LENGTH`] characters.
    TooLong {
        /// How many it has.
        length: usize,
    },
    /// A character cannot be in a URL, or not where it is, or it is a `%` without two hexadecimal digits.
    Character {
        /// How many bytes come before it.
        index: usize,
    },
    /// It does not begin with `https://`.
    NotHttps,
    /// It has a user name or a password, or at least the `@` that follows them.
    Credentials,
    /// It has a fragment.
    Fragment,
    /// There is nothing where the host should be.
    NoHost,
    /// The host is not a name.
    HostName,
    /// The host is an IP address in an unusual spelling, or something that may be taken for one.
    Address,
    /// The host is not public, for the reason in here.
    NotPublic(NonPublicHost),
    /// The port is not a number from 1 to 65535.
    Port,
}

impl fmt::Display for CallbackUrlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("this cannot be a callback URL: ")?;
        match self {
            Self::TooLong { length } => write!(
                formatter,
                "it has {length} characters, and at most {} are allowed: shorten its path or query",
                CallbackUrl::MAX_LENGTH,
            ),
            Self::Character { index } => write!(
                formatter,
                "the character at index {index} cannot be there: percent-encode it (%25 for a percent sign), or write an international host name in punycode (xn--…)",
            ),
            Self::NotHttps => formatter.write_str("LipDub delivers over HTTPS only: begin it with https://"),
            Self::Credentials => formatter.write_str(
                "it has a user name or password before an @, which a URL does not keep secret: leave them out, and give LipDub an API key",
            ),
            Self::Fragment => formatter.write_str(
                "it has a fragment, which is never sent: leave out the # and what follows, or write %23",
            ),
            Self::NoHost => formatter.write_str("it has no host: write https://, a host name and a path"),
            Self::HostName => formatter.write_str(
                "its host is not a name: use letters, digits and hyphens, with single dots between and none at the end, at most 63 characters from dot to dot and 253 in all",
            ),
            Self::Address => formatter.write_str(
                "its host may or may not be an IP address, depending on who reads it: write IPv4 as four decimal numbers without leading zeros, and IPv6 in square brackets without a zone",
            ),
            Self::NotPublic(kind) => write!(
                formatter,
                "its host is {kind}, where LipDub cannot reach you: use a public host name, such as that of a tunnel while you develop",
            ),
            Self::Port => formatter.write_str(
                "its port is not a number from 1 to 65535 without leading zeros: correct it, or leave it out with its colon",
            ),
        }
    }
}

impl std::error::Error for CallbackUrlError {}
