//! Inboxes that are wrong about which event comes before which.

use std::time::Instant;

use lipdub_core::dedupe::Transition;
use lipdub_core::inbox::{InboxEvent, InboxState, LeaseRequest, Leased, Order};

use crate::inbox::{Broken, Call, Kind, Steps, right};
use crate::table::{Row, Table};

/// Whose turn it is.
#[derive(Debug)]
pub(crate) enum Turn {
    OfWhatArrivedFirst,
    OfWhatArrivedLast,
    /// Jobs take turns, and each has its own arrears.
    WithoutVirtualTime,
    OfTheLargestJob,
    ByNameOfJob,
    /// Of one job, at random or as it happens.
    InAnyOrder,
}

impl Steps for Turn {
    fn turn(&self, table: &Table, event: &InboxEvent) -> u64 {
        match self {
            Self::WithoutVirtualTime => table.last_turn(&event.job) + 1,
            Self::OfTheLargestJob => {
                1_000_000 - table.rows.iter().filter(|row| row.event.job == event.job).count() as u64
            }
            _ => (table.last_turn(&event.job) + 1).max(table.turn),
        }
    }

    fn place(&self, row: &Row) -> (u64, u64) {
        match self {
            Self::OfWhatArrivedFirst => (0, row.number),
            Self::OfWhatArrivedLast => (0, u64::MAX - row.number),
            Self::ByNameOfJob => {
                let name = row.event.job.as_str().bytes().chain([0; 8]).take(8);
                (name.fold(0, |name, letter| (name << 8) | u64::from(letter)), row.number)
            }
            Self::InAnyOrder => (row.number.wrapping_mul(2_654_435_761) % 1_009, row.number),
            _ => (row.turn, row.number),
        }
    }
}

/// Puts what is queued again behind all others.
#[derive(Debug)]
pub(crate) enum ToTheEnd {
    Retried,
    GivenBack,
    Lapsed,
    Replayed,
}

impl Steps for ToTheEnd {
    fn told(&self, row: &mut Row, call: &Call, number: u64, now: Instant) -> Transition {
        let transition = right::told(row, call, number, now);
        match (self, call.kind) {
            (Self::Retried, Kind::Retry) | (Self::GivenBack, Kind::GiveBack) => {
                row.number = number;
            }
            _ => {}
        }
        transition
    }

    fn revived(&self, row: &mut Row, now: Instant) {
        right::revived(row, now);
        if matches!(self, Self::Replayed) {
            row.number = row.died;
        }
    }

    fn place(&self, row: &Row) -> (u64, u64) {
        match self {
            Self::Lapsed => (0, if row.state == InboxState::Leased { u64::MAX } else { row.number }),
            _ => (0, row.number),
        }
    }
}

/// For what an event does not wait.
#[derive(Debug)]
pub(crate) enum NotFor {
    AnyOther,
    Leased,
    Queued,
    Delayed,
    DueAgain,
    Lapsed,
    Dead,
    OtherTypes,
}

impl Steps for NotFor {
    fn waits_for(&self, row: &Row, other: &Row, order: Order) -> bool {
        let now = Instant::now();
        let is_meant = match self {
            Self::AnyOther => true,
            Self::Leased => other.state == InboxState::Leased,
            Self::Queued => other.state == InboxState::Queued,
            Self::Delayed => other.state == InboxState::Queued && other.until > now,
            Self::DueAgain => other.state == InboxState::Queued && other.attempt > 0 && other.until <= now,
            Self::Lapsed => other.state == InboxState::Leased && other.until <= now,
            Self::Dead => other.state == InboxState::Dead,
            Self::OtherTypes => other.event.event_type != row.event.event_type,
        };
        !is_meant && right::waits_for(row, other, order)
    }
}

/// For what an event waits and need not.
#[derive(Debug)]
pub(crate) enum AlsoFor {
    Dead,
    Discarded,
    LaterOnes,
    LaterDeadOnes,
    SimilarJobs,
    OtherJobs,
    WithoutAnOrder,
}

