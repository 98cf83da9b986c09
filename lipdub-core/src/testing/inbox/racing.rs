//! Rule 3: every transition is one, whoever calls at the same time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use tokio::time::sleep;

use super::scene::{Call, Hold, Scene, Worker};
use crate::dedupe::Transition;
use crate::event::EventKey;
use crate::inbox::{Inbox, InboxEvent, InboxState, Leased};
use crate::testing::conformance::{BRIEF, CONTEST, LEASE, OVER, RIVALS, ROUNDS, patiently};

/// Rule 3: of many workers that lease at once, each gets events that no other gets.
pub async fn an_event_is_leased_by_one_of_many_workers(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 3: an event is leased by one of many workers");
    for _ in 0..ROUNDS / 4 {
        let mut events = BTreeSet::new();
        for _ in 0..RIVALS {
            events.insert(scene.queued().await.key);
        }
        let workers: Vec<_> = (0..RIVALS).map(|_| scene.worker().with_limit(3)).collect();
        let mut leased = scene.promise.all_at_once(workers.iter().map(Worker::lease)).await.concat();
        // Those that stood aside for another may have got less than there is.
        leased.extend(scene.worker().with_limit(RIVALS).lease().await);
        let keys: BTreeSet<_> = leased.iter().map(|leased| leased.event.key).collect();
        let is_right = keys == events && leased.len() == events.len();
        scene.check(is_right, format_args!("of {RIVALS} events, {} were leased", leased.len()));
        scene.check(leased.iter().all(|leased| leased.attempt == 1), "an event was leased twice");
        for leased in leased {
            scene.hold(leased.holder).finishes().await;
        }
    }
}

/// Rule 3: of many workers that take over a lapsed event at once, one gets it.
pub async fn a_lapsed_event_is_leased_by_one_of_many_workers(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 3: a lapsed event is leased by one of many workers");
    for (event, _) in lapsed(&scene).await.into_iter().take(ROUNDS / 4) {
        let workers: Vec<_> = (0..RIVALS).map(|_| scene.worker().of_type_of(&event)).collect();
        let race = || scene.promise.all_at_once(workers.iter().map(Worker::lease));
        let leased = patiently(race, |leased| leased.iter().all(Vec::is_empty)).await.concat();
        scene.worker().is_given_as(&event, 2, 2, &leased);
    }
}

/// Rule 3: a holder that finishes late and one that takes over at the same time do not both succeed.
pub async fn a_lapsed_holder_that_finishes_and_its_successor_do_not_both_win(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 3: either a lapsed holder finishes or its event is taken over");
    settles_or_is_taken_over(&scene, Call::Done).await;
}

/// Rule 3: a holder that renews late and one that takes over at the same time do not both go on.
pub async fn a_lapsed_holder_that_renews_and_its_successor_do_not_both_win(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 3: either a lapsed holder renews or its event is taken over");
    settles_or_is_taken_over(&scene, Call::Renew).await;
}

/// Rule 3: a holder that wants a retry late and one that takes over at the same time do not both succeed.
pub async fn a_lapsed_holder_that_retries_and_its_successor_do_not_both_win(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 3: either a lapsed holder retries or its event is taken over");
    settles_or_is_taken_over(&scene, Call::Retry).await;
}

/// Rule 3: a holder that gives up late and one that takes over at the same time do not both succeed.
pub async fn a_lapsed_holder_that_buries_and_its_successor_do_not_both_win(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 3: either a lapsed holder buries or its event is taken over");
    settles_or_is_taken_over(&scene, Call::Bury).await;
}

async fn settles_or_is_taken_over(scene: &Scene, call: Call) {
    for (round, (event, hold)) in lapsed(scene).await.into_iter().enumerate() {
        let successor = scene.worker().of_type_of(&event);
        match scene.promise.at_once(round, hold.call(call), successor.lease()).await {
            (Transition::Applied, leased) if leased.is_empty() => _ = scene.is(call.leaves(), &event).await,
            (Transition::Refused, leased) => goes_on(scene, &successor, &event, 2, &leased).await,
            answers => scene.is_answered_wrongly(answers),
        }
    }
}

