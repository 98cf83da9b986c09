//! Feeds JSON to a hasher so that two spellings of one value feed the same bytes, and two values never do.
//!
//! It works on the text and on `RawValue`s alone. A `serde_json::Value` would not do: whether it keeps the
//! order of fields and the text of numbers depends on features that any crate in the application can switch
//! on (`preserve_order`, `arbitrary_precision`), and a key must outlive a dependency update.
//!
//! Each value begins with a tag and either tells its length or has an end, so no two sequences of values
//! run together.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// A value is nested deeper than `serde_json` follows when it decodes one, so no handler could read it.
#[derive(Clone, Copy, Debug)]
pub(super) struct TooDeep;

/// The greatest nesting that `serde_json` decodes.
const DEEPEST: usize = 127;

pub(super) fn value(value: &RawValue, hasher: &mut Sha256) -> Result<(), TooDeep> {
    nested(value, DEEPEST, hasher)
}

pub(super) fn text(text: &str, hasher: &mut Sha256) {
    tagged(b's', text, hasher);
}

/// Stands for a value that is missing, which is not the same as `null`.
pub(super) fn absent(hasher: &mut Sha256) {
    hasher.update(b"-");
}

fn nested(value: &RawValue, depth_left: usize, hasher: &mut Sha256) -> Result<(), TooDeep> {
    let source = value.get();
    match source.as_bytes().first() {
        Some(b'{') => object(source, depth_left.checked_sub(1).ok_or(TooDeep)?, hasher),
        Some(b'[') => array(source, depth_left.checked_sub(1).ok_or(TooDeep)?, hasher),
        Some(b'"') => {
            string(source, hasher);
            Ok(())
        }
        // A number, `true`, `false` or `null` is its text.
        _ => {
            tagged(b'l', source, hasher);
            Ok(())
        }
    }
}

fn object(source: &str, depth_left: usize, hasher: &mut Sha256) -> Result<(), TooDeep> {
    let Ok(Members(mut members)) = serde_json::from_str(source) else {
        tagged(b'x', source, hasher);
        return Ok(());
    };
    members.sort_by(|(Text(left), _), (Text(right), _)| left.cmp(right));
    hasher.update(b"{");
    for (index, (Text(name), value)) in members.iter().enumerate() {
        // Of fields with one name the last one counts, as it does for whoever decodes the object.
        if members.get(index + 1).is_some_and(|(Text(next), _)| next == name) {
            continue;
        }
        text(name, hasher);
        nested(value, depth_left, hasher)?;
    }
    hasher.update(b"}");
    Ok(())
}

fn array(source: &str, depth_left: usize, hasher: &mut Sha256) -> Result<(), TooDeep> {
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(source) else {
        tagged(b'x', source, hasher);
        return Ok(());
    };
    hasher.update(b"[");
    for item in items {
        nested(item, depth_left, hasher)?;
    }
    hasher.update(b"]");
    Ok(())
}

fn string(source: &str, hasher: &mut Sha256) {
    match serde_json::from_str::<Text<'_>>(source) {
        Ok(Text(decoded)) => text(without_signature(&decoded), hasher),
        // JSON allows half of a surrogate pair, which is no text: such a string counts by its spelling.
        Err(_) => tagged(b'x', source, hasher),
    }
}

fn tagged(tag: u8, text: &str, hasher: &mut Sha256) {
    hasher.update([tag]);
    hasher.update((text.len() as u64).to_le_bytes());
    hasher.update(text);
}

/// The part of an http(s) URL that stays the same when it is signed anew; any other text whole.
fn without_signature(text: &str) -> &str {
    let is_url = ["http://", "https://"]
        .iter()
        .any(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    if !is_url || text.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return text;
    }
    text.find(['?', '#']).map_or(text, |end| &text[..end])
}

/// A string, borrowed unless it has escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The fields of an object in the order in which they stand, doubles included.
struct Members<'a>(Vec<(Text<'a>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(Text<'de>, &'de RawValue)>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(InOrder).map(Members)
    }
}
