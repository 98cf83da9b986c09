//! Rules 5 to 8: who may settle an event, what becomes of it, and what counts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::scene::{Call, Scene, WHY};
use crate::inbox::{DeadFilter, Inbox, InboxEvent, InboxState};
use crate::testing::conformance::{BRIEF, LEASE, LEASES, OVER, TICK, drop_after, steps};

/// Rule 5: who never held an event changes nothing while it is queued.
pub async fn a_stranger_changes_nothing_about_a_queued_event(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 5: a stranger changes nothing about a queued event");
    let event = scene.delayed().await;
    scene.worker().on(&event).changes_nothing().await;
    scene.counts([0, 1, 0, 0, 0], "after a stranger's calls").await;
    let event = scene.queued().await;
    scene.worker().on(&event).changes_nothing().await;
    scene.is_leased_as(&event, 1, 1).await;
}

/// Rule 5: who never held an event changes nothing while it is held.
pub async fn a_stranger_changes_nothing_about_a_leased_event(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 5: a stranger changes nothing about a leased event");
    let (event, hold) = scene.held().await;
    scene.worker().on(&event).changes_nothing().await;
    // A token is not a key to all events.
    let (_, other) = scene.held().await;
    other.on(&event).changes_nothing().await;
    scene.is_held_by(&event, &hold).await;

    let (event, hold) = scene.lapsed().await;
    scene.worker().on(&event).changes_nothing().await;
    hold.finishes().await;
}

/// Rule 5: who never held an event changes nothing when it is dead.
pub async fn a_stranger_changes_nothing_about_a_dead_event(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 5: a stranger changes nothing about a dead event");
    let event = scene.dead().await;
    scene.worker().on(&event).changes_nothing().await;
    scene.is(InboxState::Dead, &event).await;
}

/// Rule 5: who never held an event changes nothing when it is done.
pub async fn a_stranger_changes_nothing_about_a_done_event(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 5: a stranger changes nothing about a done event");
    for event in [scene.done().await, scene.discarded().await] {
        scene.worker().on(&event).changes_nothing().await;
        scene.is(InboxState::Done, &event).await;
    }
}

/// Rule 5: nobody settles what was never accepted.
pub async fn nobody_changes_anything_about_an_unknown_event(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 5: nobody changes anything about an unknown event");
    let event = scene.event();
    scene.worker().on(&event).changes_nothing().await;
    scene.is_unknown(&event).await;
    scene.counts([0; 5], "with nothing in it").await;
}

/// Rule 5: a zombie changes nothing while its successor has the event.
pub async fn a_replaced_holder_changes_nothing_while_its_successor_works(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 5: a replaced holder changes nothing while its successor works");
    let (event, zombie, successor) = scene.taken_over().await;
    zombie.changes_nothing().await;
    scene.is_held_by(&event, &successor).await;
}

/// Rule 5: a zombie changes nothing after its successor has settled the event, however it did.
pub async fn a_replaced_holder_changes_nothing_after_its_successor_settled(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 5: a replaced holder changes nothing after its successor settled");
    for call in [Call::Done, Call::Retry, Call::Bury, Call::GiveBack] {
        let (event, zombie, successor) = scene.taken_over().await;
        successor.is_applied(call).await;
        zombie.changes_nothing().await;
        scene.is(call.leaves(), &event).await;
        if call == Call::GiveBack {
            scene.is_leased_as(&event, 3, 2).await;
        }
    }
    scene.counts([0, 1, 0, 1, 2], "after a zombie's calls").await;
}

/// Rule 5: a lapsed lease alone takes nothing away: its holder renews it.
pub async fn a_lapsed_holder_still_renews(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 5: a lapsed holder whom nobody replaced still renews");
    let (event, hold) = scene.lapsed().await;
    hold.renews(LEASE).await;
    scene.is_held_by(&event, &hold).await;
}

/// Rule 5: a lapsed lease alone takes nothing away: its holder finishes.
pub async fn a_lapsed_holder_still_finishes(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 5: a lapsed holder whom nobody replaced still finishes");
    still(&scene, Call::Done).await;
}

