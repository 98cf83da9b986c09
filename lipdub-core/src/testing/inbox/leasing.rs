//! Rule 4: which events a lease gives, to whom and for how long.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use tokio::time::sleep;

use super::scene::{Call, Scene, WHY};
use crate::event::EventType;
use crate::inbox::{Inbox, InboxEvent, InboxState};
use crate::testing::conformance::{BRIEF, LEASE, LEASES, OVER, ROUNDS, drop_after, steps};

/// Rule 4: an event that was never leased is attempt 1 and try 1, for no reason.
pub async fn a_new_event_is_leased_as_attempt_1(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 4: a new event is leased as attempt 1");
    scene.worker().takes_nothing().await;
    let event = scene.queued().await;
    let worker = scene.worker();
    let leased = worker.lease().await;
    worker.is_given_as(&event, 1, 1, &leased);
    let why = leased.into_iter().find_map(|leased| leased.why);
    scene.check(why.is_none(), format_args!("it was leased because of {why:?}"));
    let record = scene.is(InboxState::Leased, &event).await;
    scene.check(record.attempt == 1 && record.why.is_none(), format_args!("it was found as {record:?}"));
}

/// Rule 4: a lease gives as many events as are due, and no more than it asks for.
pub async fn a_lease_gives_no_more_than_it_asks_for(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 4: a lease gives no more than it asks for");
    for _ in 0..10 {
        scene.queued().await;
    }
    for (limit, expected) in [(0, 0), (1, 1), (3, 3), (usize::MAX, 6), (1, 0)] {
        let leased = scene.worker().with_limit(limit).lease().await;
        let is_right = leased.len() == expected;
        scene.check(is_right, format_args!("asked for {limit} it gave {} events", leased.len()));
    }
    scene.counts([0, 0, 10, 0, 0], "when all were leased").await;
}

/// Rule 4: a lease gives events of the types that it asks for, and no others.
pub async fn a_lease_gives_only_the_types_it_asks_for(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 4: a lease gives only the types it asks for");
    let types = [
        "VIDEO_RENDER_COMPLETE",
        "video_render_complete",
        "VIDEO_RENDER_COMPLETE ",
        "VIDEO_RENDER",
        "",
        "A,B",
    ];
    let types = types.map(EventType::from);
    let events = types.clone().map(|event_type| InboxEvent { event_type, ..scene.event() });
    scene.takes_in_all(&events).await;
    scene.worker().with_limit(10).of_types(&[]).takes_nothing().await;
    scene.worker().with_limit(10).of_types(&["A".into(), "VIDEO".into(), "%".into()]).takes_nothing().await;
    for (event_type, event) in types.iter().zip(&events).take(4) {
        let worker = scene.worker().with_limit(10).of_types(std::slice::from_ref(event_type));
        worker.takes(event).await;
    }
    scene.worker().with_limit(10).of_types(&types).takes_all(&events[4..]).await;
}

/// Rule 4: an event is leased by nobody else before its lease has lapsed, whatever the inbox counts time in.
pub async fn an_event_stays_leased_until_its_lease_has_lapsed(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 4: an event is not leased anew before its lease has lapsed");
    let stands = async |(lease, moment)| {
        sleep(moment).await;
        let event = scene.event_of_its_own_type();
        scene.takes_in(&event).await;
        let since = Instant::now();
        scene.worker().of_type_of(&event).with_lease(lease).takes(&event).await;
        scene.worker().of_type_of(&event).takes_in_the_end(&event).await;
        scene.promise.has_taken(lease, since, "a lease");
    };
    let [one, two, three] = LEASES.map(stands);
    tokio::join!(one, two, three);
}

/// Rule 4: an event whose holder died is leased anew when the lease has lapsed, as the next attempt.
pub async fn a_lapsed_event_is_leased_with_the_next_attempt(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 4: a lapsed event is leased with the next attempt");
    let event = scene.queued().await;
    scene.brief_worker().takes_as(&event, 1, 1).await;
    for attempt in 2..=3 {
        let worker = scene.brief_worker();
        let leased = worker.takes_in_the_end(&event).await;
        worker.is_given_as(&event, attempt, attempt, &[leased]);
    }
    let worker = scene.worker();
    let leased = worker.takes_in_the_end(&event).await;
    worker.is_given_as(&event, 4, 4, &[leased]);
    scene.is_held_by(&event, &worker.on(&event)).await;
}

/// Rule 4: a lease whose answer was lost gives the same events again, as the same attempts.
pub async fn a_repeated_lease_gives_the_same_events(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 4: a repeated lease gives the same events and attempts");
    let events = scene.queue(&scene.event().job, 5).await;
    let (held, others) = events.split_at(3);
    let worker = scene.worker().with_limit(3);
    for _ in 0..3 {
        for leased in worker.takes_all(held).await {
            let is_right = (leased.attempt, leased.tries) == (1, 1);
            scene.check(is_right, format_args!("it gave {leased:?} as another attempt"));
        }
    }
    scene.worker().with_limit(10).takes_all(others).await;
    let [first, ..] = held else { return };
    worker.on(first).is_applied(Call::Bury).await;
    scene.replays(first).await;
    let next = scene.worker();
    next.takes_as(first, 2, 1).await;
    next.takes_as(first, 2, 1).await;
}

