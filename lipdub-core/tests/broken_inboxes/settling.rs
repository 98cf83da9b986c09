//! Inboxes that are wrong about who may settle an event, and what becomes of it.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use lipdub_core::EventKey;
use lipdub_core::async_trait;
use lipdub_core::dedupe::{ClaimToken, Transition};
use lipdub_core::inbox::{InboxState, LeaseRequest};

use crate::inbox::{Broken, Call, Kind, Right, Steps, right};
use crate::table::{Database, Row};

/// Does not ask who says so.
#[derive(Debug)]
pub(crate) struct AnybodyMay(pub(crate) Kind);

impl Steps for AnybodyMay {
    fn told(&self, row: &mut Row, call: &Call, number: u64, now: Instant) -> Transition {
        if call.kind != self.0 {
            return right::told(row, call, number, now);
        }
        right::applied(row, call, number, now);
        Transition::Applied
    }
}

/// Asks who holds the event, or did so last, and not whether it still does.
#[derive(Debug)]
pub(crate) struct LastHolderMay(pub(crate) Kind);

impl Steps for LastHolderMay {
    fn told(&self, row: &mut Row, call: &Call, number: u64, now: Instant) -> Transition {
        if call.kind != self.0 || row.token != Some(call.holder.token) || right::is_said_again(row, call) {
            return right::told(row, call, number, now);
        }
        right::applied(row, call, number, now);
        Transition::Applied
    }
}

/// Asks whether the event is held, and not by whom.
#[derive(Debug)]
pub(crate) struct WhoeverMayWhileItIsHeld(pub(crate) Kind);

impl Steps for WhoeverMayWhileItIsHeld {
    fn told(&self, row: &mut Row, call: &Call, number: u64, now: Instant) -> Transition {
        if call.kind != self.0 || row.state != InboxState::Leased {
            return right::told(row, call, number, now);
        }
        right::applied(row, call, number, now);
        Transition::Applied
    }
}

/// Does what is right, and says that it did something in any case.
#[derive(Debug)]
pub(crate) struct SaysApplied(pub(crate) Kind);

#[async_trait]
impl Steps for SaysApplied {
    async fn tell(&self, database: &Database, call: &Call) -> Transition {
        let transition = Right.tell(database, call).await;
        if call.kind == self.0 { Transition::Applied } else { transition }
    }
}

/// Writes, then sees that it may not, and says so.
#[derive(Debug)]
pub(crate) struct RefusesTooLate(pub(crate) Kind);

impl Steps for RefusesTooLate {
    fn told(&self, row: &mut Row, call: &Call, number: u64, now: Instant) -> Transition {
        let before = row.clone();
        let transition = right::told(row, call, number, now);
        if call.kind == self.0 && transition == Transition::Refused {
            *row = before;
            right::applied(row, call, number, now);
        }
        transition
    }
}

/// Refuses a holder whose lease has lapsed, though nobody has taken over.
#[derive(Debug)]
pub(crate) struct LapsedMayNot(pub(crate) Kind);

impl Steps for LapsedMayNot {
    fn told(&self, row: &mut Row, call: &Call, number: u64, now: Instant) -> Transition {
        let has_lapsed = row.state == InboxState::Leased && row.until <= now;
        if has_lapsed && call.kind == self.0 {
            Transition::Refused
        } else {
            right::told(row, call, number, now)
        }
    }
}

/// Settles what is held, and refuses to be told twice.
#[derive(Debug)]
pub(crate) struct SaidAgainIsRefused(pub(crate) Kind);

impl Steps for SaidAgainIsRefused {
    fn told(&self, row: &mut Row, call: &Call, number: u64, now: Instant) -> Transition {
        if call.kind == self.0 && right::is_said_again(row, call) {
            return Transition::Refused;
        }
        right::told(row, call, number, now)
    }
}

/// Applies what is said again, once more.
#[derive(Debug)]
pub(crate) struct SaidAgainIsDoneAgain(pub(crate) Kind);

