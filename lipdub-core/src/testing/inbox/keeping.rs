//! Rules 11, 13 and 14: what is kept of an event, what is forgotten, and what is told of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::scene::{Call, Scene, Span, WHY};
use crate::event::{EventKey, EventType};
use crate::inbox::{DeadFilter, Inbox, InboxEvent, InboxState, Job, Leased};
use crate::testing::conformance::{BRIEF, LEASE, OVER, RIVALS, TICK, patiently};

/// Long enough to see that something ends too soon.
const SOON: Duration = Duration::from_millis(300);
/// Nothing is older.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Rule 11: what was handled is remembered without its body.
pub async fn a_done_event_loses_its_body(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 11: a done event loses its body, and keeps its attempts and times");
    let (event, accepted) = accepted(&scene).await;
    sleep(BRIEF).await;
    let hold = scene.worker().takes(&event).await;
    hold.retries(Duration::ZERO, WHY).await;
    scene.worker().takes(&event).await.finishes().await;
    has_lost_its_body(&scene, &event, &accepted, 2).await;
}

/// Rule 11: what was discarded is remembered without its body.
pub async fn a_discarded_event_loses_its_body(inbox: Arc<dyn Inbox>) {
    let scene =
        Scene::new(&inbox, "rule 11: a discarded event loses its body, and keeps its attempts and times");
    let (event, accepted) = accepted(&scene).await;
    sleep(BRIEF).await;
    scene.worker().takes(&event).await.buries(WHY).await;
    scene.discards(&event).await;
    has_lost_its_body(&scene, &event, &accepted, 1).await;
}

async fn accepted(scene: &Scene) -> (InboxEvent, Span) {
    let event = scene.event();
    let ((), accepted) = Span::of(scene.takes_in(&event)).await;
    (event, accepted)
}

async fn has_lost_its_body(scene: &Scene, event: &InboxEvent, accepted: &Span, attempt: u32) {
    let (record, asked) = Span::of(scene.is(InboxState::Done, event)).await;
    let is_right = record.event.is_none() && record.attempt == attempt;
    scene.check(is_right, format_args!("it was found as {record:?}"));
    scene.is_age(record.age, accepted, &asked, "the age that was found");
}

/// Rule 11: what is dead keeps all, for it may be handled yet.
pub async fn a_dead_event_keeps_its_body(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 11: a dead event keeps its body");
    let event = scene.dead().await;
    let record = scene.is(InboxState::Dead, &event).await;
    let is_right = record.event.as_ref() == Some(&event);
    scene.check(is_right, format_args!("it was found as {record:?}"));
    scene.replays(&event).await;
    let leased = scene.worker().takes_all([&event]).await;
    let is_right = leased.iter().all(|leased| leased.event == event);
    scene.check(is_right, format_args!("it was leased as {leased:?}"));
}

/// Rule 11: `prune` forgets what is done or dead, all of it in the end, and says how much that was.
pub async fn what_is_done_or_dead_is_forgotten(inbox: Arc<dyn Inbox>) {
    let scene =
        Scene::new(&inbox, "rule 11: what is done or dead is forgotten by prune, which says how many");
    let events = [scene.done().await, scene.dead().await, scene.discarded().await];
    sleep(TICK).await;
    let mut forgotten = 0;
    for event in &events {
        forgotten += scene.prune_patiently(Duration::ZERO, event).await;
    }
    scene.check(forgotten == 3, format_args!("prune said that it forgot {forgotten} events, not 3"));
    for event in &events {
        scene.is_unknown(event).await;
    }
    scene.counts([0; 5], "when all was forgotten").await;
    scene.lists(&DeadFilter::default(), &[]).await;
}

/// Rule 11: an event that was forgotten is as one that never came.
pub async fn a_forgotten_event_is_new_again(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 11: a forgotten event is new again");
    for event in [scene.done().await, scene.dead().await, scene.discarded().await] {
        scene.prune_patiently(Duration::ZERO, &event).await;
        scene.neither_replays_nor_discards(&event).await;
        scene.takes_in(&event).await;
        scene.is_leased_as(&event, 1, 1).await;
    }
}

