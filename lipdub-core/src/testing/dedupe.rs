//! What a [`DedupeStore`](crate::DedupeStore) promises, as functions that panic if it does not keep it.
//!
//! [`dedupe_store_conformance!`](crate::dedupe_store_conformance) makes a test of each. Calling one by itself
//! needs a multi-threaded tokio runtime.
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

mod scene;

use std::sync::Arc;

use tokio::time::sleep;

use self::scene::{BRIEF, LEASE, OVER, Scene};
use crate::dedupe::DedupeStore;

const ROUNDS: usize = 20;

/// Rule 1: of 32 that claim a new event at once, one is granted the claim.
pub async fn one_of_many_claims_on_a_new_event_is_granted(store: Arc<dyn DedupeStore>) {
    for _ in 0..ROUNDS {
        let event = Scene::new(&store, "rule 1: one of many claims on a new event is granted");
        event.is_granted_to_one(1).await;
    }
}

/// Rule 1: of 32 that claim a failed event at once, one is granted the claim.
pub async fn one_of_many_claims_on_a_failed_event_is_granted(store: Arc<dyn DedupeStore>) {
    for _ in 0..ROUNDS {
        let event = Scene::new(&store, "rule 1: one of many claims on a failed event is granted");
        event.has_failed_once().await;
        event.is_granted_to_one(2).await;
    }
}

/// Rule 1: of 32 that take over a lapsed claim at once, one is granted the claim.
pub async fn one_of_many_claims_on_a_lapsed_claim_is_granted(store: Arc<dyn DedupeStore>) {
    for _ in 0..ROUNDS / 4 {
        let event = Scene::new(&store, "rule 1: one of many claims on a lapsed claim is granted");
        event.lapsed_holder().await;
        event.is_granted_to_one(2).await;
    }
}

/// Rule 1: a holder that finishes late and one that takes over at the same time do not both succeed.
pub async fn a_lapsed_holder_that_finishes_and_its_successor_do_not_both_win(store: Arc<dyn DedupeStore>) {
    let events: Vec<_> = (0..ROUNDS)
        .map(|_| Scene::new(&store, "rule 1: either a lapsed holder finishes or its claim is taken over"))
        .collect();
    let mut holders = Vec::new();
    for event in &events {
        let holder = event.brief_claimer();
        holder.is_granted(1).await;
        holders.push(holder);
    }
    sleep(OVER).await;
    for (event, holder) in events.iter().zip(holders) {
        event.finish_and_takeover_at_once(holder).await;
    }
}

/// Rule 2: an event without a record is granted as attempt 1.
pub async fn a_new_event_is_granted_as_attempt_1(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 2: a new event is granted as attempt 1");
    event.claimer().is_granted(1).await;
}

/// Rule 2: an event that failed runs again when it comes again.
pub async fn a_failed_event_is_granted_with_the_next_attempt(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 2: a failed event is granted with the next attempt");
    for attempt in 1..=4 {
        let holder = event.claimer();
        holder.is_granted(attempt).await;
        holder.fails(attempt).await;
    }
}

/// Rule 2: the claim of a holder that died is taken over when its lease has lapsed, and not before.
pub async fn a_lapsed_claim_is_taken_over_with_the_next_attempt(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 2: a lapsed claim is taken over with the next attempt");
    event.brief_claimer().is_granted(1).await;
    event.brief_claimer().takes_over(2).await;
    event.claimer().takes_over(3).await;
    event.is_running().await;
}

/// Rule 2: a claim whose answer was lost is granted to its token again, as the same attempt.
pub async fn a_repeated_claim_is_granted_the_same_attempt(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 2: a claim said again with its token is the same attempt");
    for attempt in 1..=2 {
        let holder = event.claimer();
        holder.is_granted(attempt).await;
        holder.is_granted(attempt).await;
        holder.is_granted(attempt).await;
        event.is_running().await;
        holder.fails(attempt).await;
    }
}

/// Rule 2: a claim that is repeated with its token renews the lease.
pub async fn a_repeated_claim_renews_the_lease(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 2: a claim said again with its token renews the lease");
    let holder = event.brief_claimer();
    holder.is_granted(1).await;
    holder.with_lease(LEASE).is_granted(1).await;
    sleep(OVER).await;
    event.is_running().await;
}