impl Steps for SaidAgainIsDoneAgain {
    fn told(&self, row: &mut Row, call: &Call, number: u64, now: Instant) -> Transition {
        if call.kind == self.0 && right::is_said_again(row, call) {
            right::applied(row, call, number, now);
        }
        right::told(row, call, number, now)
    }
}

/// Knows what every token ever said of an event, and believes it for ever.
#[derive(Debug)]
pub(crate) struct SaidOnceMayBeSaidForEver {
    kind: Kind,
    said: Mutex<HashSet<(EventKey, ClaimToken)>>,
}

impl SaidOnceMayBeSaidForEver {
    pub(crate) fn of(kind: Kind) -> Self {
        Self { kind, said: Mutex::default() }
    }
}

impl Steps for SaidOnceMayBeSaidForEver {
    fn told(&self, row: &mut Row, call: &Call, number: u64, now: Instant) -> Transition {
        let said = (call.holder.key, call.holder.token);
        if call.kind == self.kind && self.said.lock().unwrap().contains(&said) {
            return Transition::Applied;
        }
        let transition = right::told(row, call, number, now);
        if call.kind == self.kind && transition == Transition::Applied {
            self.said.lock().unwrap().insert(said);
        }
        transition
    }
}

/// Lets everybody settle an event who has ever held it, if nobody holds it now.
#[derive(Debug, Default)]
pub(crate) struct FormerHoldersMay {
    held: Mutex<HashSet<(EventKey, ClaimToken)>>,
}

impl Steps for FormerHoldersMay {
    fn taken(&self, row: &mut Row, request: &LeaseRequest, now: Instant) {
        self.held.lock().unwrap().insert((row.event.key, request.token));
        right::taken(row, request, now);
    }

    fn told(&self, row: &mut Row, call: &Call, number: u64, now: Instant) -> Transition {
        let has_held = self.held.lock().unwrap().contains(&(call.holder.key, call.holder.token));
        if has_held && row.state != InboxState::Leased && row.token != Some(call.holder.token) {
            right::applied(row, call, number, now);
        }
        right::told(row, call, number, now)
    }
}

/// Says that it did something about an event that it does not know.
#[derive(Debug)]
pub(crate) struct AppliedToNothing;

#[async_trait]
impl Steps for AppliedToNothing {
    async fn tell(&self, database: &Database, call: &Call) -> Transition {
        let is_known = database.script(|table, _| table.row(call.holder.key).is_some()).await;
        if is_known { Right.tell(database, call).await } else { Transition::Applied }
    }
}

/// What becomes of an event that is to be tried again.
#[derive(Debug)]
pub(crate) enum Retry {
    IsDueAtOnce,
    IsDueInWholeSeconds,
    IsDueInAnotherUnit,
    IsDueInMillisecondsOf32Bits,
    IsDueInAMonthAtMost,
    IsDueWhenItsLeaseLapses,
    LosesItsReason,
    KeepsItsFirstReason,
    HasNoReasonIfItIsEmpty,
    HasAReasonOf255Letters,
    IsNoAttempt,
    IsAllTries,
}

impl Steps for Retry {
    fn heard(&self, mut call: Call) -> Call {
        if call.kind == Kind::Retry {
            match self {
                Self::IsDueAtOnce => call.time = Duration::ZERO,
                Self::IsDueInWholeSeconds => call.time = Duration::from_secs(call.time.as_secs()),
                Self::IsDueInAnotherUnit => call.time *= 1000,
                Self::IsDueInMillisecondsOf32Bits => call.time = with_32_bits(call.time),
                Self::IsDueInAMonthAtMost if call.time > Duration::from_secs(31 * 24 * 60 * 60) => {
                    call.time = Duration::ZERO;
                }
                Self::HasAReasonOf255Letters => call.why = call.why.chars().take(255).collect(),
                _ => {}
            }
        }
        call
    }