impl Steps for AlsoFor {
    fn waits_for(&self, row: &Row, other: &Row, order: Order) -> bool {
        let is_one_by_one = order != Order::Any;
        let is_open = matches!(other.state, InboxState::Queued | InboxState::Leased);
        let is_held = other.state == InboxState::Leased && other.until > Instant::now();
        let is_of_job = other.event.job == row.event.job;
        let is_later = is_of_job && other.number > row.number;
        let (name, other_name) = (row.event.job.as_str(), other.event.job.as_str());
        let waits = match self {
            Self::Dead => other.state == InboxState::Dead && right::is_earlier(other, row),
            Self::Discarded => {
                other.state == InboxState::Done && other.token.is_none() && right::is_earlier(other, row)
            }
            Self::LaterOnes => is_held && is_later,
            Self::LaterDeadOnes => {
                order == (Order::PerJob { behind_dead: true }) && other.state == InboxState::Dead && is_later
            }
            Self::SimilarJobs => {
                is_open && name.trim().eq_ignore_ascii_case(other_name.trim()) && other.number < row.number
            }
            Self::OtherJobs => is_held,
            Self::WithoutAnOrder => {
                return right::waits_for(row, other, Order::PerJob { behind_dead: false });
            }
        };
        (is_one_by_one && waits) || right::waits_for(row, other, order)
    }
}

/// Takes the first of those that are due, and then leaves out those that wait.
#[derive(Debug)]
pub(crate) struct LimitBeforeOrder;

impl Steps for LimitBeforeOrder {
    fn leased(&self, table: &mut Table, request: &LeaseRequest, now: Instant) -> Vec<Leased> {
        let mut places = right::in_turn(self, table, request, now);
        places.truncate(request.limit);
        let keys: Vec<_> = places.iter().map(|place| table.rows[*place].event.key).collect();
        let first_of_all = Only(keys);
        right::leased(&first_of_all, table, request, now)
    }
}

#[derive(Debug)]
struct Only(Vec<lipdub_core::EventKey>);

impl Steps for Only {
    fn is_due(&self, row: &Row, request: &LeaseRequest, now: Instant) -> bool {
        self.0.contains(&row.event.key) && right::is_due(row, request, now)
    }
}

/// Sees which events wait before it takes any, and so takes several of one job.
#[derive(Debug)]
pub(crate) struct OrderBeforeLease;

impl Steps for OrderBeforeLease {
    fn leased(&self, table: &mut Table, request: &LeaseRequest, now: Instant) -> Vec<Leased> {
        let before = table.clone();
        let is_held =
            |row: &Row| matches!(row.state, InboxState::Leased | InboxState::Dead) || row.until > now;
        let waits = |row: &Row| {
            before.rows.iter().any(|other| is_held(other) && right::waits_for(row, other, request.order))
        };
        let free = before.rows.iter().filter(|row| !waits(row)).map(|row| row.event.key).collect();
        let mut request = request.clone();
        request.order = Order::Any;
        right::leased(&Only(free), table, &request, now)
    }
}

