//! Inboxes that are wrong about what they keep, what they forget, and what they tell.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use lipdub_core::dedupe::Transition;
use lipdub_core::inbox::{DeadFilter, DeadLetter, InboxRecord, InboxState, InboxStats, LeaseRequest, Leased};

use crate::inbox::{Broken, Call, Steps, right};
use crate::table::{Row, Table};

/// What is kept of an event that is finished.
#[derive(Debug)]
pub(crate) enum Finished {
    KeepsItsBody,
    KeepsItsBodyIfDiscarded,
    LosesItsAttempts,
    LosesItsAge,
}

impl Steps for Finished {
    fn finished(&self, row: &mut Row) {
        let is_discarded = row.token.is_none();
        match self {
            Self::KeepsItsBody => row.has_body = !is_discarded,
            Self::KeepsItsBodyIfDiscarded => row.has_body = is_discarded,
            Self::LosesItsAttempts => row.attempt = 0,
            Self::LosesItsAge => row.accepted = row.since,
        }
    }
}

/// Loses the body of what is dead.
#[derive(Debug)]
pub(crate) struct DeadLosesItsBody;

impl Steps for DeadLosesItsBody {
    fn told(&self, row: &mut Row, call: &Call, number: u64, now: Instant) -> Transition {
        let transition = right::told(row, call, number, now);
        if row.state == InboxState::Dead {
            row.has_body = false;
            row.event.body.clear();
        }
        transition
    }
}

/// What is forgotten.
#[derive(Debug)]
pub(crate) enum Forgets {
    Nothing,
    OnlyWhatIsDone,
    OnlyWhatIsDead,
    OnlyWhatWasNotDiscarded,
    WhatIsQueued,
    WhatIsDelayed,
    WhatIsLeased,
    WhatHasLapsed,
    WhateverItsAge,
    BySecondsOfAge,
    ByWhenItWasAccepted,
    DeadByWhenItWasAccepted,
    DiscardedByWhenItDied,
    AfterTwiceItsAge,
    AfterADayAtLeast,
}

impl Steps for Forgets {
    fn is_forgotten(&self, row: &Row, age: Duration, now: Instant) -> bool {
        let is_settled = matches!(row.state, InboxState::Done | InboxState::Dead);
        let is_discarded = row.state == InboxState::Done && row.token.is_none();
        let is_old = now - row.accepted > age;
        let is_forgotten = right::is_forgotten(row, age, now);
        match self {
            Self::Nothing => false,
            Self::OnlyWhatIsDone => is_forgotten && row.state == InboxState::Done,
            Self::OnlyWhatIsDead => is_forgotten && row.state == InboxState::Dead,
            Self::OnlyWhatWasNotDiscarded => is_forgotten && !is_discarded,
            Self::WhatIsQueued => {
                is_forgotten || (is_old && row.state == InboxState::Queued && row.until <= now)
            }
            Self::WhatIsDelayed => {
                is_forgotten || (is_old && row.state == InboxState::Queued && row.until > now)
            }
            Self::WhatIsLeased => {
                is_forgotten || (is_old && row.state == InboxState::Leased && row.until > now)
            }
            Self::WhatHasLapsed => {
                is_forgotten || (is_old && row.state == InboxState::Leased && row.until <= now)
            }
            Self::WhateverItsAge => is_settled,
            Self::BySecondsOfAge => is_settled && now - row.since > Duration::from_secs(age.as_secs()),
            Self::ByWhenItWasAccepted => is_settled && is_old,
            Self::DeadByWhenItWasAccepted => is_forgotten || (row.state == InboxState::Dead && is_old),
            Self::DiscardedByWhenItDied => is_forgotten,
            Self::AfterTwiceItsAge => right::is_forgotten(row, age * 2, now),
            Self::AfterADayAtLeast => right::is_forgotten(row, age.max(Duration::from_secs(86_400)), now),
        }
    }

    fn discarded(&self, row: &mut Row, now: Instant) -> Transition {
        let died = row.since;
        let transition = right::discarded(row, now);
        if matches!(self, Self::DiscardedByWhenItDied) {
            row.since = died;
        }
        transition
    }
}

/// What `prune` says that it forgot.
#[derive(Debug)]
pub(crate) enum SaysForgotten {
    Nothing,
    OneMore,
    Always,
}

