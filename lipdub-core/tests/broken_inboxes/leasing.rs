//! Inboxes that are wrong about which events they give, and for how long.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use lipdub_core::EventKey;
use lipdub_core::dedupe::{ClaimToken, Transition};
use lipdub_core::inbox::{InboxState, LeaseRequest, Leased};

use crate::inbox::{Broken, Call, Kind, Steps, right};
use crate::table::{Row, Table};

/// What a lease that is asked for again gives.
#[derive(Debug)]
pub(crate) enum Repeated {
    NothingOfItsOwn,
    NothingNew,
    AsManyNewOnes,
    NewAttempts,
    NewTries,
    LeasesAsTheyWere,
    LapsedAsNewAttempts,
    WithoutLapsed,
    WhatItRetries,
}

impl Steps for Repeated {
    fn leased(&self, table: &mut Table, request: &LeaseRequest, now: Instant) -> Vec<Leased> {
        let held = table.rows.iter().filter(|row| row.is_held_by(request.token)).count();
        let mut request = request.clone();
        match self {
            Self::NothingNew if held > 0 => request.limit = held,
            Self::AsManyNewOnes => request.limit = request.limit.saturating_add(held),
            _ => {}
        }
        let own: Vec<_> = match self {
            Self::NothingOfItsOwn => held_by(table, &request, |_| true),
            Self::WithoutLapsed => held_by(table, &request, |row| row.until <= now),
            _ => Vec::new(),
        };
        let mut leased = right::leased(self, table, &request, now);
        leased.retain(|leased| !own.contains(&leased.event.key));
        leased
    }

    fn is_due(&self, row: &Row, request: &LeaseRequest, now: Instant) -> bool {
        let is_its_own = row.state == InboxState::Queued && row.token == Some(request.token);
        (matches!(self, Self::WhatItRetries) && is_its_own) || right::is_due(row, request, now)
    }

    fn taken(&self, row: &mut Row, request: &LeaseRequest, now: Instant) {
        let (is_held, before) = (row.is_held_by(request.token), row.clone());
        right::taken(row, request, now);
        match self {
            Self::NewAttempts if is_held => row.attempt += 1,
            Self::NewTries if is_held => (row.attempt, row.tries) = (row.attempt + 1, row.tries + 1),
            Self::LeasesAsTheyWere if is_held => row.until = before.until,
            Self::LapsedAsNewAttempts if is_held && before.until <= now => {
                (row.attempt, row.tries) = (row.attempt + 1, row.tries + 1);
            }
            _ => {}
        }
    }
}

fn held_by(table: &Table, request: &LeaseRequest, is_meant: impl Fn(&Row) -> bool) -> Vec<EventKey> {
    let rows = table.rows.iter().filter(|row| row.is_held_by(request.token) && is_meant(row));
    rows.map(|row| row.event.key).collect()
}

/// Knows every token that ever held an event, and gives the event to it again.
#[derive(Debug, Default)]
pub(crate) struct ZombieLeasesAgain {
    held: Mutex<HashSet<(EventKey, ClaimToken)>>,
}

impl Steps for ZombieLeasesAgain {
    fn is_due(&self, row: &Row, request: &LeaseRequest, now: Instant) -> bool {
        let is_known = self.held.lock().unwrap().contains(&(row.event.key, request.token));
        (row.state == InboxState::Leased && is_known && !row.is_held_by(request.token))
            || right::is_due(row, request, now)
    }

    fn taken(&self, row: &mut Row, request: &LeaseRequest, now: Instant) {
        self.held.lock().unwrap().insert((row.event.key, request.token));
        right::taken(row, request, now);
    }
}

/// What is due.
#[derive(Debug)]
pub(crate) enum Due {
    NotWhatHasLapsed,
    WhatIsLeased,
    WhatIsDelayed,
    WhatIsDead,
    WhatIsDone,
}

impl Steps for Due {
    fn is_due(&self, row: &Row, request: &LeaseRequest, now: Instant) -> bool {
        let is_due = right::is_due(row, request, now);
        match self {
            Self::NotWhatHasLapsed => is_due && row.state == InboxState::Queued,
            Self::WhatIsLeased => {
                is_due || (row.state == InboxState::Leased && !row.is_held_by(request.token))
            }
            Self::WhatIsDelayed => is_due || row.state == InboxState::Queued,
            Self::WhatIsDead => is_due || row.state == InboxState::Dead,
            Self::WhatIsDone => is_due || row.state == InboxState::Done,
        }
    }
}

