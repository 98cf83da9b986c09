//! Writes JSON so that two spellings of one value become the same bytes, and two values never do.
//!
//! It works on the text alone, which it reads once. A `serde_json::Value` would not do: whether it keeps the
//! order of fields and the text of numbers depends on features that any crate in the application can switch
//! on (`preserve_order`, `arbitrary_precision`), and a key must outlive a dependency update.
//!
//! Each value begins with a tag and either tells its length or has an end, so no two sequences of values
//! run together.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A value that no handler could read as it is: nested deeper than `serde_json` follows when it decodes an event,
/// or with a name that means something to `serde_json`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unreadable;

/// The greatest nesting that `serde_json` decodes, less one level: in a serialised event, data are one deeper.
const DEEPEST: usize = 126;

/// How names begin under which `serde_json` passes things to itself. It takes the text under one of them for JSON,
/// whose nesting it counts anew: enough of that, packed into each other, overflows the stack.
const PRIVATE: &[u8] = b"$serde_json::private::";

/// What a string says, borrowed unless it has escapes.
///
/// In bytes, for JSON allows half of a surrogate pair, which no Rust string can hold: such a half comes in the
/// three bytes that UTF-8 would have for it.
pub(super) fn string(value: &RawValue) -> Result<Cow<'_, [u8]>, Unreadable> {
    let mut reader = Reader::of(value);
    if reader.next()? == b'"' { reader.string() } else { Err(Unreadable) }
}

/// Writes values one after the other.
pub(super) struct Writer<'text> {
    reader: Reader<'text>,
    /// Those of the objects that are being read, the outer before the inner.
    members: Vec<Member<'text>>,
    written: Vec<u8>,
}

/// A field of an object, and where it was written.
struct Member<'text> {
    name: Cow<'text, [u8]>,
    place: Range<usize>,
}

impl<'text> Writer<'text> {
    /// Begins with a text that says what follows.
    pub(super) fn new(purpose: &[u8], length: usize) -> Self {
        let mut written = Vec::with_capacity(256 + length + length / 2);
        written.extend_from_slice(purpose);
        Self { reader: Reader { rest: &[] }, members: Vec::with_capacity(16), written }
    }

    pub(super) fn text(&mut self, text: &str) {
        tagged(b's', text.as_bytes(), &mut self.written);
    }

    /// A value, or what stands for one that is missing, which is not the same as `null`.
    pub(super) fn json(&mut self, value: Option<&'text RawValue>) -> Result<(), Unreadable> {
        let Some(value) = value else {
            self.written.push(b'-');
            return Ok(());
        };
        self.reader = Reader::of(value);
        self.value(DEEPEST)
    }

    pub(super) fn written(&self) -> &[u8] {
        &self.written
    }

    fn value(&mut self, depth_left: usize) -> Result<(), Unreadable> {
        match self.reader.next()? {
            b'{' => self.object(depth_left.checked_sub(1).ok_or(Unreadable)?)?,
            b'[' => self.array(depth_left.checked_sub(1).ok_or(Unreadable)?)?,
            b'"' => tagged(b's', without_signature(&self.reader.string()?), &mut self.written),
            // A number, `true`, `false` or `null` is its text.
            _ => tagged(b'l', self.reader.literal(), &mut self.written),
        }
        Ok(())
    }

    fn object(&mut self, depth_left: usize) -> Result<(), Unreadable> {
        self.reader.skip();
        self.written.push(b'{');
        let (first, begin) = (self.members.len(), self.written.len());
        while self.reader.goes_on()? {
            let name = self.reader.string()?;
            if name.starts_with(PRIVATE) {
                return Err(Unreadable);
            }
            let begin = self.written.len();
            tagged(b's', &name, &mut self.written);
            self.reader.next()?;
            self.reader.skip();
            self.value(depth_left)?;
            self.members.push(Member { name, place: begin..self.written.len() });
        }
        self.put_in_order(first, begin);
        self.written.push(b'}');
        Ok(())
    }