/// Rule 2: a claim that has lapsed is still its token's as long as nobody has taken it over.
pub async fn a_lapsed_claim_that_is_repeated_is_granted_the_same_attempt(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 2: a lapsed claim said again with its token is the same attempt");
    let holder = event.lapsed_holder().await;
    holder.with_lease(LEASE).is_granted(1).await;
    event.is_running().await;
}

/// Rule 3: an event that succeeded is never granted again, not even to the token that finished it.
pub async fn a_done_event_is_never_granted_again(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 3: a claim on a done event is answered Done");
    let holder = event.claimer();
    holder.is_granted(1).await;
    holder.finishes(1).await;
    event.claimer().is_told_done().await;
    holder.is_told_done().await;
    event.is_done().await;
}

/// Rule 3: an event that failed at first and then succeeded is never granted again.
pub async fn an_event_that_failed_and_then_was_done_is_never_granted_again(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 3: a claim on an event that failed and then was done is Done");
    event.has_failed_once().await;
    let holder = event.claimer();
    holder.is_granted(2).await;
    holder.finishes(2).await;
    event.is_done().await;
}

/// Rule 3: a claim on a running event is told that it is busy, and for how long at most.
pub async fn a_running_event_is_busy_for_no_longer_than_its_lease(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 3: a claim on a running event is Busy, no longer than its lease");
    event.claimer().is_granted(1).await;
    // The asker's own lease says nothing about the holder's.
    event.claimer().with_lease(LEASE * 2).is_told_busy().await;
    event.claimer().with_lease(BRIEF).is_told_busy().await;
}

/// Rule 4: who never held the claim changes nothing while it runs.
pub async fn a_stranger_changes_nothing_about_a_running_event(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 4: a stranger changes nothing about a running event");
    let holder = event.claimer();
    holder.is_granted(1).await;
    event.claimer().changes_nothing(1).await;
    event.is_running().await;
    holder.is_granted(1).await;
    holder.finishes(1).await;
}

/// Rule 4: who never held the claim changes nothing after it failed.
pub async fn a_stranger_changes_nothing_about_a_failed_event(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 4: a stranger changes nothing about a failed event");
    event.has_failed_once().await;
    event.claimer().changes_nothing(1).await;
    event.claimer().is_granted(2).await;
}

/// Rule 4: who never held the claim changes nothing after it was done.
pub async fn a_stranger_changes_nothing_about_a_done_event(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 4: a stranger changes nothing about a done event");
    let holder = event.claimer();
    holder.is_granted(1).await;
    holder.finishes(1).await;
    event.claimer().changes_nothing(1).await;
    event.is_done().await;
}

/// Rule 4: a zombie changes nothing while its successor runs.
pub async fn a_replaced_holder_changes_nothing_while_its_successor_runs(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 4: a replaced holder changes nothing while its successor runs");
    let (zombie, successor) = event.taken_over().await;
    zombie.changes_nothing(1).await;
    event.is_running().await;
    successor.is_granted(2).await;
    successor.finishes(2).await;
}

/// Rule 4: a zombie changes nothing after its successor failed.
pub async fn a_replaced_holder_changes_nothing_after_its_successor_failed(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 4: a replaced holder changes nothing after its successor failed");
    let (zombie, successor) = event.taken_over().await;
    successor.fails(2).await;
    zombie.changes_nothing(1).await;
    event.claimer().is_granted(3).await;
}

/// Rule 4: a zombie changes nothing after its successor finished.
pub async fn a_replaced_holder_changes_nothing_after_its_successor_finished(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 4: a replaced holder changes nothing after its successor finished");
    let (zombie, successor) = event.taken_over().await;
    successor.finishes(2).await;
    zombie.changes_nothing(1).await;
    event.is_done().await;
}

/// Rule 4: a zombie changes nothing after its successor gave the claim back.
pub async fn a_replaced_holder_changes_nothing_after_its_successor_released(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 4: a replaced holder changes nothing after its successor released");
    let (zombie, successor) = event.taken_over().await;
    successor.releases(2).await;
    zombie.changes_nothing(1).await;
    event.claimer().is_granted(2).await;
}

/// Rule 4: a zombie that claims again with its old token has to wait as everybody else.
pub async fn a_replaced_holder_does_not_get_its_claim_back(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 4: a replaced holder that claims again is told Busy");
    let (zombie, successor) = event.taken_over().await;
    zombie.is_told_busy().await;
    successor.finishes(2).await;
    zombie.is_told_done().await;
}

