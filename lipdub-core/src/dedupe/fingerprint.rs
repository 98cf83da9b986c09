#[cfg(feature = "redis")]
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::event::EventKey;

/// An event's key in half the space, for stores to which a million of them matter.
///
/// 128 bits of a SHA-256 are enough: among 10¹⁰ events the chance that two share them is under 10⁻¹⁸. Somebody who
/// wants two events to share them has to try 2⁶⁴ of his own, must hold the credentials to have them delivered, and
/// gains that one of the two is not handled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint(u128);

impl Fingerprint {
    /// The halves of the digest are added up rather than one of them dropped, and the second is shifted against
    /// itself: so keys differ still if they differ in one place or two, which those of events never do, and those
    /// of a test may.
    pub(super) fn of(key: &EventKey) -> Self {
        let (first, second) = key.halves();
        Self(first ^ second ^ second.rotate_left(8))
    }

    /// 64 of its bits, for a hash table.
    pub(super) fn hash(self) -> u64 {
        (self.0 >> 64) as u64
    }

    /// Which of `count` it belongs to. Independent of its [`hash`](Self::hash).
    pub(super) fn among(self, count: usize) -> usize {
        self.0 as usize % count
    }

    /// Itself in 22 letters, digits, `-` and `_`, behind a prefix.
    #[cfg(feature = "redis")]
    pub(super) fn name(self, prefix: &str) -> String {
        let mut name = String::with_capacity(prefix.len() + 22);
        name.push_str(prefix);
        URL_SAFE_NO_PAD.encode_string(self.0.to_be_bytes(), &mut name);
        name
    }
}
