//! Rules 1 and 2: what becomes of an event that is accepted, once or again.

use std::sync::Arc;

use bytes::Bytes;

use super::scene::{Call, Scene, WHY};
use crate::event::{EventType, Source};
use crate::inbox::{Accepted, Inbox, InboxEvent, InboxState, Job};
use crate::testing::conformance::{LEASE, RIVALS, ROUNDS, drop_after, steps};

/// Names that are easily taken for others, or for the end of one.
const TEXTS: &[&str] = &[
    "",
    " ",
    "order 7",
    "Order 7",
    "order 7 ",
    " order 7",
    "\u{e9}",
    "e\u{301}",
    "\0",
    "\0order",
    "order\x007",
    "order\x008",
    "line\r\nline\n",
    "'; DROP TABLE events; --",
    "\"\\",
    "%_*?[a-z]",
    "{a}:b,c",
    "null",
    "tenant",
    "0",
    "00",
    "1e3",
    "\u{1f3ac}",
    "\u{feff}",
    "\u{ffff}",
];

const BODIES: &[&str] = &[
    r#"{"event_type":"A","event_type":"B"}"#,
    "\u{feff}{\"event_type\": \"A\"}",
    " \r\n{\"event_type\"\t:\n\"A\"}\r\n\n",
    r#"{"event_type": "A", "data": ["\u0000", "\ud83c", "\/", 1e400, 0.10, 12345678901234567890123]}"#,
    "{\"event_type\": \"\u{e9}e\u{301}\u{1f3ac}\u{2028}\u{7f}\"}",
];

/// Rule 1: an event is found and leased as it was accepted, to the byte.
pub async fn an_event_comes_out_as_it_came_in(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 1: an event comes out as it came in");
    for text in TEXTS {
        let text = (*text).to_owned();
        comes_out(&scene, InboxEvent { job: Job::new(text.clone()), ..scene.event() }).await;
        comes_out(&scene, InboxEvent { source: Source::Job(text.clone()), ..scene.event() }).await;
        comes_out(&scene, InboxEvent { event_type: EventType::Other(text), ..scene.event() }).await;
    }
    for body in BODIES {
        comes_out(&scene, InboxEvent { body: Bytes::from_static(body.as_bytes()), ..scene.event() }).await;
    }
    for event_type in EventType::DOCUMENTED {
        comes_out(&scene, InboxEvent { event_type, ..scene.event() }).await;
    }
}