broken! {
    first_come_first_served: Broken::new(Turn::OfWhatArrivedFirst), breaks
        a_job_with_few_does_not_wait_for_a_flood,
        a_batch_is_shared_by_the_jobs,
        a_job_that_comes_during_a_flood_does_not_wait_for_its_end,
        a_flood_that_comes_later_takes_turns_with_what_was_there;

    last_come_first_served: Broken::new(Turn::OfWhatArrivedLast), breaks
        events_of_a_job_are_leased_as_they_arrived,
        a_flood_that_comes_later_takes_turns_with_what_was_there,
        a_revived_event_keeps_its_type_its_job_and_its_place
        and more of 4, 9, 10, 14;

    turns_without_a_virtual_time: Broken::new(Turn::WithoutVirtualTime), breaks
        a_flood_that_comes_later_takes_turns_with_what_was_there;

    turns_of_the_largest_job: Broken::new(Turn::OfTheLargestJob), breaks
        a_job_with_few_does_not_wait_for_a_flood,
        a_revived_event_keeps_its_type_its_job_and_its_place
        and more of 4, 9, 10;

    turns_by_name: Broken::new(Turn::ByNameOfJob), breaks
        a_job_with_few_does_not_wait_for_a_flood
        and more of 9, 14;

    no_order_at_all: Broken::new(Turn::InAnyOrder), breaks
        events_of_a_job_are_leased_as_they_arrived,
        a_revived_event_keeps_its_type_its_job_and_its_place
        and more of 4, 9, 10, 14;

    a_retried_event_at_the_end: Broken::new(ToTheEnd::Retried), breaks
        an_event_that_is_due_again_goes_before_later_ones
        and more of 9, 10;

    a_returned_event_at_the_end: Broken::new(ToTheEnd::GivenBack), breaks
        an_event_that_is_due_again_goes_before_later_ones
        and more of 9, 10;

    a_lapsed_event_at_the_end: Broken::new(ToTheEnd::Lapsed), breaks
        an_event_that_is_due_again_goes_before_later_ones
        and more of 9;

    a_replayed_event_at_the_end: Broken::new(ToTheEnd::Replayed), breaks
        an_event_that_is_due_again_goes_before_later_ones,
        an_event_waits_for_an_earlier_one_that_was_replayed,
        a_revived_event_keeps_its_type_its_job_and_its_place,
        a_replayed_event_is_leased_beside_a_later_one
        and more of 9;

    a_job_without_order: Broken::new(NotFor::AnyOther), breaks
        an_event_waits_for_an_earlier_one_that_is_leased,
        a_lease_gives_one_event_of_each_job,
        many_workers_handle_each_job_in_order
        and more of 10;

    a_job_that_does_not_wait_for_what_is_leased: Broken::new(NotFor::Leased), breaks
        an_event_waits_for_an_earlier_one_that_is_leased,
        an_event_waits_for_an_earlier_one_that_anybody_leased
        and more of 10;

    a_job_that_does_not_wait_for_what_is_queued: Broken::new(NotFor::Queued), breaks
        an_event_waits_for_an_earlier_one_that_is_delayed,
        an_event_waits_for_an_earlier_one_of_another_type,
        an_event_waits_for_an_earlier_one_that_is_due_again;

    a_job_that_does_not_wait_for_what_is_delayed: Broken::new(NotFor::Delayed), breaks
        an_event_waits_for_an_earlier_one_that_is_delayed,
        an_event_waits_for_an_earlier_one_that_is_due_again;

    a_job_that_does_not_wait_for_what_is_due_again: Broken::new(NotFor::DueAgain), breaks
        an_event_waits_for_an_earlier_one_that_is_due_again;

    a_job_that_does_not_wait_for_what_has_lapsed: Broken::new(NotFor::Lapsed), breaks
        an_event_waits_for_an_earlier_one_that_has_lapsed;

    a_job_that_does_not_wait_for_what_is_dead: Broken::new(NotFor::Dead), breaks
        an_event_waits_for_an_earlier_one_that_is_dead_if_asked;

    a_job_that_does_not_wait_for_other_types: Broken::new(NotFor::OtherTypes), breaks
        an_event_waits_for_an_earlier_one_of_another_type
        and more of 10;

    a_job_that_always_waits_for_what_is_dead: Broken::new(AlsoFor::Dead), breaks
        an_event_waits_for_an_earlier_one_that_is_dead_if_asked,
        a_replayed_event_is_leased_beside_a_later_one;

    a_job_that_waits_for_what_is_discarded: Broken::new(AlsoFor::Discarded), breaks
        an_event_goes_on_when_the_earlier_ones_are_done,
        an_event_waits_for_an_earlier_one_that_is_dead_if_asked;

    a_job_that_waits_for_later_ones: Broken::new(AlsoFor::LaterOnes), breaks
        a_later_event_keeps_none_waiting,
        a_replayed_event_is_leased_beside_a_later_one;

    a_job_that_waits_for_later_dead_ones: Broken::new(AlsoFor::LaterDeadOnes), breaks
        a_later_event_keeps_none_waiting;

    a_job_that_waits_for_similar_ones: Broken::new(AlsoFor::SimilarJobs), breaks
        a_lease_gives_one_event_of_each_job;

    a_job_that_waits_for_all_others: Broken::new(AlsoFor::OtherJobs), breaks
        a_lease_gives_one_event_of_each_job,
        events_that_wait_use_up_no_limit,
        a_later_event_keeps_none_waiting,
        a_replayed_event_is_leased_beside_a_later_one;

    an_order_that_nobody_asked_for: Broken::new(AlsoFor::WithoutAnOrder), breaks
        an_event_waits_for_an_earlier_one_that_is_delayed,
        a_revived_event_keeps_its_type_its_job_and_its_place
        and more of 4, 9, 10, 13, 14;

    a_limit_before_the_order: Broken::new(LimitBeforeOrder), breaks
        events_that_wait_use_up_no_limit;

    an_order_before_the_lease: Broken::new(OrderBeforeLease), breaks
        a_lease_gives_one_event_of_each_job
        and more of 10;
}