impl Steps for SaysForgotten {
    fn said_forgotten(&self, forgotten: u64) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::OneMore if forgotten > 0 => forgotten + 1,
            Self::OneMore => 0,
            Self::Always => 1_000_001,
        }
    }
}

/// Which dead letters are listed, and in what order.
#[derive(Debug)]
pub(crate) enum Lists {
    TheFirstFirst,
    ByAge,
    ByItsFirstDeath,
    NoMoreThanTen,
    WithoutALimit,
    TheLimitAtLeastOnce,
    TheLimitInASignedNumber,
    TheLimitBeforeTheFilter,
    AfterIncluded,
    AfterIgnored,
    AfterDeadOnesAlone,
    AfterIgnoredIfItNeverDied,
    AfterWhenItWasSettled,
    WhatDiedBeforeInMilliseconds,
    AnyType,
    AnyJob,
    TypeOrJob,
    TypesInAnyCase,
    JobsInAnyCase,
    JobsThatBeginSo,
    WhatWasDiscarded,
    WhatWasReplayed,
    WhatIsDelayed,
}

impl Steps for Lists {
    fn told(&self, row: &mut Row, call: &Call, number: u64, now: Instant) -> Transition {
        let died = row.died;
        let transition = right::told(row, call, number, now);
        if matches!(self, Self::ByItsFirstDeath) && died > 0 {
            row.died = died;
        }
        transition
    }

    fn is_listed(&self, row: &Row, filter: &DeadFilter) -> bool {
        let (name, job) = (row.event.event_type.as_str(), row.event.job.as_str());
        let is_of_type = |is_like: fn(&str, &str) -> bool| {
            filter.event_type.as_ref().is_none_or(|event_type| is_like(name, event_type.as_str()))
        };
        let is_of_job = |is_like: fn(&str, &str) -> bool| {
            filter.job.as_ref().is_none_or(|asked| is_like(job, asked.as_str()))
        };
        let is = |text: &str, asked: &str| text == asked;
        let is_in_any_case = str::eq_ignore_ascii_case;
        let begins = |text: &str, asked: &str| text.starts_with(asked);
        let is_dead = match self {
            Self::WhatWasDiscarded => {
                row.state == InboxState::Dead || (row.state == InboxState::Done && row.token.is_none())
            }
            Self::WhatWasReplayed => row.died > 0 && row.state != InboxState::Done,
            Self::WhatIsDelayed => row.state == InboxState::Dead || row.state == InboxState::Queued,
            _ => row.state == InboxState::Dead,
        };
        is_dead
            && match self {
                Self::AnyType => is_of_job(is),
                Self::AnyJob => is_of_type(is),
                Self::TypeOrJob if filter.event_type.is_some() && filter.job.is_some() => {
                    is_of_type(is) || is_of_job(is)
                }
                Self::TypesInAnyCase => is_of_type(is_in_any_case) && is_of_job(is),
                Self::JobsInAnyCase => is_of_type(is) && is_of_job(is_in_any_case),
                Self::JobsThatBeginSo => is_of_type(is) && is_of_job(begins),
                _ => is_of_type(is) && is_of_job(is),
            }
    }

