//! What an [`Inbox`] promises, as functions that panic if it does not keep it.
//!
//! [`inbox_conformance!`](crate::inbox_conformance) makes a test of each. [`PROMISES`] is the list of them, for
//! those who would rather run them in a way of their own. In either case they need a tokio runtime with its
//! timer, and the races need several threads to be races.
//!
//! Each promise needs an inbox of its own, with nothing in it: it counts what is there, and takes whatever is
//! due.
//!
//! The suite itself is tried on inboxes that are wrong, each in one of the ways in which inboxes go wrong: of
//! each of them it is known which promises it breaks (`tests/broken_inboxes` in the sources of this crate).
//!
//! # Examples
//!
//! ```
//! use std::sync::Arc;
//!
//! use lipdub_core::testing::{self, MemoryInbox};
//!
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
//! testing::inbox::a_new_event_is_leased_as_attempt_1(Arc::new(MemoryInbox::new())).await;
//! # });
//! ```

mod accepting;
mod handles;
mod keeping;
mod leasing;
mod ordering;
mod racing;
mod scene;
mod settling;

use crate::inbox::Inbox;

pub use self::accepting::*;
pub use self::handles::Handles;
pub use self::keeping::*;
pub use self::leasing::*;
pub use self::ordering::*;
pub use self::racing::*;
pub use self::settling::*;

/// Every promise, in the order of the rules.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use lipdub_core::testing::MemoryInbox;
/// use lipdub_core::testing::inbox::PROMISES;
///
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
/// for promise in PROMISES.iter().filter(|promise| promise.rule() == 8) {
///     promise.check(Arc::new(MemoryInbox::new())).await;
/// }
/// # });
/// ```
pub const PROMISES: &[Promise] = crate::__inbox_promises! { @list };

/// One promise of an inbox.
pub type Promise = crate::testing::Promise<dyn Inbox>;

/// Holds an [`Inbox`](crate::Inbox) to its rules, with one test for each promise.
///
/// The expression makes an inbox. It is evaluated once for each test, inside an `async fn`, so it may `.await`.
/// The inbox it makes must be **empty, and nobody else's**: a file of its own, or a server's namespace of its
/// own, for the tests run at the same time, and each counts and takes whatever there is.
///
/// The tests are stamped out where the macro is called: put it into a module of its own. Your crate needs tokio
/// with the features `macros` and `rt-multi-thread`. The suite takes a few seconds of the real clock, because
/// an inbox has its own. An inbox that several processes share is better tried with
/// [`Handles`](crate::testing::inbox::Handles), as if each caller were in another of them. They keep the server
/// or the directory, too.
///
/// Three things are beyond any suite that only calls the inbox: that it survives what it promises to survive
/// (rule 1), that its time is not the callers' (rule 12), as long as the callers have one clock, and how much
/// it reads (rule 13).
///
/// # Examples
///
/// ```
/// mod memory_inbox {
///     lipdub_core::inbox_conformance!(lipdub_core::testing::MemoryInbox::new());
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! inbox_conformance {
    ($make:expr $(,)?) => {
        $crate::__inbox_promises! { @test [$make] }
    };
}

