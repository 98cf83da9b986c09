//! Values that nobody thought of, and values that are nearly the same.

use arbitrary::{Result, Unstructured};

use super::{Json, Text, text};
use crate::random::{choose, several};

/// A value with at most so many lists and objects inside each other, or for once very many.
pub(crate) fn any_json(choices: &mut Unstructured<'_>, depth: usize) -> Result<Json> {
    Ok(match choices.int_in_range(0..=if depth == 0 { 5 } else { 20 })? {
        0 => Json::Word(choose(choices, &["null", "true", "false"])?),
        1 | 2 => Json::Number(any_number(choices)?),
        3..=5 => Json::Text(any_text(choices)?),
        6..=12 => Json::List(several(choices, |choices| any_json(choices, depth - 1))?),
        13..=19 => {
            Json::Object(several(choices, |choices| Ok((any_name(choices)?, any_json(choices, depth - 1)?)))?)
        }
        _ => nested(any_json(choices, 0)?, choices.int_in_range(120..=130)?),
    })
}

/// A text of few letters, so that two of them are often alike, and of all that is special.
pub(crate) fn any_text(choices: &mut Unstructured<'_>) -> Result<Text> {
    let mut units = text(choose(choices, &BEGINNINGS)?);
    units.extend(several(choices, any_unit)?);
    Ok(units)
}

const BEGINNINGS: [&str; 12] = [
    "",
    "",
    "",
    "",
    "",
    "",
    "a",
    // No half of a surrogate pair, but how one is written.
    "\\ud83c",
    "https://h/f",
    "HTTP://h",
    "ftp://h?a",
    "$serde_json::private::RawValue",
];

/// The name of a documented field, or any.
fn any_name(choices: &mut Unstructured<'_>) -> Result<Text> {
    match choices.int_in_range(0..=2)? {
        0 => choose(choices, &["generate_id", "shot_id", "stage", "tracking_id", "download_url"]).map(text),
        _ => any_text(choices),
    }
}

fn any_unit(choices: &mut Unstructured<'_>) -> Result<u16> {
    /// Among them are the tags of the canonical form: a text must not be able to pass for a boundary.
    const LETTERS: &[u8; 19] = b"ab1slx-\"\\/?# \n{}[]\0";
    /// The last three are halves of surrogate pairs, of which the outer ones together are 🎬.
    const OTHERS: [u16; 5] = [0xe9, 0xfffd, 0xd83c, 0xd83d, 0xdfac];
    match choices.int_in_range(0..=31)? {
        0..=21 => choose(choices, LETTERS).map(u16::from),
        22..=30 => choose(choices, &OTHERS),
        _ => choices.arbitrary(),
    }
}

fn any_number(choices: &mut Unstructured<'_>) -> Result<String> {
    let sign = choose(choices, &["", "", "-"])?;
    let whole = choose(choices, &["0", "1", "7", "10", "18446744073709551615", "18446744073709551616"])?;
    let fraction = choose(choices, &["", "", "", ".0", ".5", ".10", ".30000000000000004"])?;
    let exponent = choose(choices, &["", "", "", "e0", "E+1", "e-1", "e400"])?;
    Ok([sign, whole, fraction, exponent].concat())
}

fn nested(json: Json, depth: usize) -> Json {
    (0..depth).fold(json, |inner, _| Json::List(vec![inner]))
}

impl Json {
    /// A value that differs in one place, and there by little. It may be the same for all that.
    pub(crate) fn edited(&self, choices: &mut Unstructured<'_>) -> Result<Self> {
        let inside = choices.int_in_range(0..=2)? < 2;
        match self {
            Self::List(items) if inside && !items.is_empty() => {
                let mut items = items.clone();
                let item = choices.choose_index(items.len())?;
                items[item] = items[item].edited(choices)?;
                Ok(Self::List(items))
            }
            Self::Object(fields) if inside && !fields.is_empty() => {
                let mut fields = fields.clone();
                let field = choices.choose_index(fields.len())?;
                fields[field].1 = fields[field].1.edited(choices)?;
                Ok(Self::Object(fields))
            }
            _ => self.edited_here(choices),
        }
    }

    fn edited_here(&self, choices: &mut Unstructured<'_>) -> Result<Self> {
        match choices.int_in_range(0..=7)? {
            0 => return any_json(choices, 1),
            1 => return Ok(Self::Text(self.content())),
            2 => return Ok(Self::List(vec![self.clone()])),
            _ => {}
        }
        Ok(match self {
            Self::Word(_) => Self::Word(choose(choices, &["null", "true", "false"])?),
            Self::Number(_) => Self::Number(any_number(choices)?),
            Self::Text(units) => {
                let mut units = units.clone();
                units.insert(choices.int_in_range(0..=units.len())?, any_unit(choices)?);
                Self::Text(units)
            }
            Self::List(items) => Self::List(items.iter().skip(1).cloned().collect()),
            Self::Object(fields) => Self::Object(fields.iter().skip(1).cloned().collect()),
        })
    }

    /// A text as it is; anything else as it is written.
    fn content(&self) -> Text {
        match self {
            Self::Text(units) => units.clone(),
            other => text(&other.plain()),
        }
    }
}

/// Two values that differ in a boundary, in how a number is written, or behind the end of a link.
pub(crate) fn any_neighbours(choices: &mut Unstructured<'_>) -> Result<(Json, Json)> {
    let (one, other) = (any_json(choices, 1)?, any_json(choices, 1)?);
    let list = Json::List;
    Ok(match choices.int_in_range(0..=6)? {
        0 => (list(vec![list(vec![one.clone()]), other.clone()]), list(vec![list(vec![one, other])])),
        1 => {
            let object = |fields: &[(&str, &Json)]| {
                Json::Object(fields.iter().map(|(name, value)| (text(name), (*value).clone())).collect())
            };
            let (inner, whole) = (object(&[("a", &one)]), object(&[("a", &one), ("b", &other)]));
            (object(&[("a", &inner), ("b", &other)]), object(&[("a", &whole)]))
        }
        2 => {
            let (left, right) = (any_text(choices)?, any_text(choices)?);
            let whole = [left.clone(), vec![any_unit(choices)?], right.clone()].concat();
            (list(vec![Json::Text(left), Json::Text(right)]), list(vec![Json::Text(whole)]))
        }
        3 => {
            let name = any_text(choices)?;
            (Json::Object(vec![(name.clone(), one.clone())]), list(vec![Json::Text(name), one]))
        }
        4 => {
            let number = any_number(choices)?;
            let same = format!("{number}{}", choose(choices, &["", "e0", ".0", "0"])?);
            (Json::Number(number), Json::read(&same).unwrap_or(Json::Text(text(&same))))
        }
        5 => (Json::Text(any_link(choices)?), Json::Text(any_link(choices)?)),
        _ => (
            Json::Object(vec![(any_link(choices)?, one.clone())]),
            Json::Object(vec![(any_link(choices)?, one)]),
        ),
    })
}

/// A link, or a text that is nearly one.
fn any_link(choices: &mut Unstructured<'_>) -> Result<Text> {
    let link =
        choose(choices, &["https://h/f?", "https://h/f?", "https://h/f", "https://h/f #", "ftp://h/f?"])?;
    Ok([text(link), several(choices, any_unit)?].concat())
}
