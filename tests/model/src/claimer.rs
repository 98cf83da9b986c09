//! One that wants to handle the event: an attempt as in `lipdub-core/src/attempt.rs`, with less restraint.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::store::{Answer, Call};

/// One attempt to handle the event, with a token of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claimer {
    /// How far it has come.
    pub phase: Phase,
    /// Which attempt it believes to make, or to have made.
    pub attempt: u8,
    /// What it has said and may say again. Each of these calls can arrive now, later, once more, or never.
    pub under_way: Calls,
    /// Whether its handler has had its effect.
    pub has_succeeded: bool,
    /// The rest of the lease that the store has promised it, unless it has settled its claim or given it back.
    pub lease: u8,
    /// Whether the claim that it was last granted went to another once the lease had lapsed, or was forgotten.
    pub is_replaced: bool,
}

/// How far a claimer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Its delivery has not come.
    Unborn,
    /// It has asked for the claim, and knows of no answer but that it has to wait.
    Claiming,
    /// Its handler runs.
    Running,
    /// Its handler has had its effect, which is not marked.
    Succeeded,
    /// It has said its last word, or crashed.
    Over,
}

/// What a claimer does of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// No answer to the claim has come: what may have been granted is given back.
    GivesUp,
    /// No answer to the claim has come: the handler is called all the same, as for the first attempt (`fail_open`).
    GoesOn,
    /// The handler has its effect.
    Succeeds,
    /// The success is marked.
    Marks,
    /// The handler fails, or is stopped, and that is marked.
    Fails,
    /// It crashes, or has waited long enough for another holder.
    Ends,
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// It is lost, or makes no difference.
    Lost,
    /// It is heard.
    Heard,
    /// It is heard by a process that is shutting down.
    HeardInShutdown,
}

impl Claimer {
    pub(crate) const UNBORN: Self = Self {
        phase: Phase::Unborn,
        attempt: 0,
        under_way: Calls::NONE,
        has_succeeded: false,
        lease: 0,
        is_replaced: false,
    };

    /// One whose delivery has just come. It asks for the claim at once.
    pub const NEW: Self = Self { phase: Phase::Claiming, under_way: Calls::CLAIM, ..Self::UNBORN };

    /// The calls that can arrive.
    pub fn calls(&self) -> impl Iterator<Item = Call> + use<> {
        let Self { under_way, attempt, .. } = *self;
        let calls = [
            (Calls::CLAIM, Call::Claim),
            (Calls::RENEW, Call::Renew(attempt)),
            (Calls::DONE, Call::Done(attempt)),
            (Calls::FAIL, Call::Fail(attempt)),
            (Calls::RELEASE, Call::Release(attempt)),
        ];
        calls.into_iter().filter(move |(kind, _)| under_way.contains(*kind)).map(|(_, call)| call)
    }

    /// Whether its handler was started.
    pub fn has_run(&self) -> bool {
        self.under_way.contains(Calls::RENEW)
    }

    /// Tells everything that it can do next, and what becomes of it.
    pub fn acts(&self, fail_open: bool, mut each: impl FnMut(Act, Self)) {
        match self.phase {
            Phase::Claiming if fail_open => each(Act::GoesOn, Self { is_replaced: true, ..self.running(1) }),
            Phase::Claiming => each(Act::GivesUp, self.giving_back(0)),
            Phase::Running => {
                each(Act::Succeeds, Self { phase: Phase::Succeeded, has_succeeded: true, ..*self });
                each(Act::Fails, self.saying_last(Calls::FAIL));
            }
            Phase::Succeeded => each(Act::Marks, self.saying_last(Calls::DONE)),
            Phase::Unborn | Phase::Over => return,
        }
        each(Act::Ends, self.over());
    }

    /// Tells everything that may become of an answer, and of it if it hears the answer.
    pub fn hears(&self, answer: Answer, mut each: impl FnMut(Reply, Self)) {
        match (self.phase, answer) {
            (Phase::Claiming, Answer::Granted(attempt)) => {
                each(Reply::Heard, self.running(attempt));
                each(Reply::HeardInShutdown, self.giving_back(attempt));
            }
            (Phase::Claiming, Answer::AlreadyDone) => each(Reply::Heard, self.over()),
            // It asks again, or insists: it may say everything once more in any case. What it has
            // said last it need not say again when that was heard, but that a late call can do for it.
            _ => {}
        }
        each(Reply::Lost, *self);
    }

    fn running(&self, attempt: u8) -> Self {
        // It may renew at any time, and a renewal from just before its end may arrive after that.
        let under_way = self.under_way.with(Calls::RENEW);
        Self { phase: Phase::Running, attempt, under_way, ..*self }
    }

    fn giving_back(&self, attempt: u8) -> Self {
        Self { attempt, ..*self }.saying_last(Calls::RELEASE)
    }

    fn saying_last(&self, word: Calls) -> Self {
        Self { under_way: self.under_way.with(word), ..self.over() }
    }

    fn over(&self) -> Self {
        Self { phase: Phase::Over, ..*self }
    }

    /// Itself when its calls were lost. It says again what it would have said again.
    ///
    /// Who has said its last word is taken for gone: one who insists on it is as one whose calls were not lost.
    pub(crate) fn after_losing_its_calls(self) -> Self {
        let under_way = match self.phase {
            Phase::Claiming => Calls::CLAIM,
            Phase::Running | Phase::Succeeded => Calls::RENEW,
            Phase::Unborn | Phase::Over => Calls::NONE,
        };
        Self { under_way, ..self }
    }

    /// The same of all those to which only the same can happen.
    pub(crate) fn without_what_does_not_matter(mut self) -> Self {
        let is_over = self.phase == Phase::Over;
        if is_over && !self.under_way.contains(Calls::RENEW.with(Calls::FAIL)) {
            self.attempt = 0;
        }
        // Before it runs, it is granted the claim anew.
        if is_over && !self.has_succeeded || matches!(self.phase, Phase::Unborn | Phase::Claiming) {
            self.is_replaced = false;
        }
        self
    }
}

/// In one word, because that is most of the work of the search.
impl Hash for Claimer {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self { phase, attempt, under_way, has_succeeded, lease, is_replaced } = *self;
        let flags = u8::from(has_succeeded) | u8::from(is_replaced) << 1;
        hasher.write_u64(u64::from_le_bytes([phase as u8, attempt, under_way.0, flags, lease, 0, 0, 0]));
    }
}

impl fmt::Display for Act {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::GivesUp => " has no answer, and gives back",
            Self::GoesOn => " has no answer, and goes on without the store",
            Self::Succeeds => "'s handler succeeds",
            Self::Marks => " marks the success",
            Self::Fails => "'s handler fails, which is marked",
            Self::Ends => " crashes, or goes away",
        })
    }
}

/// A set of kinds of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Calls(u8);

impl Calls {
    const NONE: Self = Self(0);
    const CLAIM: Self = Self(1);
    const RENEW: Self = Self(2);
    const DONE: Self = Self(4);
    const FAIL: Self = Self(8);
    const RELEASE: Self = Self(16);

    /// Whether any of the others is among them.
    fn contains(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}
