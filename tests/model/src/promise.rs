//! What shall hold.
//!
//! A holder is *live* from the moment at which the store grants it the claim or applies its renewal, until its lease
//! has lapsed by the store's clock, it has settled the claim or given it back, or the store has lost its records.
//! It is live whether it knows that or not: the answer may be lost. A *zombie* is one that once was granted the
//! claim and is not whom the store spoke of last; nobody is one of an event that the store does not know.
//!
//! The store *knows* an event from the first call that it grants or applies, until the retention has passed since the
//! last, its records are lost, or the only attempt is given back.

use crate::claimer::Claimer;
use crate::store::{Answer, Call, Token};
use crate::witness::Standing;
use crate::world::{Scenario, Step, World};

/// Something that shall hold, whatever happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Promise {
    /// There is no moment at which two holders are live.
    ///
    /// What the store has lost it cannot keep: who was live before a flush is not after it, and its handler may
    /// still run when the event is granted to another.
    NeverTwoLiveHolders,
    /// While the store knows the event, a call other than a claim by anybody but the one whom it last granted the
    /// claim (or, where it knew nothing, whose word it took) is refused, and the record is as before to the tick.
    ///
    /// A late claim is not such a call: like any claim it is granted when the event has failed, and makes its
    /// token the holder again.
    AZombieChangesNothing,
    /// Once a success is applied, no claim is granted until the event is unknown again.
    ADoneEventNeverRunsAgain,
    /// Once a success is applied, a claim by anybody is told that, until the event is unknown again.
    AMarkedSuccessIsRemembered,
    /// A claim is told that the event is done only if a handler has succeeded: nothing is lost.
    OnlyASuccessIsDone,
    /// From every state in which the event is not done, somebody new who claims it is granted it when the lease that
    /// runs, if one does, has lapsed and others have been silent: at once if it failed. It is told how long to wait.
    WhatIsNotDoneCanRunAgain,
    /// The attempt that is granted is one more than those that count since the event was unknown. One that is given
    /// back counts no more, so that its number is granted again. Nothing else is granted twice, but to its token.
    ///
    /// Where the store knows nothing and takes a caller's word, it takes the caller's attempt with it.
    AttemptsOnlyGrow,
    /// No two handlers are called with the same attempt, so that `event.attempt` can fence off the earlier.
    ///
    /// This is said of stores that lose nothing, and of claimers that never do without the store.
    NoTwoHandlersShareAnAttempt,
    /// A holder that nobody has replaced can renew, settle and give back, lapsed or not; where the store knows nothing,
    /// anybody can renew and settle; and who has settled can say so again.
    AHolderIsHeard,
    /// Of all handlers that have succeeded, all but one lost their claim: it was taken over when its lease had lapsed,
    /// or the store knew nothing of it at some time.
    ///
    /// So an event succeeds twice only if a lease lapsed before the success under it was marked, as after a crash
    /// between the two, or the store lost or forgot its record, or somebody did without the store.
    ASecondSuccessHasACause,
}

/// Somebody who has never said anything.
const STRANGER: Token = Token(u8::MAX);

pub(crate) fn broken_by(scenario: &Scenario, from: &World, step: Step, to: &World) -> Option<Promise> {
    let Step::Arrives { token, call, answer, .. } = step else { return None };
    first_broken(
        scenario,
        [
            (Promise::AZombieChangesNothing, a_zombie_changes_nothing(from, token, call, answer, to)),
            (Promise::ADoneEventNeverRunsAgain, a_done_event_is_not_granted(from, answer)),
            (Promise::OnlyASuccessIsDone, only_a_success_is_done(from, answer)),
            (Promise::WhatIsNotDoneCanRunAgain, busy_is_told_how_long(from, answer)),
            (Promise::AttemptsOnlyGrow, attempts_only_grow(from, token, answer)),
            (Promise::AHolderIsHeard, a_holder_is_heard(from, token, call, answer)),
        ],
    )
}