/// Rule 11: `prune` forgets what has been done or dead for its age, and nothing sooner, however old it is.
pub async fn nothing_is_forgotten_before_its_time(inbox: Arc<dyn Inbox>) {
    let scene =
        Scene::new(&inbox, "rule 11: what is done or dead is forgotten when it has been so for the age");
    let [done, dead, discarded] = [scene.queued().await, scene.queued().await, scene.queued().await];
    let worker = scene.worker().with_limit(3);
    worker.takes_all([&done, &dead, &discarded]).await;
    worker.on(&discarded).buries(WHY).await;
    // By now they are older than the age, and so is what is to be discarded.
    sleep(SOON + OVER).await;
    let since = Instant::now();
    worker.on(&done).finishes().await;
    worker.on(&dead).buries(WHY).await;
    scene.discards(&discarded).await;
    let are_forgotten = async || {
        scene.prune(SOON).await;
        let mut are_all = true;
        for event in [&done, &dead, &discarded] {
            match scene.find(event).await {
                Some(_) => are_all = false,
                None => scene.promise.has_taken(SOON, since, "an age"),
            }
        }
        are_all
    };
    let are_all = patiently(are_forgotten, |are_all| !are_all).await;
    scene.check(are_all, format_args!("what is older than {SOON:?} is not forgotten"));

    let events = [scene.done().await, scene.dead().await, scene.discarded().await];
    for age in [LEASE, CENTURY] {
        let forgotten = scene.prune(age).await;
        scene.check(forgotten == 0, format_args!("prune forgot {forgotten} events as older than {age:?}"));
    }
    for (event, state) in events.iter().zip([InboxState::Done, InboxState::Dead, InboxState::Done]) {
        scene.is(state, event).await;
    }
}

/// Rule 11: what has been done or dead for its age is forgotten when `prune` is called, and was not so later
/// for being said again.
pub async fn what_is_older_than_the_age_is_forgotten(inbox: Arc<dyn Inbox>) {
    let scene =
        Scene::new(&inbox, "rule 11: what has been done or dead for longer than the age is forgotten");
    let (done, done_hold) = scene.held().await;
    let (dead, dead_hold) = scene.held().await;
    done_hold.finishes().await;
    dead_hold.buries(WHY).await;
    sleep(SOON + BRIEF).await;
    done_hold.finishes().await;
    dead_hold.buries(WHY).await;
    let forgotten = scene.prune(SOON).await;
    scene.check(forgotten == 2, format_args!("prune said that it forgot {forgotten} events, not 2"));
    scene.is_unknown(&done).await;
    scene.is_unknown(&dead).await;
}

/// Rule 11: what is yet to be handled is never forgotten, however old it is.
pub async fn what_is_queued_or_leased_is_never_forgotten(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 11: what is queued or leased is never forgotten");
    let (held, hold) = scene.held().await;
    let delayed = scene.delayed().await;
    let (replayed, revived) = (scene.dead().await, scene.dead().await);
    scene.replays(&replayed).await;
    let _revived = scene.accept(&revived).await;
    let lapsed = scene.event_of_its_own_type();
    scene.takes_in(&lapsed).await;
    scene.brief_worker().of_type_of(&lapsed).takes(&lapsed).await;
    let queued = scene.queued().await;
    sleep(OVER).await;
    let forgotten = scene.prune(Duration::ZERO).await;
    scene.check(forgotten == 0, format_args!("prune said that it forgot {forgotten} events"));
    for event in [&queued, &delayed, &replayed, &revived] {
        scene.is(InboxState::Queued, event).await;
    }
    scene.is(InboxState::Leased, &held).await;
    scene.is(InboxState::Leased, &lapsed).await;
    hold.finishes().await;
    scene.worker().with_limit(10).takes_all([&lapsed, &queued, &replayed, &revived]).await;
}

