use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::event::EventKey;

/// What can go wrong with one try to deliver an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The event is delivered once more, although it was answered: a queue delivers at least once.
    Duplicate,
    /// The event is delivered twice at the same time.
    Twin,
    /// The answer is lost on its way back, so LipDub tries again.
    LostAnswer,
    /// The answer comes back after LipDub has given up on it, so LipDub tries again.
    SlowAnswer,
    /// The connection breaks at some time within 20 ms, perhaps before the answer.
    HangUp,
    /// The connection breaks in the middle of the body.
    TruncatedBody,
    /// The fields come in another order, with white space between them and letters escaped.
    ShuffledFields,
    /// Links to storage are signed anew.
    FreshLinks,
    /// The same data are delivered first as an event of a type that nobody knows, `TYPE_OF_THE_FUTURE`.
    UnknownType,
    /// The delivery has a key that is not valid any more.
    OldKey,
    /// The event overtakes the one before it in its job. Only with [`deliver_all`](super::LipDub::deliver_all).
    Reordered,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Duplicate,
        Self::Twin,
        Self::LostAnswer,
        Self::SlowAnswer,
        Self::HangUp,
        Self::TruncatedBody,
        Self::ShuffledFields,
        Self::FreshLinks,
        Self::UnknownType,
        Self::OldKey,
        Self::Reordered,
    ];
}

impl fmt::Display for Fault {
    /// As it is told in the story of an event.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Duplicate => "delivered once more",
            Self::Twin => "delivered twice at once",
            Self::LostAnswer => "the answer was lost",
            Self::SlowAnswer => "the answer came too late",
            Self::HangUp => "the connection broke",
            Self::TruncatedBody => "the body was cut off",
            Self::ShuffledFields => "fields in another order",
            Self::FreshLinks => "links signed anew",
            Self::UnknownType => "an unknown type came first",
            Self::OldKey => "with an old key",
            Self::Reordered => "out of order",
        })
    }
}

/// Faults at random, the same for the same seed.
///
/// Which fault befalls which try depends on the seed, on the event and on the number of the try, and not on what
/// else is going on: a run can be repeated with its seed, though threads never run in the same way twice.
///
/// # Examples
///
/// ```
/// use lipdub_core::testing::{Fault, Faults};
///
/// let faults = Faults::seeded(42).rate(0.5).only([Fault::LostAnswer, Fault::Twin]);
/// # let _ = faults;
/// ```
#[derive(Clone, Debug)]
pub struct Faults {
    seed: u64,
    rate: f64,
    kinds: Vec<Fault>,
}

impl Faults {
    /// Every kind of fault, on a quarter of all tries.
    pub fn seeded(seed: u64) -> Self {
        Self { seed, rate: 0.25, kinds: Fault::ALL.to_vec() }
    }

    /// None at all.
    pub(super) fn none() -> Self {
        Self { seed: 0, rate: 0.0, kinds: Vec::new() }
    }

    /// Sets the share of tries that suffer a fault, from 0 to 1. Defaults to a quarter.
    pub fn rate(mut self, share: f64) -> Self {
        self.rate = share;
        self
    }

    /// Sets the kinds of fault. Defaults to [`Fault::ALL`].
    pub fn only(mut self, kinds: impl IntoIterator<Item = Fault>) -> Self {
        self.kinds = kinds.into_iter().collect();
        self
    }

    /// What decides about one try of an event.
    pub(super) fn chance(&self, event: EventKey, number: u32) -> Chance {
        let digest = Sha256::new()
            .chain_update(self.seed.to_le_bytes())
            .chain_update(event.to_string())
            .chain_update(number.to_le_bytes())
            .finalize();
        let seed = digest.iter().take(8).fold(0, |seed, byte| (seed << 8) | u64::from(*byte));
        Chance { random: fastrand::Rng::with_seed(seed) }
    }

    pub(super) fn draw(&self, chance: &mut Chance) -> Option<Fault> {
        let befalls = chance.random.f64() < self.rate && !self.kinds.is_empty();
        befalls.then(|| self.kinds[chance.random.usize(..self.kinds.len())])
    }
}

/// Decides what is left to chance in one try.
pub(super) struct Chance {
    random: fastrand::Rng,
}

impl Chance {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { self.random.usize(..limit) }
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        self.random.shuffle(items);
    }

    pub(super) fn coin(&mut self) -> bool {
        self.random.bool()
    }
}
