//! Rules 9 and 10: which event comes before which.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::yield_now;
use tokio::time::sleep;

use super::scene::{Call, Scene, WHY, Worker};
use crate::event::{EventKey, EventType};
use crate::inbox::{Inbox, InboxEvent, Job};
use crate::testing::conformance::{BRIEF, CONTEST, LEASE, OVER};

/// How many events a job with many has.
const FLOOD: usize = 200;
/// How many jobs have one.
const FEW: usize = 5;
/// After so many leases each of those must have had its turn. That is generous: there are as many fair orders
/// as there are ideas of fairness.
const SOON: usize = 30;

/// Rule 9: an event of a job of its own does not wait for all events of a job that has many.
pub async fn a_job_with_few_does_not_wait_for_a_flood(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 9: a job with few events does not wait for one with many");
    scene.queue(&Job::new("flood"), FLOOD).await;
    let mut few = HashMap::new();
    for _ in 0..FEW {
        few.insert(scene.queued().await.key, false);
    }
    for _ in 0..SOON {
        for leased in scene.worker().lease().await {
            few.entry(leased.event.key).and_modify(|had_its_turn| *had_its_turn = true);
        }
    }
    let waiting = few.values().filter(|had_its_turn| !**had_its_turn).count();
    scene.check(waiting == 0, format_args!("after {SOON} leases, {waiting} of {FEW} are still waiting"));
}

/// Rule 9: jobs take turns within what one lease gives, too.
pub async fn a_batch_is_shared_by_the_jobs(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 9: a lease of many events is shared by the jobs");
    scene.queue(&Job::new("flood"), FLOOD).await;
    have_their_turn(&scene).await;
}

/// Rule 9: it makes no difference that a job with many events is being handled already.
pub async fn a_job_that_comes_during_a_flood_does_not_wait_for_its_end(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 9: a job that comes during a flood does not wait for its end");
    scene.queue(&Job::new("flood"), FLOOD).await;
    for _ in 0..3 {
        let worker = scene.worker().with_limit(FLOOD / 5);
        for leased in worker.lease().await {
            worker.on(&leased.event).finishes().await;
        }
    }
    have_their_turn(&scene).await;
}

/// Events of jobs of their own are among the next that are leased.
async fn have_their_turn(scene: &Scene) {
    let mut few = Vec::new();
    for _ in 0..FEW {
        few.push(scene.queued().await.key);
    }
    let leased = scene.worker().with_limit(SOON).lease().await;
    let had_their_turn = leased.iter().filter(|leased| few.contains(&leased.event.key)).count();
    scene.check(
        had_their_turn == FEW,
        format_args!("of the next {SOON} events, {had_their_turn} were of the {FEW} other jobs"),
    );
}

/// Rule 9: a job that comes late has no arrears to make up, for which the others would have to wait.
pub async fn a_flood_that_comes_later_takes_turns_with_what_was_there(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 9: a job that comes later takes turns with those that were there");
    let (first, second) = (Job::new("first flood"), Job::new("second flood"));
    let events = scene.queue(&first, FLOOD / 2).await;
    let worker = scene.worker().with_limit(FLOOD / 3);
    let Some(oldest) = events.first() else { return };
    for leased in worker.lease().await {
        if leased.event.key != oldest.key {
            worker.on(&leased.event).finishes().await;
        }
    }
    // That an old event is tried again does not take the turns back to when it came.
    worker.on(oldest).retries(Duration::ZERO, WHY).await;
    scene.worker().takes(oldest).await;
    scene.queue(&second, FLOOD).await;
    let leased = scene.worker().with_limit(SOON).lease().await;
    for job in [&first, &second] {
        let turns = leased.iter().filter(|leased| leased.event.job == *job).count();
        scene.check(turns > 0, format_args!("of the next {SOON} events, none was of the {}", job.as_str()));
    }
}

/// Rule 9: within a job, what arrived first is leased first.
pub async fn events_of_a_job_are_leased_as_they_arrived(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 9: events of a job are leased in the order of their arrival");
    let events = scene.queue(&Job::new("job"), 30).await;
    let (one_by_one, together) = events.split_at(12);
    for event in one_by_one {
        scene.worker().takes(event).await;
    }
    for batch in together.chunks(6) {
        scene.worker().with_limit(6).takes_all(batch).await;
    }
}

