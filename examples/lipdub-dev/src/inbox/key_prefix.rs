//! Events as the command line names them.

use std::fmt;

use lipdub_core::inbox::{DeadFilter, Inbox};
use lipdub_core::{EventKey, StoreError};

use super::dead_letters::DeadLetters;

/// An event's key, or the beginning of a dead letter's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyPrefix(String);

const VERSION: &str = "v1-";
const DIGITS: usize = 64;
/// Fewer would name another event too easily.
const FEWEST_DIGITS: usize = 4;
const SHOWN_DIGITS: usize = 8;

impl KeyPrefix {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let digits = text.strip_prefix(VERSION).unwrap_or(text).to_ascii_lowercase();
        let is_one = (FEWEST_DIGITS..=DIGITS).contains(&digits.len())
            && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_one
            .then(|| Self(format!("{VERSION}{digits}")))
            .ok_or("it is no event's key; write `v1-` and its 64 hexadecimal digits, or at least the first 4")
    }

    /// The beginning of a key, which is enough among some thousands.
    pub(super) fn of(key: EventKey) -> Self {
        let mut text = key.to_string();
        text.truncate(VERSION.len() + SHOWN_DIGITS);
        Self(text)
    }

    fn whole(&self) -> Option<EventKey> {
        self.0.parse().ok()
    }

    fn is_of(&self, key: EventKey) -> bool {
        key.to_string().starts_with(&self.0)
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// What a prefix stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    One(EventKey),
    Nothing,
    Several,
}

impl Named {
    pub(super) fn key(self) -> Result<EventKey, &'static str> {
        match self {
            Self::One(key) => Ok(key),
            Self::Nothing => {
                Err("no dead letter's key begins so: give the whole key of an event that is not dead")
            }
            Self::Several => Err("the keys of several dead letters begin so: give more of it"),
        }
    }

    fn or(self, key: EventKey) -> Self {
        match self {
            Self::Nothing => Self::One(key),
            Self::One(same) if same == key => self,
            Self::One(_) | Self::Several => Self::Several,
        }
    }
}

/// Looks for those that begin so, in one walk through the dead letters. A whole key is not looked for.
pub(super) async fn resolve(inbox: &dyn Inbox, prefixes: &[KeyPrefix]) -> Result<Vec<Named>, StoreError> {
    let whole = |prefix: &KeyPrefix| prefix.whole().map_or(Named::Nothing, Named::One);
    let mut named: Vec<Named> = prefixes.iter().map(whole).collect();
    if !named.contains(&Named::Nothing) {
        return Ok(named);
    }
    let mut letters = DeadLetters::new(inbox, DeadFilter::default());
    while let Some(letter) = letters.next().await? {
        for (named, _) in named.iter_mut().zip(prefixes).filter(|(_, prefix)| prefix.is_of(letter.key)) {
            *named = named.or(letter.key);
        }
    }
    Ok(named)
}

/// The same for one.
pub(super) async fn resolve_one(inbox: &dyn Inbox, prefix: &KeyPrefix) -> Result<Named, StoreError> {
    let named = resolve(inbox, std::slice::from_ref(prefix)).await?;
    Ok(named.first().copied().unwrap_or(Named::Nothing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_taken_whole_or_shortened_and_with_or_without_its_version() {
        let key = EventKey::custom(&"X".into(), "1");
        let text = key.to_string();
        for taken in [&text, &text[3..], &text.to_ascii_uppercase()[3..]] {
            assert_eq!(KeyPrefix::parse(taken).unwrap().whole(), Some(key), "{taken}");
        }
        for taken in [&text[..7], &text[3..10], &KeyPrefix::of(key).to_string()] {
            let prefix = KeyPrefix::parse(taken).unwrap();
            assert!(prefix.is_of(key) && prefix.whole().is_none(), "{taken}");
        }
        for refused in ["", "v1-", &text[..6], "whk_1234", &format!("{text}0"), "v1-v1-0123"] {
            assert!(KeyPrefix::parse(refused).is_err(), "{refused}");
        }
    }
}
