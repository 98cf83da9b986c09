//! Who is next.

use std::time::Duration;

use lipdub_core::dedupe::Transition;
use lipdub_core::inbox::{Accepted, InboxEvent};
use lipdub_core::{EventType, Inbox, SqliteInbox};

use crate::support::*;

async fn accept(inbox: &SqliteInbox, events: impl IntoIterator<Item = InboxEvent>) {
    for event in events {
        assert_eq!(inbox.accept(&event).await.unwrap(), Accepted::New);
    }
}

fn of_type(event_type: EventType, event: InboxEvent) -> InboxEvent {
    InboxEvent { event_type, ..event }
}

#[tokio::test]
async fn jobs_take_turns_and_each_keeps_its_order() {
    let place = Place::new();
    let inbox = place.open().await;
    accept(&inbox, (0..4).map(|n| event(format!("a{n}"), "a"))).await;
    accept(&inbox, (0..2).map(|n| event(format!("b{n}"), "b"))).await;
    accept(&inbox, [event("c0", "c")]).await;
    let order = ["a0", "b0", "c0", "a1", "b1", "a2", "a3"];
    assert_eq!(names(&lease(&inbox, request(10)).await), order);
}

#[tokio::test]
async fn a_job_that_comes_late_waits_for_one_event_of_each_other_job() {
    let place = Place::new();
    let inbox = place.open().await;
    accept(&inbox, (0..100).map(|n| event(format!("a{n}"), "a"))).await;
    assert_eq!(lease(&inbox, request(50)).await.len(), 50);
    accept(&inbox, [event("b", "b")]).await;
    let next = names(&lease(&inbox, request(2)).await);
    assert!(next.contains(&"b".to_owned()), "{next:?}");
}

#[tokio::test]
async fn a_job_that_comes_back_at_once_does_not_keep_others_waiting() {
    let place = Place::new();
    let inbox = place.open().await;
    accept(&inbox, (0..10).map(|n| event(format!("a{n}"), "a"))).await;
    accept(&inbox, [event("b0", "b")]).await;
    let mut of_b = 0;
    for n in 1..=10 {
        let leased = lease(&inbox, request(1)).await;
        if names(&leased)[0].starts_with('b') {
            of_b += 1;
            accept(&inbox, [event(format!("b{n}"), "b")]).await;
        }
    }
    assert_eq!(of_b, 5);
}

#[tokio::test]
async fn a_job_whose_events_are_all_due_again_takes_turns_with_the_others() {
    let place = Place::new();
    let inbox = place.open().await;
    accept(&inbox, (0..20).map(|n| event(format!("a{n}"), "a"))).await;
    for leased in lease(&inbox, request(20)).await {
        let retried = inbox.retry(&leased.holder, Duration::from_millis(1), "in a test").await.unwrap();
        assert_eq!(retried, Transition::Applied);
    }
    accept(&inbox, [event("b", "b")]).await;
    let all_are_due = async { while inbox.stats().await.unwrap().due < 21 {} };
    tokio::time::timeout(SLACK, all_are_due).await.unwrap();
    let next = names(&lease(&inbox, request(3)).await);
    assert!(next.contains(&"b".to_owned()), "{next:?}");
    assert_eq!(next.iter().filter(|name| name.starts_with('a')).collect::<Vec<_>>(), ["a0", "a1"]);
}

/// A job that stood still for long has not saved up turns.
#[tokio::test]
async fn a_job_that_was_held_up_takes_turns_with_the_others() {
    let place = Place::new();
    let inbox = place.open().await;
    accept(&inbox, (0..10).map(|n| event(format!("a{n}"), "a"))).await;
    let held_up = lease(&inbox, per_job(1)).await[0].holder;
    for n in 0..50 {
        accept(&inbox, [event(format!("c{n}"), "c")]).await;
        done(&inbox, lease(&inbox, per_job(1)).await[0].holder).await;
    }
    done(&inbox, held_up).await;
    accept(&inbox, (0..3).map(|n| event(format!("b{n}"), "b"))).await;
    let mut order = Vec::new();
    for _ in 0..6 {
        let leased = lease(&inbox, per_job(1)).await;
        order.extend(names(&leased));
        done(&inbox, leased[0].holder).await;
    }
    assert_eq!(order, ["a1", "a2", "b0", "a3", "b1", "a4"]);
}

#[tokio::test]
async fn who_takes_some_types_leaves_the_others_their_turn() {
    let place = Place::new();
    let inbox = place.open().await;
    accept(&inbox, (0..20).map(|n| event(format!("a{n}"), "a"))).await;
    accept(&inbox, [of_type(EventType::RenderFailed, event("a20", "a"))]).await;
    accept(&inbox, [of_type(EventType::TrainingComplete, event("c", "c"))]).await;
    let some = request(10).event_types([EventType::RenderFailed, EventType::TrainingComplete]);
    assert_eq!(names(&lease(&inbox, some).await), ["a20", "c"]);
    accept(&inbox, [event("b", "b")]).await;
    assert!(names(&lease(&inbox, request(2)).await).contains(&"b".to_owned()));
    let none = request(10).event_types([EventType::FileUploadFailed]);
    assert!(lease(&inbox, none).await.is_empty());
}

#[tokio::test]
async fn one_of_some_types_waits_for_an_earlier_one_of_its_job_that_is_of_another_type() {
    let place = Place::new();
    let inbox = place.open().await;
    accept(&inbox, [event("a0", "a"), of_type(EventType::RenderFailed, event("a1", "a"))]).await;
    let failed = || per_job(10).event_types([EventType::RenderFailed]);
    assert!(lease(&inbox, failed()).await.is_empty());
    let first = lease(&inbox, per_job(10)).await;
    assert_eq!(names(&first), ["a0"]);
    assert!(lease(&inbox, failed()).await.is_empty());
    done(&inbox, first[0].holder).await;
    assert_eq!(names(&lease(&inbox, failed()).await), ["a1"]);
}

#[tokio::test]
async fn events_behind_a_dead_one_wait_until_it_is_replayed_or_gone() {
    let place = Place::new();
    let inbox = place.open().await;
    accept(&inbox, [event("a0", "a"), event("a1", "a"), event("b0", "b"), event("b1", "b")]).await;
    for leased in lease(&inbox, behind_dead(10)).await {
        bury(&inbox, leased.holder).await;
    }
    accept(&inbox, [event("a2", "a")]).await;
    assert!(lease(&inbox, behind_dead(10)).await.is_empty());

    assert_eq!(inbox.replay(key("a0")).await.unwrap(), Transition::Applied);
    assert_eq!(inbox.discard(key("b0")).await.unwrap(), Transition::Applied);
    let leased = lease(&inbox, behind_dead(10)).await;
    assert_eq!(names(&leased), ["a0", "b1"]);
    bury(&inbox, leased[0].holder).await;
    assert!(lease(&inbox, behind_dead(10)).await.is_empty());

    assert_eq!(inbox.prune(Duration::ZERO).await.unwrap(), 2, "a dead one, and one that was discarded");
    assert_eq!(names(&lease(&inbox, behind_dead(10)).await), ["a1"]);
}