/// Rule 3: an event that is given back while another takes over leaves the other what it was given.
pub async fn a_lapsed_holder_that_gives_back_takes_nothing_from_its_successor(inbox: Arc<dyn Inbox>) {
    let scene =
        Scene::new(&inbox, "rule 3: a lapsed holder that gives back takes nothing from its successor");
    for (round, (event, hold)) in lapsed(&scene).await.into_iter().enumerate() {
        let successor = scene.worker().of_type_of(&event);
        match scene.promise.at_once(round, hold.call(Call::GiveBack), successor.lease()).await {
            (Transition::Applied, leased) if leased.is_empty() => {
                _ = scene.is(InboxState::Queued, &event).await;
            }
            (Transition::Applied, leased) => goes_on(&scene, &successor, &event, 1, &leased).await,
            (Transition::Refused, leased) => goes_on(&scene, &successor, &event, 2, &leased).await,
        }
    }
}

/// Rule 3: a holder that repeats its lease late and one that takes over at the same time do not both go on.
pub async fn a_lapsed_holder_that_leases_again_and_its_successor_do_not_both_win(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 3: either a lapsed holder leases again or its event is taken over");
    let mut events = Vec::new();
    for _ in 0..ROUNDS {
        let event = scene.event_of_its_own_type();
        scene.takes_in(&event).await;
        let holder = scene.brief_worker().of_type_of(&event);
        holder.takes(&event).await;
        events.push((event, holder.with_lease(LEASE)));
    }
    sleep(OVER).await;
    for (round, (event, holder)) in events.into_iter().enumerate() {
        let successor = scene.worker().of_type_of(&event);
        match scene.promise.at_once(round, holder.lease(), successor.lease()).await {
            (kept, taken) if taken.is_empty() => {
                holder.is_given_as(&event, 1, 1, &kept);
                holder.on(&event).finishes().await;
            }
            (kept, taken) if kept.is_empty() => goes_on(&scene, &successor, &event, 2, &taken).await,
            answers => scene.is_answered_wrongly(answers),
        }
    }
}

/// The successor was given the event, and it is there for it.
async fn goes_on(scene: &Scene, successor: &Worker, event: &InboxEvent, tries: u32, leased: &[Leased]) {
    successor.is_given_as(event, 2, tries, leased);
    scene.is(InboxState::Leased, event).await;
    scene.worker().of_type_of(event).takes_nothing().await;
    successor.on(event).finishes().await;
}

/// Events, each of a type of its own, and holders whose leases have lapsed.
async fn lapsed(scene: &Scene) -> Vec<(InboxEvent, Hold)> {
    let mut events = Vec::new();
    for _ in 0..ROUNDS {
        let event = scene.event_of_its_own_type();
        scene.takes_in(&event).await;
        let hold = scene.brief_worker().of_type_of(&event).takes(&event).await;
        events.push((event, hold));
    }
    sleep(OVER).await;
    events
}

/// Rule 3: a holder that says two things at once is believed one of them.
pub async fn of_two_settlements_at_once_one_is_applied(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 3: of two settlements at once, one is applied");
    let pairs = Call::SETTLEMENTS.into_iter().flat_map(|one| Call::SETTLEMENTS.map(|other| (one, other)));
    for (one, other) in pairs.filter(|(one, other)| one != other) {
        for round in 0..ROUNDS / 4 {
            let event = scene.event_of_its_own_type();
            scene.takes_in(&event).await;
            let hold = scene.worker().of_type_of(&event).takes(&event).await;
            let applied = match scene.promise.at_once(round, hold.call(one), hold.call(other)).await {
                (Transition::Applied, Transition::Refused) => one,
                (Transition::Refused, Transition::Applied) => other,
                answers => scene.is_answered_wrongly((one, other, answers)),
            };
            scene.is(applied.leaves(), &event).await;
        }
    }
}

/// Rule 3: of 32 that replay a dead letter at once, one does.
pub async fn one_of_many_replays_is_applied(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 3: one of many replays is applied");
    for _ in 0..ROUNDS {
        let event = scene.dead().await;
        let answers = scene.promise.all_at_once((0..RIVALS).map(|_| scene.replay(&event))).await;
        one_is_applied(&scene, &answers);
        scene.is_leased_as(&event, 2, 1).await;
        scene.worker().takes_nothing().await;
    }
}

/// Rule 3: a dead letter that is replayed and discarded at once is one or the other.
pub async fn either_a_replay_or_a_discard_is_applied(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 3: either a replay or a discard is applied");
    for round in 0..ROUNDS {
        let event = scene.dead().await;
        match scene.promise.at_once(round, scene.replay(&event), scene.discard(&event)).await {
            (Transition::Applied, Transition::Refused) => scene.is_leased_as(&event, 2, 1).await,
            (Transition::Refused, Transition::Applied) => _ = scene.is(InboxState::Done, &event).await,
            answers => scene.is_answered_wrongly(answers),
        }
    }
}

