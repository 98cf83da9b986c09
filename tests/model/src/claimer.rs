//! One that wants to handle the event: an attempt as in `lipdub-core/src/attempt.rs`.

use crate::store::Call;

/// How far it has come, and what it has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claimer {
    /// How far it has come.
    pub phase: Phase,
    /// Which attempt it believes to make, or to have made.
    pub attempt: u8,
    /// What it has said and may say again. Each of these calls can arrive now, or later, or once more.
    pub under_way: Calls,
    /// Whether its handler has had its effect.
    pub has_succeeded: bool,
    /// What is left of the lease that the store has promised it, and that it has not ended. For the witness.
    pub lease: u8,
    /// Whether the claim that it was granted last went to another after the lease had lapsed, or was
    /// forgotten. For the witness.
    pub is_replaced: bool,
}

/// How far a claimer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Its delivery has not come.
    Unborn,
    /// It has asked for the claim, and has no answer.
    Claiming,
    /// Its handler runs.
    Running,
    /// Its handler has had its effect, and that is not marked.
    Succeeded,
    /// It has said its last word, or crashed.
    Over,
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

    pub(crate) fn is_at_work(&self) -> bool {
        matches!(self.phase, Phase::Claiming | Phase::Running | Phase::Succeeded)
    }

    /// What it has said, and what can arrive now.
    pub(crate) fn calls(&self) -> impl Iterator<Item = Call> + use<> {
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

    pub(crate) fn comes(&mut self) {
        self.phase = Phase::Claiming;
        self.under_way = Calls::CLAIM;
    }

    pub(crate) fn runs(&mut self, attempt: u8) {
        self.phase = Phase::Running;
        self.attempt = attempt;
        // It may renew at any time, and a renewal that was made just before its end may arrive after that.
        self.under_way = self.under_way.with(Calls::RENEW);
    }

    pub(crate) fn gives_back(&mut self, attempt: u8) {
        self.says(Calls::RELEASE);
        self.attempt = attempt;
    }

    pub(crate) fn succeeds(&mut self) {
        self.phase = Phase::Succeeded;
        self.has_succeeded = true;
    }

    pub(crate) fn marks(&mut self) {
        self.says(Calls::DONE);
    }

    pub(crate) fn fails(&mut self) {
        self.says(Calls::FAIL);
    }

    fn says(&mut self, last_word: Calls) {
        self.under_way = self.under_way.with(last_word);
        self.is_over();
    }

    pub(crate) fn is_over(&mut self) {
        self.phase = Phase::Over;
    }

    /// What it still says when its calls are lost.
    pub(crate) fn repeats(&self) -> Calls {
        match self.phase {
            Phase::Claiming => Calls::CLAIM,
            Phase::Running => Calls::RENEW,
            Phase::Unborn | Phase::Succeeded | Phase::Over => Calls::NONE,
        }
    }

    /// Makes one state of those that can only lead to the same.
    pub(crate) fn forget_what_does_not_matter(&mut self) {
        if self.phase == Phase::Over && !self.under_way.contains(Calls(Calls::RENEW.0 | Calls::FAIL.0)) {
            self.attempt = 0;
        }
        if matches!(self.phase, Phase::Unborn | Phase::Claiming)
            || self.phase == Phase::Over && !self.has_succeeded
        {
            self.is_replaced = false;
        }
    }
}

/// A set of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Calls(u8);

impl Calls {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const CLAIM: Self = Self(1);
    pub(crate) const RENEW: Self = Self(2);
    pub(crate) const DONE: Self = Self(4);
    pub(crate) const FAIL: Self = Self(8);
    pub(crate) const RELEASE: Self = Self(16);

    pub(crate) fn contains(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