/// Rule 4: a lapsed lease alone takes nothing away: its holder renews it.
pub async fn a_lapsed_holder_still_renews(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 4: a lapsed holder whom nobody replaced still renews");
    let holder = event.lapsed_holder().await;
    holder.with_lease(LEASE).renews(1).await;
    event.is_running().await;
}

/// Rule 4: a lapsed lease alone takes nothing away: its holder finishes.
pub async fn a_lapsed_holder_still_finishes(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 4: a lapsed holder whom nobody replaced still finishes");
    event.lapsed_holder().await.finishes(1).await;
    event.is_done().await;
}

/// Rule 4: a lapsed lease alone takes nothing away: its holder fails.
pub async fn a_lapsed_holder_still_fails(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 4: a lapsed holder whom nobody replaced still fails");
    event.lapsed_holder().await.fails(1).await;
    event.claimer().is_granted(2).await;
}

/// Rule 4: a lapsed lease alone takes nothing away: its holder gives the claim back.
pub async fn a_lapsed_holder_still_releases(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 4: a lapsed holder whom nobody replaced still releases");
    event.lapsed_holder().await.releases(1).await;
    event.claimer().is_granted(1).await;
}

/// Rule 4: a lease that is renewed lapses later.
pub async fn a_renewed_lease_keeps_others_away(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 4: a renewed lease keeps others away");
    let holder = event.brief_claimer();
    holder.is_granted(1).await;
    holder.with_lease(LEASE).renews(1).await;
    sleep(OVER).await;
    event.is_running().await;
    holder.finishes(1).await;
}

/// Rule 4: a lease is renewed from now, and not prolonged by what is left of it.
pub async fn a_renewed_lease_counts_from_now(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 4: a renewed lease counts from now");
    let holder = event.claimer();
    holder.is_granted(1).await;
    holder.renews(1).await;
    holder.renews(1).await;
    event.is_running().await;
    holder.with_lease(BRIEF).renews(1).await;
    event.claimer().takes_over(2).await;
}

/// Rule 4: a claim that was done is held no more.
pub async fn a_done_claim_is_neither_renewed_nor_released(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 4: a done claim is neither renewed nor released");
    let holder = event.claimer();
    holder.is_granted(1).await;
    holder.finishes(1).await;
    holder.cannot_renew(1).await;
    holder.cannot_release(1).await;
    holder.cannot_release(0).await;
    event.is_done().await;
}

/// Rule 4: a claim that failed is held no more.
pub async fn a_failed_claim_is_neither_renewed_nor_released(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 4: a failed claim is neither renewed nor released");
    let holder = event.claimer();
    holder.is_granted(1).await;
    holder.fails(1).await;
    holder.cannot_renew(1).await;
    holder.cannot_release(1).await;
    holder.cannot_release(0).await;
    event.claimer().is_granted(2).await;
}

/// Rule 5: a holder whose record was lost takes the event again by renewing.
pub async fn renew_without_a_record_holds_the_event(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 5: renew without a record holds the event");
    let holder = event.claimer();
    holder.renews(2).await;
    event.is_running().await;
    holder.is_granted(2).await;
    holder.fails(2).await;
    event.claimer().is_granted(3).await;
}

/// Rule 5: a success whose record was lost is remembered all the same.
pub async fn done_without_a_record_is_remembered(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 5: done without a record is remembered");
    event.claimer().finishes(1).await;
    event.is_done().await;
}

/// Rule 5: a failure whose record was lost counts all the same.
pub async fn fail_without_a_record_counts_the_attempt(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 5: fail without a record counts the attempt");
    event.claimer().fails(3).await;
    event.claimer().is_granted(4).await;
}

/// Rule 6: a success whose answer was lost is said again, and applied again.
pub async fn done_said_again_is_applied_again(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 6: done said again is applied again");
    let holder = event.claimer();
    holder.is_granted(1).await;
    holder.finishes(1).await;
    holder.finishes(1).await;
    holder.finishes(1).await;
    event.is_done().await;
}

/// Rule 6: a failure whose answer was lost is said again, and applied again, and counted once.
pub async fn fail_said_again_is_applied_again(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 6: fail said again is applied again and counted once");
    let holder = event.claimer();
    holder.is_granted(1).await;
    holder.fails(1).await;
    holder.fails(1).await;
    holder.fails(1).await;
    event.claimer().is_granted(2).await;
}

/// Rule 6: what was done does not fail afterwards.
pub async fn fail_after_done_is_refused(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 6: fail after done is refused");
    let holder = event.claimer();
    holder.is_granted(1).await;
    holder.finishes(1).await;
    holder.cannot_fail(1).await;
    event.is_done().await;
}

