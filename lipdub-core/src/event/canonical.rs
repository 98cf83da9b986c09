//! Writes JSON so that two spellings of one value become the same bytes, and two values never do.
//!
//! What it writes is JSON itself: without white space, the fields of an object in the order of their names, of strings
//! only those characters in escapes that must be, and numbers as they stand.
//!
//! It works on the text alone, which it reads once. A `serde_json::Value` would not do: whether it keeps the
//! order of fields and the text of numbers depends on features that any crate in the application can switch
//! on (`preserve_order`, `arbitrary_precision`), and a key must outlive a dependency update.

use std::ops::Range;

use memchr::memchr2;

use super::json::{NotJson, PRIVATE, Reader, Text};

/// The greatest nesting that `serde_json` decodes, less one level: in a serialised event, data are one deeper.
const DEEPEST: usize = 126;

/// Reads values, and writes them one after the other.
pub(super) struct Writer<'text> {
    pub(super) reader: Reader<'text>,
    /// Those of the objects that are being read, the outer before the inner.
    members: Vec<Member>,
    written: Vec<u8>,
}

/// A field of the envelope, and where it was written.
pub(super) struct Field<'text> {
    /// Its value in the text.
    pub(super) text: &'text str,
    /// Nothing for a value that no handler could read as it is: nested deeper than `serde_json` follows when it
    /// decodes an event, or with a name that means something to `serde_json`.
    pub(super) place: Option<Range<usize>>,
}

/// Where a field of an object was written.
struct Member {
    place: Range<usize>,
    /// That of its name, without the quotes.
    name: Range<usize>,
}

impl Member {
    fn name<'written>(&self, written: &'written [u8]) -> &'written [u8] {
        &written[self.name.clone()]
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

    /// Reads a value, and writes the field of this name.
    pub(super) fn field(&mut self, name: &Text<'_>) -> Result<Field<'text>, NotJson> {
        self.reader.peek();
        let (text, begin) = (self.reader.rest(), self.written.len());
        self.name(name);
        let written = self.write(DEEPEST);
        if written.is_err() {
            self.members.clear();
            self.written.truncate(begin);
            self.reader.go_back(text);
            self.reader.skip_value()?;
        }
        let place = written.ok().map(|()| begin..self.end_of_field());
        Ok(Field { text: self.reader.read_since(text), place })
    }

    /// Writes the field of this name whose value is a text that was read, all of it, and says where.
    pub(super) fn text_field(&mut self, name: &Text<'_>, value: &Text<'_>) -> Range<usize> {
        let begin = self.written.len();
        self.name(name);
        self.text(value, value.as_bytes());
        begin..self.end_of_field()
    }

    /// What was written there: of a field, with a comma behind it.
    pub(super) fn written(&self, place: Range<usize>) -> &[u8] {
        &self.written[place]
    }

    fn write(&mut self, depth_left: usize) -> Result<(), Unwritten> {
        match self.reader.peek() {
            Some(b'{') => self.object(depth_left.checked_sub(1).ok_or(Unwritten)?),
            Some(b'[') => self.array(depth_left.checked_sub(1).ok_or(Unwritten)?),
            Some(b'"') => {
                let text = self.reader.string()?;
                self.text(&text, without_signature(text.as_bytes()));
                Ok(())
            }
            _ => {
                let literal = self.reader.literal()?;
                self.written.extend_from_slice(literal.as_bytes());
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
            let name = self.name(&name);
            self.write(depth_left)?;
            let place = begin..self.end_of_field();
            self.members.push(Member { place, name });
        }
        self.put_in_order(first, begin);
        self.end(b'}');
        Ok(())
    }

    fn array(&mut self, depth_left: usize) -> Result<(), Unwritten> {
        self.reader.take(b'[')?;
        self.written.push(b'[');
        let mut is_first = true;
        while self.reader.goes_on(b']', &mut is_first)? {
            self.write(depth_left)?;
            self.written.push(b',');
        }
        self.end(b']');
        Ok(())
    }

    /// Where the name was written, without its quotes.
    fn name(&mut self, name: &Text<'_>) -> Range<usize> {
        let begin = self.written.len() + 1;
        self.text(name, name.as_bytes());
        let end = self.written.len() - 1;
        self.written.push(b':');
        begin..end
    }

    fn end_of_field(&mut self) -> usize {
        self.written.push(b',');
        self.written.len()
    }

    /// In the place of the comma behind the last element, if there is any.
    fn end(&mut self, end: u8) {
        self.written.pop_if(|last| *last == b',');
        self.written.push(end);
    }

    /// Writes this part of a text.
    fn text(&mut self, text: &Text<'_>, part: &[u8]) {
        self.written.push(b'"');
        match text {
            Text::Plain(_) => self.written.extend_from_slice(part),
            Text::Unescaped(_) => part.iter().for_each(|byte| self.escaped(*byte)),
        }
        self.written.push(b'"');
    }

    fn escaped(&mut self, byte: u8) {
        match byte {
            b'"' => self.written.extend_from_slice(br#"\""#),
            b'\\' => self.written.extend_from_slice(br"\\"),
            b'\x08' => self.written.extend_from_slice(br"\b"),
            b'\t' => self.written.extend_from_slice(br"\t"),
            b'\n' => self.written.extend_from_slice(br"\n"),
            b'\x0c' => self.written.extend_from_slice(br"\f"),
            b'\r' => self.written.extend_from_slice(br"\r"),
            ..b' ' => self.written.extend_from_slice(format!(r"\u{byte:04x}").as_bytes()),
            _ => self.written.push(byte),
        }
    }

    /// Orders the members of the object that was read by their names.
    ///
    /// Of fields with one name the last one counts, as it does for whoever decodes the object.
    fn put_in_order(&mut self, first: usize, begin: usize) {
        let (members, written) = (&mut self.members[first..], &mut self.written);
        if !members.is_sorted_by(|left, right| left.name(written) < right.name(written)) {
            members.sort_by(|left, right| left.name(written).cmp(right.name(written)));
            let end = written.len();
            for (index, member) in members.iter().enumerate() {
                let next = members.get(index + 1);
                if next.is_none_or(|next| next.name(written) != member.name(written)) {
                    written.extend_from_within(member.place.clone());
                }
            }
            written.drain(begin..end);
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