/// Rule 5: a lapsed lease alone takes nothing away: its holder has the event retried.
pub async fn a_lapsed_holder_still_retries(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 5: a lapsed holder whom nobody replaced still retries");
    still(&scene, Call::Retry).await;
}

/// Rule 5: a lapsed lease alone takes nothing away: its holder gives up on the event.
pub async fn a_lapsed_holder_still_buries(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 5: a lapsed holder whom nobody replaced still buries");
    still(&scene, Call::Bury).await;
}

async fn still(scene: &Scene, call: Call) {
    let (event, hold) = scene.lapsed().await;
    hold.is_applied(call).await;
    scene.is(call.leaves(), &event).await;
    scene.worker().takes_nothing().await;
}

/// Rule 5: a lapsed lease alone takes nothing away: its holder gives the event back, and it counts no try.
pub async fn a_lapsed_holder_still_gives_back(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 5: a lapsed holder whom nobody replaced still gives back");
    let (event, hold) = scene.lapsed().await;
    hold.gives_back().await;
    scene.is(InboxState::Queued, &event).await;
    scene.is_leased_as(&event, 2, 1).await;
}

/// Rule 5: a lease that is renewed lapses later.
pub async fn a_renewed_lease_keeps_others_away(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 5: a renewed lease keeps others away");
    let event = scene.queued().await;
    let hold = scene.brief_worker().takes(&event).await;
    hold.renews(LEASE).await;
    sleep(OVER).await;
    scene.is_held_by(&event, &hold).await;
}

/// Rule 5: a lease is renewed from now, and not prolonged by what is left of it.
pub async fn a_renewed_lease_counts_from_now(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 5: a renewed lease counts from now");
    let (event, hold) = scene.held().await;
    hold.renews(LEASE).await;
    hold.renews(LEASE).await;
    scene.worker().takes_nothing().await;
    hold.renews(BRIEF).await;
    scene.worker().takes_in_the_end(&event).await;
}

/// Rule 5: an event is leased by nobody else before its renewed lease has lapsed, whatever the inbox counts
/// time in.
pub async fn a_renewed_lease_stands_until_it_has_lapsed(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 5: an event is not leased anew before its renewed lease has lapsed");
    let stands = async |(lease, moment)| {
        sleep(moment).await;
        let event = scene.event_of_its_own_type();
        scene.takes_in(&event).await;
        let hold = scene.worker().of_type_of(&event).takes(&event).await;
        let since = Instant::now();
        hold.renews(lease).await;
        scene.worker().of_type_of(&event).takes_in_the_end(&event).await;
        scene.promise.has_taken(lease, since, "a lease");
    };
    let [one, two, three] = LEASES.map(stands);
    tokio::join!(one, two, three);
}

/// Rule 6: a settlement of which the answer was lost is said again, and applied again.
pub async fn a_settlement_said_again_is_applied_again(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 6: a settlement said again is applied again");
    for call in Call::SETTLEMENTS {
        let (event, hold) = scene.held().await;
        for _ in 0..3 {
            hold.is_applied(call).await;
            scene.is(call.leaves(), &event).await;
        }
        if call == Call::GiveBack {
            // Three times said, once taken back.
            scene.is_leased_as(&event, 2, 1).await;
        }
    }
    scene.counts([0, 1, 0, 1, 2], "after each settlement was said three times").await;
}

/// Rule 6: a retry said again does not change when the event is due, nor why.
pub async fn a_retry_said_again_changes_nothing_more(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 6: a retry said again changes nothing more");
    let (event, hold) = scene.held().await;
    hold.retries(LEASE, WHY).await;
    hold.retries(Duration::ZERO, "another reason").await;
    scene.worker().takes_nothing().await;
    has_reason(&scene, &event, WHY).await;

    let (event, hold) = scene.held().await;
    hold.retries(BRIEF, WHY).await;
    hold.retries(LEASE, "another reason").await;
    let leased = scene.worker().takes_in_the_end(&event).await;
    let is_right = leased.why.as_deref() == Some(WHY) && (leased.attempt, leased.tries) == (2, 2);
    scene.check(is_right, format_args!("it was leased as {leased:?}"));
}

