//! Writes JSON so that two spellings of one value become the same bytes, and two values never do.
//!
//! It works on the text alone, which it reads once. A `serde_json::Value` would not do: whether it keeps the
//! order of fields and the text of numbers depends on features that any crate in the application can switch
//! on (`preserve_order`, `arbitrary_precision`), and a key must outlive a dependency update.
//!
//! Each value begins with a tag and has an end of its own, so no two sequences of values run together. A text ends
//! with a byte that is in no text.

use std::ops::Range;

use memchr::memchr2;

use super::json::{NotJson, PRIVATE, Reader, Text};

/// How a text begins.
pub(super) const TEXT: &[u8] = b"s";

/// How a text ends: with a byte that occurs neither in UTF-8 nor in what stands for half of a surrogate pair.
pub(super) const END: &[u8] = b"\xff";

/// What stands for a value that is missing, which is not the same as `null`.
pub(super) const MISSING: &[u8] = b"-";

/// The greatest nesting that `serde_json` decodes, less one level: in a serialised event, data are one deeper.
const DEEPEST: usize = 126;

/// Reads values, and writes them one after the other.
pub(super) struct Writer<'text> {
    pub(super) reader: Reader<'text>,
    /// Those of the objects that are being read, the outer before the inner.
    members: Vec<Member<'text>>,
    written: Vec<u8>,
}

/// A value of the text, and what was written for it.
pub(super) struct Value<'text> {
    pub(super) text: &'text str,
    /// Nothing for a value that no handler could read as it is: nested deeper than `serde_json` follows when it
    /// decodes an event, or with a name that means something to `serde_json`.
    place: Option<Range<usize>>,
}

/// A field of an object, and where it was written.
struct Member<'text> {
    name: Text<'text>,
    place: Range<usize>,
}

impl Member<'_> {
    fn name(&self) -> &[u8] {
        self.name.as_bytes()
    }
}

/// A value that was not written, whether it is JSON or not.
struct Unwritten;

impl From<NotJson> for Unwritten {
    fn from(_: NotJson) -> Self {
        Self
    }
}

impl<'text> Writer<'text> {
    pub(super) fn new(text: &'text str) -> Self {
        let reader = Reader::new(text);
        // Twice, for the fields of an object are written again if they are not in order.
        Self { reader, members: Vec::with_capacity(16), written: Vec::with_capacity(2 * text.len()) }
    }

    /// Writes the next value.
    pub(super) fn value(&mut self) -> Result<Value<'text>, NotJson> {
        self.reader.peek();
        let (text, begin) = (self.reader.rest(), self.written.len());
        let written = self.write(DEEPEST);
        if written.is_err() {
            self.members.clear();
            self.written.truncate(begin);
            self.reader.go_back(text);
            self.reader.skip_value()?;
        }
        let place = written.ok().map(|()| begin..self.written.len());
        Ok(Value { text: self.reader.read_since(text), place })
    }

    /// What was written for a value, if it was.
    pub(super) fn written(&self, value: &Value<'text>) -> Option<&[u8]> {
        value.place.clone().map(|place| &self.written[place])
    }

    fn write(&mut self, depth_left: usize) -> Result<(), Unwritten> {
        match self.reader.peek() {
            Some(b'{') => self.object(depth_left.checked_sub(1).ok_or(Unwritten)?),
            Some(b'[') => self.array(depth_left.checked_sub(1).ok_or(Unwritten)?),
            Some(b'"') => {
                let text = self.reader.string()?;
                self.text(TEXT, without_signature(text.as_bytes()));
                Ok(())
            }
            _ => {
                let literal = self.reader.literal()?;
                self.text(b"l", literal.as_bytes());
                Ok(())
            }
        }
    }

    fn object(&mut self, depth_left: usize) -> Result<(), Unwritten> {
        self.reader.take(b'{')?;
        self.written.push(b'{');
        let (first, begin) = (self.members.len(), self.written.len());
        let mut is_first = true;
        while self.reader.goes_on(b'}', &mut is_first)? {
            let name = self.reader.name()?;
            if name.as_bytes().starts_with(PRIVATE.as_bytes()) {
                return Err(Unwritten);
            }
            let begin = self.written.len();
            self.text(TEXT, name.as_bytes());
            self.write(depth_left)?;
            self.members.push(Member { name, place: begin..self.written.len() });
        }
        self.put_in_order(first, begin);
        self.written.push(b'}');
        Ok(())
    }

    fn array(&mut self, depth_left: usize) -> Result<(), Unwritten> {
        self.reader.take(b'[')?;
        self.written.push(b'[');
        let mut is_first = true;
        while self.reader.goes_on(b']', &mut is_first)? {
            self.write(depth_left)?;
        }
        self.written.push(b']');
        Ok(())
    }

    fn text(&mut self, tag: &[u8], text: &[u8]) {
        self.written.extend_from_slice(tag);
        self.written.extend_from_slice(text);
        self.written.extend_from_slice(END);
    }

    /// Orders the members of the object that was read by their names.
    ///
    /// Of fields with one name the last one counts, as it does for whoever decodes the object.
    fn put_in_order(&mut self, first: usize, begin: usize) {
        let members = &mut self.members[first..];
        if !members.is_sorted_by(|left, right| left.name() < right.name()) {
            members.sort_by(|left, right| left.name().cmp(right.name()));
            let end = self.written.len();
            for (index, member) in members.iter().enumerate() {
                if members.get(index + 1).is_none_or(|next| next.name() != member.name()) {
                    self.written.extend_from_within(member.place.clone());
                }
            }
            self.written.drain(begin..end);
        }
        self.members.truncate(first);
    }
}

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