/// Rule 9: an event that was leased before comes before later ones of its job, if it is due.
pub async fn an_event_that_is_due_again_goes_before_later_ones(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 9: an event that is due again goes before later ones of its job");
    let events = scene.queue(&Job::new("job"), 3).await;
    let [first, second, _] = &events[..] else { return };

    scene.worker().takes(first).await.retries(Duration::ZERO, WHY).await;
    scene.worker().takes(first).await.gives_back().await;
    scene.brief_worker().takes(first).await;
    sleep(OVER).await;
    scene.worker().takes(first).await.buries(WHY).await;
    scene.replays(first).await;
    let hold = scene.worker().takes(first).await;
    // What is not due is not waited for.
    hold.retries(LEASE, WHY).await;
    scene.worker().takes(second).await;
}

/// Rule 10: an event waits for the end of an earlier one of its job that is held.
pub async fn an_event_waits_for_an_earlier_one_that_is_leased(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 10: an event waits for an earlier one of its job that is leased");
    let events = scene.queue(&Job::new("job"), 3).await;
    for event in &events {
        let hold = per_job(&scene).takes(event).await;
        nothing_more(&scene).await;
        hold.finishes().await;
    }
    nothing_more(&scene).await;
}

/// Rule 10: an event waits also for an earlier one whose holder did not ask for an order.
pub async fn an_event_waits_for_an_earlier_one_that_anybody_leased(inbox: Arc<dyn Inbox>) {
    let scene =
        Scene::new(&inbox, "rule 10: an event waits for an earlier one, in whatever order that was leased");
    let events = scene.queue(&Job::new("job"), 2).await;
    let [first, second] = &events[..] else { return };
    let hold = scene.worker().takes(first).await;
    nothing_more(&scene).await;
    hold.finishes().await;
    per_job(&scene).takes(second).await;
}

/// Rule 10: an event waits for an earlier one of its job that waits for its next try.
pub async fn an_event_waits_for_an_earlier_one_that_is_delayed(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 10: an event waits for an earlier one of its job that is delayed");
    let events = scene.queue(&Job::new("job"), 2).await;
    let [first, second] = &events[..] else { return };
    per_job(&scene).takes(first).await.retries(LEASE, WHY).await;
    nothing_more(&scene).await;
    // Without an order it would not wait.
    scene.worker().takes(second).await;
}

/// Rule 10: an event waits for an earlier one of its job that is to be tried again, whoever may do so.
pub async fn an_event_waits_for_an_earlier_one_that_is_due_again(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 10: an event waits for an earlier one of its job that is due again");
    let (first, second) = two_of_a_job(&scene).await;
    per_job(&scene).takes(&first).await.retries(Duration::ZERO, WHY).await;
    per_job(&scene).of_type_of(&second).takes_nothing().await;
    per_job(&scene).takes(&first).await.gives_back().await;
    per_job(&scene).of_type_of(&second).takes_nothing().await;
    per_job(&scene).takes(&first).await.retries(BRIEF, WHY).await;
    per_job(&scene).takes_in_the_end(&first).await;
    nothing_more(&scene).await;
}

/// Rule 10: an event waits for an earlier one of its job whose holder has died, whoever may take that over.
pub async fn an_event_waits_for_an_earlier_one_that_has_lapsed(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 10: an event waits for an earlier one of its job that has lapsed");
    let (first, second) = two_of_a_job(&scene).await;
    per_job(&scene).with_lease(BRIEF).takes(&first).await;
    sleep(OVER).await;
    per_job(&scene).of_type_of(&second).takes_nothing().await;
    let hold = per_job(&scene).takes_as(&first, 2, 2).await;
    nothing_more(&scene).await;
    hold.finishes().await;
    per_job(&scene).takes(&second).await;
}

/// Two events of different types.
async fn two_of_a_job(scene: &Scene) -> (InboxEvent, InboxEvent) {
    let job = Job::new("job");
    let first = InboxEvent { event_type: EventType::TrainingComplete, ..scene.event_of(&job) };
    let second = scene.event_of(&job);
    scene.takes_in(&first).await;
    scene.takes_in(&second).await;
    (first, second)
}