/// Rule 4: a claim that failed is held no more, so it cannot be finished either.
pub async fn done_after_fail_is_refused(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 4: done after fail is refused");
    let holder = event.claimer();
    holder.is_granted(1).await;
    holder.fails(1).await;
    holder.cannot_finish(1).await;
    event.claimer().is_granted(2).await;
}

/// Rule 7: giving back the first claim leaves the event as if it had never come.
pub async fn a_released_first_claim_leaves_nothing(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 7: release of attempt 1 leaves nothing");
    for _ in 0..3 {
        let holder = event.claimer();
        holder.is_granted(1).await;
        holder.releases(1).await;
    }
    // Without a record, rule 5 lets anybody finish.
    event.claimer().finishes(1).await;
    event.is_done().await;
}

/// Rule 7: giving back a later claim leaves the failure that was there before it.
pub async fn a_released_later_claim_leaves_the_failure_before_it(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 7: release of attempt n leaves FAILED(n - 1)");
    for attempt in 1..=3 {
        for _ in 0..2 {
            let holder = event.claimer();
            holder.is_granted(attempt).await;
            holder.releases(attempt).await;
        }
        let holder = event.claimer();
        holder.is_granted(attempt).await;
        holder.fails(attempt).await;
    }
    event.claimer().is_granted(4).await;
}

/// Rule 7: a claim whose answer was lost is given back by its token, with 0 for the attempt.
pub async fn a_claim_is_released_without_knowing_its_attempt(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 7: release with attempt 0 goes by the token");
    let holder = event.claimer();
    holder.is_granted(1).await;
    event.claimer().cannot_release(0).await;
    holder.releases(0).await;
    event.has_failed_once().await;
    let holder = event.claimer();
    holder.is_granted(2).await;
    holder.releases(0).await;
    event.claimer().is_granted(2).await;
}

/// Rule 7: who gave back a claim holds it no more, and a call that comes late does not undo that.
pub async fn a_released_holder_changes_nothing(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 7: who released a claim holds it no more");
    event.has_failed_once().await;
    let holder = event.claimer();
    holder.is_granted(2).await;
    holder.releases(2).await;
    holder.changes_nothing(2).await;
    let next = event.claimer();
    next.is_granted(2).await;
    holder.changes_nothing(2).await;
    next.finishes(2).await;
}

/// Rule 7: giving back what was never claimed leaves no trace.
pub async fn release_without_a_record_leaves_none(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 7: release without a record leaves none");
    // Rule 5 is silent about the answer, and callers do not look at it.
    let _ = event.claimer().release(0).await;
    let _ = event.claimer().release(2).await;
    event.claimer().is_granted(1).await;
}

/// Rule 8: attempts grow with each failure and each takeover, and with nothing else.
pub async fn attempts_only_grow(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 8: attempts only grow, by failures and takeovers alone");
    event.has_failed_once().await;
    let holder = event.brief_claimer();
    holder.is_granted(2).await;
    holder.renews(2).await;
    holder.is_granted(2).await;
    let holder = event.claimer();
    holder.takes_over(3).await;
    holder.renews(3).await;
    holder.releases(3).await;
    let holder = event.claimer();
    holder.is_granted(3).await;
    holder.fails(3).await;
    event.claimer().is_granted(4).await;
}

/// Rule 10: the retention starts anew with each transition.
pub async fn a_record_is_kept_from_its_last_transition(store: Arc<dyn DedupeStore>) {
    let promise = "rule 10: a record is kept for the retention after its last transition";
    let [renewed, failed, done] = [(); 3].map(|()| Scene::new(&store, promise));
    for event in [&renewed, &failed, &done] {
        event.has_failed_once().await;
    }
    let [renewing, failing, finishing] = [&renewed, &failed, &done].map(Scene::brief_claimer);
    for holder in [&renewing, &failing, &finishing] {
        holder.with_retention(BRIEF).is_granted(2).await;
    }
    renewing.with_lease(LEASE).renews(2).await;
    failing.fails(2).await;
    finishing.finishes(2).await;
    sleep(OVER).await;
    renewed.is_running().await;
    failed.claimer().is_granted(3).await;
    done.is_done().await;
}

/// Rule 10: a success is forgotten when its retention has passed.
pub async fn a_done_event_is_forgotten_after_its_retention(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 10: a done event is forgotten after its retention");
    let holder = event.brief_claimer().with_retention(BRIEF);
    holder.is_granted(1).await;
    holder.finishes(1).await;
    event.claimer().is_granted_in_the_end(1).await;
}

