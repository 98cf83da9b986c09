//! What a [`DedupeStore`] promises, as functions that panic if it does not keep it.
//!
//! [`dedupe_store_conformance!`](crate::dedupe_store_conformance) makes a test of each. [`PROMISES`] is the
//! list of them, for those who would rather run them in a way of their own. In either case they need a tokio
//! runtime with its timer, and the races need several threads to be races.
//!
//! The suite itself is tried on stores that are wrong, each in one of the ways in which stores go wrong: of each
//! of them it is known which promises it breaks (`tests/broken_stores` in the sources of this crate).
//!
//! # Examples
//!
//! ```
//! use std::sync::Arc;
//!
//! use lipdub_core::{MemoryStore, testing};
//!
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
//! testing::dedupe::a_done_event_is_never_granted_again(Arc::new(MemoryStore::new())).await;
//! # });
//! ```

mod claiming;
mod handles;
mod keeping;
mod scene;
mod settling;

use crate::dedupe::DedupeStore;

pub use self::claiming::*;
pub use self::handles::Handles;
pub use self::keeping::*;
pub use self::settling::*;

/// Every promise, in the order of the rules.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use lipdub_core::MemoryStore;
/// use lipdub_core::testing::dedupe::PROMISES;
///
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
/// for promise in PROMISES.iter().filter(|promise| promise.rule() == 6) {
///     promise.check(Arc::new(MemoryStore::new())).await;
/// }
/// # });
/// ```
pub const PROMISES: &[Promise] = crate::__dedupe_promises! { @each list [] };

/// One promise of a store.
pub type Promise = crate::testing::Promise<dyn DedupeStore>;

/// Holds a [`DedupeStore`](crate::DedupeStore) to its ten rules, with one test for each promise.
///
/// The expression makes a store. It is evaluated once for each test, inside an `async fn`, so it may `.await`.
/// The tests use event keys that nobody has used before, so the stores it makes may share one server.
///
/// A store that never forgets is allowed by rule 10. It says `without_expiry`, and the three promises about
/// forgetting are left out.
///
/// The tests are stamped out where the macro is called: put it into a module of its own. Your crate needs tokio
/// with the features `macros` and `rt-multi-thread`. The suite takes a few seconds of the real clock, because a
/// store has its own.
///
/// A store that several processes share is better tried with [`Handles`](crate::testing::dedupe::Handles), as if
/// each claimer were in another of them.
///
/// Two things are beyond any suite that only calls the store: that its time is not the callers' (rule 9), as long
/// as the callers have one clock, and that it survives what it promises to survive.
///
/// # Examples
///
/// ```
/// mod memory_store {
///     lipdub_core::dedupe_store_conformance!(lipdub_core::MemoryStore::new());
/// }
///
/// mod store_that_connects_first {
///     # use lipdub_core::MemoryStore;
///     async fn connect() -> MemoryStore {
///         MemoryStore::new()
///     }
///
///     lipdub_core::dedupe_store_conformance!(connect().await, without_expiry);
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! dedupe_store_conformance {
    ($make:expr $(,)?) => {
        $crate::__dedupe_promises! { @each test [$make] }
    };
    ($make:expr, without_expiry $(,)?) => {
        $crate::__dedupe_promises! { @each test_without_expiry [$make] }
    };
}