/// Rule 6: a burial said again does not change when the event died, nor why.
pub async fn a_burial_said_again_changes_nothing_more(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 6: a burial said again changes nothing more");
    let [(first, hold), (last, last_hold)] = [scene.held().await, scene.held().await];
    hold.buries(WHY).await;
    sleep(TICK).await;
    last_hold.buries(WHY).await;
    sleep(TICK).await;
    hold.buries("another reason").await;
    for letter in scene.lists(&DeadFilter::default(), &[&last, &first]).await {
        scene.check(letter.why == WHY, format_args!("it died because of {:?}", letter.why));
    }
}

/// Rule 6: an event that is said again to be given back is given back once.
pub async fn a_return_said_again_changes_nothing_more(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 6: give_back said again takes back one try");
    let (event, hold) = scene.held().await;
    hold.retries(Duration::ZERO, WHY).await;
    let hold = scene.worker().takes_as(&event, 2, 2).await;
    hold.retries(Duration::ZERO, WHY).await;
    let hold = scene.worker().takes_as(&event, 3, 3).await;
    for _ in 0..3 {
        hold.gives_back().await;
    }
    scene.is_leased_as(&event, 4, 3).await;
}

/// Rule 6: a settlement that was dropped half-way is said again, and applied.
pub async fn a_settlement_that_was_dropped_half_way_is_applied_when_said_again(inbox: Arc<dyn Inbox>) {
    let scene =
        Scene::new(&inbox, "rule 6: a settlement that was dropped half-way is applied when said again");
    for call in Call::SETTLEMENTS {
        for steps in steps() {
            let (event, hold) = scene.held().await;
            drop_after(steps, hold.call(call)).await;
            hold.is_applied(call).await;
            scene.is(call.leaves(), &event).await;
            if call == Call::GiveBack {
                scene.is_leased_as(&event, 2, 1).await;
            }
        }
    }
}

/// Rule 6: who has settled an event does not settle it in another way, and does not renew it.
pub async fn a_settled_event_is_not_settled_otherwise(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 6: an event that is settled is not settled otherwise by its holder");
    for call in Call::SETTLEMENTS {
        let (event, hold) = scene.held().await;
        hold.is_applied(call).await;
        for other in Call::ALL.into_iter().filter(|other| *other != call) {
            hold.is_refused(other).await;
        }
        scene.is(call.leaves(), &event).await;
        hold.is_applied(call).await;
        if call == Call::GiveBack {
            scene.is_leased_as(&event, 2, 1).await;
        }
    }
    scene.counts([0, 1, 0, 1, 2], "after each settlement and all others").await;
}

/// Rule 6: what was said of an event is of no account when another has leased it.
pub async fn a_settlement_said_again_after_the_next_lease_is_refused(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 6: a settlement said again after the next lease is refused");
    let (event, hold) = scene.held().await;
    hold.retries(Duration::ZERO, WHY).await;
    let next = scene.worker().takes_as(&event, 2, 2).await;
    hold.changes_nothing().await;
    next.gives_back().await;
    hold.changes_nothing().await;
    let last = scene.worker().takes_as(&event, 3, 2).await;
    hold.changes_nothing().await;
    next.changes_nothing().await;
    scene.is_held_by(&event, &last).await;
}

/// Rule 6: who gave up on an event does not do so again when it is queued anew.
pub async fn a_burial_said_again_after_a_revival_is_refused(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 6: a burial said again after a revival is refused");
    let (replayed, hold) = scene.held().await;
    hold.buries(WHY).await;
    scene.replays(&replayed).await;
    hold.changes_nothing().await;
    scene.is_leased_as(&replayed, 2, 1).await;

    let (revived, hold) = scene.held().await;
    hold.buries(WHY).await;
    let _revived = scene.accept(&revived).await;
    hold.changes_nothing().await;
    scene.is_leased_as(&revived, 2, 1).await;

    let (discarded, hold) = scene.held().await;
    hold.buries(WHY).await;
    scene.discards(&discarded).await;
    hold.changes_nothing().await;
    scene.is(InboxState::Done, &discarded).await;
}