    fn listed(&self, table: &Table, filter: &DeadFilter, now: Instant) -> Vec<DeadLetter> {
        let mut asked = filter.clone();
        asked.limit = match self {
            Self::NoMoreThanTen => filter.limit.min(10),
            Self::WithoutALimit | Self::TheLimitBeforeTheFilter => usize::MAX,
            Self::TheLimitAtLeastOnce => filter.limit.max(1),
            Self::TheLimitInASignedNumber if i64::try_from(filter.limit).is_err() => 0,
            _ => filter.limit,
        };
        let after = filter.after.and_then(|after| table.rows.iter().find(|row| row.event.key == after));
        if let (Self::AfterIgnored, _) | (Self::AfterIncluded, Some(_)) = (self, after) {
            asked.after = None;
        }
        let is_dead = after.is_some_and(|row| row.state == InboxState::Dead);
        let has_died = after.is_some_and(|row| row.died > 0);
        match self {
            Self::AfterDeadOnesAlone if filter.after.is_some() && !is_dead => return Vec::new(),
            Self::AfterIgnoredIfItNeverDied if !has_died => asked.after = None,
            Self::AfterWhenItWasSettled if after.is_some_and(|row| row.state == InboxState::Done) => {
                asked.after = None;
            }
            _ => {}
        }
        let mut table = table.clone();
        match (self, after) {
            (Self::AfterIncluded, Some(after)) => table.rows.retain(|row| row.died <= after.died),
            (Self::WhatDiedBeforeInMilliseconds, Some(after)) => {
                let millisecond = |row: &Row| (now - row.since).as_millis();
                table
                    .rows
                    .retain(|row| row.event.key == after.event.key || millisecond(row) > millisecond(after));
            }
            (Self::TheFirstFirst, _) => {
                table
                    .rows
                    .iter_mut()
                    .filter(|row| row.died > 0)
                    .for_each(|row| row.died = u64::MAX - row.died);
            }
            (Self::ByAge, _) => table.rows.iter_mut().for_each(|row| row.died = row.number),
            (Self::TheLimitBeforeTheFilter, _) => {
                table.rows.sort_by_key(|row| Reverse(row.died));
                let is_after = |row: &Row| after.is_none_or(|after| row.died < after.died);
                let page: Vec<_> = table
                    .rows
                    .iter()
                    .filter(|row| row.state == InboxState::Dead && is_after(row))
                    .take(filter.limit)
                    .map(|row| row.event.key)
                    .collect();
                table.rows.retain(|row| page.contains(&row.event.key));
                asked.after = None;
            }
            _ => {}
        }
        right::listed(self, &table, &asked, now)
    }
}

/// What a dead letter says.
#[derive(Debug)]
pub(crate) enum Letter {
    NoType,
    NoJob,
    NoAttempt,
    NoReason,
    ReasonUpToNul,
    AgeIsDeadFor,
    DeadForIsItsAge,
    AgeOfWholeSeconds,
}

impl Steps for Letter {
    fn letter(&self, row: &Row, now: Instant) -> DeadLetter {
        let mut letter = right::letter(row, now);
        match self {
            Self::NoType => letter.event_type = lipdub_core::EventType::RenderComplete,
            Self::NoJob => letter.job = lipdub_core::inbox::Job::new(""),
            Self::NoAttempt => letter.attempt = row.tries.min(1),
            Self::NoReason => letter.why = String::new(),
            Self::ReasonUpToNul => letter.why = letter.why.split('\0').next().unwrap_or_default().to_owned(),
            Self::AgeIsDeadFor => letter.age = letter.dead_for,
            Self::DeadForIsItsAge => letter.dead_for = letter.age,
            Self::AgeOfWholeSeconds => letter.age = Duration::from_secs(letter.age.as_secs()),
        }
        letter
    }
}

/// What `find` says.
#[derive(Debug)]
pub(crate) enum Found {
    LapsedAsQueued,
    DelayedAsDead,
    DeadAsDone,
    DoneAsDead,
    NoReason,
    TriesForAttempts,
    AgeOfTheLastTransition,
    NoEventWhileItIsQueued,
}

impl Steps for Found {
    fn found(&self, row: &Row, now: Instant) -> InboxRecord {
        let mut record = right::found(row, now);
        match (self, record.state) {
            (Self::LapsedAsQueued, InboxState::Leased) if row.until <= now => {
                record.state = InboxState::Queued;
            }
            (Self::DelayedAsDead, InboxState::Queued) if row.until > now => record.state = InboxState::Dead,
            (Self::DeadAsDone, InboxState::Dead) => record.state = InboxState::Done,
            (Self::DoneAsDead, InboxState::Done) => record.state = InboxState::Dead,
            (Self::NoReason, _) => record.why = None,
            (Self::TriesForAttempts, _) => record.attempt = row.tries,
            (Self::AgeOfTheLastTransition, _) => {
                record.age = record.age.min(now.saturating_duration_since(row.until));
            }
            (Self::NoEventWhileItIsQueued, InboxState::Queued) => record.event = None,
            _ => {}
        }
        record
    }
}

/// What `stats` says.
#[derive(Debug)]
pub(crate) enum Stats {
    DelayedAsDue,
    DueAsDelayed,
    LapsedAsDue,
    DiscardedAsNone,
    DeadAsDone,
    OldestOfAll,
    OldestOfDelayed,
    Youngest,
    OldestSinceItIsDue,
    OldestOfNone,
    DelayedForEver,
}

