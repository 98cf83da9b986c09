//! The claim as a plain function: a record and a call in, a record and an answer out.

use std::fmt;

use crate::fault::Fault;

/// Whom a claim is granted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub u8);

impl fmt::Display for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", char::from(b'A' + self.0))
    }
}

/// What is known of the event. Times are in ticks from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// What became of the last claim.
    pub state: State,
    /// Until the record is forgotten. [`FOREVER`] stands still.
    pub kept_for: u8,
}

/// What became of the last claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It stands. A lease that lapses in 0 ticks has lapsed.
    Running {
        /// From 1.
        attempt: u8,
        /// Its holder.
        token: Token,
        /// The rest of its lease.
        lapses_in: u8,
    },
    /// It failed, or a claim after it was given back.
    Failed {
        /// The one that failed.
        attempt: u8,
        /// Who said so; nobody if a later claim was given back.
        token: Option<Token>,
    },
    /// It succeeded.
    Done {
        /// Who said so.
        token: Token,
    },
}

/// What a claimer may ask of the store, with the attempt that it believes to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// `DedupeStore::claim`
    Claim,
    /// `DedupeStore::renew`
    Renew(u8),
    /// `DedupeStore::done`
    Done(u8),
    /// `DedupeStore::fail`
    Fail(u8),
    /// `DedupeStore::release`
    Release(u8),
}

/// What the store says to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// `Claim::Granted` with the attempt
    Granted(u8),
    /// `Claim::Busy` for so many ticks
    Busy(u8),
    /// `Claim::Done`
    AlreadyDone,
    /// `Transition::Applied`
    Applied,
    /// `Transition::Refused`
    Refused,
}

impl Record {
    pub(crate) fn token(&self) -> Option<Token> {
        match self.state {
            State::Running { token, .. } | State::Done { token } => Some(token),
            State::Failed { token, .. } => token,
        }
    }

    /// The attempt that it counts, if it is not done.
    pub fn attempt(&self) -> Option<u8> {
        match self.state {
            State::Running { attempt, .. } | State::Failed { attempt, .. } => Some(attempt),
            State::Done { .. } => None,
        }
    }

    pub(crate) fn renamed(mut self, rename: impl Fn(Token) -> Token) -> Self {
        match &mut self.state {
            State::Running { token, .. } | State::Done { token } => *token = rename(*token),
            State::Failed { token, .. } => *token = token.map(rename),
        }
        self
    }
}

/// A retention beyond the horizon.
pub const FOREVER: u8 = u8::MAX;

/// The settings of a store, and what is wrong with it.
#[derive(Clone, Copy, Debug)]
pub struct Store {
    /// In ticks.
    pub lease: u8,
    /// In ticks, or [`FOREVER`].
    pub retention: u8,
    /// None in a store that keeps its promises.
    pub fault: Option<Fault>,
}

impl Store {
    /// A store that keeps its promises, and what it knows for ever. A tick is a third of the lease.
    pub const SOUND: Self = Self { lease: 3, retention: FOREVER, fault: None };

    /// Whether a record is forgotten when it is old.
    pub fn forgets(&self) -> bool {
        self.retention != FOREVER
    }

    /// Makes one transition.
    pub fn call(&self, record: Option<Record>, token: Token, call: Call) -> (Option<Record>, Answer) {
        match self.fault {
            None => self.sound_call(record, token, call),
            Some(fault) => fault.call(self, record, token, call),
        }
    }

    pub(crate) fn sound_call(
        &self,
        record: Option<Record>,
        token: Token,
        call: Call,
    ) -> (Option<Record>, Answer) {
        match call {
            Call::Claim => self.claim(record, token),
            Call::Release(_) => self.release(record, token),
            Call::Renew(_) | Call::Done(_) | Call::Fail(_) => self.settle(record, token, call),
        }
    }

    /// Lets a tick pass.
    #[must_use]
    pub fn tick(&self, record: Option<Record>) -> Option<Record> {
        let Record { mut state, mut kept_for } = record?;
        if let State::Running { lapses_in, .. } = &mut state {
            *lapses_in = lapses_in.saturating_sub(1);
        }
        if kept_for != FOREVER {
            kept_for -= 1;
        }
        (kept_for > 0).then_some(Record { state, kept_for })
    }

    fn claim(&self, record: Option<Record>, token: Token) -> (Option<Record>, Answer) {
        let attempt = match record.map(|record| record.state) {
            None => 1,
            Some(State::Done { .. }) => return (record, Answer::AlreadyDone),
            Some(State::Failed { attempt, .. }) => attempt + 1,
            Some(State::Running { attempt, token: holder, .. }) if holder == token => attempt,
            Some(State::Running { attempt, lapses_in: 0, .. }) => attempt + 1,
            Some(State::Running { lapses_in, .. }) => return (record, Answer::Busy(lapses_in)),
        };
        (self.keep(self.running(attempt, token)), Answer::Granted(attempt))
    }

    fn settle(&self, record: Option<Record>, token: Token, call: Call) -> (Option<Record>, Answer) {
        let next = match (record.map(|record| record.state), call) {
            // Nobody contradicts the caller.
            (None, Call::Renew(attempt)) => self.running(attempt, token),
            (None, Call::Fail(attempt)) => State::Failed { attempt, token: Some(token) },
            (None, Call::Done(_)) => State::Done { token },
            // The record's attempt counts, and not what the caller believes.
            (Some(State::Running { attempt, token: holder, .. }), _) if holder == token => match call {
                Call::Renew(_) => self.running(attempt, token),
                Call::Fail(_) => State::Failed { attempt, token: Some(token) },
                _ => State::Done { token },
            },
            // Said again.
            (Some(failed @ State::Failed { token: Some(holder), .. }), Call::Fail(_)) if holder == token => {
                failed
            }
            (Some(State::Done { token: holder }), Call::Done(_)) if holder == token => State::Done { token },
            _ => return (record, Answer::Refused),
        };
        (self.keep(next), Answer::Applied)
    }

    fn release(&self, record: Option<Record>, token: Token) -> (Option<Record>, Answer) {
        match record.map(|record| record.state) {
            Some(State::Running { attempt, token: holder, .. }) if holder == token => {
                let before = State::Failed { attempt: attempt - 1, token: None };
                (if attempt == 1 { None } else { self.keep(before) }, Answer::Applied)
            }
            _ => (record, Answer::Refused),
        }
    }

    fn running(&self, attempt: u8, token: Token) -> State {
        State::Running { attempt, token, lapses_in: self.lease }
    }

    fn keep(&self, state: State) -> Option<Record> {
        Some(Record { state, kept_for: self.retention })
    }
}
