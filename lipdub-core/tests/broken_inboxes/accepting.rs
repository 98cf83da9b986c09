//! Inboxes that are wrong about what they store, and what becomes of an event that comes again.

use std::time::Instant;

use lipdub_core::inbox::{Accepted, InboxEvent, InboxState, Job};
use lipdub_core::{EventKey, EventType, Source};

use crate::inbox::{Broken, Steps, right};
use crate::table::{Row, Table};

/// What is lost of an event on its way into the inbox.
#[derive(Debug)]
pub(crate) enum Stores {
    BodyWithoutSpace,
    BodyAsJson,
    BodyCutAt64Kib,
    JobUpToNul,
    JobIn255Bytes,
    JobWithoutSpace,
    JobInOneCase,
    JobComposed,
    TypeInOneCase,
    TypeIfDocumented,
    NoSource,
    SourceAsText,
}

impl Steps for Stores {
    fn stored(&self, event: &InboxEvent) -> InboxEvent {
        let mut event = event.clone();
        let job = event.job.as_str();
        let text = String::from_utf8_lossy(&event.body);
        match self {
            Self::BodyWithoutSpace => event.body = text.trim().to_owned().into(),
            Self::BodyAsJson => {
                let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
                event.body = value.to_string().into();
            }
            Self::BodyCutAt64Kib => event.body.truncate(1 << 16),
            Self::JobUpToNul => event.job = Job::new(job.split('\0').next().unwrap_or_default()),
            Self::JobIn255Bytes => event.job = Job::new(job.chars().take(255).collect::<String>()),
            Self::JobWithoutSpace => event.job = Job::new(job.trim()),
            Self::JobInOneCase => event.job = Job::new(job.to_lowercase()),
            Self::JobComposed => event.job = Job::new(job.replace("e\u{301}", "\u{e9}")),
            Self::TypeInOneCase => event.event_type = event.event_type.as_str().to_uppercase().into(),
            Self::TypeIfDocumented if !EventType::DOCUMENTED.contains(&event.event_type) => {
                event.event_type = "(other)".into();
            }
            Self::TypeIfDocumented => {}
            Self::NoSource => event.source = Source::Tenant,
            Self::SourceAsText => {
                if event.source == Source::Job("tenant".into()) {
                    event.source = Source::Tenant;
                }
            }
        }
        event
    }
}

/// Has a column of 32 characters for the key.
#[derive(Debug)]
pub(crate) struct KeyCutShort;

impl Steps for KeyCutShort {
    fn stored(&self, event: &InboxEvent) -> InboxEvent {
        InboxEvent { key: self.known(event.key), ..event.clone() }
    }

    fn known(&self, key: EventKey) -> EventKey {
        (key.to_string()[..32].to_owned() + &"0".repeat(35)).parse().expect("a key")
    }
}

/// What becomes of an event that comes again while it waits.
#[derive(Debug)]
pub(crate) enum ComesAgain {
    IsStoredTwice,
    IsSaidToBeNew,
    IsDue,
    IsTakenFromItsHolder,
    IsReplaced,
    HasAllItsTries,
    IsYoung,
}

impl Steps for ComesAgain {
    fn accepted(&self, table: &mut Table, event: &InboxEvent, now: Instant) -> Accepted {
        let accepted = right::accepted(self, table, event, now);
        if accepted != Accepted::Waiting {
            return accepted;
        }
        if matches!(self, Self::IsStoredTwice) {
            right::new(self, table, event, now);
            return Accepted::New;
        }
        let Some(row) = table.row(event.key) else { return accepted };
        match self {
            Self::IsSaidToBeNew => return Accepted::New,
            Self::IsDue if row.state == InboxState::Queued => row.until = now,
            Self::IsTakenFromItsHolder => {
                row.state = InboxState::Queued;
                row.until = row.until.min(now);
            }
            Self::IsReplaced => row.event = event.clone(),
            Self::HasAllItsTries => row.tries = 0,
            Self::IsYoung => row.accepted = now,
            _ => {}
        }
        accepted
    }
}