    fn array(&mut self, depth_left: usize) -> Result<(), Unreadable> {
        self.reader.skip();
        self.written.push(b'[');
        while self.reader.goes_on()? {
            self.value(depth_left)?;
        }
        self.written.push(b']');
        Ok(())
    }

    /// Orders the members of the object that was read by their names.
    ///
    /// Of fields with one name the last one counts, as it does for whoever decodes the object.
    fn put_in_order(&mut self, first: usize, begin: usize) {
        let members = &mut self.members[first..];
        if !members.is_sorted_by(|left, right| left.name < right.name) {
            members.sort_by(|left, right| left.name.cmp(&right.name));
            let end = self.written.len();
            for (index, member) in members.iter().enumerate() {
                if members.get(index + 1).is_none_or(|next| next.name != member.name) {
                    self.written.extend_from_within(member.place.clone());
                }
            }
            self.written.drain(begin..end);
        }
        self.members.truncate(first);
    }
}

fn tagged(tag: u8, text: &[u8], written: &mut Vec<u8>) {
    written.push(tag);
    written.extend_from_slice(&(text.len() as u64).to_le_bytes());
    written.extend_from_slice(text);
}

/// Reads text that is known to be JSON.
struct Reader<'text> {
    rest: &'text [u8],
}

impl<'text> Reader<'text> {
    fn of(value: &'text RawValue) -> Self {
        Self { rest: value.get().as_bytes() }
    }

    /// The byte with which the next thing begins.
    fn next(&mut self) -> Result<u8, Unreadable> {
        self.rest = self.rest.trim_ascii_start();
        self.rest.first().copied().ok_or(Unreadable)
    }

    fn skip(&mut self) {
        self.take(1);
    }

    /// Whether the object or array has one more, which then is next, or else is left.
    fn goes_on(&mut self) -> Result<bool, Unreadable> {
        if self.next()? == b',' {
            self.skip();
        }
        let goes_on = !matches!(self.next()?, b'}' | b']');
        if !goes_on {
            self.skip();
        }
        Ok(goes_on)
    }

    fn string(&mut self) -> Result<Cow<'text, [u8]>, Unreadable> {
        let (mut end, mut has_escapes) = (1, false);
        loop {
            let rest = self.rest.get(end..).ok_or(Unreadable)?;
            end += memchr2(b'"', b'\\', rest).ok_or(Unreadable)?;
            if self.rest[end] == b'"' {
                break;
            }
            has_escapes = true;
            end += 2;
        }
        let quoted = self.take(end + 1);
        if has_escapes {
            let Text(text) = serde_json::from_slice(quoted).map_err(|_| Unreadable)?;
            Ok(text)
        } else {
            Ok(Cow::Borrowed(&quoted[1..end]))
        }
    }

    fn literal(&mut self) -> &'text [u8] {
        let is_over = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
        self.take(self.rest.iter().position(is_over).unwrap_or(self.rest.len()))
    }

    fn take(&mut self, length: usize) -> &'text [u8] {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }
}

/// The bytes of a string with escapes.
///
/// Only to be read from a string that is known to be JSON, for so read, one can also have control characters, which
/// JSON forbids.
#[derive(Deserialize)]
struct Text<'text>(#[serde(borrow)] Cow<'text, [u8]>);

/// The part of an http(s) URL that stays the same when it is signed anew; any other text whole.
fn without_signature(text: &[u8]) -> &[u8] {
    let begins = |scheme: &str| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
    };
    if !begins("http://") && !begins("https://") {
        return text;
    }
    let is_blank = |character: char| character.is_whitespace() || character.is_control();
    // The common case at once, for links are long.
    let is_url = text.iter().fold(true, |is_url, byte| is_url & byte.is_ascii_graphic())
        || std::str::from_utf8(text).is_ok_and(|text| !text.contains(is_blank));
    let end = memchr2(b'?', b'#', text);
    end.filter(|_| is_url).map_or(text, |end| &text[..end])
}
