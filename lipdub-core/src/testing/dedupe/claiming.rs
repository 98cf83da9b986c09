//! Rules 1 to 3: who is granted a claim.

use std::sync::Arc;
use std::time::Instant;

use tokio::time::sleep;

use super::scene::{Claimer, Scene};
use crate::dedupe::{Claim, DedupeStore, Transition};
use crate::testing::conformance::{BRIEF, LEASE, LEASES, OVER, ROUNDS, drop_after, steps};

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
    let promise = "rule 1: one of many claims on a lapsed claim is granted";
    for (event, _) in lapsed_holders(&store, promise).await.into_iter().take(ROUNDS / 4) {
        event.is_granted_to_one(2).await;
    }
}

/// Rule 1: a holder that finishes late and one that takes over at the same time do not both succeed.
pub async fn a_lapsed_holder_that_finishes_and_its_successor_do_not_both_win(store: Arc<dyn DedupeStore>) {
    let promise = "rule 1: either a lapsed holder finishes or its claim is taken over";
    for (round, (event, holder)) in lapsed_holders(&store, promise).await.into_iter().enumerate() {
        let successor = event.claimer();
        match event.at_once(round, holder.done(1), successor.claim()).await {
            (Transition::Applied, Claim::Done) => event.is_done().await,
            (Transition::Refused, Claim::Granted { attempt: 2 }) => event.is_held_by(&successor, 2).await,
            answers => event.is_answered_wrongly(answers),
        }
    }
}

/// Rule 1: a holder that renews late and one that takes over at the same time do not both go on.
pub async fn a_lapsed_holder_that_renews_and_its_successor_do_not_both_win(store: Arc<dyn DedupeStore>) {
    let promise = "rule 1: either a lapsed holder renews or its claim is taken over";
    for (round, (event, holder)) in lapsed_holders(&store, promise).await.into_iter().enumerate() {
        let (holder, successor) = (holder.with_lease(LEASE), event.claimer());
        match event.at_once(round, holder.renew(1), successor.claim()).await {
            (Transition::Applied, Claim::Busy { .. }) => event.is_held_by(&holder, 1).await,
            (Transition::Refused, Claim::Granted { attempt: 2 }) => event.is_held_by(&successor, 2).await,
            answers => event.is_answered_wrongly(answers),
        }
    }
}

/// Rule 1: a holder that repeats its claim late and one that takes over at the same time do not both go on.
pub async fn a_lapsed_holder_that_claims_again_and_its_successor_do_not_both_win(
    store: Arc<dyn DedupeStore>,
) {
    let promise = "rule 1: either a lapsed holder claims again or its claim is taken over";
    for (round, (event, holder)) in lapsed_holders(&store, promise).await.into_iter().enumerate() {
        let (holder, successor) = (holder.with_lease(LEASE), event.claimer());
        match event.at_once(round, holder.claim(), successor.claim()).await {
            (Claim::Granted { attempt: 1 }, Claim::Busy { .. }) => event.is_held_by(&holder, 1).await,
            (Claim::Busy { .. }, Claim::Granted { attempt: 2 }) => event.is_held_by(&successor, 2).await,
            answers => event.is_answered_wrongly(answers),
        }
    }
}

/// Rule 1: a failure that is told while another takes over leaves the other what it was granted.
pub async fn a_lapsed_holder_that_fails_takes_nothing_from_its_successor(store: Arc<dyn DedupeStore>) {
    let promise = "rule 1: a lapsed holder that fails takes nothing from its successor";
    for (round, (event, holder)) in lapsed_holders(&store, promise).await.into_iter().enumerate() {
        let successor = event.claimer();
        match event.at_once(round, holder.fail(1), successor.claim()).await {
            (_, Claim::Granted { attempt: 2 }) => event.is_held_by(&successor, 2).await,
            answers => event.is_answered_wrongly(answers),
        }
    }
}

