//! Rules 1 to 3: who is granted a claim.

use std::sync::Arc;

use tokio::time::sleep;

use super::scene::{BRIEF, LEASE, OVER, Scene};
use crate::dedupe::DedupeStore;

const ROUNDS: usize = 20;

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