/// Rule 13: what is asked for is bounded, however much there is, and nothing of it is lost.
pub async fn a_lease_and_a_page_are_bounded_with_a_thousand_events(inbox: Arc<dyn Inbox>) {
    const EVENTS: usize = 1_000;
    const DEAD: usize = 300;
    let scene = Scene::new(&inbox, "rule 13: leases and pages are bounded with a thousand events");
    let events: Vec<_> =
        (0..EVENTS).map(|number| scene.event_of(&Job::new((number % 50).to_string()))).collect();
    for events in events.chunks(RIVALS) {
        scene.promise.all_at_once(events.iter().map(|event| scene.accept(event))).await;
    }
    scene.counts([EVENTS as u64, 0, 0, 0, 0], "when a thousand were accepted").await;
    let leased = scene.worker().with_limit(7).lease().await;
    scene.check(leased.len() == 7, format_args!("asked for 7, a lease gave {}", leased.len()));

    let leased = scene.worker().with_limit(DEAD).lease().await;
    scene.check(leased.len() == DEAD, format_args!("asked for {DEAD}, a lease gave {}", leased.len()));
    let dead: BTreeSet<_> = leased.iter().map(|leased| leased.event.key).collect();
    for leased in leased.chunks(RIVALS) {
        let buries = |leased: &Leased| scene.hold(leased.holder).call(Call::Bury);
        scene.promise.all_at_once(leased.iter().map(buries)).await;
    }
    let default = scene.letters(&DeadFilter::default()).await.len();
    scene.check(default == 100, format_args!("asked for the first hundred it listed {default}"));
    let listed = turns_the_pages(&scene, 60).await;
    let is_right = listed == dead;
    scene.check(is_right, format_args!("of {DEAD} dead letters, the pages had {}", listed.len()));
}

/// The keys of all dead letters, page by page, each of which is full but for the last.
async fn turns_the_pages(scene: &Scene, limit: usize) -> BTreeSet<EventKey> {
    let mut listed = BTreeSet::new();
    let mut after = None;
    loop {
        let page = scene.letters(&DeadFilter { after, limit, ..DeadFilter::default() }).await;
        scene.check(page.len() <= limit, format_args!("a page of {limit} had {}", page.len()));
        for letter in &page {
            let is_new = listed.insert(letter.key);
            scene.check(is_new, format_args!("{:?} was on two pages", letter.key));
        }
        match page.last() {
            Some(last) if page.len() == limit => after = Some(last.key),
            _ => return listed,
        }
    }
}

/// Rule 14: `find` tells where an event is after each transition.
pub async fn find_tells_where_an_event_is(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 14: find tells where an event is");
    let event = scene.event();
    scene.is_unknown(&event).await;
    scene.takes_in(&event).await;
    scene.is(InboxState::Queued, &event).await;
    let hold = scene.brief_worker().takes(&event).await;
    scene.is(InboxState::Leased, &event).await;
    sleep(OVER).await;
    scene.is(InboxState::Leased, &event).await;
    hold.retries(Duration::ZERO, WHY).await;
    scene.is(InboxState::Queued, &event).await;
    let hold = scene.worker().takes(&event).await;
    hold.retries(LEASE, WHY).await;
    scene.is(InboxState::Queued, &event).await;

    let event = scene.dead().await;
    let record = scene.is(InboxState::Dead, &event).await;
    let is_right = record.why.as_deref() == Some(WHY);
    scene.check(is_right, format_args!("it was found as {record:?}"));
    scene.replays(&event).await;
    scene.is(InboxState::Queued, &event).await;
    scene.worker().takes(&event).await.finishes().await;
    scene.is(InboxState::Done, &event).await;
    let event = scene.discarded().await;
    scene.is(InboxState::Done, &event).await;
}

/// Rule 14: `stats` counts each event once, where it is.
pub async fn stats_count_events_where_they_are(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 14: stats count events where they are");
    scene.counts([0, 0, 0, 0, 0], "with nothing in it").await;
    let event = scene.queued().await;
    scene.counts([1, 0, 0, 0, 0], "after accept").await;
    let hold = scene.brief_worker().takes(&event).await;
    scene.counts([0, 0, 1, 0, 0], "after lease").await;
    sleep(OVER).await;
    scene.counts([0, 0, 1, 0, 0], "when the lease had lapsed").await;
    hold.gives_back().await;
    scene.counts([1, 0, 0, 0, 0], "after give_back").await;
    let hold = scene.worker().takes(&event).await;
    hold.retries(LEASE, WHY).await;
    scene.counts([0, 1, 0, 0, 0], "after a retry for later").await;

    let event = scene.queued().await;
    let hold = scene.worker().takes(&event).await;
    hold.retries(Duration::ZERO, WHY).await;
    scene.counts([1, 1, 0, 0, 0], "after a retry for now").await;
    let hold = scene.worker().takes(&event).await;
    hold.buries(WHY).await;
    scene.counts([0, 1, 0, 1, 0], "after bury").await;
    scene.replays(&event).await;
    scene.counts([1, 1, 0, 0, 0], "after replay").await;
    scene.worker().takes(&event).await.finishes().await;
    scene.counts([0, 1, 0, 0, 1], "after done").await;
    let event = scene.dead().await;
    scene.discards(&event).await;
    scene.counts([0, 1, 0, 0, 2], "after discard").await;
    let _held = scene.held().await;
    scene.dead().await;
    scene.queue(&Job::new("job"), 3).await;
    scene.counts([3, 1, 1, 1, 2], "with some of each").await;
}

