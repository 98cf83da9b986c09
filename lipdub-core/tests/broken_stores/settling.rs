//! Stores that are wrong about who may renew, finish, fail and give back a claim.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Instant;

use lipdub_core::dedupe::{ClaimToken, Transition};
use lipdub_core::{StoreError, async_trait};

use crate::database::{Change, Database, Record, State};
use crate::store::{Call, Kind, Steps, Store, right};

/// Does not ask who says so.
#[derive(Debug)]
pub(crate) struct AnybodyMay(pub(crate) Kind);

impl Steps for AnybodyMay {
    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        let is_anybodys = call.kind == self.0 && record.is_some();
        if is_anybodys { right::applied(record, call, now) } else { right::told(record, call, now) }
    }
}

/// Asks only whether the token was the last to hold the claim, and not whether it still does.
#[derive(Debug)]
pub(crate) struct LastHolderMay(pub(crate) Kind);

impl Steps for LastHolderMay {
    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        match record {
            Some(known) if call.kind == self.0 && known.holder == Some(call.request.token) => {
                right::applied(record, call, now)
            }
            _ => right::told(record, call, now),
        }
    }
}

/// Does what is right, and does not look whether that was anything: it is applied in any case.
#[derive(Debug)]
pub(crate) struct SaysApplied(pub(crate) Kind);

impl Steps for SaysApplied {
    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        let (change, transition) = right::told(record, call, now);
        (change, if call.kind == self.0 { Transition::Applied } else { transition })
    }
}

/// Writes, then sees that it may not, and says so.
#[derive(Debug)]
pub(crate) struct RefusesTooLate(pub(crate) Kind);

impl Steps for RefusesTooLate {
    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        let (_, transition) = right::told(record, call, now);
        let (change, _) = right::applied(record, call, now);
        let is_late = call.kind == self.0 && record.is_some();
        if is_late { (change, transition) } else { right::told(record, call, now) }
    }
}

/// Refuses a holder whose lease has lapsed, though nobody has taken over.
#[derive(Debug)]
pub(crate) struct LapsedMayNot(pub(crate) Kind);

impl Steps for LapsedMayNot {
    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        let has_lapsed = record.and_then(|known| known.lapses).is_some_and(|lapses| lapses <= now);
        if has_lapsed && call.kind == self.0 { right::refused() } else { right::told(record, call, now) }
    }
}

/// What becomes of a lease when it is renewed.
#[derive(Debug)]
pub(crate) enum RenewedLease {
    Stays,
    GetsLonger,
}

impl Steps for RenewedLease {
    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        let (change, transition) = right::told(record, call, now);
        let before = record.and_then(|known| known.lapses);
        match (call.kind, before, self) {
            (Kind::Renew, Some(lapses), Self::Stays) => {
                (change.with(|renewed| renewed.lapses = Some(lapses)), transition)
            }
            (Kind::Renew, Some(lapses), Self::GetsLonger) => {
                let later = lapses.max(now) + call.request.lease;
                (change.with(|renewed| renewed.lapses = Some(later)), transition)
            }
            _ => (change, transition),
        }
    }
}

/// Updates the row `WHERE token = …`, and where there is no row there is nothing to update.
#[derive(Debug)]
pub(crate) enum WithoutARecord {
    IsRefused(Kind),
    IsAppliedToNothing(Kind),
}

impl Steps for WithoutARecord {
    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        match (record, self) {
            (None, Self::IsRefused(kind)) if call.kind == *kind => right::refused(),
            (None, Self::IsAppliedToNothing(kind)) if call.kind == *kind => {
                (Change::Nothing, Transition::Applied)
            }
            _ => right::told(record, call, now),
        }
    }
}

/// Settles what is running, and refuses to be told twice.
#[derive(Debug)]
pub(crate) struct SaidAgainIsRefused(pub(crate) Kind);

impl Steps for SaidAgainIsRefused {
    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        let is_running = record.is_none_or(|known| known.state == State::Running);
        if call.kind == self.0 && !is_running { right::refused() } else { right::told(record, call, now) }
    }
}

/// Knows the tokens that have failed, and believes them for ever.
#[derive(Debug, Default)]
pub(crate) struct FailedMayFailAgain {
    failed: Mutex<HashSet<ClaimToken>>,
}

impl Steps for FailedMayFailAgain {
    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        let is_known = self.failed.lock().expect("no panic").contains(&call.request.token);
        let (change, transition) = match call.kind {
            Kind::Fail if is_known => right::applied(record, call, now),
            _ => right::told(record, call, now),
        };
        if call.kind == Kind::Fail && transition == Transition::Applied {
            self.failed.lock().expect("no panic").insert(call.request.token);
        }
        (change, transition)
    }
}