fn one_is_applied(scene: &Scene, answers: &[Transition]) {
    let applied = answers.iter().filter(|answer| **answer == Transition::Applied).count();
    scene.check(applied == 1, format_args!("{applied} of {RIVALS} were applied"));
}

/// Rule 3: what is not dead is neither replayed nor discarded.
pub async fn only_a_dead_event_is_replayed_or_discarded(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 3: only a dead event is replayed or discarded");
    scene.neither_replays_nor_discards(&scene.event()).await;
    let (leased, hold) = scene.held().await;
    let (delayed, done, discarded) = (scene.delayed().await, scene.done().await, scene.discarded().await);
    let queued = scene.queued().await;
    let states = [
        (&leased, InboxState::Leased),
        (&delayed, InboxState::Queued),
        (&done, InboxState::Done),
        (&discarded, InboxState::Done),
        (&queued, InboxState::Queued),
    ];
    for (event, state) in states {
        scene.neither_replays_nor_discards(event).await;
        scene.is(state, event).await;
    }
    scene.counts([1, 1, 1, 0, 2], "when nothing was dead").await;
    hold.finishes().await;
    scene.is_leased_as(&queued, 1, 1).await;

    let (lapsed, hold) = scene.lapsed().await;
    scene.neither_replays_nor_discards(&lapsed).await;
    hold.finishes().await;

    let replayed = scene.dead().await;
    scene.replays(&replayed).await;
    scene.neither_replays_nor_discards(&replayed).await;
    scene.is_leased_as(&replayed, 2, 1).await;
}

/// Rule 3: many workers, of whom some fail and some die, handle each event once, and no attempt is made twice.
pub async fn many_workers_finish_each_event_once(inbox: Arc<dyn Inbox>) {
    const EVENTS: usize = 40;
    let scene = Scene::new(&inbox, "rule 3: many workers finish each event once");
    for _ in 0..EVENTS {
        scene.queued().await;
    }
    let begun = Instant::now();
    let works = |number: usize| {
        let scene = scene.clone();
        async move {
            let mut attempts = Vec::new();
            while begun.elapsed() < CONTEST {
                let dies = number.is_multiple_of(3);
                let worker = if dies { scene.brief_worker() } else { scene.worker() };
                let leased = worker.with_limit(2).lease().await;
                if leased.is_empty() {
                    let is_over = scene.stats().await.done == EVENTS as u64;
                    if is_over {
                        break;
                    }
                    sleep(BRIEF).await;
                }
                for leased in leased.into_iter().filter(|_| !dies) {
                    let call = if leased.attempt % 3 == 1 { Call::GiveBack } else { Call::Done };
                    attempts.push(Attempt::of(&scene, &leased, call).await);
                }
            }
            attempts
        }
    };
    let mut attempts = scene.promise.all_at_once((0..RIVALS / 2).map(works)).await.concat();
    // What the dead have held has lapsed then.
    sleep(OVER).await;
    for leased in scene.worker().with_limit(EVENTS).lease().await {
        attempts.push(Attempt::of(&scene, &leased, Call::Done).await);
    }
    let different: BTreeSet<_> = attempts.iter().map(|attempt| (attempt.key, attempt.number)).collect();
    scene.check(different.len() == attempts.len(), "an attempt was made twice");
    let finished: Vec<_> = attempts.iter().filter(|attempt| attempt.has_finished).collect();
    let events: BTreeSet<_> = finished.iter().map(|attempt| attempt.key).collect();
    scene.check(
        events.len() == EVENTS && finished.len() == EVENTS,
        format_args!("{} of {EVENTS} events were finished, {} times", events.len(), finished.len()),
    );
}

#[derive(Clone)]
struct Attempt {
    key: EventKey,
    number: u32,
    has_finished: bool,
}

impl Attempt {
    async fn of(scene: &Scene, leased: &Leased, call: Call) -> Self {
        let is_applied = scene.hold(leased.holder).call(call).await == Transition::Applied;
        let has_finished = is_applied && call == Call::Done;
        Self { key: leased.event.key, number: leased.attempt, has_finished }
    }
}