/// Rule 14: an event that was delayed counts as due when its delay has passed.
pub async fn stats_count_an_event_as_due_when_it_is(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 14: stats count a delayed event as due when it is");
    let (_, hold) = scene.held().await;
    hold.retries(BRIEF, WHY).await;
    patiently(|| scene.stats(), |stats| stats.due == 0).await;
    scene.counts([1, 0, 0, 0, 0], "when the delay had passed").await;
}

/// Rule 14: `stats` tells for how long the oldest of the events that are due has waited, from when it was
/// accepted.
pub async fn stats_tell_how_old_the_oldest_due_event_is(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 14: stats tell how long the oldest due event has waited");
    // Older than the others, and not due.
    let (_held, _) = (scene.held().await, scene.delayed().await);
    let dead = scene.event();
    let ((), dead_accepted) = Span::of(scene.takes_in(&dead)).await;
    scene.worker().takes(&dead).await.buries(WHY).await;
    sleep(BRIEF).await;
    let (first, first_accepted) = accepted(&scene).await;
    sleep(BRIEF).await;
    let second = scene.queued().await;
    sleep(BRIEF).await;
    is_oldest(&scene, &first_accepted).await;
    let worker = scene.worker().with_limit(2);
    worker.takes_all([&first, &second]).await;
    worker.on(&second).gives_back().await;
    worker.on(&first).retries(Duration::ZERO, WHY).await;
    is_oldest(&scene, &first_accepted).await;
    scene.replays(&dead).await;
    is_oldest(&scene, &dead_accepted).await;
}

async fn is_oldest(scene: &Scene, accepted: &Span) {
    let (stats, asked) = Span::of(scene.stats()).await;
    let Some(age) = stats.oldest_due else { scene.fails(format_args!("the stats are {stats:?}")) };
    scene.is_age(age, accepted, &asked, "the age of the oldest due event");
}

/// Rule 14: an event is as old as its acceptance, by whatever it is told.
pub async fn ages_count_from_when_an_event_was_accepted(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 14: ages count from when an event was accepted");
    let (event, accepted) = accepted(&scene).await;
    sleep(SOON).await;
    // It is no younger for coming again.
    let _waiting = scene.accept(&event).await;
    for call in [Call::GiveBack, Call::Renew] {
        let worker = scene.worker();
        let (leased, asked) = Span::of(worker.lease()).await;
        worker.is_given(&event, &leased);
        for leased in leased {
            scene.is_age(leased.age, &accepted, &asked, "the age that was leased");
        }
        let (record, asked) = Span::of(scene.is(InboxState::Leased, &event)).await;
        scene.is_age(record.age, &accepted, &asked, "the age that was found");
        worker.on(&event).is_applied(call).await;
        if call == Call::Renew {
            let ((), died) = Span::of(worker.on(&event).buries(WHY)).await;
            sleep(SOON).await;
            let (letters, asked) = Span::of(scene.lists(&DeadFilter::default(), &[&event])).await;
            for letter in letters {
                scene.is_age(letter.age, &accepted, &asked, "the age of the dead letter");
                scene.is_age(letter.dead_for, &died, &asked, "the time since it died");
            }
        }
    }
}

/// Rule 14: an event that is revived is as old as when it came last.
pub async fn ages_count_anew_when_an_event_is_revived(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 14: ages count from when an event was accepted, or revived");
    let (event, accepted) = accepted(&scene).await;
    scene.worker().takes(&event).await.buries(WHY).await;
    sleep(SOON).await;
    let (record, asked) = Span::of(scene.is(InboxState::Dead, &event)).await;
    scene.is_age(record.age, &accepted, &asked, "the age that was found while it was dead");
    let (_, revived) = Span::of(scene.accept(&event)).await;
    sleep(BRIEF).await;
    let (record, asked) = Span::of(scene.is(InboxState::Queued, &event)).await;
    scene.is_age(record.age, &revived, &asked, "the age that was found");
    is_oldest(&scene, &revived).await;
}