/// The one list of promises, by rule, and what is made of it.
#[doc(hidden)]
#[macro_export]
macro_rules! __inbox_promises {
    (@list from $($rule:literal: $($promise:ident)*;)*) => {
        &[$($(
            $crate::testing::Promise {
                name: stringify!($promise),
                rule: $rule,
                needs_expiry: false,
                check: |inbox| Box::pin($promise(inbox)),
            },
        )*)*]
    };
    (@test [$make:expr] from $($rule:literal: $($promise:ident)*;)*) => {
        $($(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $promise() {
                $crate::testing::inbox::$promise(::std::sync::Arc::new($make)).await;
            }
        )*)*
    };
    (@$what:ident $($with:tt)?) => {
        $crate::__inbox_promises! { @$what $($with)? from
            1:
                an_event_comes_out_as_it_came_in
                a_long_event_comes_out_as_it_came_in;

            2:
                an_event_that_comes_again_while_it_is_queued_waits
                an_event_that_comes_again_while_it_is_delayed_waits
                an_event_that_comes_again_while_it_is_leased_waits
                an_event_that_comes_again_when_it_is_done_is_not_queued
                an_event_that_comes_again_when_it_is_discarded_is_not_queued
                an_event_that_comes_again_when_it_is_dead_is_revived
                a_revived_event_has_the_body_and_the_source_that_came_last
                a_revived_event_keeps_its_type_its_job_and_its_place
                an_event_that_comes_again_with_other_contents_is_not_changed
                events_with_similar_keys_are_independent
                one_of_many_accepts_of_a_new_event_is_new
                one_of_many_accepts_of_a_dead_event_revives_it
                an_accept_that_was_dropped_half_way_is_stored_once;

            3:
                an_event_is_leased_by_one_of_many_workers
                a_lapsed_event_is_leased_by_one_of_many_workers
                a_lapsed_holder_that_finishes_and_its_successor_do_not_both_win
                a_lapsed_holder_that_renews_and_its_successor_do_not_both_win
                a_lapsed_holder_that_retries_and_its_successor_do_not_both_win
                a_lapsed_holder_that_buries_and_its_successor_do_not_both_win
                a_lapsed_holder_that_gives_back_takes_nothing_from_its_successor
                a_lapsed_holder_that_leases_again_and_its_successor_do_not_both_win
                of_two_settlements_at_once_one_is_applied
                one_of_many_replays_is_applied
                either_a_replay_or_a_discard_is_applied
                only_a_dead_event_is_replayed_or_discarded
                many_workers_finish_each_event_once;

            4:
                a_new_event_is_leased_as_attempt_1
                a_lease_gives_no_more_than_it_asks_for
                a_lease_gives_only_the_types_it_asks_for
                an_event_stays_leased_until_its_lease_has_lapsed
                a_lapsed_event_is_leased_with_the_next_attempt
                a_repeated_lease_gives_the_same_events
                a_repeated_lease_is_topped_up_to_its_limit
                a_repeated_lease_leaves_out_what_was_settled
                a_repeated_lease_renews_its_leases
                a_lapsed_lease_that_is_repeated_gives_the_same_attempt
                a_replaced_holder_does_not_get_its_event_back
                a_lease_that_is_asked_for_twice_at_once_is_one
                a_lease_that_was_dropped_half_way_is_the_same_when_repeated
                only_what_is_due_is_leased;

            5:
                a_stranger_changes_nothing_about_a_queued_event
                a_stranger_changes_nothing_about_a_leased_event
                a_stranger_changes_nothing_about_a_dead_event
                a_stranger_changes_nothing_about_a_done_event
                nobody_changes_anything_about_an_unknown_event
                a_replaced_holder_changes_nothing_while_its_successor_works
                a_replaced_holder_changes_nothing_after_its_successor_settled
                a_lapsed_holder_still_renews
                a_lapsed_holder_still_finishes
                a_lapsed_holder_still_retries
                a_lapsed_holder_still_buries
                a_lapsed_holder_still_gives_back
                a_renewed_lease_keeps_others_away
                a_renewed_lease_counts_from_now
                a_renewed_lease_stands_until_it_has_lapsed;

            6:
                a_settlement_said_again_is_applied_again
                a_retry_said_again_changes_nothing_more
                a_burial_said_again_changes_nothing_more
                a_return_said_again_changes_nothing_more
                a_settlement_that_was_dropped_half_way_is_applied_when_said_again
                a_settled_event_is_not_settled_otherwise
                a_settlement_said_again_after_the_next_lease_is_refused
                a_burial_said_again_after_a_revival_is_refused;

            7:
                a_retried_event_is_due_when_its_delay_has_passed
                a_long_delay_is_kept
                a_retry_without_a_delay_is_due_at_once
                a_retried_event_tells_why
                an_event_that_is_given_back_counts_no_try;

            8:
                attempts_only_grow
                tries_count_retries_and_lapses
                tries_begin_anew_when_a_dead_event_is_queued
                tries_go_on_when_a_waiting_event_comes_again;

            9:
                a_job_with_few_does_not_wait_for_a_flood
                a_batch_is_shared_by_the_jobs
                a_job_that_comes_during_a_flood_does_not_wait_for_its_end
                a_flood_that_comes_later_takes_turns_with_what_was_there
                events_of_a_job_are_leased_as_they_arrived
                an_event_that_is_due_again_goes_before_later_ones;

            10:
                an_event_waits_for_an_earlier_one_that_is_leased
                an_event_waits_for_an_earlier_one_that_anybody_leased
                an_event_waits_for_an_earlier_one_that_is_delayed
                an_event_waits_for_an_earlier_one_that_is_due_again
                an_event_waits_for_an_earlier_one_that_has_lapsed
                an_event_waits_for_an_earlier_one_of_another_type
                an_event_waits_for_an_earlier_one_that_is_dead_if_asked
                an_event_waits_for_an_earlier_one_that_was_replayed
                a_replayed_event_is_leased_beside_a_later_one
                an_event_goes_on_when_the_earlier_ones_are_done
                a_lease_gives_one_event_of_each_job
                a_later_event_keeps_none_waiting
                events_that_wait_use_up_no_limit
                many_workers_handle_each_job_in_order;

            11:
                a_done_event_loses_its_body
                a_discarded_event_loses_its_body
                a_dead_event_keeps_its_body
                what_is_done_or_dead_is_forgotten
                a_forgotten_event_is_new_again
                nothing_is_forgotten_before_its_time
                what_is_older_than_the_age_is_forgotten
                what_is_queued_or_leased_is_never_forgotten;

            13:
                a_lease_and_a_page_are_bounded_with_a_thousand_events;

            14:
                find_tells_where_an_event_is
                stats_count_events_where_they_are
                stats_count_an_event_as_due_when_it_is
                stats_tell_how_old_the_oldest_due_event_is
                ages_count_from_when_an_event_was_accepted
                ages_count_anew_when_an_event_is_revived
                a_dead_letter_tells_what_died_and_why
                only_what_is_dead_is_listed
                dead_letters_are_listed_from_the_last
                dead_letters_are_listed_by_type_and_job
                a_page_goes_on_after_a_letter_that_is_dead_no_more
                no_page_comes_after_what_never_died
                pages_of_dead_letters_lose_and_repeat_nothing;
        }
    };
}
