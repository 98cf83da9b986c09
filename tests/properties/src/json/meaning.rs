//! What counts of a value: two events are one if theirs is equal.

use std::collections::BTreeMap;

use super::{Json, Text};

/// A value without its spelling, and its links without their signatures.
#[derive(Debug, PartialEq)]
pub(crate) enum Meaning {
    Word(&'static str),
    Number(String),
    Text(Text),
    List(Vec<Meaning>),
    Object(BTreeMap<Text, Meaning>),
}

impl From<&Json> for Meaning {
    fn from(json: &Json) -> Self {
        match json {
            Json::Word(word) => Self::Word(word),
            Json::Number(number) => Self::Number(number.clone()),
            Json::Text(units) => Self::Text(link(units).map_or(&**units, |(link, _)| link).to_vec()),
            Json::List(items) => Self::List(items.iter().map(Self::from).collect()),
            // Later doubles take the place of earlier ones.
            Json::Object(fields) => {
                Self::Object(fields.iter().map(|(name, value)| (name.clone(), Self::from(value))).collect())
            }
        }
    }
}

/// An http(s) link in two parts: what stays when it is signed anew, and the query and fragment, which do not.
pub(super) fn link(units: &[u16]) -> Option<(&[u16], &[u16])> {
    let text = String::from_utf16(units).ok()?;
    let lower = text.to_ascii_lowercase();
    let is_link = lower.starts_with("http://") || lower.starts_with("https://");
    if !is_link || text.chars().any(|character| character.is_whitespace() || character.is_control()) {
        return None;
    }
    let end = units.iter().position(|unit| [u16::from(b'?'), u16::from(b'#')].contains(unit));
    Some(units.split_at(end.unwrap_or(units.len())))
}
