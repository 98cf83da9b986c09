use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};

use super::EventType;

/// What makes an event this one and no other: the name under which a store remembers it.
///
/// LipDub sends no event id, so the key is made of `event_type`, `created_at` and `data`. The order of fields, white
/// space and the spelling of strings make no difference, and of a string that is an http(s) URL the query and
/// the fragment do not count, because a signed link differs from one delivery to the next. Numbers count by their text.
/// How the event came, and with which credentials, is not part of it.
///
/// # How it is made
///
/// It is the SHA-256 of `lipdub event v1`, a zero byte, and those of the three fields that there are, as canonical JSON:
///
/// ```text
/// {"created_at":"2026-01-02T03:04:05Z","data":{"shot_id":7,"url":"https://h/a.mp4"},"event_type":"VIDEO_RENDER_COMPLETE"}
/// ```
///
/// There is no white space. Fields are in the order of the bytes of their names, and of several with one name the last
/// one is there. Numbers are as they came. In strings, `"`, `\` and control characters are escaped as in RFC 8785, section
/// 3.2.2.2, and nothing else is; half of a surrogate pair is in the three bytes that UTF-8 would have for it. So
/// other programs can make it too. For an event that has all three fields, no links, and no numbers but whole ones under
/// 2^53, `(printf 'lipdub event v1\0'; jq -cjS '{created_at, data, event_type}') | sha256sum` prints its digits. (jq 1.6
/// escapes the character U+007F, too.)
///
/// Another key can be set with [`WebhookBuilder::event_key`](crate::WebhookBuilder::event_key).
///
/// It is shown, and serialised, as a version and 64 hexadecimal digits, such as `v1-9f86d0…`; nothing of the
/// event can be read from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventKey {
    digest: [u8; 32],
}

impl EventKey {
    /// Hashes the fields that identify an event, in this order: as they were written canonically, with a comma behind
    /// each.
    pub(super) fn of_event(created_at: Option<&[u8]>, data: Option<&[u8]>, event_type: &[u8]) -> Self {
        let mut digest = Sha256::new_with_prefix(b"lipdub event v1\0{");
        created_at.into_iter().chain(data).for_each(|field| digest.update(field));
        digest.update(&event_type[..event_type.len() - 1]);
        digest.update(b"}");
        Self { digest: digest.finalize().into() }
    }

    /// Makes a key of a type and a text, which together say what the event is.
    ///
    /// This is what [`WebhookBuilder::event_key`](crate::WebhookBuilder::event_key) does with its closure's
    /// answer. Events of different types never share a key: a failed render is not a finished one.
    ///
    /// # Examples
    ///
    /// ```
    /// use lipdub_core::{EventKey, EventType};
    ///
    /// let key = EventKey::custom(&EventType::RenderComplete, "job 7");
    /// assert_eq!(key, EventKey::custom(&EventType::RenderComplete, "job 7"));
    /// assert_ne!(key, EventKey::custom(&EventType::RenderFailed, "job 7"));
    /// assert_eq!(key.to_string().parse(), Ok(key));
    /// ```
    pub fn custom(event_type: &EventType, identity: &str) -> Self {
        let digest = with_text(Sha256::new_with_prefix(b"lipdub custom v1\0"), event_type.as_str());
        Self { digest: with_text(digest, identity).finalize().into() }
    }

    /// A byte of the digest, evenly spread over all keys: an inbox can choose a partition by it.
    #[cfg(feature = "redis")]
    pub(crate) fn spread(&self) -> u8 {
        self.digest[0]
    }

    /// The first 128 bits of the digest, and the other 128.
    pub(crate) fn halves(&self) -> (u128, u128) {
        let half = |index: usize| std::array::from_fn(|at| self.digest[index * 16 + at]);
        (u128::from_be_bytes(half(0)), u128::from_be_bytes(half(1)))
    }
}

impl Hash for EventKey {
    /// By a part of the digest, which no two keys share but by a chance of one in 2^64.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [.., a, b, c, d, e, f, g, h] = self.digest;
        state.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    }
}

fn with_text(digest: Sha256, text: &str) -> Sha256 {
    // An end that is in no text, so that no two texts run together.
    digest.chain_update(text).chain_update(b"\xff")
}

const VERSION: &str = "v1-";

impl fmt::Display for EventKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(VERSION)?;
        self.digest.iter().try_for_each(|byte| {
            formatter.write_char(digit(byte >> 4))?;
            formatter.write_char(digit(byte & 0xf))
        })
    }
}

impl fmt::Debug for EventKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "EventKey({self})")
    }
}

impl FromStr for EventKey {
    type Err = ParseEventKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix(VERSION).ok_or(ParseEventKeyError)?.as_bytes();
        if digits.len() != 64 {
            return Err(ParseEventKeyError);
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = (nibble(pair[0])? << 4) | nibble(pair[1])?;
        }
        Ok(Self { digest })
    }
}

impl Serialize for EventKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A text that is no [`EventKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseEventKeyError;

impl fmt::Display for ParseEventKeyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an event key is `v1-` and 64 lower-case hexadecimal digits")
    }
}

impl std::error::Error for ParseEventKeyError {}

fn digit(nibble: u8) -> char {
    char::from(b"0123456789abcdef"[usize::from(nibble)])
}

fn nibble(digit: u8) -> Result<u8, ParseEventKeyError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(ParseEventKeyError),
    }
}