/// The one list of promises, by rule, and what is made of it.
#[doc(hidden)]
#[macro_export]
macro_rules! __dedupe_promises {
    (@each $what:ident $with:tt) => {
        $crate::__dedupe_promises! { @$what $with
            always {
                1:
                    one_of_many_claims_on_a_new_event_is_granted
                    one_of_many_claims_on_a_failed_event_is_granted
                    one_of_many_claims_on_a_lapsed_claim_is_granted
                    a_lapsed_holder_that_finishes_and_its_successor_do_not_both_win
                    a_lapsed_holder_that_renews_and_its_successor_do_not_both_win
                    a_lapsed_holder_that_claims_again_and_its_successor_do_not_both_win
                    a_lapsed_holder_that_fails_takes_nothing_from_its_successor
                    a_lapsed_holder_that_releases_takes_nothing_from_its_successor
                    events_are_independent
                    events_with_similar_keys_are_independent;

                2:
                    a_new_event_is_granted_as_attempt_1
                    a_failed_event_is_granted_with_the_next_attempt
                    a_lapsed_claim_is_taken_over_with_the_next_attempt
                    a_claim_stands_until_its_lease_has_lapsed
                    a_repeated_claim_is_granted_the_same_attempt
                    a_claim_that_is_asked_for_twice_at_once_is_one_attempt
                    a_claim_that_was_dropped_half_way_is_granted_when_repeated
                    a_repeated_claim_renews_the_lease
                    a_lapsed_claim_that_is_repeated_is_granted_the_same_attempt;

                3:
                    a_done_event_is_never_granted_again
                    an_event_that_failed_and_then_was_done_is_never_granted_again
                    a_running_event_is_busy_for_no_longer_than_its_lease
                    a_running_event_says_when_its_lease_lapses;

                4:
                    a_stranger_changes_nothing_about_a_running_event
                    a_stranger_changes_nothing_about_a_failed_event
                    a_stranger_changes_nothing_about_a_done_event
                    a_replaced_holder_changes_nothing_while_its_successor_runs
                    a_replaced_holder_changes_nothing_after_its_successor_failed
                    a_replaced_holder_changes_nothing_after_its_successor_finished
                    a_replaced_holder_changes_nothing_after_its_successor_released
                    a_failed_holder_changes_nothing_while_its_successor_runs
                    a_replaced_holder_does_not_get_its_claim_back
                    a_lapsed_holder_still_renews
                    a_lapsed_holder_still_finishes
                    a_lapsed_holder_still_fails
                    a_lapsed_holder_still_releases
                    a_renewed_lease_keeps_others_away
                    a_renewed_lease_counts_from_now
                    a_renewed_claim_stands_until_its_lease_has_lapsed
                    a_done_claim_is_neither_renewed_nor_released
                    a_failed_claim_is_neither_renewed_nor_released
                    done_after_fail_is_refused;

                5:
                    renew_without_a_record_holds_the_event
                    done_without_a_record_is_remembered
                    fail_without_a_record_counts_the_attempt;

                6:
                    done_said_again_is_applied_again
                    fail_said_again_is_applied_again
                    done_that_was_dropped_half_way_is_applied_when_said_again
                    fail_that_was_dropped_half_way_is_applied_when_said_again
                    fail_after_done_is_refused;

                7:
                    a_released_first_claim_leaves_nothing
                    a_released_later_claim_leaves_the_failure_before_it
                    a_claim_is_released_without_knowing_its_attempt
                    a_released_holder_changes_nothing
                    release_without_a_record_leaves_none;

                8:
                    attempts_only_grow
                    an_attempt_that_is_told_wrong_lowers_nothing;

                10:
                    a_record_is_kept_from_its_last_transition
                    a_record_is_kept_from_its_last_claim
                    a_record_with_a_long_retention_is_kept;
            }
            with_expiry {
                10:
                    a_done_event_is_forgotten_after_its_retention
                    a_failed_event_is_forgotten_after_its_retention
                    a_running_event_is_forgotten_after_its_retention;
            }
        }
    };
    (@list [] $($when:ident { $($rule:literal: $($promise:ident)*;)* })*) => {
        &[$($($(
            $crate::testing::Promise {
                name: stringify!($promise),
                rule: $rule,
                needs_expiry: $crate::__dedupe_promises!(@needs_expiry $when),
                check: |store| Box::pin($promise(store)),
            },
        )*)*)*]
    };
    (@test $with:tt always $always:tt with_expiry $with_expiry:tt) => {
        $crate::__dedupe_promises! { @functions $with $always }
        $crate::__dedupe_promises! { @functions $with $with_expiry }
    };
    (@test_without_expiry $with:tt always $always:tt with_expiry $with_expiry:tt) => {
        $crate::__dedupe_promises! { @functions $with $always }
    };
    (@functions [$make:expr] { $($rule:literal: $($promise:ident)*;)* }) => {
        $($(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $promise() {
                $crate::testing::dedupe::$promise(::std::sync::Arc::new($make)).await;
            }
        )*)*
    };
    (@needs_expiry always) => { false };
    (@needs_expiry with_expiry) => { true };
}