/// Rule 10: a failure is forgotten when its retention has passed.
pub async fn a_failed_event_is_forgotten_after_its_retention(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 10: a failed event is forgotten after its retention");
    let holder = event.brief_claimer().with_retention(BRIEF);
    holder.is_granted(1).await;
    holder.fails(1).await;
    event.is_forgotten().await;
}

/// Rule 10: an event whose holder died is forgotten when its retention has passed.
pub async fn a_running_event_is_forgotten_after_its_retention(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 10: a running event is forgotten after its retention");
    event.brief_claimer().with_retention(BRIEF).is_granted(1).await;
    event.is_forgotten().await;
}

/// What happens to one event has no effect on another.
pub async fn events_are_independent(store: Arc<dyn DedupeStore>) {
    let promise = "events are independent: there is one record for each key";
    let [running, failed, done, new] = [(); 4].map(|()| Scene::new(&store, promise));
    running.claimer().is_granted(1).await;
    failed.has_failed_once().await;
    let holder = done.claimer();
    holder.is_granted(1).await;
    holder.finishes(1).await;

    // One token may hold several events.
    holder.on(&new).is_granted(1).await;
    running.is_running().await;
    failed.claimer().is_granted(2).await;
    done.is_done().await;
    holder.on(&new).finishes(1).await;
}

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
/// Two things are beyond any suite that only calls the store: that its time is not the callers' (rule 9), and
/// that it survives what it promises to survive.
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
        $crate::dedupe_store_conformance!($make, without_expiry);
        $crate::dedupe_store_conformance! { @promises $make;
            a_done_event_is_forgotten_after_its_retention
            a_failed_event_is_forgotten_after_its_retention
            a_running_event_is_forgotten_after_its_retention
        }
    };
    ($make:expr, without_expiry $(,)?) => {
        $crate::dedupe_store_conformance! { @promises $make;
            one_of_many_claims_on_a_new_event_is_granted
            one_of_many_claims_on_a_failed_event_is_granted
            one_of_many_claims_on_a_lapsed_claim_is_granted
            a_lapsed_holder_that_finishes_and_its_successor_do_not_both_win

            a_new_event_is_granted_as_attempt_1
            a_failed_event_is_granted_with_the_next_attempt
            a_lapsed_claim_is_taken_over_with_the_next_attempt
            a_repeated_claim_is_granted_the_same_attempt
            a_repeated_claim_renews_the_lease
            a_lapsed_claim_that_is_repeated_is_granted_the_same_attempt

            a_done_event_is_never_granted_again
            an_event_that_failed_and_then_was_done_is_never_granted_again
            a_running_event_is_busy_for_no_longer_than_its_lease

            a_stranger_changes_nothing_about_a_running_event
            a_stranger_changes_nothing_about_a_failed_event
            a_stranger_changes_nothing_about_a_done_event
            a_replaced_holder_changes_nothing_while_its_successor_runs
            a_replaced_holder_changes_nothing_after_its_successor_failed
            a_replaced_holder_changes_nothing_after_its_successor_finished
            a_replaced_holder_changes_nothing_after_its_successor_released
            a_replaced_holder_does_not_get_its_claim_back
            a_lapsed_holder_still_renews
            a_lapsed_holder_still_finishes
            a_lapsed_holder_still_fails
            a_lapsed_holder_still_releases
            a_renewed_lease_keeps_others_away
            a_renewed_lease_counts_from_now
            a_done_claim_is_neither_renewed_nor_released
            a_failed_claim_is_neither_renewed_nor_released

            renew_without_a_record_holds_the_event
            done_without_a_record_is_remembered
            fail_without_a_record_counts_the_attempt

            done_said_again_is_applied_again
            fail_said_again_is_applied_again
            fail_after_done_is_refused
            done_after_fail_is_refused

            a_released_first_claim_leaves_nothing
            a_released_later_claim_leaves_the_failure_before_it
            a_claim_is_released_without_knowing_its_attempt
            a_released_holder_changes_nothing
            release_without_a_record_leaves_none

            attempts_only_grow

            a_record_is_kept_from_its_last_transition

            events_are_independent
        }
    };
    (@promises $make:expr; $($promise:ident)*) => {
        $(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $promise() {
                $crate::testing::dedupe::$promise(::std::sync::Arc::new($make)).await;
            }
        )*
    };
}