impl Steps for Stats {
    fn counted(&self, table: &Table, now: Instant) -> InboxStats {
        let mut stats = right::counted(table, now);
        let count = |is_meant: &dyn Fn(&&Row) -> bool| table.rows.iter().filter(is_meant).count() as u64;
        let is_due = |row: &&Row| row.state == InboxState::Queued && row.until <= now;
        let ages = |is_meant: &dyn Fn(&&Row) -> bool| -> Vec<Duration> {
            table.rows.iter().filter(is_meant).map(|row| now - row.accepted).collect()
        };
        match self {
            Self::DelayedAsDue => (stats.due, stats.delayed) = (stats.due + stats.delayed, 0),
            Self::DueAsDelayed => (stats.due, stats.delayed) = (0, stats.due + stats.delayed),
            Self::LapsedAsDue => {
                let lapsed = count(&|row| row.state == InboxState::Leased && row.until <= now);
                (stats.due, stats.leased) = (stats.due + lapsed, stats.leased - lapsed);
            }
            Self::DiscardedAsNone => {
                stats.done -= count(&|row| row.state == InboxState::Done && row.token.is_none());
            }
            Self::DeadAsDone => (stats.dead, stats.done) = (0, stats.done + stats.dead),
            Self::OldestOfAll if stats.due > 0 => stats.oldest_due = ages(&|_| true).into_iter().max(),
            Self::OldestOfDelayed if stats.due > 0 => {
                stats.oldest_due = ages(&|row| row.state == InboxState::Queued).into_iter().max();
            }
            Self::Youngest => stats.oldest_due = ages(&is_due).into_iter().min(),
            Self::OldestSinceItIsDue => {
                stats.oldest_due = table.rows.iter().filter(is_due).map(|row| now - row.until).max();
            }
            Self::OldestOfNone => stats.oldest_due = stats.oldest_due.or(Some(Duration::ZERO)),
            Self::DelayedForEver => {
                let delayed = count(&|row| is_due(row) && row.why.is_some() && row.token.is_some());
                (stats.due, stats.delayed) = (stats.due - delayed, stats.delayed + delayed);
            }
            _ => {}
        }
        stats
    }
}

/// How old an event is when it is leased.
#[derive(Debug)]
pub(crate) enum LeasedAge {
    OfTheLease,
    InWholeSeconds,
    InTheWrongUnit,
}

impl Steps for LeasedAge {
    fn given(&self, row: &Row, request: &LeaseRequest, now: Instant) -> Leased {
        let mut leased = right::given(row, request, now);
        leased.age = match self {
            Self::OfTheLease => Duration::ZERO,
            Self::InWholeSeconds => Duration::from_secs(leased.age.as_secs()),
            Self::InTheWrongUnit => leased.age / 1000,
        };
        leased
    }
}

