//! Rules 4 to 7: who may renew, finish, fail and give back a claim.

use std::sync::Arc;
use std::time::Instant;

use tokio::time::sleep;

use super::scene::Scene;
use crate::dedupe::DedupeStore;
use crate::testing::conformance::{BRIEF, LEASE, LEASES, OVER, drop_after, steps};

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

/// Rule 4: who failed changes nothing after another was granted the next attempt, however late it says so again.
pub async fn a_failed_holder_changes_nothing_while_its_successor_runs(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 4: who failed changes nothing while its successor runs");
    let (failed, successor) = (event.claimer(), event.claimer());
    failed.is_granted(1).await;
    failed.fails(1).await;
    successor.is_granted(2).await;
    failed.changes_nothing(1).await;
    event.is_held_by(&successor, 2).await;
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

/// Rule 4: a renewed claim is taken over no sooner than its lease has lapsed, whatever the store counts time in.
pub async fn a_renewed_claim_stands_until_its_lease_has_lapsed(store: Arc<dyn DedupeStore>) {
    let promise = "rule 4: a renewed claim is not taken over before its lease has lapsed";
    let stands = async |(lease, moment)| {
        sleep(moment).await;
        let event = Scene::new(&store, promise);
        let holder = event.claimer();
        holder.is_granted(1).await;
        let since = Instant::now();
        holder.with_lease(lease).renews(1).await;
        event.claimer().takes_over(2).await;
        event.has_taken(lease, since, "a lease");
    };
    let [one, two, three] = LEASES.map(stands);
    tokio::join!(one, two, three);
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

/// Rule 6: a success of which the telling was dropped half-way is told again, and applied.
pub async fn done_that_was_dropped_half_way_is_applied_when_said_again(store: Arc<dyn DedupeStore>) {
    for steps in steps() {
        let event = Scene::new(&store, "rule 6: done that was dropped half-way is applied when said again");
        let holder = event.claimer();
        holder.is_granted(1).await;
        drop_after(steps, holder.done(1)).await;
        holder.finishes(1).await;
        event.is_done().await;
    }
}

/// Rule 6: a failure of which the telling was dropped half-way is told again, and applied, and counted once.
pub async fn fail_that_was_dropped_half_way_is_applied_when_said_again(store: Arc<dyn DedupeStore>) {
    for steps in steps() {
        let event = Scene::new(&store, "rule 6: fail that was dropped half-way is applied when said again");
        let holder = event.claimer();
        holder.is_granted(1).await;
        drop_after(steps, holder.fail(1)).await;
        holder.fails(1).await;
        event.claimer().is_granted(2).await;
    }
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
    for attempt in 0..=2 {
        let event = Scene::new(&store, "rule 7: release without a record leaves none");
        // Rule 5 is silent about the answer, and callers do not look at it.
        let _ = event.claimer().release(attempt).await;
        event.claimer().is_granted(1).await;
    }
}
