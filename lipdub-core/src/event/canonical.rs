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

/// A value that no handler could read as it is: nested deeper than `serde_json` follows when it decodes an event,
/// or with a name that means something to `serde_json`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unreadable;

/// The greatest nesting that `serde_json` decodes, less one level: in a serialised event, data are one deeper.
const DEEPEST: usize = 126;

/// How names begin under which `serde_json` passes things to itself. It takes the text under one of them for JSON,
/// whose nesting it counts anew: enough of that, packed into each other, overflows the stack.
const PRIVATE: &[u8] = b"$serde_json::private::";

pub(super) fn value(value: &RawValue, hasher: &mut Sha256) -> Result<(), Unreadable> {
    nested(value, DEEPEST, hasher)
}

pub(super) fn text(text: &str, hasher: &mut Sha256) {
    tagged(b's', text.as_bytes(), hasher);
}

/// Stands for a value that is missing, which is not the same as `null`.
pub(super) fn absent(hasher: &mut Sha256) {
    hasher.update(b"-");
}

fn nested(value: &RawValue, depth_left: usize, hasher: &mut Sha256) -> Result<(), Unreadable> {
    let source = value.get();
    match source.as_bytes().first() {
        Some(b'{') => object(source, depth_left.checked_sub(1).ok_or(Unreadable)?, hasher),
        Some(b'[') => array(source, depth_left.checked_sub(1).ok_or(Unreadable)?, hasher),
        Some(b'"') => string(source, hasher),
        // A number, `true`, `false` or `null` is its text.
        _ => {
            tagged(b'l', source.as_bytes(), hasher);
            Ok(())
        }
    }
}

fn object(source: &str, depth_left: usize, hasher: &mut Sha256) -> Result<(), Unreadable> {
    let Members(mut members) = decoded(source)?;
    members.sort_by(|(Text(left), _), (Text(right), _)| left.cmp(right));
    hasher.update(b"{");
    for (index, (Text(name), value)) in members.iter().enumerate() {
        if name.starts_with(PRIVATE) {
            return Err(Unreadable);
        }
        // Of fields with one name the last one counts, as it does for whoever decodes the object. The others are
        // decoded, too, and must be readable.
        if members.get(index + 1).is_some_and(|(Text(next), _)| next == name) {
            nested(value, depth_left, &mut Sha256::new())?;
            continue;
        }
        tagged(b's', name, hasher);
        nested(value, depth_left, hasher)?;
    }
    hasher.update(b"}");
    Ok(())
}

fn array(source: &str, depth_left: usize, hasher: &mut Sha256) -> Result<(), Unreadable> {
    hasher.update(b"[");
    for item in decoded::<Vec<&RawValue>>(source)? {
        nested(item, depth_left, hasher)?;
    }
    hasher.update(b"]");
    Ok(())
}

fn string(source: &str, hasher: &mut Sha256) -> Result<(), Unreadable> {
    let Text(text) = decoded(source)?;
    tagged(b's', without_signature(&text), hasher);
    Ok(())
}

fn tagged(tag: u8, text: &[u8], hasher: &mut Sha256) {
    hasher.update([tag]);
    hasher.update((text.len() as u64).to_le_bytes());
    hasher.update(text);
}

fn decoded<'a, T: Deserialize<'a>>(source: &'a str) -> Result<T, Unreadable> {
    serde_json::from_str(source).map_err(|_| Unreadable)
}

/// The part of an http(s) URL that stays the same when it is signed anew; any other text whole.
fn without_signature(text: &[u8]) -> &[u8] {
    let Ok(url) = std::str::from_utf8(text) else { return text };
    let is_url = ["http://", "https://"]
        .iter()
        .any(|scheme| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    if !is_url || url.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return text;
    }
    url.find(['?', '#']).map_or(text, |end| &text[..end])
}

/// A string, borrowed unless it has escapes.
///
/// In bytes, for JSON allows half of a surrogate pair, which no Rust string can hold: such a half comes in the
/// three bytes that UTF-8 would have for it. Only to be read from a `RawValue`, for so read, a string can also have
/// control characters, which JSON forbids.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, [u8]>);

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