/// What becomes of an event that comes again when it is dead.
#[derive(Debug)]
pub(crate) enum Dead {
    Waits,
    IsRevivedInSilence,
    IsRevivedAgainAndAgain,
    IsDone,
    IsStoredAnew,
    KeepsItsBody,
    KeepsItsSource,
    KeepsItsAge,
    IsOfTheTypeThatCameLast,
    IsOfTheJobThatCameLast,
}

impl Steps for Dead {
    fn accepted(&self, table: &mut Table, event: &InboxEvent, now: Instant) -> Accepted {
        let before = table.row(event.key).cloned();
        let is_dead = before.as_ref().is_some_and(|row| row.state == InboxState::Dead);
        let was_dead = before.as_ref().is_some_and(|row| row.died > 0);
        let accepted = match self {
            Self::Waits if is_dead => Accepted::Waiting,
            Self::IsDone if is_dead => Accepted::Done,
            Self::IsStoredAnew if is_dead => {
                table.rows.retain(|row| row.event.key != event.key);
                right::new(self, table, event, now);
                Accepted::Revived
            }
            _ => match right::accepted(self, table, event, now) {
                Accepted::Revived if matches!(self, Self::IsRevivedInSilence) => Accepted::Waiting,
                Accepted::Waiting if matches!(self, Self::IsRevivedAgainAndAgain) && was_dead => {
                    Accepted::Revived
                }
                accepted => accepted,
            },
        };
        if let (Accepted::Revived, Some(row), Some(before)) = (accepted, table.row(event.key), before) {
            match self {
                Self::KeepsItsBody => row.event.body = before.event.body,
                Self::KeepsItsSource => row.event.source = before.event.source,
                Self::KeepsItsAge => row.accepted = before.accepted,
                Self::IsOfTheTypeThatCameLast => row.event.event_type = event.event_type.clone(),
                Self::IsOfTheJobThatCameLast => row.event.job = event.job.clone(),
                _ => {}
            }
        }
        accepted
    }
}

/// What becomes of an event that comes again when it is done.
#[derive(Debug)]
pub(crate) enum Done {
    QueuedAgain,
    SaidToBeNew,
    SaidToWait,
}

impl Steps for Done {
    fn accepted(&self, table: &mut Table, event: &InboxEvent, now: Instant) -> Accepted {
        let accepted = right::accepted(self, table, event, now);
        let Some(row) = table.row(event.key).filter(|_| accepted == Accepted::Done) else { return accepted };
        match self {
            Self::QueuedAgain => {
                right::revived(row, now);
                Accepted::New
            }
            Self::SaidToBeNew => Accepted::New,
            Self::SaidToWait => Accepted::Waiting,
        }
    }
}

/// Which events are deleted when they are finished, with what was to be remembered.
#[derive(Debug)]
pub(crate) enum Deletes {
    WhatIsDone,
    WhatIsDiscarded,
}

impl Steps for Deletes {
    fn is_removed(&self, row: &Row) -> bool {
        let is_discarded = row.token.is_none();
        row.state == InboxState::Done && is_discarded == matches!(self, Self::WhatIsDiscarded)
    }
}

