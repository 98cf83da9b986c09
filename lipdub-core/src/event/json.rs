//! Reads JSON ([RFC 8259]) from a text, and finds on the way whether it is any.
//!
//! In one go, for the body of a delivery is looked at once: `serde_json` would pass over all of it to tell where
//! `data` ends, and what is made of `data` needs the same steps again.
//!
//! [RFC 8259]: https://www.rfc-editor.org/rfc/rfc8259.html

use std::borrow::Cow;
use std::mem;

use memchr::memchr2;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// How names begin under which `serde_json` passes things to itself. It takes the text under one of them for JSON,
/// whose nesting it counts anew: enough of that, packed into each other, overflows the stack.
pub(super) const PRIVATE: &str = "$serde_json::private::";

/// A text is no JSON in the place where it was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotJson;

/// Reads a text, one thing after the other. White space before a thing belongs to it.
pub(super) struct Reader<'text> {
    rest: &'text str,
}

/// What a string says.
pub(super) enum Text<'text> {
    /// What stands between the quotes, for it has no escapes.
    Plain(&'text str),
    /// In bytes, for JSON allows half of a surrogate pair, which no Rust string can hold: such a half comes in the
    /// three bytes that UTF-8 would have for it.
    Unescaped(Vec<u8>),
}

impl<'text> Reader<'text> {
    pub(super) fn new(text: &'text str) -> Self {
        Self { rest: text }
    }

    /// What is still to be read.
    pub(super) fn rest(&self) -> &'text str {
        self.rest
    }

    /// What was read since there was so much to be read.
    pub(super) fn read_since(&self, rest: &'text str) -> &'text str {
        &rest[..rest.len() - self.rest.len()]
    }

    /// Goes back to where there was so much to be read.
    pub(super) fn go_back(&mut self, rest: &'text str) {
        self.rest = rest;
    }

    /// The byte with which the next thing begins; nothing at the end.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.rest.bytes().next() {
            self.rest = &self.rest[1..];
        }
        self.rest.bytes().next()
    }

    /// Whether the next thing begins with this character of ASCII, which is taken then.
    pub(super) fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        if is_next {
            self.skip();
        }
        is_next
    }

    pub(super) fn take(&mut self, byte: u8) -> Result<(), NotJson> {
        if self.takes(byte) { Ok(()) } else { Err(NotJson) }
    }

    /// Whether the object or array that ends with this byte has one more, or else its end is taken.
    pub(super) fn goes_on(&mut self, end: u8, is_first: &mut bool) -> Result<bool, NotJson> {
        let is_first = mem::take(is_first);
        let next = self.peek().ok_or(NotJson)?;
        let is_end = next == end;
        if is_end || (next == b',' && !is_first) {
            self.skip();
        } else if !is_first {
            return Err(NotJson);
        }
        Ok(!is_end)
    }

    /// Takes what was seen to be a character of ASCII.
    fn skip(&mut self) {
        self.rest = &self.rest[1..];
    }

    /// A name and the colon behind it.
    pub(super) fn name(&mut self) -> Result<Text<'text>, NotJson> {
        let name = self.string()?;
        self.take(b':')?;
        Ok(name)
    }

    pub(super) fn string(&mut self) -> Result<Text<'text>, NotJson> {
        self.peek();
        let quoted = self.rest;
        self.rest = quoted.strip_prefix('"').ok_or(NotJson)?;
        let (mut end, mut has_escapes) = (0, false);
        loop {
            end += plain_length(self.rest.as_bytes().get(end..).ok_or(NotJson)?);
            match self.rest.as_bytes().get(end) {
                Some(b'"') => break,
                Some(b'\\') => (end, has_escapes) = (end + 2, true),
                _ => return Err(NotJson),
            }
        }
        let text = &self.rest[..end];
        self.rest = &self.rest[end + 1..];
        if has_escapes { Text::of_quoted(self.read_since(quoted)) } else { Ok(Text::Plain(text)) }
    }

    /// The text of a number, `true`, `false` or `null`.
    pub(super) fn literal(&mut self) -> Result<&'text str, NotJson> {
        let length = match self.peek() {
            Some(b't' | b'f' | b'n') => word_length(self.rest),
            _ => number_length(self.rest.as_bytes()),
        };
        let (text, rest) = self.rest.split_at(length.ok_or(NotJson)?);
        self.rest = rest;
        Ok(text)
    }

    /// Any value, as `serde_json` decodes it.
    pub(super) fn value<T: Deserialize<'text>>(&mut self) -> Result<T, NotJson> {
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter();
        let value = values.next().and_then(Result::ok).ok_or(NotJson)?;
        self.rest = &self.rest[values.byte_offset()..];
        Ok(value)
    }

    /// Passes over a value, however deep it is nested.
    pub(super) fn skip_value(&mut self) -> Result<(), NotJson> {
        self.value().map(|IgnoredAny| ())
    }
}

