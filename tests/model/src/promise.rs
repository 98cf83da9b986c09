//! What shall hold.

use crate::store::{Answer, Call, Store, Token};
use crate::world::{Standing, World};

/// One promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Promise {
    /// Of two claimers, at most one has been told of a lease that has neither lapsed nor been ended.
    NeverTwoLiveHolders,
    /// Who does not hold the claim is refused, and the record stays as it was.
    AZombieChangesNothing,
    /// After `done` was applied no claim is granted, within the retention.
    ADoneEventNeverRunsAgain,
    /// After `done` was applied a claim is answered `Done`, within the retention.
    AMarkedSuccessIsRemembered,
    /// A claim is answered `Done` only if a handler has succeeded.
    OnlyASuccessIsDone,
    /// In every world in which the event is not done, a newcomer is granted the claim within a lease if the others keep
    /// silent, and can finish.
    WhatIsNotDoneCanRunAgain,
    /// Each claim that is granted has a number one above the last, but for one that is repeated, which has its own.
    AttemptsOnlyGrow,
    /// Who holds the claim, lapsed or not, is not refused.
    AHolderIsHeard,
    /// If handlers have succeeded several times, all of them but one had lost their claim to a lapse or a loss of
    /// records: crashed, or too slow. This is what "at least once" leaves open.
    OneSuccessAtMostKeepsItsClaim,
}

/// The promise that a call breaks, if it does.
pub(crate) fn broken_by_call(
    from: &World,
    token: Token,
    call: Call,
    answer: Answer,
    to: &World,
    only: Option<Promise>,
) -> Option<Promise> {
    let witness = &from.witness;
    let is_known = witness.standing != Standing::Unknown;
    let is_holder = witness.holder == Some(token);
    let is_claim = call == Call::Claim;
    let checks: [(Promise, bool); 5] = [
        (
            Promise::AZombieChangesNothing,
            is_claim || !is_known || is_holder || (answer == Answer::Refused && from.record == to.record),
        ),
        (
            Promise::ADoneEventNeverRunsAgain,
            !(witness.standing == Standing::Done && matches!(answer, Answer::Granted(_))),
        ),
        (
            Promise::OnlyASuccessIsDone,
            answer != Answer::AlreadyDone || from.claimers.iter().any(|claimer| claimer.has_succeeded),
        ),
        (Promise::AttemptsOnlyGrow, {
            let expected = witness.attempts + u8::from(!witness.is_held_by(token));
            match answer {
                Answer::Granted(attempt) => attempt == expected,
                _ => true,
            }
        }),
        (Promise::AHolderIsHeard, {
            let must = match (witness.standing, call) {
                (_, Call::Claim) => false,
                (Standing::Held, _) => is_holder,
                (Standing::Unknown, Call::Release(_)) => false,
                (Standing::Unknown, _) => true,
                (Standing::Done, Call::Done(_)) => is_holder,
                (Standing::Failed, Call::Fail(_)) => is_holder,
                _ => false,
            };
            !must || answer == Answer::Applied
        }),
    ];
    checks.into_iter().find(|(p, holds)| !holds && only.is_none_or(|only| only == *p)).map(|(p, _)| p)
}

/// The promise that does not hold in a world, if there is one.
pub(crate) fn broken_in(state: &World, store: &Store, only: Option<Promise>) -> Option<Promise> {
    let stranger = Token(u8::MAX);
    let live = state.claimers.iter().filter(|claimer| claimer.lease > 0).count();
    let probe = store.call(state.record, stranger, Call::Claim).1;
    let done = state.witness.standing == Standing::Done;
    let kept = state.claimers.iter().filter(|claimer| claimer.has_succeeded && !claimer.is_replaced).count();
    let checks = [
        (Promise::NeverTwoLiveHolders, live <= 1),
        (Promise::AMarkedSuccessIsRemembered, !done || probe == Answer::AlreadyDone),
        (Promise::WhatIsNotDoneCanRunAgain, done || can_run_again(state, store)),
        (Promise::OneSuccessAtMostKeepsItsClaim, kept <= 1),
    ];
    checks.into_iter().find(|(p, holds)| !holds && only.is_none_or(|only| only == *p)).map(|(p, _)| p)
}

fn can_run_again(state: &World, store: &Store) -> bool {
    let stranger = Token(u8::MAX);
    let wait = state.claimers.iter().map(|claimer| claimer.lease).max().unwrap_or(0);
    let record = (0..wait).fold(state.record, |record, _| store.tick(record));
    let (record, answer) = store.call(record, stranger, Call::Claim);
    let Answer::Granted(attempt) = answer else { return false };
    let (record, answer) = store.call(record, stranger, Call::Done(attempt));
    answer == Answer::Applied && store.call(record, stranger, Call::Claim).1 == Answer::AlreadyDone
}