/// Rule 1: an event is not cut short, however long it is.
pub async fn a_long_event_comes_out_as_it_came_in(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 1: a long event comes out as it came in");
    let long = "\u{1f3ac} ".repeat(2_000);
    let body = format!(r#"{{"event_type": "A", "data": "{}"}}"#, "a".repeat(1 << 20));
    comes_out(&scene, InboxEvent { body: body.into(), ..scene.event() }).await;
    comes_out(&scene, InboxEvent { job: Job::new(long.clone()), ..scene.event() }).await;
    comes_out(&scene, InboxEvent { source: Source::Job(long.clone()), ..scene.event() }).await;
    comes_out(&scene, InboxEvent { event_type: EventType::Other(long), ..scene.event() }).await;
}

async fn comes_out(scene: &Scene, event: InboxEvent) {
    scene.takes_in(&event).await;
    let found = scene.is(InboxState::Queued, &event).await.event;
    is_the_same(scene, &event, found.as_ref());
    let worker = scene.worker();
    let leased = worker.lease().await;
    worker.is_given(&event, &leased);
    is_the_same(scene, &event, leased.first().map(|leased| &leased.event));
    worker.on(&event).finishes().await;
}

fn is_the_same(scene: &Scene, event: &InboxEvent, other: Option<&InboxEvent>) {
    let with_body = |event: &InboxEvent| {
        let body = String::from_utf8_lossy(&event.body).chars().take(200).collect::<String>();
        format!("{event:?} with {} bytes, {body:?}", event.body.len())
    };
    let is_right = other == Some(event);
    let came_out = other.map(with_body);
    scene.check(is_right, format_args!("what went in as {} came out as {came_out:?}", with_body(event)));
}

/// Rule 2: an event that comes again while it is queued is not stored a second time.
pub async fn an_event_that_comes_again_while_it_is_queued_waits(inbox: Arc<dyn Inbox>) {
    let scene =
        Scene::new(&inbox, "rule 2: an event that comes again while it is queued is not queued twice");
    let event = scene.queued().await;
    scene.says(Accepted::Waiting, &event).await;
    scene.says(Accepted::Waiting, &event).await;
    scene.counts([1, 0, 0, 0, 0], "when it came again").await;
    let worker = scene.worker().with_limit(10);
    let hold = worker.takes_as(&event, 1, 1).await;
    scene.worker().takes_nothing().await;
    hold.finishes().await;
    scene.worker().takes_nothing().await;
}

/// Rule 2: an event that comes again while it waits for its next try waits no less for it.
pub async fn an_event_that_comes_again_while_it_is_delayed_waits(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 2: an event that comes again while it is delayed is due no sooner");
    let event = scene.delayed().await;
    scene.says(Accepted::Waiting, &event).await;
    scene.worker().takes_nothing().await;
    scene.counts([0, 1, 0, 0, 0], "when it came again").await;
}

/// Rule 2: an event that comes again while it is leased stays its holder's, and is not queued when that has
/// finished.
pub async fn an_event_that_comes_again_while_it_is_leased_waits(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 2: an event that comes again while it is leased stays its holder's");
    let (event, hold) = scene.held().await;
    scene.says(Accepted::Waiting, &event).await;
    scene.is_held_by(&event, &hold).await;
    scene.worker().takes_nothing().await;

    let (event, hold) = scene.lapsed().await;
    scene.says(Accepted::Waiting, &event).await;
    hold.finishes().await;
    scene.worker().takes_nothing().await;
}

/// Rule 2: an event that was handled is not queued again.
pub async fn an_event_that_comes_again_when_it_is_done_is_not_queued(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 2: an event that comes again when it is done is not queued again");
    let event = scene.done().await;
    scene.says(Accepted::Done, &event).await;
    scene.says(Accepted::Done, &event).await;
    scene.is(InboxState::Done, &event).await;
    scene.worker().takes_nothing().await;
    scene.counts([0, 0, 0, 0, 1], "when it came again").await;
}

/// Rule 2: an event that was discarded is remembered as one that was handled.
pub async fn an_event_that_comes_again_when_it_is_discarded_is_not_queued(inbox: Arc<dyn Inbox>) {
    let promise = "rule 2: an event that comes again when it is discarded is not queued again";
    let scene = Scene::new(&inbox, promise);
    let event = scene.discarded().await;
    scene.says(Accepted::Done, &event).await;
    scene.is(InboxState::Done, &event).await;
    scene.worker().takes_nothing().await;
}

/// Rule 2: an event that comes again when it is dead is queued again, once.
pub async fn an_event_that_comes_again_when_it_is_dead_is_revived(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 2: an event that comes again when it is dead is queued again");
    let event = scene.dead().await;
    scene.says(Accepted::Revived, &event).await;
    scene.says(Accepted::Waiting, &event).await;
    scene.is(InboxState::Queued, &event).await;
    scene.counts([1, 0, 0, 0, 0], "when it came again").await;
    scene.is_leased_as(&event, 2, 1).await;
    scene.worker().takes_nothing().await;
    scene.says(Accepted::Done, &event).await;
}

/// Rule 2: an event that is revived has the body and the source that came last, in which signed links are fresh.
pub async fn a_revived_event_has_the_body_and_the_source_that_came_last(inbox: Arc<dyn Inbox>) {
    let promise = "rule 2: an event that is revived has the body and the source that came last";
    let scene = Scene::new(&inbox, promise);
    let job = |link: &str| Source::Job(link.to_owned());
    let sources = [(Source::Tenant, job("a")), (job("a"), job("b")), (job("b"), Source::Tenant)];
    for (stale, fresh) in sources {
        let event = InboxEvent { source: stale, ..scene.event() };
        scene.takes_in(&event).await;
        scene.worker().takes(&event).await.buries(WHY).await;
        let body = r#"{"event_type": "VIDEO_RENDER_COMPLETE", "data": {"download_url": "https://fresh/"}}"#;
        let again = InboxEvent { source: fresh, body: body.into(), ..event };
        scene.says(Accepted::Revived, &again).await;
        is_the_same(&scene, &again, scene.is(InboxState::Queued, &again).await.event.as_ref());
        let worker = scene.worker();
        let leased = worker.takes_all([&again]).await;
        is_the_same(&scene, &again, leased.first().map(|leased| &leased.event));
        worker.on(&again).finishes().await;
    }
}

/// Rule 2: an event that is revived stands where it stood, whatever it came as.
pub async fn a_revived_event_keeps_its_type_its_job_and_its_place(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 2: an event that is revived keeps its type, its job and its place");
    let events = scene.queue(&Job::new("job"), 2).await;
    let [first, second] = &events[..] else { return };
    scene.worker().takes(first).await.buries(WHY).await;
    let again = InboxEvent { event_type: EventType::RenderFailed, job: Job::new("another"), ..first.clone() };
    scene.says(Accepted::Revived, &again).await;
    is_the_same(&scene, first, scene.is(InboxState::Queued, first).await.event.as_ref());
    let leased = scene.worker().takes_all([first]).await;
    is_the_same(&scene, first, leased.first().map(|leased| &leased.event));
    scene.worker().takes(second).await;
}

/// Rule 2: what comes again under a key that waits changes nothing of what is stored under it.
pub async fn an_event_that_comes_again_with_other_contents_is_not_changed(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 2: an event that comes again with other contents is not changed");
    let event = scene.queued().await;
    let other = InboxEvent {
        key: event.key,
        event_type: EventType::RenderFailed,
        job: Job::new("another"),
        source: Source::Job("another".into()),
        body: r#"{"event_type": "RENDER_PROCESSING_FAILED"}"#.into(),
    };
    scene.says(Accepted::Waiting, &other).await;
    let worker = scene.worker();
    let leased = worker.takes_all([&event]).await;
    is_the_same(&scene, &event, leased.first().map(|leased| &leased.event));
    scene.says(Accepted::Waiting, &other).await;
    is_the_same(&scene, &event, scene.is(InboxState::Leased, &event).await.event.as_ref());
    worker.on(&event).is_applied(Call::Retry).await;
    scene.says(Accepted::Waiting, &other).await;
    is_the_same(&scene, &event, scene.is(InboxState::Queued, &event).await.event.as_ref());
}

/// Rule 2: events are not confused, however much their keys look alike.
pub async fn events_with_similar_keys_are_independent(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 2: events are independent, also if their keys differ in one digit");
    let events = scene.events_with_similar_keys();
    scene.takes_in_all(&events).await;
    let worker = scene.worker().with_limit(events.len());
    worker.takes_all(&events).await;
    let [first, second, others @ ..] = events.as_slice() else { return };
    worker.on(first).finishes().await;
    worker.on(second).is_applied(Call::Bury).await;
    scene.is(InboxState::Done, first).await;
    scene.is(InboxState::Dead, second).await;
    for other in others {
        scene.is(InboxState::Leased, other).await;
    }
}

/// Rule 2: of 32 deliveries of one event that are accepted at once, one stores it.
pub async fn one_of_many_accepts_of_a_new_event_is_new(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 2: one of many accepts of a new event is new");
    for _ in 0..ROUNDS {
        let event = scene.event();
        accepts_once(&scene, &event, Accepted::New).await;
        scene.is_leased_as(&event, 1, 1).await;
        scene.worker().takes_nothing().await;
    }
}

/// Rule 2: of 32 deliveries of a dead event that are accepted at once, one queues it again.
pub async fn one_of_many_accepts_of_a_dead_event_revives_it(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 2: one of many accepts of a dead event revives it");
    for _ in 0..ROUNDS {
        let event = scene.dead().await;
        accepts_once(&scene, &event, Accepted::Revived).await;
        scene.is_leased_as(&event, 2, 1).await;
        scene.worker().takes_nothing().await;
    }
}

async fn accepts_once(scene: &Scene, event: &InboxEvent, first: Accepted) {
    let answers = scene.promise.all_at_once((0..RIVALS).map(|_| scene.accept(event))).await;
    let others: Vec<_> = answers.iter().filter(|answer| **answer != Accepted::Waiting).collect();
    let is_right = others == [&first];
    scene.check(is_right, format_args!("of {RIVALS} accepts, those not Waiting were {others:?}"));
}

/// Rule 2: an accept that was dropped half-way stores the event once, with the one that repeats it.
pub async fn an_accept_that_was_dropped_half_way_is_stored_once(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 2: an accept that was dropped half-way is stored once");
    for steps in steps() {
        let event = scene.event();
        drop_after(steps, scene.accept(&event)).await;
        let accepted = scene.accept(&event).await;
        let is_right = matches!(accepted, Accepted::New | Accepted::Waiting);
        scene.check(is_right, format_args!("the second accept was {accepted:?}"));
        let hold = scene.worker().with_limit(10).with_lease(LEASE).takes_as(&event, 1, 1).await;
        hold.finishes().await;
        scene.says(Accepted::Done, &event).await;
    }
}