/// Rule 10: an event waits for an earlier one of its job that the worker does not ask for.
pub async fn an_event_waits_for_an_earlier_one_of_another_type(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 10: an event waits for an earlier one of its job of another type");
    let (first, second) = two_of_a_job(&scene).await;
    per_job(&scene).of_type_of(&second).takes_nothing().await;
    per_job(&scene).takes(&first).await.finishes().await;
    per_job(&scene).of_type_of(&second).takes(&second).await;
}

/// Rule 10: an event does not wait for a dead one, unless that is asked for.
pub async fn an_event_waits_for_an_earlier_one_that_is_dead_if_asked(inbox: Arc<dyn Inbox>) {
    let scene =
        Scene::new(&inbox, "rule 10: an event waits for an earlier one that is dead only if that is asked");
    let events = scene.queue(&Job::new("job"), 2).await;
    let [first, second] = &events[..] else { return };
    per_job(&scene).takes(first).await.buries(WHY).await;
    scene.worker().with_limit(10).per_job_behind_dead().takes_nothing().await;
    per_job(&scene).takes(second).await.gives_back().await;
    scene.discards(first).await;
    scene.worker().with_limit(10).per_job_behind_dead().takes(second).await;
}

/// Rule 10: an event waits for an earlier one that was dead and is queued again.
pub async fn an_event_waits_for_an_earlier_one_that_was_replayed(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 10: an event waits for an earlier one of its job that was replayed");
    let events = scene.queue(&Job::new("job"), 2).await;
    let [first, second] = &events[..] else { return };
    per_job(&scene).takes(first).await.buries(WHY).await;
    scene.replays(first).await;
    let hold = per_job(&scene).takes(first).await;
    nothing_more(&scene).await;
    hold.finishes().await;
    per_job(&scene).takes(second).await;
}

/// Rule 10: an event goes on when the earlier ones of its job are done or discarded.
pub async fn an_event_goes_on_when_the_earlier_ones_are_done(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 10: an event goes on when the earlier ones of its job are done");
    let events = scene.queue(&Job::new("job"), 3).await;
    let [first, second, third] = &events[..] else { return };
    let strictly = || scene.worker().with_limit(10).per_job_behind_dead();
    strictly().takes(first).await.finishes().await;
    strictly().takes(second).await.buries(WHY).await;
    scene.discards(second).await;
    strictly().takes(third).await;
}

/// Rule 10: a lease gives one event of each job at most.
pub async fn a_lease_gives_one_event_of_each_job(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 10: a lease gives the first event of each job, and no more");
    // Names that are easily taken for each other.
    let jobs = ["job", "Job", "job ", "", "\u{e9}", "e\u{301}", "\0", "job:1", "job:10"].map(Job::new);
    let mut first = Vec::new();
    let mut second = Vec::new();
    for job in &jobs {
        let events = scene.queue(job, 2).await;
        first.extend_from_slice(&events[..1]);
        second.extend_from_slice(&events[1..]);
    }
    for (events, worker) in
        [(first, per_job(&scene)), (second, scene.worker().with_limit(20).per_job_behind_dead())]
    {
        worker.takes_all(&events).await;
        worker.takes_all(&events).await;
        nothing_more(&scene).await;
        for event in &events {
            worker.on(event).finishes().await;
        }
    }
}

/// Rule 10: a later event of its job keeps none waiting, whatever becomes of it.
pub async fn a_later_event_keeps_none_waiting(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 10: an event does not wait for later ones of its job");
    for (number, call) in [Call::Renew, Call::Retry, Call::Bury].into_iter().enumerate() {
        let events = scene.queue(&Job::new(format!("job {number}")), 2).await;
        let [first, second] = &events[..] else { return };
        let both = scene.worker().with_limit(2);
        both.takes_all(&events).await;
        both.on(second).is_applied(call).await;
        both.on(first).gives_back().await;
        scene.worker().with_limit(10).per_job_behind_dead().takes(first).await;
    }
}

/// Rule 10: an event that is queued again after its death does not wait for a later one that is leased by then, and
/// what comes after both waits for it.
pub async fn a_replayed_event_is_leased_beside_a_later_one(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 10: an event that was replayed does not wait for a later one");
    let events = scene.queue(&Job::new("job"), 3).await;
    let [first, second, third] = &events[..] else { return };
    per_job(&scene).takes(first).await.buries(WHY).await;
    let later = per_job(&scene).takes(second).await;
    scene.replays(first).await;
    let earlier = per_job(&scene).takes(first).await;
    later.finishes().await;
    per_job(&scene).takes_nothing().await;
    earlier.finishes().await;
    per_job(&scene).takes(third).await;
}