/// Counts a failure each time it is told of it.
#[derive(Debug)]
pub(crate) struct FailSaidAgainCounts;

impl Steps for FailSaidAgainCounts {
    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        let (change, transition) = right::told(record, call, now);
        match record {
            Some(known) if known.state == State::Failed => {
                (change.with(|failed| failed.attempt += 1), transition)
            }
            _ => (change, transition),
        }
    }
}

/// What a claim that is given back leaves.
#[derive(Debug)]
pub(crate) enum ReleaseLeaves {
    /// Not the failure that was there before.
    Nothing,
    /// As if the attempt had been made.
    ItsAttempt,
    /// The failure before, but with the token, which then counts as the one that said it.
    ItsToken,
    /// What is right for the attempt of which the caller speaks, who may not know it.
    WhatTheCallerSays,
    /// A failure before it also where there was no claim.
    AFailureInAnyCase,
    /// Two attempts less.
    TooFewAttempts,
}

impl Steps for ReleaseLeaves {
    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        let (change, transition) = right::told(record, call, now);
        if call.kind != Kind::Release {
            return (change, transition);
        }
        let failed = |attempt, holder| {
            let failed = Record { state: State::Failed, attempt, holder, lapses: None };
            (Change::Put(failed, call.request.retention), Transition::Applied)
        };
        let token = Some(call.request.token);
        match (self, transition, record) {
            (Self::Nothing, Transition::Applied, _) => (Change::Delete, transition),
            (Self::ItsAttempt, Transition::Applied, Some(known)) => failed(known.attempt, token),
            (Self::ItsToken, Transition::Applied, Some(known)) if known.attempt > 1 => {
                failed(known.attempt - 1, token)
            }
            (Self::WhatTheCallerSays, Transition::Applied, _) if call.attempt > 1 => {
                failed(call.attempt - 1, None)
            }
            (Self::WhatTheCallerSays, Transition::Applied, _) => (Change::Delete, transition),
            (Self::AFailureInAnyCase, _, None) => failed(call.attempt.saturating_sub(1), None),
            (Self::TooFewAttempts, Transition::Applied, Some(known)) if known.attempt > 2 => {
                failed(known.attempt - 2, None)
            }
            _ => (change, transition),
        }
    }
}

/// Marks and counts in two commands: the state, and then who and which attempt it was.
#[derive(Debug)]
pub(crate) struct MarksInTwoCommands;

#[async_trait]
impl Steps for MarksInTwoCommands {
    async fn tell(&self, database: &Database, call: &Call) -> Result<Transition, StoreError> {
        let half = |record, now| {
            let (change, transition) = right::told(record, call, now);
            match call.kind {
                Kind::Done | Kind::Fail => (change.with(|marked| marked.holder = None), transition),
                _ => (change, transition),
            }
        };
        let transition = database.script(call.request.key, half).await;
        if transition == Transition::Applied {
            let other_half = |record: Option<Record>, _| match record {
                Some(marked) if marked.holder.is_none() && marked.state != State::Running => {
                    let whole = Record { holder: Some(call.request.token), ..marked };
                    (Change::Put(whole, call.request.retention), ())
                }
                _ => (Change::Nothing, ()),
            };
            database.script(call.request.key, other_half).await;
        }
        Ok(transition)
    }
}