/// Rule 14: a dead letter tells of which event it is, and why it is dead.
pub async fn a_dead_letter_tells_what_died_and_why(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 14: a dead letter tells what died and why");
    let job = Job::new("\u{e9}\0 ' \u{1f3ac}");
    let event = InboxEvent { event_type: EventType::Other("A B".into()), ..scene.event_of(&job) };
    scene.takes_in(&event).await;
    let hold = scene.worker().takes(&event).await;
    hold.retries(Duration::ZERO, "not why it died").await;
    let why = "\u{e9}\0\r\n'\" \u{1f3ac}".repeat(500);
    scene.worker().takes(&event).await.buries(&why).await;
    for letter in scene.lists(&DeadFilter::default(), &[&event]).await {
        let is_right = letter.event_type == event.event_type
            && letter.job == event.job
            && letter.attempt == 2
            && letter.why == why;
        scene.check(is_right, format_args!("the dead letter is {letter:?}"));
    }
}

/// Rule 14: only what is dead is listed.
pub async fn only_what_is_dead_is_listed(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 14: only what is dead is listed");
    scene.lists(&DeadFilter::default(), &[]).await;
    let (_, hold) = scene.held().await;
    scene.delayed().await;
    scene.done().await;
    let dead = scene.dead().await;
    scene.lists(&DeadFilter::default(), &[&dead]).await;
    scene.replays(&dead).await;
    scene.lists(&DeadFilter::default(), &[]).await;
    scene.worker().takes(&dead).await.buries("again").await;
    let letters = scene.lists(&DeadFilter::default(), &[&dead]).await;
    let is_right = letters.iter().all(|letter| letter.why == "again" && letter.attempt == 2);
    scene.check(is_right, format_args!("when it had died again, it listed {letters:#?}"));
    let _revived = scene.accept(&dead).await;
    scene.lists(&DeadFilter::default(), &[]).await;
    scene.worker().takes(&dead).await.buries(WHY).await;
    scene.discards(&dead).await;
    scene.lists(&DeadFilter::default(), &[]).await;
    hold.finishes().await;
}

/// Rule 14: what died last is listed first, however old it is.
pub async fn dead_letters_are_listed_from_the_last(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 14: those that died last are listed first");
    let events = scene.queue(&Job::new("job"), 6).await;
    let [a, b, c, d, e, f] = &events[..] else { return };
    let worker = scene.worker().with_limit(6);
    worker.takes_all(&events).await;
    for event in [d, a, f, b, c, e] {
        worker.on(event).buries(WHY).await;
        // A clock of milliseconds cannot tell apart what happens at once.
        sleep(TICK).await;
    }
    let dead = [e, c, b, f, a, d];
    scene.lists(&DeadFilter::default(), &dead).await;
    for limit in [0, 1, 4, 6, 7, usize::MAX] {
        scene.lists(&DeadFilter { limit, ..DeadFilter::default() }, &dead[..limit.min(6)]).await;
    }
    for (place, event) in dead.iter().enumerate() {
        let after = DeadFilter { after: Some(event.key), limit: 2, ..DeadFilter::default() };
        let rest = &dead[place + 1..];
        scene.lists(&after, &rest[..rest.len().min(2)]).await;
    }
    scene.replays(d).await;
    scene.worker().takes(d).await.buries(WHY).await;
    scene.lists(&DeadFilter::default(), &[d, e, c, b, f, a]).await;
}

