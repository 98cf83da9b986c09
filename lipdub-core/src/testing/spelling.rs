//! One event in other words: bytes that differ and mean the same.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::fault::Chance;

/// What is written in another way. It works on text, so that numbers keep theirs.
pub(super) struct Spelling<'a> {
    pub(super) chance: &'a mut Chance,
    /// Fields in another order, white space, escapes.
    pub(super) shuffles: bool,
    /// Links signed anew.
    pub(super) signs: bool,
}

impl Spelling<'_> {
    /// The body in other words; as it is if it is no JSON.
    pub(super) fn of(mut self, body: Bytes) -> Bytes {
        let mut text = String::with_capacity(body.len());
        let written = serde_json::from_slice(&body).and_then(|value| self.write(value, &mut text));
        written.map_or(body, |()| text.into())
    }

    fn write(&mut self, value: &RawValue, text: &mut String) -> serde_json::Result<()> {
        match value.get().as_bytes().first() {
            Some(b'{') => self.write_object(serde_json::from_str(value.get())?, text),
            Some(b'[') => self.write_array(serde_json::from_str(value.get())?, text),
            Some(b'"') => self.write_string(&serde_json::from_str::<String>(value.get())?, text),
            _ => {
                text.push_str(value.get());
                Ok(())
            }
        }
    }

    fn write_object(
        &mut self,
        object: BTreeMap<String, &RawValue>,
        text: &mut String,
    ) -> serde_json::Result<()> {
        let mut fields: Vec<_> = object.into_iter().collect();
        if self.shuffles {
            self.chance.shuffle(&mut fields);
        }
        text.push('{');
        for (index, (name, value)) in fields.into_iter().enumerate() {
            self.separate(index, text);
            self.spell(&name, text)?;
            text.push(':');
            self.write(value, text)?;
        }
        text.push('}');
        Ok(())
    }

    fn write_array(&mut self, items: Vec<&RawValue>, text: &mut String) -> serde_json::Result<()> {
        text.push('[');
        for (index, item) in items.into_iter().enumerate() {
            self.separate(index, text);
            self.write(item, text)?;
        }
        text.push(']');
        Ok(())
    }

    fn write_string(&mut self, string: &str, text: &mut String) -> serde_json::Result<()> {
        if !self.signs || !is_link(string) {
            return self.spell(string, text);
        }
        let signature = self.chance.below(usize::MAX);
        let path = string.split(['?', '#']).next().unwrap_or_default();
        self.spell(&format!("{path}?Signature={signature:x}"), text)
    }

    fn separate(&mut self, index: usize, text: &mut String) {
        if index > 0 {
            text.push(',');
        }
        if self.shuffles {
            text.push_str(["", " ", "\n  "][self.chance.below(3)]);
        }
    }

    fn spell(&mut self, string: &str, text: &mut String) -> serde_json::Result<()> {
        if self.shuffles && self.chance.coin() {
            let units: String = string.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            text.extend(["\"", &units, "\""]);
        } else {
            text.push_str(&serde_json::to_string(string)?);
        }
        Ok(())
    }
}

fn is_link(text: &str) -> bool {
    let begins = ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme));
    begins && !text.contains(|character: char| character.is_whitespace() || character.is_control())
}