/// Rule 10: a limit counts what may be leased, and not what waits.
pub async fn events_that_wait_use_up_no_limit(inbox: Arc<dyn Inbox>) {
    let scene = Scene::new(&inbox, "rule 10: events that wait for an earlier one use up no limit");
    let mut events = Vec::new();
    for job in 0..10 {
        events.extend(scene.queue(&Job::new(format!("job {job}")), 2).await);
    }
    let first: Vec<_> = events.iter().step_by(2).collect();
    let worker = per_job(&scene);
    worker.takes_all(first.iter().copied()).await;
    // Its next event is the only one that does not wait, and those of all others arrived before.
    let (Some(last), Some(next)) = (first.last(), events.last()) else { return };
    worker.on(last).finishes().await;
    per_job(&scene).with_limit(1).takes(next).await;
}

/// Rule 10: many workers, some of whom fail, handle the events of each job one after the other as they arrived.
pub async fn many_workers_handle_each_job_in_order(inbox: Arc<dyn Inbox>) {
    const JOBS: usize = 6;
    const EVENTS: usize = 6;
    let scene = Scene::new(&inbox, "rule 10: many workers handle the events of each job in their order");
    let mut places = HashMap::new();
    for job in 0..JOBS {
        let events = scene.queue(&Job::new(format!("job {job}")), EVENTS).await;
        places.extend(events.iter().enumerate().map(|(place, event)| (event.key, place)));
    }
    let progress = Arc::new(Progress::of(places));
    let begun = Instant::now();
    let works = |_| {
        let (scene, progress) = (scene.clone(), progress.clone());
        async move {
            while !progress.is_over() && begun.elapsed() < CONTEST {
                // Not a moment for a server, and time for the others on a thread that never waits for one.
                sleep(Duration::from_millis(1)).await;
                progress.goes_on(&scene).await;
            }
        }
    };
    scene.promise.all_at_once((0..12).map(works)).await;
    for _ in 0..2 * JOBS * EVENTS {
        progress.goes_on(&scene).await;
    }
    scene.counts([0, 0, 0, 0, (JOBS * EVENTS) as u64], "when all workers had finished").await;
}

/// How far the workers have come between them.
struct Progress {
    /// How many of its job come before each event.
    places: HashMap<EventKey, usize>,
    jobs: Mutex<HashMap<Job, JobProgress>>,
}

#[derive(Default)]
struct JobProgress {
    finished: usize,
    is_running: bool,
}

impl Progress {
    fn of(places: HashMap<EventKey, usize>) -> Self {
        Self { places, jobs: Mutex::default() }
    }

    fn is_over(&self) -> bool {
        self.jobs().values().map(|job| job.finished).sum::<usize>() == self.places.len()
    }

    /// A worker takes some events, and fails with each the first time.
    async fn goes_on(&self, scene: &Scene) {
        let worker = per_job(scene).with_limit(2);
        for leased in worker.lease().await {
            let call = if leased.attempt == 1 { Call::GiveBack } else { Call::Done };
            let is_in_order = self.begin(&leased.event);
            scene.check(is_in_order, "an event was leased before or beside an earlier one of its job");
            yield_now().await;
            self.end(&leased.event, call);
            worker.on(&leased.event).is_applied(call).await;
        }
    }

    /// Whether it is the next of its job, and the only one that runs.
    fn begin(&self, event: &InboxEvent) -> bool {
        let mut jobs = self.jobs();
        let job = jobs.entry(event.job.clone()).or_default();
        let is_alone = !mem::replace(&mut job.is_running, true);
        is_alone && self.places.get(&event.key) == Some(&job.finished)
    }

    fn end(&self, event: &InboxEvent, call: Call) {
        let mut jobs = self.jobs();
        let job = jobs.entry(event.job.clone()).or_default();
        job.is_running = false;
        job.finished += usize::from(call == Call::Done);
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<Job, JobProgress>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn per_job(scene: &Scene) -> Worker {
    scene.worker().with_limit(10).per_job()
}

async fn nothing_more(scene: &Scene) {
    per_job(scene).takes_nothing().await;
    scene.worker().with_limit(10).per_job_behind_dead().takes_nothing().await;
}
