//! Writes a value in one of its many spellings.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use arbitrary::{Result, Unstructured};

use super::meaning::link;
use super::random::any_json;
use super::{Json, Text, text};
use crate::random::choose;

/// Chooses white space, escapes, the order of fields, doubles of them, and the signatures of links.
pub(crate) struct Speller<'choices, 'bytes> {
    choices: &'choices mut Unstructured<'bytes>,
    spelt: String,
}

impl<'choices, 'bytes> Speller<'choices, 'bytes> {
    pub(crate) fn new(choices: &'choices mut Unstructured<'bytes>) -> Self {
        Self { choices, spelt: String::new() }
    }

    pub(crate) fn spell(mut self, json: &Json) -> Result<String> {
        self.value(json)?;
        Ok(self.spelt)
    }

    fn value(&mut self, json: &Json) -> Result<()> {
        self.white_space()?;
        match json {
            Json::Word(word) => self.spelt.push_str(word),
            Json::Number(number) => self.spelt.push_str(number),
            Json::Text(units) => match link(units) {
                Some((link, signature)) => {
                    let signed = self.signed(link, signature)?;
                    self.text(&signed)?;
                }
                None => self.text(units)?,
            },
            Json::List(items) => self.separated('[', items.iter(), ']', Self::value)?,
            Json::Object(fields) => {
                let fields = self.rearranged(fields)?;
                self.separated('{', fields.into_iter(), '}', |speller, (name, value)| {
                    speller.white_space()?;
                    speller.text(&name)?;
                    speller.white_space()?;
                    speller.spelt.push(':');
                    speller.value(&value)
                })?;
            }
        }
        self.white_space()
    }

    fn separated<T>(
        &mut self,
        opening: char,
        items: impl Iterator<Item = T>,
        closing: char,
        mut write: impl FnMut(&mut Self, T) -> Result<()>,
    ) -> Result<()> {
        self.spelt.push(opening);
        self.white_space()?;
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.spelt.push(',');
            }
            write(self, item)?;
        }
        self.spelt.push(closing);
        Ok(())
    }

    fn white_space(&mut self) -> Result<()> {
        let space = choose(self.choices, &["", "", "", "", " ", "\n", "\t", "\r\n  "])?;
        self.spelt.push_str(space);
        Ok(())
    }

    /// The fields that count, in any order, after some that do not because they come again.
    fn rearranged(&mut self, fields: &[(Text, Json)]) -> Result<Vec<(Text, Json)>> {
        let mut left: Vec<_> = fields.iter().cloned().collect::<BTreeMap<_, _>>().into_iter().collect();
        let mut rearranged = Vec::new();
        for (name, _) in &left {
            if choose(self.choices, &[false, false, false, false, false, false, false, true])? {
                rearranged.push((name.clone(), any_json(self.choices, 1)?));
            }
        }
        while !left.is_empty() {
            rearranged.push(left.swap_remove(self.choices.choose_index(left.len())?));
        }
        Ok(rearranged)
    }

    /// A link with its signature or another one.
    fn signed(&mut self, link: &[u16], signature: &[u16]) -> Result<Text> {
        let other = choose(self.choices, &[None, Some(""), Some("?"), Some("?X-Sig=1&E=é"), Some("#t=1?2")])?;
        let signature = other.map_or_else(|| signature.to_vec(), text);
        Ok([link, &signature].concat())
    }

    fn text(&mut self, units: &[u16]) -> Result<()> {
        self.spelt.push('"');
        for character in char::decode_utf16(units.iter().copied()) {
            match character {
                Ok(character) => self.character(character)?,
                Err(half) => self.escape(half.unpaired_surrogate())?,
            }
        }
        self.spelt.push('"');
        Ok(())
    }

    fn character(&mut self, character: char) -> Result<()> {
        let short = match character {
            '"' => Some("\\\""),
            '\\' => Some("\\\\"),
            '/' => Some("\\/"),
            '\u{8}' => Some("\\b"),
            '\u{c}' => Some("\\f"),
            '\n' => Some("\\n"),
            '\r' => Some("\\r"),
            '\t' => Some("\\t"),
            _ => None,
        };
        let needs_escape = character < ' ' || character == '"' || character == '\\';
        match (self.choices.int_in_range(0..=3)?, short) {
            (0 | 1, _) if !needs_escape => self.spelt.push(character),
            (0..=2, Some(short)) => self.spelt.push_str(short),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    self.escape(*unit)?;
                }
            }
        }
        Ok(())
    }

    fn escape(&mut self, unit: u16) -> Result<()> {
        let upper = self.choices.arbitrary()?;
        let written =
            if upper { write!(self.spelt, "\\u{unit:04X}") } else { write!(self.spelt, "\\u{unit:04x}") };
        written.map_err(|_| arbitrary::Error::IncorrectFormat)
    }
}