/// What it makes of a request.
#[derive(Debug)]
pub(crate) enum Asked {
    AtLeastOne,
    OneMore,
    OneLess,
    AHundredAtMost,
    LimitInASignedNumber,
    AnyTypes,
    AnyTypesForNone,
    TypesThatBeginSo,
    TypesInAnyCase,
    LeaseOfWholeSeconds,
    LeaseInTheWrongUnit,
    LeaseOfItsOwn,
}

impl Steps for Asked {
    fn asked(&self, request: &LeaseRequest) -> LeaseRequest {
        let mut request = request.clone();
        match self {
            Self::AtLeastOne => request.limit = request.limit.max(1),
            Self::OneMore => request.limit = request.limit.saturating_add(1),
            Self::OneLess => request.limit = request.limit.saturating_sub(1),
            Self::AHundredAtMost => request.limit = request.limit.min(100),
            Self::LimitInASignedNumber if i64::try_from(request.limit).is_err() => request.limit = 0,
            Self::AnyTypes => request.event_types = None,
            Self::AnyTypesForNone => {
                request.event_types = request.event_types.filter(|types| !types.is_empty());
            }
            Self::LeaseOfWholeSeconds => request.lease = Duration::from_secs(request.lease.as_secs()),
            Self::LeaseInTheWrongUnit => request.lease *= 1000,
            Self::LeaseOfItsOwn => request.lease = Duration::from_secs(15),
            _ => {}
        }
        request
    }

    fn is_asked_for(&self, row: &Row, request: &LeaseRequest) -> bool {
        let name = row.event.event_type.as_str();
        let is_like = |is_like: fn(&str, &str) -> bool| {
            request
                .event_types
                .as_ref()
                .is_none_or(|types| types.iter().any(|asked| is_like(name, asked.as_str())))
        };
        match self {
            Self::TypesThatBeginSo => is_like(|name, asked| name.starts_with(asked)),
            Self::TypesInAnyCase => is_like(str::eq_ignore_ascii_case),
            _ => right::is_asked_for(row, request),
        }
    }
}

/// Has a clock of whole seconds: a lease may lapse up to a second too soon.
#[derive(Debug)]
pub(crate) struct ClockOfWholeSeconds;

impl Steps for ClockOfWholeSeconds {
    fn clock(&self, now: Instant) -> Instant {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        *START + Duration::from_secs(now.saturating_duration_since(*START).as_secs())
    }
}

/// What counts as an attempt, and as a try.
#[derive(Debug)]
pub(crate) enum Counts {
    FromZero,
    NoLapseAsAttempt,
    NoLapseAsTry,
    TriesAsAttempts,
    OnlyTheFirst,
}

impl Steps for Counts {
    fn taken(&self, row: &mut Row, request: &LeaseRequest, now: Instant) {
        let (before, is_held) = (row.clone(), row.is_held_by(request.token));
        right::taken(row, request, now);
        let has_lapsed = before.state == InboxState::Leased && !is_held;
        match self {
            Self::FromZero if before.attempt == 0 && before.token.is_none() => {
                (row.attempt, row.tries) = (0, 0);
            }
            Self::NoLapseAsAttempt if has_lapsed => (row.attempt, row.tries) = (before.attempt, before.tries),
            Self::NoLapseAsTry if has_lapsed => row.tries = before.tries,
            Self::TriesAsAttempts => row.tries = row.attempt,
            Self::OnlyTheFirst => (row.attempt, row.tries) = (1, 1),
            _ => {}
        }
    }
}

/// What becomes of a lease when it is renewed.
#[derive(Debug)]
pub(crate) enum RenewedLease {
    Stays,
    GetsLonger,
    IsOfWholeSeconds,
    IsInTheWrongUnit,
    IsANewAttempt,
}

impl Steps for RenewedLease {
    fn heard(&self, mut call: Call) -> Call {
        match self {
            Self::IsOfWholeSeconds if call.kind == Kind::Renew => {
                call.time = Duration::from_secs(call.time.as_secs());
            }
            Self::IsInTheWrongUnit if call.kind == Kind::Renew => call.time *= 1000,
            _ => {}
        }
        call
    }

    fn told(&self, row: &mut Row, call: &Call, number: u64, now: Instant) -> Transition {
        let (before, is_held) = (row.until, row.is_held_by(call.holder.token));
        let transition = right::told(row, call, number, now);
        if call.kind == Kind::Renew && is_held {
            match self {
                Self::Stays => row.until = before,
                Self::GetsLonger => row.until = before.max(now) + call.time,
                Self::IsANewAttempt => row.attempt += 1,
                _ => {}
            }
        }
        transition
    }
}