/// Rule 7: an event is tried again no sooner than its delay has passed, whatever the inbox counts time in.
pub async fn a_retried_event_is_due_when_its_delay_has_passed(inbox: Arc<dyn Inbox>) {
    let scene =
        Scene::new(&inbox, "rule 7: a retried event is due when its delay has passed, and not before");
    let waits = async |(delay, moment)| {
        sleep(moment).await;
        let event = scene.event_of_its_own_type();
        scene.takes_in(&event).await;
        let hold = scene.worker().of_type_of(&event).takes(&event).await;
        let since = Instant::now();
        hold.retries(delay, WHY).await;
        scene.worker().of_type_of(&event).takes_in_the_end(&event).await;
        scene.promise.has_taken(delay, since, "a delay");
    };
    let [one, two, three] = LEASES.map(waits);
    tokio::join!(one, two, three);
}

/// Rule 7: a long delay is not taken for a short one, as happens to numbers that are too large.
pub async fn a_long_delay_is_kept(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 7: a retried event with a long delay is not due before");
    let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
    let delays =
        [days(1), days(30), Duration::from_millis(1 << 31), Duration::from_millis(1 << 32), days(3_650)];
    for delay in delays {
        let (_, hold) = scene.held().await;
        hold.retries(delay, WHY).await;
        scene.worker().takes_nothing().await;
    }
    scene.counts([0, 5, 0, 0, 0], "with long delays").await;
}

/// Rule 7: an event that is to be tried again without a delay is due at once, as the next try.
pub async fn a_retry_without_a_delay_is_due_at_once(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 7: a retry without a delay is due at once");
    let event = scene.queued().await;
    for attempt in 1..=3 {
        let hold = scene.worker().takes_as(&event, attempt, attempt).await;
        hold.retries(Duration::ZERO, WHY).await;
        scene.is(InboxState::Queued, &event).await;
    }
    scene.is_leased_as(&event, 4, 4).await;
}

/// Rule 7: who tries again is told why, in the words of the last who failed.
pub async fn a_retried_event_tells_why(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 7: a retried event tells why");
    let long = "\u{1f3ac} ".repeat(2_000);
    let reasons = ["the disk is full", "", "a\0b\r\n\"'\\", "\u{e9}e\u{301}", &long, "timed out"];
    let event = scene.queued().await;
    let mut hold = scene.worker().takes(&event).await;
    for why in reasons {
        hold.retries(Duration::ZERO, why).await;
        has_reason(&scene, &event, why).await;
        let worker = scene.worker();
        let leased = worker.takes_in_the_end(&event).await;
        let is_right = leased.why.as_deref() == Some(why);
        scene.check(is_right, format_args!("it was leased because of {:?}, not {why:?}", leased.why));
        hold = worker.on(&event);
    }
    // As if it had not been leased.
    hold.gives_back().await;
    has_reason(&scene, &event, "timed out").await;
}

async fn has_reason(scene: &Scene, event: &InboxEvent, why: &str) {
    let record = scene.is(InboxState::Queued, event).await;
    let is_right = record.why.as_deref() == Some(why);
    scene.check(is_right, format_args!("it was found because of {:?}, not {why:?}", record.why));
}

/// Rule 7: an event that is given back is due at once, and its attempt counts no try.
pub async fn an_event_that_is_given_back_counts_no_try(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 7: an event that is given back is due at once, and counts no try");
    let event = scene.queued().await;
    for attempt in 1..=3 {
        let hold = scene.worker().takes_as(&event, attempt, 1).await;
        hold.gives_back().await;
        scene.is(InboxState::Queued, &event).await;
        scene.counts([1, 0, 0, 0, 0], "when it was given back").await;
    }
    let hold = scene.worker().takes_as(&event, 4, 1).await;
    hold.retries(Duration::ZERO, WHY).await;
    let hold = scene.worker().takes_as(&event, 5, 2).await;
    hold.gives_back().await;
    scene.is_leased_as(&event, 6, 2).await;
}

