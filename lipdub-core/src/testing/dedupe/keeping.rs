//! Rules 8 to 10: attempts, and for how long a record is kept.

use std::iter;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::scene::Scene;
use crate::dedupe::{Claim, DedupeStore, Transition};
use crate::testing::conformance::{BRIEF, LEASE, OVER};

/// Long enough to see that something ends too soon.
const SOON: Duration = Duration::from_millis(300);

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

/// Rule 8: a holder that does not know its attempt, as after a claim without an answer, lowers nothing.
pub async fn an_attempt_that_is_told_wrong_lowers_nothing(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 8: an attempt that is told wrong lowers nothing");
    for attempt in 1..=2 {
        let holder = event.claimer();
        holder.is_granted(attempt).await;
        holder.fails(attempt).await;
    }
    let holder = event.claimer();
    holder.is_granted(3).await;
    // A store may refuse what does not fit, or go by the token alone.
    let _ = holder.renew(1).await;
    holder.is_granted(3).await;
    if holder.fail(1).await == Transition::Refused {
        holder.fails(3).await;
    }
    event.claimer().is_granted(4).await;
}

/// Rule 10: the retention starts anew with each transition.
pub async fn a_record_is_kept_from_its_last_transition(store: Arc<dyn DedupeStore>) {
    let promise = "rule 10: a record is kept for the retention after its last transition";
    for retention in longer_and_longer() {
        let events = [(); 4].map(|()| Scene::new(&store, promise));
        let holders = events.each_ref().map(Scene::brief_claimer);
        for event in &events {
            event.has_failed_once().await;
        }
        let since = Instant::now();
        for holder in &holders {
            holder.with_retention(retention).is_granted(2).await;
        }
        let [renewing, failing, finishing, releasing] = holders;
        renewing.with_lease(LEASE).renews(2).await;
        failing.fails(2).await;
        finishing.finishes(2).await;
        // If the claim is forgotten by now there is nothing to release.
        let _ = releasing.release(2).await;
        let is_in_time = since.elapsed() < retention;

        sleep(retention + OVER).await;
        let [renewed, failed, done, released] = events;
        renewed.is_running().await;
        failed.claimer().is_granted(3).await;
        done.is_done().await;
        if is_in_time {
            return released.claimer().is_granted(2).await;
        }
    }
}

/// Rule 10: the retention starts anew with each claim that is granted.
pub async fn a_record_is_kept_from_its_last_claim(store: Arc<dyn DedupeStore>) {
    let promise = "rule 10: a record is kept for the retention after its last claim";
    for retention in longer_and_longer() {
        let [failed, repeated] = [(); 2].map(|()| Scene::new(&store, promise));
        let [failing, repeating, succeeding] = [&failed, &repeated, &failed].map(Scene::claimer);
        let since = Instant::now();
        failing.with_retention(retention).is_granted(1).await;
        failing.with_retention(retention).fails(1).await;
        repeating.with_retention(retention).is_granted(1).await;
        repeating.is_granted(1).await;
        // As attempt 2, or 1 if the failure is forgotten by now.
        let claim = succeeding.claim().await;
        let is_in_time = since.elapsed() < retention;

        sleep(retention + OVER).await;
        repeated.is_running().await;
        failed.is_running().await;
        if is_in_time {
            return failed.check(claim == Claim::Granted { attempt: 2 }, format_args!("it was {claim:?}"));
        }
    }
}

/// Rule 10: a long retention is not taken for a short one, as happens to numbers that are too large.
pub async fn a_record_with_a_long_retention_is_kept(store: Arc<dyn DedupeStore>) {
    let thirty_days = Duration::from_secs(30 * 24 * 60 * 60);
    let milliseconds_beyond_32_bits = Duration::from_millis(1 << 32);
    for retention in [thirty_days, milliseconds_beyond_32_bits] {
        let event = Scene::new(&store, "rule 10: a record is kept that is to be kept for long");
        let holder = event.claimer().with_retention(retention);
        holder.is_granted(1).await;
        event.is_running().await;
        holder.finishes(1).await;
        event.is_done().await;
    }
}

/// Rule 10: a success is forgotten when its retention has passed, and not before.
pub async fn a_done_event_is_forgotten_after_its_retention(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 10: a done event is forgotten after its retention");
    let holder = event.brief_claimer().with_retention(SOON);
    holder.is_granted(1).await;
    let since = Instant::now();
    holder.finishes(1).await;
    event.claimer().is_granted_in_the_end(1).await;
    event.has_taken(SOON, since, "a retention");
}

/// Rule 10: a failure is forgotten when its retention has passed, and not before.
pub async fn a_failed_event_is_forgotten_after_its_retention(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 10: a failed event is forgotten after its retention");
    let holder = event.brief_claimer().with_retention(SOON);
    holder.is_granted(1).await;
    let since = Instant::now();
    holder.fails(1).await;
    event.is_forgotten().await;
    event.has_taken(SOON, since, "a retention");
}

/// Rule 10: an event whose holder died is forgotten when its retention has passed, and not before.
pub async fn a_running_event_is_forgotten_after_its_retention(store: Arc<dyn DedupeStore>) {
    let event = Scene::new(&store, "rule 10: a running event is forgotten after its retention");
    let since = Instant::now();
    event.brief_claimer().with_retention(SOON).is_granted(1).await;
    event.is_forgotten().await;
    event.has_taken(SOON, since, "a retention");
}

/// Retentions to try one after the other: on a machine that stalls, what was done before may be forgotten too
/// soon to see what was to be seen.
fn longer_and_longer() -> impl Iterator<Item = Duration> {
    iter::successors(Some(BRIEF), |retention| Some(*retention * 2))
}