broken! {
    a_done_event_with_its_body: Broken::new(Finished::KeepsItsBody), breaks
        a_done_event_loses_its_body;

    a_discarded_event_with_its_body: Broken::new(Finished::KeepsItsBodyIfDiscarded), breaks
        a_discarded_event_loses_its_body;

    a_done_event_without_its_attempts: Broken::new(Finished::LosesItsAttempts), breaks
        a_done_event_loses_its_body,
        a_discarded_event_loses_its_body,
        attempts_only_grow;

    a_done_event_without_its_age: Broken::new(Finished::LosesItsAge), breaks
        a_done_event_loses_its_body,
        a_discarded_event_loses_its_body;

    a_dead_event_without_its_body: Broken::new(DeadLosesItsBody), breaks
        a_dead_event_keeps_its_body,
        a_revived_event_has_the_body_and_the_source_that_came_last,
        a_revived_event_keeps_its_type_its_job_and_its_place;

    nothing_forgotten: Broken::new(Forgets::Nothing), breaks
        what_is_done_or_dead_is_forgotten,
        a_forgotten_event_is_new_again,
        nothing_is_forgotten_before_its_time
        and more of 11;

    nothing_dead_forgotten: Broken::new(Forgets::OnlyWhatIsDone), breaks
        what_is_done_or_dead_is_forgotten
        and more of 11;

    nothing_done_forgotten: Broken::new(Forgets::OnlyWhatIsDead), breaks
        what_is_done_or_dead_is_forgotten
        and more of 11;

    nothing_discarded_forgotten: Broken::new(Forgets::OnlyWhatWasNotDiscarded), breaks
        what_is_done_or_dead_is_forgotten,
        a_forgotten_event_is_new_again,
        nothing_is_forgotten_before_its_time;

    what_is_queued_forgotten: Broken::new(Forgets::WhatIsQueued), breaks
        what_is_queued_or_leased_is_never_forgotten;

    what_is_delayed_forgotten: Broken::new(Forgets::WhatIsDelayed), breaks
        what_is_queued_or_leased_is_never_forgotten;

    what_is_leased_forgotten: Broken::new(Forgets::WhatIsLeased), breaks
        what_is_queued_or_leased_is_never_forgotten;

    what_has_lapsed_forgotten: Broken::new(Forgets::WhatHasLapsed), breaks
        what_is_queued_or_leased_is_never_forgotten;

    everything_forgotten_at_once: Broken::new(Forgets::WhateverItsAge), breaks
        nothing_is_forgotten_before_its_time;

    an_age_of_whole_seconds: Broken::new(Forgets::BySecondsOfAge), breaks
        nothing_is_forgotten_before_its_time;

    an_age_from_when_it_was_accepted: Broken::new(Forgets::ByWhenItWasAccepted), breaks
        nothing_is_forgotten_before_its_time;

    an_age_of_the_dead_from_when_it_was_accepted: Broken::new(Forgets::DeadByWhenItWasAccepted), breaks
        nothing_is_forgotten_before_its_time;

    an_age_of_the_discarded_from_when_it_died: Broken::new(Forgets::DiscardedByWhenItDied), breaks
        nothing_is_forgotten_before_its_time;

    forgotten_after_twice_its_age: Broken::new(Forgets::AfterTwiceItsAge), breaks
        what_is_older_than_the_age_is_forgotten;

    forgotten_after_a_day_at_least: Broken::new(Forgets::AfterADayAtLeast), breaks
        what_is_done_or_dead_is_forgotten
        and more of 11;

    a_prune_that_says_nothing: Broken::new(SaysForgotten::Nothing), breaks
        what_is_done_or_dead_is_forgotten
        and more of 11;

    a_prune_that_says_too_much: Broken::new(SaysForgotten::OneMore), breaks
        what_is_done_or_dead_is_forgotten
        and more of 11;

    a_prune_without_an_end: Broken::new(SaysForgotten::Always), breaks
        what_is_done_or_dead_is_forgotten,
        what_is_queued_or_leased_is_never_forgotten
        and more of 11;

    the_first_dead_first: Broken::new(Lists::TheFirstFirst), breaks
        dead_letters_are_listed_from_the_last
        and more of 6, 14;

    the_dead_by_age: Broken::new(Lists::ByAge), breaks
        dead_letters_are_listed_from_the_last,
        no_page_comes_after_what_never_died;

    the_dead_by_their_first_death: Broken::new(Lists::ByItsFirstDeath), breaks
        dead_letters_are_listed_from_the_last;

    a_page_of_ten: Broken::new(Lists::NoMoreThanTen), breaks
        a_lease_and_a_page_are_bounded_with_a_thousand_events,
        pages_of_dead_letters_lose_and_repeat_nothing;

    a_page_without_a_limit: Broken::new(Lists::WithoutALimit), breaks
        dead_letters_are_listed_from_the_last,
        a_lease_and_a_page_are_bounded_with_a_thousand_events,
        dead_letters_are_listed_by_type_and_job,
        pages_of_dead_letters_lose_and_repeat_nothing;

    a_page_of_at_least_one: Broken::new(Lists::TheLimitAtLeastOnce), breaks
        dead_letters_are_listed_from_the_last;

    a_page_in_a_signed_number: Broken::new(Lists::TheLimitInASignedNumber), breaks
        dead_letters_are_listed_from_the_last;

    a_page_limited_before_the_filter: Broken::new(Lists::TheLimitBeforeTheFilter), breaks
        dead_letters_are_listed_by_type_and_job,
        no_page_comes_after_what_never_died;

    a_page_with_the_last_of_the_one_before: Broken::new(Lists::AfterIncluded), breaks
        dead_letters_are_listed_from_the_last,
        pages_of_dead_letters_lose_and_repeat_nothing,
        a_lease_and_a_page_are_bounded_with_a_thousand_events,
        dead_letters_are_listed_by_type_and_job,
        a_page_goes_on_after_a_letter_that_is_dead_no_more;

    a_page_that_is_always_the_first: Broken::new(Lists::AfterIgnored), breaks
        dead_letters_are_listed_from_the_last,
        pages_of_dead_letters_lose_and_repeat_nothing,
        a_lease_and_a_page_are_bounded_with_a_thousand_events,
        dead_letters_are_listed_by_type_and_job,
        a_page_goes_on_after_a_letter_that_is_dead_no_more,
        no_page_comes_after_what_never_died;

    a_page_after_dead_ones_alone: Broken::new(Lists::AfterDeadOnesAlone), breaks
        a_page_goes_on_after_a_letter_that_is_dead_no_more;

    a_page_after_nothing: Broken::new(Lists::AfterIgnoredIfItNeverDied), breaks
        no_page_comes_after_what_never_died;

    a_page_after_when_it_was_settled: Broken::new(Lists::AfterWhenItWasSettled), breaks
        a_page_goes_on_after_a_letter_that_is_dead_no_more,
        no_page_comes_after_what_never_died;

    a_page_by_milliseconds: Broken::new(Lists::WhatDiedBeforeInMilliseconds), breaks
        pages_of_dead_letters_lose_and_repeat_nothing,
        a_lease_and_a_page_are_bounded_with_a_thousand_events;

    the_dead_of_any_type: Broken::new(Lists::AnyType), breaks
        dead_letters_are_listed_by_type_and_job;

    the_dead_of_any_job: Broken::new(Lists::AnyJob), breaks
        dead_letters_are_listed_by_type_and_job;

    the_dead_of_the_type_or_the_job: Broken::new(Lists::TypeOrJob), breaks
        dead_letters_are_listed_by_type_and_job;

    the_dead_of_types_in_any_case: Broken::new(Lists::TypesInAnyCase), breaks
        dead_letters_are_listed_by_type_and_job;

    the_dead_of_jobs_in_any_case: Broken::new(Lists::JobsInAnyCase), breaks
        dead_letters_are_listed_by_type_and_job;

    the_dead_of_jobs_that_begin_so: Broken::new(Lists::JobsThatBeginSo), breaks
        dead_letters_are_listed_by_type_and_job;

    the_dead_and_the_discarded: Broken::new(Lists::WhatWasDiscarded), breaks
        only_what_is_dead_is_listed,
        a_page_goes_on_after_a_letter_that_is_dead_no_more;

    the_dead_and_the_replayed: Broken::new(Lists::WhatWasReplayed), breaks
        only_what_is_dead_is_listed;

    the_dead_and_the_queued: Broken::new(Lists::WhatIsDelayed), breaks
        only_what_is_dead_is_listed,
        a_lease_and_a_page_are_bounded_with_a_thousand_events,
        no_page_comes_after_what_never_died;

    a_dead_letter_without_a_type: Broken::new(Letter::NoType), breaks
        a_dead_letter_tells_what_died_and_why;

    a_dead_letter_without_a_job: Broken::new(Letter::NoJob), breaks
        a_dead_letter_tells_what_died_and_why;

    a_dead_letter_without_its_attempts: Broken::new(Letter::NoAttempt), breaks
        a_dead_letter_tells_what_died_and_why,
        only_what_is_dead_is_listed;

    a_dead_letter_without_a_reason: Broken::new(Letter::NoReason), breaks
        a_dead_letter_tells_what_died_and_why
        and more of 6, 14;

    a_dead_letter_with_a_reason_up_to_nul: Broken::new(Letter::ReasonUpToNul), breaks
        a_dead_letter_tells_what_died_and_why;

    a_dead_letter_as_old_as_its_death: Broken::new(Letter::AgeIsDeadFor), breaks
        ages_count_from_when_an_event_was_accepted;

    a_dead_letter_dead_since_it_was_accepted: Broken::new(Letter::DeadForIsItsAge), breaks
        ages_count_from_when_an_event_was_accepted;

    a_dead_letter_of_whole_seconds: Broken::new(Letter::AgeOfWholeSeconds), breaks
        ages_count_from_when_an_event_was_accepted;

    a_lapsed_event_found_as_queued: Broken::new(Found::LapsedAsQueued), breaks
        find_tells_where_an_event_is,
        what_is_queued_or_leased_is_never_forgotten;

    a_delayed_event_found_as_dead: Broken::new(Found::DelayedAsDead), breaks
        find_tells_where_an_event_is
        and more of 2, 3, 5, 6, 11;

    a_dead_event_found_as_done: Broken::new(Found::DeadAsDone), breaks
        find_tells_where_an_event_is,
        ages_count_anew_when_an_event_is_revived
        and more of 2, 3, 5, 6, 8, 11;

    a_done_event_found_as_dead: Broken::new(Found::DoneAsDead), breaks
        find_tells_where_an_event_is
        and more of 2, 3, 4, 5, 6, 8, 11;

    an_event_found_without_a_reason: Broken::new(Found::NoReason), breaks
        find_tells_where_an_event_is,
        a_retried_event_tells_why,
        a_retry_said_again_changes_nothing_more;

    an_event_found_with_its_tries: Broken::new(Found::TriesForAttempts), breaks
        attempts_only_grow;

    an_event_found_with_another_age: Broken::new(Found::AgeOfTheLastTransition), breaks
        ages_count_from_when_an_event_was_accepted,
        a_discarded_event_loses_its_body,
        a_done_event_loses_its_body,
        ages_count_anew_when_an_event_is_revived;

    an_event_found_without_itself: Broken::new(Found::NoEventWhileItIsQueued), breaks
        an_event_comes_out_as_it_came_in,
        a_long_event_comes_out_as_it_came_in,
        an_event_that_comes_again_with_other_contents_is_not_changed,
        a_revived_event_has_the_body_and_the_source_that_came_last,
        a_revived_event_keeps_its_type_its_job_and_its_place;

    what_is_delayed_counted_as_due: Broken::new(Stats::DelayedAsDue), breaks
        stats_count_events_where_they_are
        and more of 2, 3, 5, 6, 7, 14;

    what_is_due_counted_as_delayed: Broken::new(Stats::DueAsDelayed), breaks
        stats_count_events_where_they_are
        and more of 2, 3, 7, 13, 14;

    what_has_lapsed_counted_as_due: Broken::new(Stats::LapsedAsDue), breaks
        stats_count_events_where_they_are;

    what_is_discarded_not_counted: Broken::new(Stats::DiscardedAsNone), breaks
        stats_count_events_where_they_are,
        only_a_dead_event_is_replayed_or_discarded;

    what_is_dead_counted_as_done: Broken::new(Stats::DeadAsDone), breaks
        stats_count_events_where_they_are,
        a_replaced_holder_changes_nothing_after_its_successor_settled,
        a_settled_event_is_not_settled_otherwise,
        a_settlement_said_again_is_applied_again;

    what_was_delayed_counted_so_for_ever: Broken::new(Stats::DelayedForEver), breaks
        stats_count_an_event_as_due_when_it_is,
        stats_count_events_where_they_are;

    the_oldest_of_all: Broken::new(Stats::OldestOfAll), breaks
        stats_tell_how_old_the_oldest_due_event_is;

    the_oldest_of_the_delayed: Broken::new(Stats::OldestOfDelayed), breaks
        stats_tell_how_old_the_oldest_due_event_is;

    the_youngest: Broken::new(Stats::Youngest), breaks
        stats_tell_how_old_the_oldest_due_event_is;

    the_oldest_since_it_is_due: Broken::new(Stats::OldestSinceItIsDue), breaks
        stats_tell_how_old_the_oldest_due_event_is;

    the_oldest_of_none: Broken::new(Stats::OldestOfNone), breaks
        stats_count_events_where_they_are
        and more of 2, 4, 5, 6, 7, 10, 11;

    an_age_of_the_lease: Broken::new(LeasedAge::OfTheLease), breaks
        ages_count_from_when_an_event_was_accepted;

    a_leased_age_of_whole_seconds: Broken::new(LeasedAge::InWholeSeconds), breaks
        ages_count_from_when_an_event_was_accepted;

    a_leased_age_in_another_unit: Broken::new(LeasedAge::InTheWrongUnit), breaks
        ages_count_from_when_an_event_was_accepted;
}