/// Rule 8: attempts grow with each lease, and with nothing else.
pub async fn attempts_only_grow(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 8: attempts grow with each lease, and with nothing else");
    let event = scene.queued().await;
    let mut attempt = 0;
    let mut leased = async |tries| {
        attempt += 1;
        let worker = scene.worker();
        let hold = worker.takes_as(&event, attempt, tries).await;
        hold.renews(LEASE).await;
        worker.takes_as(&event, attempt, tries).await;
        is_attempt(&scene, &event, InboxState::Leased, attempt).await;
        (hold, attempt)
    };
    let (hold, attempt) = leased(1).await;
    hold.retries(Duration::ZERO, WHY).await;
    is_attempt(&scene, &event, InboxState::Queued, attempt).await;
    let (hold, attempt) = leased(2).await;
    hold.gives_back().await;
    is_attempt(&scene, &event, InboxState::Queued, attempt).await;
    let (hold, attempt) = leased(2).await;
    hold.buries(WHY).await;
    is_attempt(&scene, &event, InboxState::Dead, attempt).await;
    scene.replays(&event).await;
    is_attempt(&scene, &event, InboxState::Queued, attempt).await;
    let (hold, _) = leased(1).await;
    hold.buries(WHY).await;
    let _revived = scene.accept(&event).await;
    let (hold, attempt) = leased(1).await;
    hold.finishes().await;
    is_attempt(&scene, &event, InboxState::Done, attempt).await;
}

async fn is_attempt(scene: &Scene, event: &InboxEvent, state: InboxState, attempt: u32) {
    let record = scene.is(state, event).await;
    let is_right = record.attempt == attempt;
    scene.check(is_right, format_args!("it was found with attempt {}, not {attempt}", record.attempt));
}

/// Rule 8: retries and lapses count as tries.
pub async fn tries_count_retries_and_lapses(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 8: tries count retries and lapses");
    let (event, _) = scene.lapsed().await;
    let hold = scene.worker().takes_as(&event, 2, 2).await;
    hold.retries(Duration::ZERO, WHY).await;
    let hold = scene.worker().takes_as(&event, 3, 3).await;
    hold.gives_back().await;
    scene.is_leased_as(&event, 4, 3).await;
}

/// Rule 8: a dead letter that is queued again has all its tries again, and goes on counting attempts.
pub async fn tries_begin_anew_when_a_dead_event_is_queued(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 8: tries begin anew when a dead event is queued again");
    let [replayed, revived] = [(); 2].map(|()| scene.event());
    for (event, is_replayed) in [(&replayed, true), (&revived, false)] {
        scene.takes_in(event).await;
        let hold = scene.worker().takes_as(event, 1, 1).await;
        hold.retries(Duration::ZERO, WHY).await;
        let hold = scene.worker().takes_as(event, 2, 2).await;
        hold.buries(WHY).await;
        if is_replayed {
            scene.replays(event).await;
        } else {
            let _revived = scene.accept(event).await;
        }
        let hold = scene.worker().takes_as(event, 3, 1).await;
        hold.retries(Duration::ZERO, WHY).await;
        scene.is_leased_as(event, 4, 2).await;
    }
}

/// Rule 8: an event that comes again while it waits has no more tries for that.
pub async fn tries_go_on_when_a_waiting_event_comes_again(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 8: tries go on when an event that waits comes again");
    let (event, hold) = scene.held().await;
    let _waiting = scene.accept(&event).await;
    hold.retries(Duration::ZERO, WHY).await;
    let _waiting = scene.accept(&event).await;
    scene.is_leased_as(&event, 2, 2).await;
}
