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
            Json::Object(several(choices, |choices| Ok((any_text(choices)?, any_json(choices, depth - 1)?)))?)
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

const BEGINNINGS: [&str; 16] = [
    "",
    "",
    "",
    "",
    "",
    "",
    "a",
    "id",
    "generate_id",
    "stage",
    "tracking_id",
    "download_url",
    "https://h/f",
    "HTTP://h",
    "ftp://h?a",
    "$serde_json::private::RawValue",
];

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
            Self::List(items) => Self::List(regrouped(items, choices)?),
            Self::Object(fields) => match choices.int_in_range(0..=2)? {
                0 => Self::List(
                    fields
                        .iter()
                        .flat_map(|(name, value)| [Self::Text(name.clone()), value.clone()])
                        .collect(),
                ),
                1 => Self::Object(fields.iter().skip(1).cloned().collect()),
                _ => {
                    let mut fields = fields.clone();
                    if let Some((name, _)) = fields.first_mut() {
                        *name = any_text(choices)?;
                    }
                    Self::Object(fields)
                }
            },
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

/// The same items with a boundary moved, or one fewer.
fn regrouped(items: &[Json], choices: &mut Unstructured<'_>) -> Result<Vec<Json>> {
    let mut items = items.to_vec();
    if items.len() < 2 {
        return Ok(Vec::new());
    }
    let first = choices.choose_index(items.len() - 1)?;
    let second = items.remove(first + 1);
    match (&mut items[first], choices.int_in_range(0..=2)?) {
        (_, 0) => {}
        (Json::List(inner), 1) => inner.push(second),
        (item, 1) => *item = Json::List(vec![item.clone(), second]),
        (item, _) => {
            let between = text(choose(choices, &["", "s", "l", "x", ",", "["])?);
            *item = Json::Text([item.content(), between, second.content()].concat());
        }
    }
    Ok(items)
}
