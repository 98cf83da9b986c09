use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _};

use super::key_usage::{KeyUsage, Uses};
use super::{ApiKey, Shown};
use crate::delivery::Head;

/// One or more different keys that are valid together, each with its uses. Clones share both.
#[derive(Clone)]
pub(super) struct KeySet(Arc<[Arc<CountedKey>]>);

struct CountedKey {
    key: ApiKey,
    uses: Uses,
}

impl KeySet {
    /// Takes the keys in their order, a key that is given twice at its first place; `None` if there is no key.
    pub(super) fn new(keys: impl IntoIterator<Item = ApiKey>) -> Option<Self> {
        let mut known = HashSet::new();
        let different = keys.into_iter().filter(|key| known.insert(*key.digest()));
        let set: Self = different.map(|key| Arc::new(CountedKey { key, uses: Uses::default() })).collect();
        (set.len() > 0).then_some(set)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it holds the same keys in the same order.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.0.iter().map(|counted| counted.key.digest()).eq(other.0.iter().map(|other| other.key.digest()))
    }

    /// Whether it is a clone of the other.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// What a request shows: every key that it carries must be right, and it may carry no more than four.
    pub(super) fn check(&self, head: &Head<'_>) -> Shown {
        const MOST: usize = 4;
        let mut used = [0; MOST];
        let mut credentials = 0;
        let mut all_right = Choice::from(1);
        let mut check = |credential: Option<&[u8]>| {
            let is_right = credential.zip(used.get_mut(credentials)).map(|(credential, used)| {
                let (is_right, index) = self.find(credential);
                *used = index;
                is_right
            });
            all_right &= is_right.unwrap_or(Choice::from(0));
            credentials += 1;
        };
        head.each("authorization", &mut |value| check(bearer(value)));
        head.each("x-api-key", &mut |value| check(Some(value)));
        match (credentials, all_right.into()) {
            (0, _) => Shown::Nothing,
            (_, true) => {
                self.count(&used[..credentials]);
                Shown::Right
            }
            (_, false) => Shown::Wrong,
        }
    }

    pub(super) fn usage(&self) -> Vec<KeyUsage> {
        self.0.iter().enumerate().map(|(index, counted)| counted.uses.of_key(index)).collect()
    }

    /// Whether a credential is a key, and which.
    ///
    /// Compares digests, and with every key, so that time tells neither length nor place of a difference.
    fn find(&self, credential: &[u8]) -> (Choice, u64) {
        let digest: [u8; 32] = Sha256::digest(credential).into();
        let nothing = (Choice::from(0), 0);
        (0..).zip(&*self.0).fold(nothing, |(found, place), (index, counted)| {
            let is_same = counted.key.has(&digest);
            (found | is_same, u64::conditional_select(&place, &index, is_same))
        })
    }

    /// Only for a delivery whose keys are all right: who knows a key may learn its place.
    fn count(&self, used: &[u64]) {
        let now = SystemTime::now();
        for (index, counted) in (0..).zip(&*self.0) {
            if used.contains(&index) {
                counted.uses.count(now);
                tracing::debug!(key = index, "a delivery came with an API key that is valid");
            }
        }
    }

    /// The same keys; those that the other has, too, go on counting where it is.
    fn counting_on_from(&self, other: &Self) -> Self {
        let others: HashMap<_, _> = other.0.iter().map(|counted| (counted.key.digest(), counted)).collect();
        self.0
            .iter()
            .map(|counted| Arc::clone(others.get(counted.key.digest()).unwrap_or(&counted)))
            .collect()
    }
}

impl FromIterator<Arc<CountedKey>> for KeySet {
    fn from_iter<I: IntoIterator<Item = Arc<CountedKey>>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

/// The keys that are valid now. They change all at once.
pub(super) struct Current(RwLock<KeySet>);

impl Current {
    pub(super) fn new(keys: KeySet) -> Self {
        Self(RwLock::new(keys))
    }

    pub(super) fn get(&self) -> KeySet {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn replace(&self, keys: &KeySet) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *current = keys.counting_on_from(&current);
    }
}

/// The token of `Bearer TOKEN`; the scheme is case-insensitive ([RFC 9110, section 11.1]).
///
/// [RFC 9110, section 11.1]: https://www.rfc-editor.org/rfc/rfc9110.html#section-11.1
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(b"bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii_start())
}