    fn told(&self, row: &mut Row, call: &Call, number: u64, now: Instant) -> Transition {
        let before = row.clone();
        let transition = right::told(row, call, number, now);
        if call.kind == Kind::Retry && before.is_held_by(call.holder.token) {
            match self {
                Self::IsDueWhenItsLeaseLapses => row.until = row.until.max(before.until),
                Self::LosesItsReason => row.why = None,
                Self::KeepsItsFirstReason => row.why = before.why.or(row.why.take()),
                Self::HasNoReasonIfItIsEmpty => row.why = row.why.take().filter(|why| !why.is_empty()),
                Self::IsNoAttempt => row.attempt -= 1,
                Self::IsAllTries => row.tries = 0,
                _ => {}
            }
        }
        transition
    }
}

fn with_32_bits(time: Duration) -> Duration {
    let low = (time.as_millis() & 0xffff_ffff).try_into().expect("32 bits");
    Duration::from_millis(u32::cast_signed(low).try_into().unwrap_or(0))
}

/// What becomes of an event that is given back.
#[derive(Debug)]
pub(crate) enum GivenBack {
    CountsATry,
    TakesItsAttemptBack,
    IsDueWhenItsLeaseLapses,
    LosesItsReason,
    HasAReason,
    HasAllItsTries,
    IsDead,
}

impl Steps for GivenBack {
    fn told(&self, row: &mut Row, call: &Call, number: u64, now: Instant) -> Transition {
        let before = row.clone();
        let transition = right::told(row, call, number, now);
        if call.kind == Kind::GiveBack && before.is_held_by(call.holder.token) {
            match self {
                Self::CountsATry => row.tries = before.tries,
                Self::TakesItsAttemptBack => row.attempt -= 1,
                Self::IsDueWhenItsLeaseLapses => row.until = before.until,
                Self::LosesItsReason => row.why = None,
                Self::HasAReason => row.why = Some("given back".to_owned()),
                Self::HasAllItsTries => row.tries = 0,
                Self::IsDead => row.state = InboxState::Dead,
            }
        }
        transition
    }
}

/// What becomes of a dead event that is queued again.
#[derive(Debug)]
pub(crate) enum Revived {
    BeginsWithAttempt1,
    HasNoMoreTries,
    HasNoMoreTriesIfReplayed,
    IsStillItsTokens,
    IsDueLater,
}

impl Steps for Revived {
    fn revived(&self, row: &mut Row, now: Instant) {
        let before = row.clone();
        right::revived(row, now);
        match self {
            Self::BeginsWithAttempt1 => row.attempt = 0,
            Self::HasNoMoreTries => row.tries = before.tries,
            Self::IsStillItsTokens => (row.token, row.said) = (before.token, before.said),
            Self::IsDueLater => row.until = now + Duration::from_secs(60),
            Self::HasNoMoreTriesIfReplayed => {}
        }
    }

    fn replayed(&self, row: &mut Row, now: Instant) -> Transition {
        let tries = row.tries;
        let transition = right::replayed(self, row, now);
        if matches!(self, Self::HasNoMoreTriesIfReplayed) {
            row.tries = tries;
        }
        transition
    }
}

/// What may be replayed, or discarded, besides what is dead.
#[derive(Debug)]
pub(crate) enum Operator {
    ReplaysWhatIsDone,
    ReplaysWhatIsLeased,
    ReplaysWhatIsDelayed,
    ReplaysInSilence,
    DiscardsWhatIsQueued,
    DiscardsWhatIsLeased,
    DiscardsInSilence,
    DiscardsWhatIsDiscarded,
    DiscardsNothing,
    RefusesToReplay,
}