/// Rule 14: dead letters of one type, of one job, or both, are listed page by page.
pub async fn dead_letters_are_listed_by_type_and_job(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 14: dead letters are listed by type and job");
    let (job, other_job) = (Job::new("job"), Job::new("Job"));
    let (of_type, other_type) = (EventType::from("A_COMPLETE"), EventType::from("a_complete"));
    let kinds = [(&job, &of_type), (&other_job, &of_type), (&job, &other_type), (&job, &of_type)];
    let mut dead = Vec::new();
    for (job, event_type) in kinds {
        let event = InboxEvent { event_type: event_type.clone(), ..scene.event_of(job) };
        scene.takes_in(&event).await;
        scene.worker().takes(&event).await.buries(WHY).await;
        sleep(TICK).await;
        dead.push(event);
    }
    let [a, b, c, d] = &dead[..] else { return };
    let all = DeadFilter::default;
    let by_type = DeadFilter { event_type: Some(of_type), ..all() };
    scene.lists(&by_type, &[d, b, a]).await;
    let by_job = DeadFilter { job: Some(job.clone()), ..all() };
    scene.lists(&by_job, &[d, c, a]).await;
    scene.lists(&DeadFilter { job: Some(other_job), ..all() }, &[b]).await;
    scene.lists(&DeadFilter { job: Some(job), ..by_type.clone() }, &[d, a]).await;
    scene.lists(&DeadFilter { job: Some(Job::new("%")), ..all() }, &[]).await;
    scene.lists(&DeadFilter { job: Some(Job::new("jo")), ..all() }, &[]).await;
    scene.lists(&DeadFilter { event_type: Some("A".into()), ..all() }, &[]).await;
    // What does not match is not on the page and does not fill it.
    scene.lists(&DeadFilter { limit: 2, ..by_job.clone() }, &[d, c]).await;
    scene.lists(&DeadFilter { limit: 2, after: Some(c.key), ..by_job }, &[a]).await;
    scene.lists(&DeadFilter { limit: 2, after: Some(d.key), ..by_type }, &[b, a]).await;
}

/// Rule 14: a page begins after where a letter died, whatever has become of it since: somebody settles letters while
/// another lists them.
pub async fn a_page_goes_on_after_a_letter_that_is_dead_no_more(inbox: Arc<dyn Inbox>) {
    let promise = "rule 14: a page goes on after where a letter died, though it is dead no more";
    let scene = Scene::new(&inbox, promise);
    let mut dead = Vec::new();
    for _ in 0..6 {
        dead.push(scene.dead().await);
        // A clock of milliseconds cannot tell apart what happens at once.
        sleep(TICK).await;
    }
    let [a, b, c, d, e, f] = &dead[..] else { return };
    let page_after = |event: &InboxEvent| DeadFilter { after: Some(event.key), ..DeadFilter::default() };
    scene.replays(b).await;
    scene.lists(&page_after(b), &[a]).await;
    scene.worker().takes(b).await.finishes().await;
    scene.lists(&page_after(b), &[a]).await;
    scene.discards(d).await;
    scene.lists(&page_after(d), &[c, a]).await;
    let _revived = scene.accept(f).await;
    scene.lists(&page_after(f), &[e, c, a]).await;
    scene.worker().takes(f).await.buries(WHY).await;
    // It has died anew, and is the last of all.
    scene.lists(&page_after(f), &[e, c, a]).await;
    scene.lists(&page_after(e), &[c, a]).await;
}

/// Rule 14: nothing comes after a letter that is not known, for it may be forgotten with all that died before, nor after
/// what never died. A list that began anew there would never end.
pub async fn no_page_comes_after_what_never_died(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 14: nothing is listed after what is unknown or never died");
    let done = scene.done().await;
    let (held, _) = scene.held().await;
    let dead = scene.dead().await;
    let queued = scene.queued().await;
    for event in [&scene.event(), &done, &held, &queued] {
        scene.lists(&DeadFilter { after: Some(event.key), ..DeadFilter::default() }, &[]).await;
    }
    scene.lists(&DeadFilter::default(), &[&dead]).await;
}

/// Rule 14: what died at the same moment is on one page or the other, and once.
pub async fn pages_of_dead_letters_lose_and_repeat_nothing(inbox: Arc<dyn Inbox>) {
    const DEAD: usize = RIVALS;
    let scene = Scene::new(&inbox, "rule 14: pages of dead letters lose nothing, and repeat nothing");
    let events = scene.queue(&Job::new("job"), DEAD).await;
    let worker = scene.worker().with_limit(DEAD);
    worker.takes_all(&events).await;
    scene.promise.all_at_once(events.iter().map(|event| worker.on(event).call(Call::Bury))).await;
    for limit in [1, 3, DEAD, 2 * DEAD] {
        let listed = turns_the_pages(&scene, limit).await.len();
        scene.check(listed == DEAD, format_args!("of {DEAD} dead letters, pages of {limit} had {listed}"));
    }
}