/// Rule 4: a repeated lease that holds fewer events than it asks for gets more, and no more than that.
pub async fn a_repeated_lease_is_topped_up_to_its_limit(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 4: a repeated lease is topped up to its limit");
    let job = scene.event().job;
    let worker = scene.worker().with_limit(3);
    let mut events = scene.queue(&job, 2).await;
    worker.takes_all(&events).await;
    events.extend(scene.queue(&job, 3).await);
    let leased = worker.takes_all(&events[..3]).await;
    scene.check(leased.iter().all(|leased| leased.attempt == 1), "an event was leased twice");
    worker.takes_all(&events[..3]).await;
    scene.worker().with_limit(10).takes_all(&events[3..]).await;
}

/// Rule 4: what a token has settled it does not hold, and a repeated lease gives others in its place.
pub async fn a_repeated_lease_leaves_out_what_was_settled(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 4: a repeated lease leaves out what was settled");
    let events = scene.queue(&scene.event().job, 6).await;
    let worker = scene.worker().with_limit(3);
    worker.takes_all(&events[..3]).await;
    for (event, call) in events.iter().zip([Call::Done, Call::Retry, Call::Bury]) {
        worker.on(event).is_applied(call).await;
    }
    worker.takes_all(&events[3..]).await;
    scene.worker().takes_nothing().await;
}

/// Rule 4: a repeated lease renews the leases of what it gives again.
pub async fn a_repeated_lease_renews_its_leases(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 4: a repeated lease renews its leases");
    let event = scene.queued().await;
    let worker = scene.brief_worker();
    worker.takes(&event).await;
    let hold = worker.with_lease(LEASE).takes_as(&event, 1, 1).await;
    sleep(OVER).await;
    scene.is_held_by(&event, &hold).await;
}

/// Rule 4: an event whose lease has lapsed is still its token's as long as nobody has leased it anew.
pub async fn a_lapsed_lease_that_is_repeated_gives_the_same_attempt(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 4: a lapsed lease that is repeated gives the same attempt");
    let event = scene.queued().await;
    let worker = scene.brief_worker().with_limit(10);
    worker.takes(&event).await;
    sleep(OVER).await;
    let hold = worker.with_lease(LEASE).takes_as(&event, 1, 1).await;
    scene.is_held_by(&event, &hold).await;
}

/// Rule 4: who was replaced does not get the event back by asking for it again.
pub async fn a_replaced_holder_does_not_get_its_event_back(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 4: a replaced holder does not get its event back");
    let event = scene.queued().await;
    let zombie = scene.brief_worker();
    zombie.takes(&event).await;
    sleep(OVER).await;
    let hold = scene.worker().takes_as(&event, 2, 2).await;
    zombie.takes_nothing().await;
    let other = scene.queued().await;
    zombie.with_lease(LEASE).with_limit(2).takes_as(&other, 1, 1).await;
    scene.is_held_by(&event, &hold).await;
}

/// Rule 4: a lease that is repeated while the first is on its way gives one token's events, and each once.
pub async fn a_lease_that_is_asked_for_twice_at_once_is_one(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 4: a lease that is asked for twice at once is one");
    for round in 0..ROUNDS {
        for _ in 0..4 {
            scene.queued().await;
        }
        let worker = scene.worker().with_limit(2);
        let (mut leased, other) = scene.promise.at_once(round, worker.lease(), worker.lease()).await;
        leased.extend(other);
        leased.extend(worker.lease().await);
        let keys: BTreeSet<_> = leased.iter().map(|leased| leased.event.key).collect();
        let is_right = keys.len() == 2 && leased.iter().all(|leased| leased.attempt == 1);
        scene.check(is_right, format_args!("two events were asked for, and given were {leased:#?}"));
        let rest = scene.worker().with_limit(10).lease().await;
        scene.check(rest.len() == 2, format_args!("there were two more, and given were {rest:#?}"));
        for leased in rest.into_iter().chain(worker.lease().await) {
            scene.hold(leased.holder).finishes().await;
        }
    }
}

/// Rule 4: a lease that was dropped half-way gives the same when it is repeated, and nothing is lost.
pub async fn a_lease_that_was_dropped_half_way_is_the_same_when_repeated(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 4: a lease that was dropped half-way is the same when repeated");
    for steps in steps() {
        let events = scene.queue(&scene.event().job, 3).await;
        let (first, last) = events.split_at(2);
        let worker = scene.worker().with_limit(2);
        drop_after(steps, worker.lease()).await;
        let leased = worker.takes_all(first).await;
        let is_right = leased.iter().all(|leased| (leased.attempt, leased.tries) == (1, 1));
        scene.check(is_right, format_args!("it gave {leased:#?}"));
        let other = scene.worker().with_limit(10);
        other.takes_all(last).await;
        for event in first {
            worker.on(event).finishes().await;
        }
        for event in last {
            other.on(event).finishes().await;
        }
    }
}

/// Rule 4: what is dead, done or not due yet is not leased.
pub async fn only_what_is_due_is_leased(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 4: only what is due is leased");
    let _held = scene.held().await;
    scene.delayed().await;
    scene.dead().await;
    scene.done().await;
    scene.discarded().await;
    scene.worker().with_limit(10).takes_nothing().await;
    let (event, hold) = scene.held().await;
    hold.retries(BRIEF, WHY).await;
    scene.worker().with_limit(10).takes_in_the_end(&event).await;
}