impl Steps for Operator {
    fn replayed(&self, row: &mut Row, now: Instant) -> Transition {
        let is_meant = match self {
            Self::ReplaysWhatIsDone => row.state == InboxState::Done,
            Self::ReplaysWhatIsLeased => row.state == InboxState::Leased,
            Self::ReplaysWhatIsDelayed => row.state == InboxState::Queued,
            Self::ReplaysInSilence => row.state != InboxState::Dead,
            Self::RefusesToReplay => {
                _ = right::replayed(self, row, now);
                return Transition::Refused;
            }
            _ => false,
        };
        if is_meant {
            if !matches!(self, Self::ReplaysInSilence) {
                right::revived(row, now);
            }
            return Transition::Applied;
        }
        right::replayed(self, row, now)
    }

    fn discarded(&self, row: &mut Row, now: Instant) -> Transition {
        let is_meant = match self {
            Self::DiscardsWhatIsQueued => row.state == InboxState::Queued,
            Self::DiscardsWhatIsLeased => row.state == InboxState::Leased,
            Self::DiscardsInSilence => row.state != InboxState::Dead,
            Self::DiscardsWhatIsDiscarded => row.state == InboxState::Done,
            Self::DiscardsNothing => row.state == InboxState::Dead,
            _ => false,
        };
        if is_meant && matches!(self, Self::DiscardsInSilence | Self::DiscardsNothing) {
            return Transition::Applied;
        }
        if is_meant {
            row.state = InboxState::Dead;
        }
        right::discarded(row, now)
    }
}

