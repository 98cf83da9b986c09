//! Rules 8 to 10: attempts, and for how long a record is kept.

use std::sync::Arc;

use tokio::time::sleep;

use super::scene::{BRIEF, LEASE, OVER, Scene};
use crate::dedupe::DedupeStore;

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