pub(crate) fn broken_in(scenario: &Scenario, state: &World) -> Option<Promise> {
    first_broken(
        scenario,
        [
            (Promise::NeverTwoLiveHolders, never_two_live_holders(state)),
            (Promise::AMarkedSuccessIsRemembered, a_marked_success_is_remembered(scenario, state)),
            (Promise::WhatIsNotDoneCanRunAgain, what_is_not_done_can_run_again(scenario, state)),
            (Promise::NoTwoHandlersShareAnAttempt, no_two_handlers_share_an_attempt(scenario, state)),
            (Promise::ASecondSuccessHasACause, a_second_success_has_a_cause(state)),
        ],
    )
}

fn first_broken<const N: usize>(scenario: &Scenario, promises: [(Promise, bool); N]) -> Option<Promise> {
    let is_watched = |promise| scenario.only.is_none_or(|only| only == promise);
    promises.into_iter().find(|(promise, holds)| !holds && is_watched(*promise)).map(|(promise, _)| promise)
}

fn a_zombie_changes_nothing(from: &World, token: Token, call: Call, answer: Answer, to: &World) -> bool {
    let is_zombie = from.witness.is_known() && from.witness.holder != Some(token);
    !is_zombie || call == Call::Claim || (answer == Answer::Refused && from.record == to.record)
}

fn a_done_event_is_not_granted(from: &World, answer: Answer) -> bool {
    from.witness.standing != Standing::Done || !matches!(answer, Answer::Granted(_))
}

fn only_a_success_is_done(from: &World, answer: Answer) -> bool {
    answer != Answer::AlreadyDone || from.claimers.iter().any(|claimer| claimer.has_succeeded)
}

fn busy_is_told_how_long(from: &World, answer: Answer) -> bool {
    !matches!(answer, Answer::Busy(lapses_in) if lapses_in == 0 || lapses_in != longest_lease(from))
}

fn attempts_only_grow(from: &World, token: Token, answer: Answer) -> bool {
    let repeats = from.witness.is_held_by(token);
    !matches!(answer, Answer::Granted(attempt) if attempt != from.witness.attempts + u8::from(!repeats))
}

fn a_holder_is_heard(from: &World, token: Token, call: Call, answer: Answer) -> bool {
    let is_holder = from.witness.holder == Some(token);
    let is_to_be_heard = match (from.witness.standing, call) {
        (_, Call::Claim) | (Standing::Unknown, Call::Release(_)) => false,
        (Standing::Unknown, _) => true,
        (Standing::Held, _) | (Standing::Done, Call::Done(_)) | (Standing::Failed, Call::Fail(_)) => {
            is_holder
        }
        (Standing::Done | Standing::Failed, _) => false,
    };
    !is_to_be_heard || answer == Answer::Applied
}

fn never_two_live_holders(state: &World) -> bool {
    state.claimers.iter().filter(|claimer| claimer.lease > 0).count() < 2
}

fn a_marked_success_is_remembered(scenario: &Scenario, state: &World) -> bool {
    let answer = || scenario.store.call(state.record, STRANGER, Call::Claim).1;
    state.witness.standing != Standing::Done || answer() == Answer::AlreadyDone
}

fn what_is_not_done_can_run_again(scenario: &Scenario, state: &World) -> bool {
    let after = |ticks| (0..ticks).fold(state.record, |record, _| scenario.store.tick(record));
    let answer = || scenario.store.call(after(longest_lease(state)), STRANGER, Call::Claim).1;
    state.witness.standing == Standing::Done || matches!(answer(), Answer::Granted(_))
}

fn no_two_handlers_share_an_attempt(scenario: &Scenario, state: &World) -> bool {
    let ran = state.claimers.iter().filter(|claimer| claimer.has_run());
    let is_shared = |attempt| ran.clone().filter(|claimer| claimer.attempt == attempt).count() > 1;
    scenario.is_lossy() || !(1..=scenario.attempts).any(is_shared)
}

fn a_second_success_has_a_cause(state: &World) -> bool {
    let is_unexplained = |claimer: &&Claimer| claimer.has_succeeded && !claimer.is_replaced;
    state.claimers.iter().filter(is_unexplained).count() < 2
}

fn longest_lease(state: &World) -> u8 {
    state.claimers.iter().map(|claimer| claimer.lease).max().unwrap_or(0)
}