broken! {
    anybody_may_renew: Broken::new(AnybodyMay(Kind::Renew)), breaks
        a_stranger_changes_nothing_about_a_queued_event,
        a_stranger_changes_nothing_about_a_leased_event,
        a_stranger_changes_nothing_about_a_dead_event,
        a_stranger_changes_nothing_about_a_done_event,
        a_replaced_holder_changes_nothing_while_its_successor_works
        and more of 3, 5, 6;

    anybody_may_finish: Broken::new(AnybodyMay(Kind::Done)), breaks
        a_stranger_changes_nothing_about_a_queued_event,
        a_stranger_changes_nothing_about_a_leased_event,
        a_stranger_changes_nothing_about_a_dead_event,
        a_stranger_changes_nothing_about_a_done_event,
        a_replaced_holder_changes_nothing_while_its_successor_works
        and more of 3, 5, 6, 11;

    anybody_may_retry: Broken::new(AnybodyMay(Kind::Retry)), breaks
        a_stranger_changes_nothing_about_a_queued_event,
        a_stranger_changes_nothing_about_a_leased_event,
        a_stranger_changes_nothing_about_a_dead_event,
        a_stranger_changes_nothing_about_a_done_event,
        a_replaced_holder_changes_nothing_while_its_successor_works
        and more of 3, 5, 6;

    anybody_may_bury: Broken::new(AnybodyMay(Kind::Bury)), breaks
        a_stranger_changes_nothing_about_a_queued_event,
        a_stranger_changes_nothing_about_a_leased_event,
        a_stranger_changes_nothing_about_a_dead_event,
        a_stranger_changes_nothing_about_a_done_event,
        a_replaced_holder_changes_nothing_while_its_successor_works
        and more of 3, 5, 6, 11;

    anybody_may_give_back: Broken::new(AnybodyMay(Kind::GiveBack)), breaks
        a_stranger_changes_nothing_about_a_queued_event,
        a_stranger_changes_nothing_about_a_leased_event,
        a_stranger_changes_nothing_about_a_dead_event,
        a_stranger_changes_nothing_about_a_done_event,
        a_replaced_holder_changes_nothing_while_its_successor_works
        and more of 3, 5, 6;

    anybody_may_renew_what_is_held: Broken::new(WhoeverMayWhileItIsHeld(Kind::Renew)), breaks
        a_stranger_changes_nothing_about_a_leased_event,
        a_replaced_holder_changes_nothing_while_its_successor_works,
        a_lapsed_holder_that_renews_and_its_successor_do_not_both_win,
        a_settlement_said_again_after_the_next_lease_is_refused;

    anybody_may_finish_what_is_held: Broken::new(WhoeverMayWhileItIsHeld(Kind::Done)), breaks
        a_stranger_changes_nothing_about_a_leased_event,
        a_replaced_holder_changes_nothing_while_its_successor_works,
        a_lapsed_holder_that_finishes_and_its_successor_do_not_both_win,
        a_settlement_said_again_after_the_next_lease_is_refused;

    anybody_may_retry_what_is_held: Broken::new(WhoeverMayWhileItIsHeld(Kind::Retry)), breaks
        a_stranger_changes_nothing_about_a_leased_event,
        a_replaced_holder_changes_nothing_while_its_successor_works,
        a_lapsed_holder_that_retries_and_its_successor_do_not_both_win,
        a_settlement_said_again_after_the_next_lease_is_refused;

    anybody_may_bury_what_is_held: Broken::new(WhoeverMayWhileItIsHeld(Kind::Bury)), breaks
        a_stranger_changes_nothing_about_a_leased_event,
        a_replaced_holder_changes_nothing_while_its_successor_works,
        a_lapsed_holder_that_buries_and_its_successor_do_not_both_win,
        a_settlement_said_again_after_the_next_lease_is_refused;

    anybody_may_give_back_what_is_held: Broken::new(WhoeverMayWhileItIsHeld(Kind::GiveBack)), breaks
        a_stranger_changes_nothing_about_a_leased_event,
        a_replaced_holder_changes_nothing_while_its_successor_works,
        a_lapsed_holder_that_gives_back_takes_nothing_from_its_successor,
        a_settlement_said_again_after_the_next_lease_is_refused;

    a_settled_event_that_is_renewed: Broken::new(LastHolderMay(Kind::Renew)), breaks
        a_settled_event_is_not_settled_otherwise;

    a_settled_event_that_is_finished: Broken::new(LastHolderMay(Kind::Done)), breaks
        a_settled_event_is_not_settled_otherwise,
        of_two_settlements_at_once_one_is_applied;

    a_settled_event_that_is_retried: Broken::new(LastHolderMay(Kind::Retry)), breaks
        a_settled_event_is_not_settled_otherwise,
        of_two_settlements_at_once_one_is_applied;

    a_settled_event_that_is_buried: Broken::new(LastHolderMay(Kind::Bury)), breaks
        a_settled_event_is_not_settled_otherwise,
        of_two_settlements_at_once_one_is_applied;

    a_settled_event_that_is_given_back: Broken::new(LastHolderMay(Kind::GiveBack)), breaks
        a_settled_event_is_not_settled_otherwise,
        of_two_settlements_at_once_one_is_applied;

    a_refused_renewal_said_to_be_applied: Broken::new(SaysApplied(Kind::Renew)), breaks
        a_stranger_changes_nothing_about_a_leased_event,
        nobody_changes_anything_about_an_unknown_event
        and more of 3, 5, 6;

    a_refused_success_said_to_be_applied: Broken::new(SaysApplied(Kind::Done)), breaks
        a_stranger_changes_nothing_about_a_leased_event,
        nobody_changes_anything_about_an_unknown_event
        and more of 3, 5, 6;

    a_refused_retry_said_to_be_applied: Broken::new(SaysApplied(Kind::Retry)), breaks
        a_stranger_changes_nothing_about_a_leased_event,
        nobody_changes_anything_about_an_unknown_event
        and more of 3, 5, 6;

    a_refused_burial_said_to_be_applied: Broken::new(SaysApplied(Kind::Bury)), breaks
        a_stranger_changes_nothing_about_a_leased_event,
        nobody_changes_anything_about_an_unknown_event
        and more of 3, 5, 6;

    a_refused_return_said_to_be_applied: Broken::new(SaysApplied(Kind::GiveBack)), breaks
        a_stranger_changes_nothing_about_a_leased_event,
        nobody_changes_anything_about_an_unknown_event
        and more of 3, 5, 6;

    a_refused_renewal_that_is_applied: Broken::new(RefusesTooLate(Kind::Renew)), breaks
        a_stranger_changes_nothing_about_a_leased_event,
        a_stranger_changes_nothing_about_a_dead_event
        and more of 3, 5, 6;

    a_refused_success_that_is_applied: Broken::new(RefusesTooLate(Kind::Done)), breaks
        a_stranger_changes_nothing_about_a_leased_event,
        a_stranger_changes_nothing_about_a_dead_event
        and more of 3, 5, 6;

    a_refused_retry_that_is_applied: Broken::new(RefusesTooLate(Kind::Retry)), breaks
        a_stranger_changes_nothing_about_a_leased_event,
        a_stranger_changes_nothing_about_a_dead_event
        and more of 3, 5, 6;

    a_refused_burial_that_is_applied: Broken::new(RefusesTooLate(Kind::Bury)), breaks
        a_stranger_changes_nothing_about_a_leased_event,
        a_stranger_changes_nothing_about_a_done_event
        and more of 3, 5, 6;

    a_refused_return_that_is_applied: Broken::new(RefusesTooLate(Kind::GiveBack)), breaks
        a_stranger_changes_nothing_about_a_leased_event,
        a_stranger_changes_nothing_about_a_dead_event
        and more of 3, 5, 6;

    a_lapsed_holder_that_may_not_renew: Broken::new(LapsedMayNot(Kind::Renew)), breaks
        a_lapsed_holder_still_renews
        and more of 5, 11;

    a_lapsed_holder_that_may_not_finish: Broken::new(LapsedMayNot(Kind::Done)), breaks
        a_lapsed_holder_still_finishes,
        a_stranger_changes_nothing_about_a_leased_event,
        an_event_that_comes_again_while_it_is_leased_waits,
        only_a_dead_event_is_replayed_or_discarded;

    a_lapsed_holder_that_may_not_retry: Broken::new(LapsedMayNot(Kind::Retry)), breaks
        a_lapsed_holder_still_retries,
        find_tells_where_an_event_is;

    a_lapsed_holder_that_may_not_bury: Broken::new(LapsedMayNot(Kind::Bury)), breaks
        a_lapsed_holder_still_buries;

    a_lapsed_holder_that_may_not_give_back: Broken::new(LapsedMayNot(Kind::GiveBack)), breaks
        a_lapsed_holder_still_gives_back,
        stats_count_events_where_they_are;

    done_refused_when_said_again: Broken::new(SaidAgainIsRefused(Kind::Done)), breaks
        a_settlement_said_again_is_applied_again,
        a_settlement_that_was_dropped_half_way_is_applied_when_said_again
        and more of 6, 11;

    retry_refused_when_said_again: Broken::new(SaidAgainIsRefused(Kind::Retry)), breaks
        a_settlement_said_again_is_applied_again,
        a_settlement_that_was_dropped_half_way_is_applied_when_said_again,
        a_retry_said_again_changes_nothing_more,
        a_settled_event_is_not_settled_otherwise;

    bury_refused_when_said_again: Broken::new(SaidAgainIsRefused(Kind::Bury)), breaks
        a_settlement_said_again_is_applied_again,
        a_settlement_that_was_dropped_half_way_is_applied_when_said_again
        and more of 6, 11;

    give_back_refused_when_said_again: Broken::new(SaidAgainIsRefused(Kind::GiveBack)), breaks
        a_settlement_said_again_is_applied_again,
        a_settlement_that_was_dropped_half_way_is_applied_when_said_again
        and more of 6;

    done_done_again_when_said_again: Broken::new(SaidAgainIsDoneAgain(Kind::Done)), breaks
        what_is_older_than_the_age_is_forgotten;

    retry_done_again_when_said_again: Broken::new(SaidAgainIsDoneAgain(Kind::Retry)), breaks
        a_retry_said_again_changes_nothing_more;

    bury_done_again_when_said_again: Broken::new(SaidAgainIsDoneAgain(Kind::Bury)), breaks
        a_burial_said_again_changes_nothing_more,
        what_is_older_than_the_age_is_forgotten;

    give_back_done_again_when_said_again: Broken::new(SaidAgainIsDoneAgain(Kind::GiveBack)), breaks
        a_return_said_again_changes_nothing_more;

    retry_believed_for_ever: Broken::new(SaidOnceMayBeSaidForEver::of(Kind::Retry)), breaks
        a_settlement_said_again_after_the_next_lease_is_refused;

    bury_believed_for_ever: Broken::new(SaidOnceMayBeSaidForEver::of(Kind::Bury)), breaks
        a_burial_said_again_after_a_revival_is_refused;

    give_back_believed_for_ever: Broken::new(SaidOnceMayBeSaidForEver::of(Kind::GiveBack)), breaks
        a_settlement_said_again_after_the_next_lease_is_refused;

    a_former_holder_that_settles: Broken::new(FormerHoldersMay::default()), breaks
        a_replaced_holder_changes_nothing_after_its_successor_settled
        and more of 6;

    an_unknown_event_that_is_settled: Broken::new(AppliedToNothing), breaks
        nobody_changes_anything_about_an_unknown_event;

    a_retry_due_at_once: Broken::new(Retry::IsDueAtOnce), breaks
        a_retried_event_is_due_when_its_delay_has_passed,
        a_long_delay_is_kept
        and more of 2, 3, 4, 5, 6, 9, 10, 11, 14;

    a_retry_in_whole_seconds: Broken::new(Retry::IsDueInWholeSeconds), breaks
        a_retried_event_is_due_when_its_delay_has_passed;

    a_retry_in_another_unit: Broken::new(Retry::IsDueInAnotherUnit), breaks
        a_retried_event_is_due_when_its_delay_has_passed
        and more of 4, 6, 10, 14;

    a_retry_in_32_bits: Broken::new(Retry::IsDueInMillisecondsOf32Bits), breaks
        a_long_delay_is_kept;

    a_retry_in_a_month_at_most: Broken::new(Retry::IsDueInAMonthAtMost), breaks
        a_long_delay_is_kept;

    a_retry_when_the_lease_lapses: Broken::new(Retry::IsDueWhenItsLeaseLapses), breaks
        a_retry_without_a_delay_is_due_at_once
        and more of 4, 6, 7, 8, 9, 10, 11, 14;

    a_reason_that_is_lost: Broken::new(Retry::LosesItsReason), breaks
        a_retried_event_tells_why,
        a_retry_said_again_changes_nothing_more;

    a_reason_that_is_the_first: Broken::new(Retry::KeepsItsFirstReason), breaks
        a_retried_event_tells_why;

    a_reason_that_is_none_if_it_is_empty: Broken::new(Retry::HasNoReasonIfItIsEmpty), breaks
        a_retried_event_tells_why;

    a_reason_of_255_letters: Broken::new(Retry::HasAReasonOf255Letters), breaks
        a_retried_event_tells_why;

    a_retry_that_is_no_attempt: Broken::new(Retry::IsNoAttempt), breaks
        a_retry_without_a_delay_is_due_at_once,
        attempts_only_grow
        and more of 4, 6, 7, 8, 9, 10, 11, 14;

    a_retry_that_is_the_first_try: Broken::new(Retry::IsAllTries), breaks
        a_retry_without_a_delay_is_due_at_once,
        tries_count_retries_and_lapses
        and more of 6, 7, 8;

    a_return_that_counts: Broken::new(GivenBack::CountsATry), breaks
        an_event_that_is_given_back_counts_no_try
        and more of 3, 5, 6, 8;

    a_return_that_takes_its_attempt_back: Broken::new(GivenBack::TakesItsAttemptBack), breaks
        an_event_that_is_given_back_counts_no_try,
        attempts_only_grow
        and more of 3, 5, 6, 8, 10;

    a_return_when_the_lease_lapses: Broken::new(GivenBack::IsDueWhenItsLeaseLapses), breaks
        an_event_that_is_given_back_counts_no_try
        and more of 3, 5, 6, 8, 9, 10, 14;

    a_return_that_loses_the_reason: Broken::new(GivenBack::LosesItsReason), breaks
        a_retried_event_tells_why;

    a_return_with_a_reason: Broken::new(GivenBack::HasAReason), breaks
        a_retried_event_tells_why;

    a_return_that_gives_all_tries: Broken::new(GivenBack::HasAllItsTries), breaks
        an_event_that_is_given_back_counts_no_try
        and more of 5, 6, 8;

    a_return_that_buries: Broken::new(GivenBack::IsDead), breaks
        an_event_that_is_given_back_counts_no_try
        and more of 3, 5, 6, 7, 8, 9, 10, 14;

    a_revival_that_begins_with_attempt_1: Broken::new(Revived::BeginsWithAttempt1), breaks
        attempts_only_grow,
        tries_begin_anew_when_a_dead_event_is_queued
        and more of 2, 3, 4, 6, 14;

    a_revival_without_tries: Broken::new(Revived::HasNoMoreTries), breaks
        tries_begin_anew_when_a_dead_event_is_queued
        and more of 2, 3, 4, 6, 8;

    a_replay_without_tries: Broken::new(Revived::HasNoMoreTriesIfReplayed), breaks
        tries_begin_anew_when_a_dead_event_is_queued
        and more of 3, 4, 6, 8;

    a_revival_that_leaves_the_token: Broken::new(Revived::IsStillItsTokens), breaks
        a_burial_said_again_after_a_revival_is_refused;

    a_revival_that_is_due_later: Broken::new(Revived::IsDueLater), breaks
        an_event_that_comes_again_when_it_is_dead_is_revived
        and more of 2, 3, 4, 6, 8, 9, 10, 11, 14;

    a_replay_of_what_is_done: Broken::new(Operator::ReplaysWhatIsDone), breaks
        only_a_dead_event_is_replayed_or_discarded,
        either_a_replay_or_a_discard_is_applied;

    a_replay_of_what_is_leased: Broken::new(Operator::ReplaysWhatIsLeased), breaks
        only_a_dead_event_is_replayed_or_discarded;

    a_replay_of_what_is_delayed: Broken::new(Operator::ReplaysWhatIsDelayed), breaks
        only_a_dead_event_is_replayed_or_discarded,
        one_of_many_replays_is_applied;

    a_replay_of_nothing: Broken::new(Operator::ReplaysInSilence), breaks
        only_a_dead_event_is_replayed_or_discarded,
        either_a_replay_or_a_discard_is_applied,
        one_of_many_replays_is_applied;

    a_replay_that_is_refused: Broken::new(Operator::RefusesToReplay), breaks
        one_of_many_replays_is_applied
        and more of 3, 4, 6, 8, 9, 10, 11, 14;

    a_discard_of_what_is_queued: Broken::new(Operator::DiscardsWhatIsQueued), breaks
        only_a_dead_event_is_replayed_or_discarded,
        either_a_replay_or_a_discard_is_applied;

    a_discard_of_what_is_leased: Broken::new(Operator::DiscardsWhatIsLeased), breaks
        only_a_dead_event_is_replayed_or_discarded;

    a_discard_of_nothing: Broken::new(Operator::DiscardsInSilence), breaks
        only_a_dead_event_is_replayed_or_discarded,
        either_a_replay_or_a_discard_is_applied;

    a_discard_of_what_is_discarded: Broken::new(Operator::DiscardsWhatIsDiscarded), breaks
        only_a_dead_event_is_replayed_or_discarded;

    a_discard_that_discards_nothing: Broken::new(Operator::DiscardsNothing), breaks
        a_discarded_event_loses_its_body
        and more of 2, 3, 5, 6, 10, 11, 14;
}