broken! {
    anybody_may_renew: Store::new(AnybodyMay(Kind::Renew)), breaks
        a_stranger_changes_nothing_about_a_running_event,
        a_stranger_changes_nothing_about_a_failed_event,
        a_stranger_changes_nothing_about_a_done_event,
        a_replaced_holder_changes_nothing_while_its_successor_runs,
        a_replaced_holder_changes_nothing_after_its_successor_finished,
        a_failed_holder_changes_nothing_while_its_successor_runs
        and more of 1, 4, 6, 7, 10;

    anybody_may_finish: Store::new(AnybodyMay(Kind::Done)), breaks
        a_stranger_changes_nothing_about_a_running_event,
        a_stranger_changes_nothing_about_a_failed_event,
        a_stranger_changes_nothing_about_a_done_event,
        a_replaced_holder_changes_nothing_while_its_successor_runs,
        a_replaced_holder_changes_nothing_after_its_successor_finished,
        a_failed_holder_changes_nothing_while_its_successor_runs
        and more of 1, 4, 6, 7, 10;

    anybody_may_fail: Store::new(AnybodyMay(Kind::Fail)), breaks
        a_stranger_changes_nothing_about_a_running_event,
        a_stranger_changes_nothing_about_a_failed_event,
        a_stranger_changes_nothing_about_a_done_event,
        a_replaced_holder_changes_nothing_while_its_successor_runs,
        a_replaced_holder_changes_nothing_after_its_successor_finished,
        a_failed_holder_changes_nothing_while_its_successor_runs
        and more of 1, 4, 6, 7, 10;

    anybody_may_release: Store::new(AnybodyMay(Kind::Release)), breaks
        a_stranger_changes_nothing_about_a_running_event,
        a_stranger_changes_nothing_about_a_failed_event,
        a_stranger_changes_nothing_about_a_done_event,
        a_replaced_holder_changes_nothing_while_its_successor_runs,
        a_replaced_holder_changes_nothing_after_its_successor_finished,
        a_failed_holder_changes_nothing_while_its_successor_runs
        and more of 1, 4, 6, 7, 10;

    a_refused_renew_that_is_applied: Store::new(RefusesTooLate(Kind::Renew)), breaks
        a_stranger_changes_nothing_about_a_running_event
        and more of 1, 4, 6, 7, 10;

    a_refused_finish_that_is_applied: Store::new(RefusesTooLate(Kind::Done)), breaks
        a_stranger_changes_nothing_about_a_running_event
        and more of 1, 4, 6, 7, 10;

    a_refused_fail_that_is_applied: Store::new(RefusesTooLate(Kind::Fail)), breaks
        a_stranger_changes_nothing_about_a_running_event
        and more of 1, 4, 6, 7, 10;

    a_refused_release_that_is_applied: Store::new(RefusesTooLate(Kind::Release)), breaks
        a_stranger_changes_nothing_about_a_running_event
        and more of 1, 4, 6, 7, 10;

    an_applied_renew_that_is_refused: Store::new(SaysApplied(Kind::Renew)), breaks
        a_stranger_changes_nothing_about_a_running_event,
        a_stranger_changes_nothing_about_a_failed_event,
        a_stranger_changes_nothing_about_a_done_event,
        a_replaced_holder_changes_nothing_while_its_successor_runs,
        a_replaced_holder_changes_nothing_after_its_successor_finished,
        a_failed_holder_changes_nothing_while_its_successor_runs
        and more of 1, 4, 6, 7, 10;

    an_applied_finish_that_is_refused: Store::new(SaysApplied(Kind::Done)), breaks
        a_stranger_changes_nothing_about_a_running_event,
        a_stranger_changes_nothing_about_a_failed_event,
        a_stranger_changes_nothing_about_a_done_event,
        a_replaced_holder_changes_nothing_while_its_successor_runs,
        a_replaced_holder_changes_nothing_after_its_successor_finished,
        a_failed_holder_changes_nothing_while_its_successor_runs
        and more of 1, 4, 6, 7, 10;

    an_applied_fail_that_is_refused: Store::new(SaysApplied(Kind::Fail)), breaks
        a_stranger_changes_nothing_about_a_running_event,
        a_stranger_changes_nothing_about_a_failed_event,
        a_stranger_changes_nothing_about_a_done_event,
        a_replaced_holder_changes_nothing_while_its_successor_runs,
        a_replaced_holder_changes_nothing_after_its_successor_finished,
        a_failed_holder_changes_nothing_while_its_successor_runs
        and more of 1, 4, 6, 7, 10;

    an_applied_release_that_is_refused: Store::new(SaysApplied(Kind::Release)), breaks
        a_stranger_changes_nothing_about_a_running_event,
        a_stranger_changes_nothing_about_a_failed_event,
        a_stranger_changes_nothing_about_a_done_event,
        a_replaced_holder_changes_nothing_while_its_successor_runs,
        a_replaced_holder_changes_nothing_after_its_successor_finished,
        a_failed_holder_changes_nothing_while_its_successor_runs
        and more of 1, 4, 6, 7, 10;

    a_settled_claim_that_is_renewed: Store::new(LastHolderMay(Kind::Renew)), breaks
        a_done_claim_is_neither_renewed_nor_released,
        a_failed_claim_is_neither_renewed_nor_released;

    a_failed_claim_that_is_finished: Store::new(LastHolderMay(Kind::Done)), breaks
        done_after_fail_is_refused;

    a_done_claim_that_fails: Store::new(LastHolderMay(Kind::Fail)), breaks
        fail_after_done_is_refused;

    a_settled_claim_that_is_released: Store::new(LastHolderMay(Kind::Release)), breaks
        a_done_claim_is_neither_renewed_nor_released,
        a_failed_claim_is_neither_renewed_nor_released;

    a_lapsed_holder_that_may_not_renew: Store::new(LapsedMayNot(Kind::Renew)), breaks
        a_lapsed_holder_still_renews
        and more of 4, 8, 10;

    a_lapsed_holder_that_may_not_finish: Store::new(LapsedMayNot(Kind::Done)), breaks
        a_lapsed_holder_still_finishes
        and more of 10;

    a_lapsed_holder_that_may_not_fail: Store::new(LapsedMayNot(Kind::Fail)), breaks
        a_lapsed_holder_still_fails
        and more of 10;

    a_lapsed_holder_that_may_not_release: Store::new(LapsedMayNot(Kind::Release)), breaks
        a_lapsed_holder_still_releases
        and more of 10;

    a_lease_that_is_not_renewed: Store::new(RenewedLease::Stays), breaks
        a_renewed_lease_keeps_others_away,
        a_lapsed_holder_still_renews,
        a_running_event_says_when_its_lease_lapses
        and more of 1, 4, 10;

    a_lease_that_is_prolonged_by_what_is_left: Store::new(RenewedLease::GetsLonger), breaks
        a_renewed_lease_counts_from_now,
        a_renewed_claim_stands_until_its_lease_has_lapsed,
        a_running_event_says_when_its_lease_lapses;

    renew_without_a_record_refused: Store::new(WithoutARecord::IsRefused(Kind::Renew)), breaks
        renew_without_a_record_holds_the_event
        and more of 10;

    done_without_a_record_refused: Store::new(WithoutARecord::IsRefused(Kind::Done)), breaks
        done_without_a_record_is_remembered,
        a_released_first_claim_leaves_nothing
        and more of 10;

    fail_without_a_record_refused: Store::new(WithoutARecord::IsRefused(Kind::Fail)), breaks
        fail_without_a_record_counts_the_attempt
        and more of 10;

    renew_without_a_record_forgotten: Store::new(WithoutARecord::IsAppliedToNothing(Kind::Renew)), breaks
        renew_without_a_record_holds_the_event
        and more of 10;

    done_without_a_record_forgotten: Store::new(WithoutARecord::IsAppliedToNothing(Kind::Done)), breaks
        done_without_a_record_is_remembered,
        a_released_first_claim_leaves_nothing
        and more of 10;

    fail_without_a_record_forgotten: Store::new(WithoutARecord::IsAppliedToNothing(Kind::Fail)), breaks
        fail_without_a_record_counts_the_attempt
        and more of 10;

    done_refused_when_said_again: Store::new(SaidAgainIsRefused(Kind::Done)), breaks
        done_said_again_is_applied_again,
        done_that_was_dropped_half_way_is_applied_when_said_again;

    fail_refused_when_said_again: Store::new(SaidAgainIsRefused(Kind::Fail)), breaks
        fail_said_again_is_applied_again,
        fail_that_was_dropped_half_way_is_applied_when_said_again;

    fail_counted_when_said_again: Store::new(FailSaidAgainCounts), breaks
        fail_said_again_is_applied_again,
        fail_that_was_dropped_half_way_is_applied_when_said_again;

    fail_believed_for_ever: Store::new(FailedMayFailAgain::default()), breaks
        a_failed_holder_changes_nothing_while_its_successor_runs;

    a_mark_in_two_commands: Store::new(MarksInTwoCommands), breaks
        done_that_was_dropped_half_way_is_applied_when_said_again,
        fail_that_was_dropped_half_way_is_applied_when_said_again,
        a_released_holder_changes_nothing;

    a_release_that_deletes_the_failure_before: Store::new(ReleaseLeaves::Nothing), breaks
        a_released_later_claim_leaves_the_failure_before_it,
        a_claim_is_released_without_knowing_its_attempt,
        a_released_holder_changes_nothing,
        a_replaced_holder_changes_nothing_after_its_successor_released,
        attempts_only_grow
        and more of 10;

    a_release_that_counts: Store::new(ReleaseLeaves::ItsAttempt), breaks
        a_released_first_claim_leaves_nothing,
        a_released_later_claim_leaves_the_failure_before_it,
        a_lapsed_holder_still_releases,
        attempts_only_grow
        and more of 1, 4, 7, 10;

    a_release_that_leaves_its_token: Store::new(ReleaseLeaves::ItsToken), breaks
        a_released_holder_changes_nothing;

    a_release_that_asks_for_the_attempt: Store::new(ReleaseLeaves::WhatTheCallerSays), breaks
        a_claim_is_released_without_knowing_its_attempt;

    a_release_of_nothing_that_leaves_a_failure: Store::new(ReleaseLeaves::AFailureInAnyCase), breaks
        release_without_a_record_leaves_none
        and more of 10;

    a_release_that_leaves_too_few_attempts: Store::new(ReleaseLeaves::TooFewAttempts), breaks
        a_released_later_claim_leaves_the_failure_before_it,
        attempts_only_grow;
}