impl<'text> Text<'text> {
    /// That of a string with its quotes, in which there is no control character.
    fn of_quoted(quoted: &str) -> Result<Self, NotJson> {
        /// So read, a string may have half a surrogate pair, and control characters too, which JSON forbids.
        #[derive(Deserialize)]
        struct Bytes<'text>(#[serde(borrow)] Cow<'text, [u8]>);

        let Bytes(bytes) = serde_json::from_str(quoted).map_err(|_| NotJson)?;
        Ok(Self::Unescaped(bytes.into_owned()))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Plain(text) => text.as_bytes(),
            Self::Unescaped(bytes) => bytes,
        }
    }

    /// The same as a string, unless it has half of a surrogate pair.
    pub(super) fn into_str(self) -> Option<Cow<'text, str>> {
        match self {
            Self::Plain(text) => Some(Cow::Borrowed(text)),
            Self::Unescaped(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
        }
    }
}

/// How long the word is with which a text begins.
fn word_length(text: &str) -> Option<usize> {
    ["true", "false", "null"].into_iter().find(|word| text.starts_with(word)).map(str::len)
}

/// How long the number is with which a text begins.
fn number_length(text: &[u8]) -> Option<usize> {
    let mut end = usize::from(text.first() == Some(&b'-'));
    end = if text.get(end) == Some(&b'0') { end + 1 } else { behind_digits(text, end)? };
    if text.get(end) == Some(&b'.') {
        end = behind_digits(text, end + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(end) {
        let has_sign = matches!(text.get(end + 1), Some(b'-' | b'+'));
        end = behind_digits(text, end + 1 + usize::from(has_sign))?;
    }
    Some(end)
}

/// Where the digits end that begin there, if any do.
fn behind_digits(text: &[u8], begin: usize) -> Option<usize> {
    let digits = text.get(begin..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0).then_some(begin + digits)
}

/// How many bytes of a text stand before the first quote, backslash or control character.
fn plain_length(text: &[u8]) -> usize {
    const SHORT: usize = 32;
    let (words, _) = text[..text.len().min(SHORT)].as_chunks();
    for (index, word) in words.iter().enumerate() {
        let specials = specials(u64::from_le_bytes(*word));
        if specials != 0 {
            return index * 8 + specials.trailing_zeros() as usize / 8;
        }
    }
    let begin = words.len() * 8;
    let rest = &text[begin..];
    let rest = &rest[..memchr2(b'"', b'\\', rest).unwrap_or(rest.len())];
    // All of them, for the processor compares many at once.
    let is_control = |byte: &u8| *byte < b' ';
    let has_control = rest.iter().fold(false, |has_control, byte| has_control | is_control(byte));
    let control = if has_control { rest.iter().position(is_control) } else { None };
    begin + control.unwrap_or(rest.len())
}

/// The quotes, backslashes and control characters among eight bytes, by the highest bit of each; those behind the first
/// of them may be none.
///
/// So a short text is passed over without a branch for each of its bytes. A subtraction sets the highest bit of a byte
/// that is less than what is taken from it, and the byte behind may lend for that.
fn specials(bytes: u64) -> u64 {
    const EACH: u64 = u64::MAX / 0xff;
    let less = |bytes: u64, than: u8| bytes.wrapping_sub(EACH * u64::from(than)) & !bytes;
    let equal = |byte: u8| less(bytes ^ (EACH * u64::from(byte)), 1);
    (less(bytes, b' ') | equal(b'"') | equal(b'\\')) & (EACH << 7)
}