broken! {
    a_body_without_space: Broken::new(Stores::BodyWithoutSpace), breaks
        an_event_comes_out_as_it_came_in;

    a_body_as_json: Broken::new(Stores::BodyAsJson), breaks
        an_event_comes_out_as_it_came_in,
        a_dead_event_keeps_its_body,
        a_long_event_comes_out_as_it_came_in,
        an_event_that_comes_again_with_other_contents_is_not_changed,
        a_revived_event_has_the_body_and_the_source_that_came_last,
        a_revived_event_keeps_its_type_its_job_and_its_place;

    a_body_of_64_kib: Broken::new(Stores::BodyCutAt64Kib), breaks
        a_long_event_comes_out_as_it_came_in;

    a_job_that_ends_at_nul: Broken::new(Stores::JobUpToNul), breaks
        an_event_comes_out_as_it_came_in,
        a_dead_letter_tells_what_died_and_why,
        a_lease_gives_one_event_of_each_job;

    a_job_of_255_letters: Broken::new(Stores::JobIn255Bytes), breaks
        a_long_event_comes_out_as_it_came_in;

    a_job_without_space: Broken::new(Stores::JobWithoutSpace), breaks
        an_event_comes_out_as_it_came_in,
        a_lease_gives_one_event_of_each_job,
        a_long_event_comes_out_as_it_came_in;

    a_job_in_lower_case: Broken::new(Stores::JobInOneCase), breaks
        an_event_comes_out_as_it_came_in,
        a_lease_gives_one_event_of_each_job,
        dead_letters_are_listed_by_type_and_job;

    a_job_in_another_form: Broken::new(Stores::JobComposed), breaks
        an_event_comes_out_as_it_came_in,
        a_lease_gives_one_event_of_each_job;

    a_type_in_upper_case: Broken::new(Stores::TypeInOneCase), breaks
        an_event_comes_out_as_it_came_in,
        a_lease_gives_only_the_types_it_asks_for,
        dead_letters_are_listed_by_type_and_job
        and more of 3, 4, 5, 7, 11;

    a_type_that_is_not_documented: Broken::new(Stores::TypeIfDocumented), breaks
        an_event_comes_out_as_it_came_in
        and more of 1, 3, 4, 5, 7, 11, 14;

    a_source_that_is_lost: Broken::new(Stores::NoSource), breaks
        an_event_comes_out_as_it_came_in,
        a_long_event_comes_out_as_it_came_in,
        a_revived_event_has_the_body_and_the_source_that_came_last;

    a_source_taken_for_another: Broken::new(Stores::SourceAsText), breaks
        an_event_comes_out_as_it_came_in;

    a_key_cut_short: Broken::new(KeyCutShort), breaks
        events_with_similar_keys_are_independent
        and more of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14;

    an_event_stored_twice: Broken::new(ComesAgain::IsStoredTwice), breaks
        an_event_that_comes_again_while_it_is_queued_waits,
        one_of_many_accepts_of_a_new_event_is_new
        and more of 2;

    an_event_always_said_to_be_new: Broken::new(ComesAgain::IsSaidToBeNew), breaks
        an_event_that_comes_again_while_it_is_queued_waits,
        one_of_many_accepts_of_a_new_event_is_new
        and more of 2;

    an_event_that_is_due_when_it_comes_again: Broken::new(ComesAgain::IsDue), breaks
        an_event_that_comes_again_while_it_is_delayed_waits;

    an_event_taken_from_its_holder_when_it_comes_again: Broken::new(ComesAgain::IsTakenFromItsHolder), breaks
        an_event_that_comes_again_while_it_is_leased_waits,
        an_event_that_comes_again_while_it_is_delayed_waits,
        an_event_that_comes_again_with_other_contents_is_not_changed,
        tries_go_on_when_a_waiting_event_comes_again;

    an_event_replaced_when_it_comes_again: Broken::new(ComesAgain::IsReplaced), breaks
        an_event_that_comes_again_with_other_contents_is_not_changed;

    tries_that_begin_anew_when_an_event_comes_again: Broken::new(ComesAgain::HasAllItsTries), breaks
        tries_go_on_when_a_waiting_event_comes_again;

    an_event_that_is_young_when_it_comes_again: Broken::new(ComesAgain::IsYoung), breaks
        ages_count_from_when_an_event_was_accepted;

    a_dead_event_that_is_not_revived: Broken::new(Dead::Waits), breaks
        an_event_that_comes_again_when_it_is_dead_is_revived
        and more of 2, 6, 8, 11, 14;

    a_dead_event_revived_in_silence: Broken::new(Dead::IsRevivedInSilence), breaks
        an_event_that_comes_again_when_it_is_dead_is_revived,
        one_of_many_accepts_of_a_dead_event_revives_it,
        a_revived_event_has_the_body_and_the_source_that_came_last,
        a_revived_event_keeps_its_type_its_job_and_its_place;

    a_dead_event_always_said_to_be_revived: Broken::new(Dead::IsRevivedAgainAndAgain), breaks
        an_event_that_comes_again_when_it_is_dead_is_revived,
        one_of_many_accepts_of_a_dead_event_revives_it;

    a_dead_event_taken_for_done: Broken::new(Dead::IsDone), breaks
        an_event_that_comes_again_when_it_is_dead_is_revived
        and more of 2, 6, 8, 11, 14;

    a_dead_event_stored_anew: Broken::new(Dead::IsStoredAnew), breaks
        an_event_that_comes_again_when_it_is_dead_is_revived,
        attempts_only_grow,
        a_burial_said_again_after_a_revival_is_refused,
        one_of_many_accepts_of_a_dead_event_revives_it,
        tries_begin_anew_when_a_dead_event_is_queued,
        a_revived_event_keeps_its_type_its_job_and_its_place,
        a_page_goes_on_after_a_letter_that_is_dead_no_more;

    a_revived_event_with_its_old_body: Broken::new(Dead::KeepsItsBody), breaks
        a_revived_event_has_the_body_and_the_source_that_came_last;

    a_revived_event_with_its_old_source: Broken::new(Dead::KeepsItsSource), breaks
        a_revived_event_has_the_body_and_the_source_that_came_last;

    a_revived_event_of_its_old_age: Broken::new(Dead::KeepsItsAge), breaks
        ages_count_anew_when_an_event_is_revived;

    a_revived_event_of_another_type: Broken::new(Dead::IsOfTheTypeThatCameLast), breaks
        a_revived_event_keeps_its_type_its_job_and_its_place;

    a_revived_event_of_another_job: Broken::new(Dead::IsOfTheJobThatCameLast), breaks
        a_revived_event_keeps_its_type_its_job_and_its_place;

    a_done_event_queued_again: Broken::new(Done::QueuedAgain), breaks
        an_event_that_comes_again_when_it_is_done_is_not_queued,
        an_accept_that_was_dropped_half_way_is_stored_once,
        an_event_that_comes_again_when_it_is_dead_is_revived,
        an_event_that_comes_again_when_it_is_discarded_is_not_queued;

    a_done_event_said_to_be_new: Broken::new(Done::SaidToBeNew), breaks
        an_event_that_comes_again_when_it_is_done_is_not_queued,
        an_accept_that_was_dropped_half_way_is_stored_once,
        an_event_that_comes_again_when_it_is_dead_is_revived,
        an_event_that_comes_again_when_it_is_discarded_is_not_queued;

    a_done_event_said_to_wait: Broken::new(Done::SaidToWait), breaks
        an_event_that_comes_again_when_it_is_done_is_not_queued,
        an_accept_that_was_dropped_half_way_is_stored_once,
        an_event_that_comes_again_when_it_is_dead_is_revived,
        an_event_that_comes_again_when_it_is_discarded_is_not_queued;

    a_done_event_forgotten: Broken::new(Deletes::WhatIsDone), breaks
        an_event_that_comes_again_when_it_is_done_is_not_queued,
        a_done_event_loses_its_body
        and more of 2, 3, 4, 5, 6, 8, 10, 11, 14;

    a_discarded_event_forgotten: Broken::new(Deletes::WhatIsDiscarded), breaks
        an_event_that_comes_again_when_it_is_discarded_is_not_queued,
        a_discarded_event_loses_its_body
        and more of 3, 5, 6, 11, 14;
}
