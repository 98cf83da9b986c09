//! Stores that break a promise, to show that each promise can be broken.

use crate::store::{Answer, Call, Record, State, Store, Token};

/// One thing that a store does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A claim is taken over before its lease has lapsed.
    LeaseDoesNotCount,
    /// The token is not looked at when a lease is renewed.
    AnybodyRenews,
    /// The token is not looked at when a success is marked.
    AnybodyFinishes,
    /// The token is not looked at when a failure is marked.
    AnybodyFails,
    /// The token is not looked at when a claim is given back.
    AnybodyReleases,
    /// A success removes the record.
    DoneIsDeleted,
    /// A done event is granted as a new one.
    DoneIsGranted,
    /// A success is answered as applied, and not written.
    DoneIsNotWritten,
    /// A success is refused if the lease has lapsed, though nobody has taken over.
    LapsedIsRefused,
    /// An event that failed is taken for done.
    FailureIsFinal,
    /// A lapsed claim is never taken over.
    LapsedStands,
    /// A takeover is not counted.
    TakeoverIsNotCounted,
    /// A claim that is repeated with its token is counted.
    RepetitionIsCounted,
    /// The caller's attempt is written, and not the record's.
    CallersAttemptCounts,
}

impl Fault {
    /// Each of them.
    pub const ALL: [Self; 14] = [
        Self::LeaseDoesNotCount,
        Self::AnybodyRenews,
        Self::AnybodyFinishes,
        Self::AnybodyFails,
        Self::AnybodyReleases,
        Self::DoneIsDeleted,
        Self::DoneIsGranted,
        Self::DoneIsNotWritten,
        Self::LapsedIsRefused,
        Self::FailureIsFinal,
        Self::LapsedStands,
        Self::TakeoverIsNotCounted,
        Self::RepetitionIsCounted,
        Self::CallersAttemptCounts,
    ];

    pub(crate) fn call(
        self,
        store: &Store,
        record: Option<Record>,
        token: Token,
        call: Call,
    ) -> (Option<Record>, Answer) {
        let sound = |record| store.sound_call(record, token, call);
        let by_anybody = || store.sound_call(record, holder(record).unwrap_or(token), call);
        match (self, call, record.map(|record| record.state)) {
            (Self::LeaseDoesNotCount, Call::Claim, Some(State::Running { .. })) => sound(record.map(lapsed)),
            (Self::AnybodyRenews, Call::Renew(_), _)
            | (Self::AnybodyFinishes, Call::Done(_), _)
            | (Self::AnybodyFails, Call::Fail(_), _)
            | (Self::AnybodyReleases, Call::Release(_), _) => by_anybody(),
            (Self::DoneIsDeleted, Call::Done(_), _) => (None, sound(record).1),
            (Self::DoneIsGranted, Call::Claim, Some(State::Done { .. })) => sound(None),
            (Self::DoneIsNotWritten, Call::Done(_), _) => (record, sound(record).1),
            (Self::LapsedIsRefused, Call::Done(_), Some(State::Running { lapses_in: 0, .. })) => {
                (record, Answer::Refused)
            }
            (Self::FailureIsFinal, Call::Claim, Some(State::Failed { .. })) => (record, Answer::AlreadyDone),
            (Self::LapsedStands, Call::Claim, Some(State::Running { lapses_in: 0, token: other, .. }))
                if other != token =>
            {
                (record, Answer::Busy(1))
            }
            (Self::TakeoverIsNotCounted, Call::Claim, Some(State::Running { attempt, lapses_in: 0, .. })) => {
                (sound(record).0.map(|record| with_attempt(record, attempt)), Answer::Granted(attempt))
            }
            (Self::RepetitionIsCounted, Call::Claim, Some(State::Running { attempt, token: holder, .. }))
                if holder == token =>
            {
                let attempt = attempt + 1;
                (sound(record).0.map(|record| with_attempt(record, attempt)), Answer::Granted(attempt))
            }
            (Self::CallersAttemptCounts, Call::Renew(attempt) | Call::Fail(attempt), _) => {
                let (next, answer) = sound(record);
                let is_applied = answer == Answer::Applied;
                (next.map(|next| if is_applied { with_attempt(next, attempt) } else { next }), answer)
            }
            _ => sound(record),
        }
    }
}

fn holder(record: Option<Record>) -> Option<Token> {
    match record?.state {
        State::Running { token, .. } | State::Done { token } => Some(token),
        State::Failed { token, .. } => token,
    }
}

fn lapsed(mut record: Record) -> Record {
    if let State::Running { lapses_in, .. } = &mut record.state {
        *lapses_in = 0;
    }
    record
}

fn with_attempt(mut record: Record, counted: u8) -> Record {
    if let State::Running { attempt, .. } | State::Failed { attempt, .. } = &mut record.state {
        *attempt = counted;
    }
    record
}