/// Rule 1: a claim that is given back while another takes over leaves the other what it was granted.
pub async fn a_lapsed_holder_that_releases_takes_nothing_from_its_successor(store: Arc<dyn DedupeStore>) {
    let promise = "rule 1: a lapsed holder that releases takes nothing from its successor";
    for (round, (event, holder)) in lapsed_holders(&store, promise).await.into_iter().enumerate() {
        let successor = event.claimer();
        match event.at_once(round, holder.release(1), successor.claim()).await {
            (Transition::Applied, Claim::Granted { attempt: 1 }) => event.is_held_by(&successor, 1).await,
            (Transition::Refused, Claim::Granted { attempt: 2 }) => event.is_held_by(&successor, 2).await,
            answers => event.is_answered_wrongly(answers),
        }
    }
}

/// Rule 1: what happens to one event has no effect on another.
pub async fn events_are_independent(store: Arc<dyn DedupeStore>) {
    let promise = "rule 1: events are independent, for each key has a record of its own";
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

/// Rule 1: events are not confused, however much their keys look alike.
pub async fn events_with_similar_keys_are_independent(store: Arc<dyn DedupeStore>) {
    let promise = "rule 1: events are independent, also if their keys differ in one digit";
    for event in Scene::with_similar_keys(&store, promise) {
        event.claimer().is_granted(1).await;
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

/// Rule 2: a claim is taken over no sooner than its lease has lapsed, whatever the store counts time in.
pub async fn a_claim_stands_until_its_lease_has_lapsed(store: Arc<dyn DedupeStore>) {
    let promise = "rule 2: a claim is not taken over before its lease has lapsed";
    let stands = async |(lease, moment)| {
        sleep(moment).await;
        let event = Scene::new(&store, promise);
        let since = Instant::now();
        event.claimer().with_lease(lease).is_granted(1).await;
        event.claimer().takes_over(2).await;
        event.has_taken(lease, since, "a lease");
    };
    let [one, two, three] = LEASES.map(stands);
    tokio::join!(one, two, three);
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

/// Rule 2: a claim that is repeated while the first is on its way is granted twice, as one attempt.
pub async fn a_claim_that_is_asked_for_twice_at_once_is_one_attempt(store: Arc<dyn DedupeStore>) {
    for round in 0..ROUNDS {
        let event = Scene::new(&store, "rule 2: a claim asked for twice at once is one attempt");
        event.has_failed_once().await;
        let holder = event.claimer();
        let granted = Claim::Granted { attempt: 2 };
        match event.at_once(round, holder.claim(), holder.claim()).await {
            answers if answers == (granted, granted) => event.is_held_by(&holder, 2).await,
            answers => event.is_answered_wrongly(answers),
        }
    }
}

/// Rule 2: a claim that was dropped half-way is granted when it is asked for again, as the same attempt.
pub async fn a_claim_that_was_dropped_half_way_is_granted_when_repeated(store: Arc<dyn DedupeStore>) {
    for steps in steps() {
        let event = Scene::new(&store, "rule 2: a claim that was dropped half-way is granted when repeated");
        event.has_failed_once().await;
        let holder = event.claimer();
        drop_after(steps, holder.claim()).await;
        holder.is_granted(2).await;
        event.is_held_by(&holder, 2).await;
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

/// Rule 3: who is told that an event is running is told when its lease lapses.
pub async fn a_running_event_says_when_its_lease_lapses(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 3: a claim on a running event is told when the lease lapses");
    let holder = event.claimer();
    let since = Instant::now();
    holder.is_granted(1).await;
    event.claimer().with_lease(BRIEF).is_told_the_lease(LEASE, since).await;
    for lease in [LEASE / 2, LEASE] {
        let since = Instant::now();
        holder.with_lease(lease).renews(1).await;
        event.claimer().is_told_the_lease(lease, since).await;
    }
}

/// Events that run, and the lease of whose holders has lapsed.
async fn lapsed_holders(store: &Arc<dyn DedupeStore>, promise: &'static str) -> Vec<(Scene, Claimer)> {
    let mut holders = Vec::new();
    for _ in 0..ROUNDS {
        let event = Scene::new(store, promise);
        let holder = event.brief_claimer();
        holder.is_granted(1).await;
        holders.push((event, holder));
    }
    sleep(OVER).await;
    holders
}