/// Gives a reason to who takes the event for the first time.
#[derive(Debug)]
pub(crate) struct AReasonForNothing;

impl Steps for AReasonForNothing {
    fn given(&self, row: &Row, request: &LeaseRequest, now: Instant) -> Leased {
        let leased = right::given(row, request, now);
        let why = leased.why.clone().or(Some(String::new()));
        leased.why(why)
    }
}

broken! {
    a_repeated_lease_without_its_own: Broken::new(Repeated::NothingOfItsOwn), breaks
        a_repeated_lease_gives_the_same_events
        and more of 3, 4, 8, 10;

    a_repeated_lease_without_new_ones: Broken::new(Repeated::NothingNew), breaks
        a_repeated_lease_is_topped_up_to_its_limit;

    a_repeated_lease_with_as_many_new_ones: Broken::new(Repeated::AsManyNewOnes), breaks
        a_repeated_lease_gives_the_same_events,
        a_lease_that_is_asked_for_twice_at_once_is_one,
        a_lease_that_was_dropped_half_way_is_the_same_when_repeated,
        a_repeated_lease_is_topped_up_to_its_limit;

    a_repeated_lease_as_new_attempts: Broken::new(Repeated::NewAttempts), breaks
        a_lease_that_is_asked_for_twice_at_once_is_one,
        a_repeated_lease_gives_the_same_events
        and more of 3, 4, 8;

    a_repeated_lease_as_new_tries: Broken::new(Repeated::NewTries), breaks
        a_repeated_lease_gives_the_same_events
        and more of 3, 4, 8;

    a_repeated_lease_that_does_not_renew: Broken::new(Repeated::LeasesAsTheyWere), breaks
        a_repeated_lease_renews_its_leases,
        a_lapsed_holder_that_leases_again_and_its_successor_do_not_both_win,
        a_lapsed_lease_that_is_repeated_gives_the_same_attempt;

    a_repeated_lease_that_counts_what_has_lapsed: Broken::new(Repeated::LapsedAsNewAttempts), breaks
        a_lapsed_lease_that_is_repeated_gives_the_same_attempt,
        a_lapsed_holder_that_leases_again_and_its_successor_do_not_both_win;

    a_repeated_lease_without_what_has_lapsed: Broken::new(Repeated::WithoutLapsed), breaks
        a_lapsed_lease_that_is_repeated_gives_the_same_attempt,
        a_lapsed_holder_that_leases_again_and_its_successor_do_not_both_win;

    a_repeated_lease_with_what_was_retried: Broken::new(Repeated::WhatItRetries), breaks
        a_repeated_lease_leaves_out_what_was_settled;

    a_zombie_that_gets_its_event_back: Broken::new(ZombieLeasesAgain::default()), breaks
        a_replaced_holder_does_not_get_its_event_back,
        a_lapsed_holder_that_leases_again_and_its_successor_do_not_both_win;

    a_lapsed_event_that_is_never_leased_again: Broken::new(Due::NotWhatHasLapsed), breaks
        a_lapsed_event_is_leased_with_the_next_attempt
        and more of 3, 4, 5, 8, 9, 10, 11;

    a_lease_that_keeps_nobody_away: Broken::new(Due::WhatIsLeased), breaks
        an_event_stays_leased_until_its_lease_has_lapsed,
        only_what_is_due_is_leased
        and more of 2, 3, 4, 5, 6, 9, 10, 11, 14;

    a_delay_that_keeps_nobody_away: Broken::new(Due::WhatIsDelayed), breaks
        only_what_is_due_is_leased,
        a_retried_event_is_due_when_its_delay_has_passed,
        a_long_delay_is_kept
        and more of 2, 3, 4, 5, 6, 9, 10, 11, 14;

    a_dead_event_that_is_leased: Broken::new(Due::WhatIsDead), breaks
        only_what_is_due_is_leased
        and more of 3, 4, 5, 6, 10, 11, 14;

    a_done_event_that_is_leased: Broken::new(Due::WhatIsDone), breaks
        only_what_is_due_is_leased,
        an_event_that_comes_again_when_it_is_done_is_not_queued
        and more of 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 14;

    a_lease_of_at_least_one: Broken::new(Asked::AtLeastOne), breaks
        a_lease_gives_no_more_than_it_asks_for;

    a_lease_of_one_more: Broken::new(Asked::OneMore), breaks
        a_lease_gives_no_more_than_it_asks_for,
        a_revived_event_keeps_its_type_its_job_and_its_place
        and more of 4, 9, 10, 13, 14;

    a_lease_of_one_less: Broken::new(Asked::OneLess), breaks
        a_lease_gives_no_more_than_it_asks_for
        and more of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14;

    a_lease_of_a_hundred_at_most: Broken::new(Asked::AHundredAtMost), breaks
        a_lease_and_a_page_are_bounded_with_a_thousand_events;

    a_limit_in_a_signed_number: Broken::new(Asked::LimitInASignedNumber), breaks
        a_lease_gives_no_more_than_it_asks_for;

    a_lease_of_any_type: Broken::new(Asked::AnyTypes), breaks
        a_lease_gives_only_the_types_it_asks_for
        and more of 3, 4, 5, 7, 10, 11;

    a_lease_of_any_type_for_none: Broken::new(Asked::AnyTypesForNone), breaks
        a_lease_gives_only_the_types_it_asks_for;

    a_lease_of_types_that_begin_so: Broken::new(Asked::TypesThatBeginSo), breaks
        a_lease_gives_only_the_types_it_asks_for;

    a_lease_of_types_in_any_case: Broken::new(Asked::TypesInAnyCase), breaks
        a_lease_gives_only_the_types_it_asks_for;

    a_lease_of_whole_seconds: Broken::new(Asked::LeaseOfWholeSeconds), breaks
        an_event_stays_leased_until_its_lease_has_lapsed;

    a_lease_in_another_unit: Broken::new(Asked::LeaseInTheWrongUnit), breaks
        a_lapsed_event_is_leased_with_the_next_attempt
        and more of 3, 4, 5, 8, 9, 10, 11;

    a_lease_of_the_inboxs_own: Broken::new(Asked::LeaseOfItsOwn), breaks
        a_lapsed_event_is_leased_with_the_next_attempt
        and more of 3, 4, 5, 8, 9, 10, 11;

    a_clock_of_whole_seconds: Broken::new(ClockOfWholeSeconds), breaks
        an_event_stays_leased_until_its_lease_has_lapsed,
        a_renewed_lease_stands_until_it_has_lapsed,
        a_retried_event_is_due_when_its_delay_has_passed
        and more of 3, 4, 5, 8, 9, 10, 11, 14;

    an_attempt_0: Broken::new(Counts::FromZero), breaks
        a_new_event_is_leased_as_attempt_1
        and more of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14;

    a_lapse_that_is_no_attempt: Broken::new(Counts::NoLapseAsAttempt), breaks
        a_lapsed_event_is_leased_with_the_next_attempt
        and more of 3, 4, 5, 8, 10;

    a_lapse_that_is_no_try: Broken::new(Counts::NoLapseAsTry), breaks
        tries_count_retries_and_lapses
        and more of 3, 4, 5, 10;

    tries_that_are_attempts: Broken::new(Counts::TriesAsAttempts), breaks
        tries_begin_anew_when_a_dead_event_is_queued,
        an_event_that_is_given_back_counts_no_try
        and more of 2, 3, 4, 5, 6, 8;

    attempts_that_are_not_counted: Broken::new(Counts::OnlyTheFirst), breaks
        attempts_only_grow
        and more of 2, 3, 4, 5, 6, 7, 8, 10, 11, 14;

    a_lease_that_is_not_renewed: Broken::new(RenewedLease::Stays), breaks
        a_renewed_lease_keeps_others_away
        and more of 3, 5;

    a_lease_that_is_prolonged_by_what_is_left: Broken::new(RenewedLease::GetsLonger), breaks
        a_renewed_lease_counts_from_now,
        a_renewed_lease_stands_until_it_has_lapsed;

    a_renewal_of_whole_seconds: Broken::new(RenewedLease::IsOfWholeSeconds), breaks
        a_renewed_lease_stands_until_it_has_lapsed;

    a_renewal_in_another_unit: Broken::new(RenewedLease::IsInTheWrongUnit), breaks
        a_renewed_lease_counts_from_now,
        a_renewed_lease_stands_until_it_has_lapsed;

    a_renewal_that_counts: Broken::new(RenewedLease::IsANewAttempt), breaks
        attempts_only_grow;

    a_reason_for_nothing: Broken::new(AReasonForNothing), breaks
        a_new_event_is_leased_as_attempt_1;
}
