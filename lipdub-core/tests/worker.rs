//! What becomes of events in an inbox: nothing that was answered `accepted` is lost, and what has succeeded is done.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

#[cfg(feature = "redis")]
mod redis_server;
mod support;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lipdub_core::dedupe::Transition;
use lipdub_core::inbox::{
    Accepted, DeadFilter, DeadLetter, Holder, InboxEvent, InboxRecord, InboxState, InboxStats, Job,
    LeaseRequest, Leased, Order,
};
use lipdub_core::testing::MemoryInbox;
use lipdub_core::testing::sample::Sample;
use lipdub_core::{
    ConfigError, Event, EventKey, EventType, HandlerError, Head, Inbox, JobLinks, SigningKey, Source,
    StoreError, UnknownTypes, Webhook, WebhookBuilder, Worker, async_trait,
};
use serde_json::json;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use support::{KEY, deliver, status};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// When handlers began which attempt at which event.
type Log = Arc<Mutex<Vec<(u64, u32, Instant)>>>;

/// A webhook with an inbox in memory, and handlers that do what a closure says of the event's number and attempt.
struct Scene {
    inbox: Arc<Faulty>,
    webhook: Webhook,
    log: Log,
}

impl Scene {
    fn new<F>(handle: impl Fn(u64, u32) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        Self::with(handle, |builder| builder)
    }

    fn with<F>(
        handle: impl Fn(u64, u32) -> F + Send + Sync + 'static,
        change: impl FnOnce(WebhookBuilder) -> WebhookBuilder,
    ) -> Self
    where
        F: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        let inbox = Arc::new(Faulty::default());
        let log = Log::default();
        let logs = Arc::clone(&log);
        let builder =
            Webhook::builder().api_key(KEY).inbox(Arc::clone(&inbox)).fallback(move |event: Event| {
                let number = event.data["id"].as_u64().unwrap();
                logs.lock().unwrap().push((number, event.attempt, Instant::now()));
                handle(number, event.attempt)
            });
        Self { inbox, webhook: change(builder).build().unwrap(), log }
    }

    async fn accepted(&self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            assert_eq!(status(&self.webhook, body(number)).await, "accepted");
        }
    }

    /// Runs a worker until it is dropped.
    fn work(&self, configure: impl FnOnce(Worker) -> Worker) -> Working {
        let (stop, stopped) = oneshot::channel::<()>();
        let worker = configure(self.webhook.worker());
        Working { stop, task: tokio::spawn(worker.run_until(async { drop(stopped.await) })) }
    }

    /// Waits until nothing is queued or leased.
    async fn settled(&self) {
        let settled = async {
            loop {
                let stats = self.inbox.inbox.stats().await.unwrap();
                if stats.due + stats.delayed + stats.leased == 0 {
                    return;
                }
                sleep(SECOND / 10).await;
            }
        };
        timeout(HOUR * 24, settled).await.expect("everything is settled in the end");
    }

    fn attempts(&self) -> Vec<(u64, u32)> {
        self.log.lock().unwrap().iter().map(|(number, attempt, _)| (*number, *attempt)).collect()
    }

    fn times(&self) -> Vec<Duration> {
        let log = self.log.lock().unwrap();
        log.windows(2).map(|pair| pair[1].2 - pair[0].2).collect()
    }

    async fn dead(&self) -> Vec<DeadLetter> {
        self.inbox.inbox.dead(&DeadFilter::default()).await.unwrap()
    }
}

struct Working {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ConfigError>>,
}

impl Working {
    async fn stop(self) {
        drop(self.stop);
        self.task.await.unwrap().unwrap();
    }
}

fn body(number: u64) -> String {
    json!({ "event_type": "VIDEO_RENDER_COMPLETE", "created_at": "c", "data": { "id": number } }).to_string()
}

fn body_of_job(number: u64, job: u64) -> String {
    json!({ "event_type": "VIDEO_RENDER_COMPLETE", "data": { "id": number, "generate_id": job } }).to_string()
}

/// An inbox that can be out of order: it does not answer, or only after it has done what was asked.
#[derive(Debug, Default)]
struct Faulty<I = MemoryInbox> {
    inbox: I,
    is_down: AtomicBool,
    /// It answers, but nothing can be settled.
    settles_nothing: AtomicBool,
    loses_answers: AtomicUsize,
    hangs: AtomicBool,
    accepts: AtomicUsize,
}

impl<I> Faulty<I> {
    fn over(inbox: I) -> Self {
        Self {
            inbox,
            is_down: AtomicBool::default(),
            settles_nothing: AtomicBool::default(),
            loses_answers: AtomicUsize::default(),
            hangs: AtomicBool::default(),
            accepts: AtomicUsize::default(),
        }
    }

    async fn answer<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::new("it is down", "on purpose"));
        }
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let answer = call.await;
        let loses = |left: usize| left.checked_sub(1);
        match self.loses_answers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, loses) {
            Ok(_) => Err(StoreError::new("the answer was lost", "on purpose")),
            Err(_) => answer,
        }
    }

    async fn settle<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        if self.settles_nothing.load(Ordering::SeqCst) {
            return Err(StoreError::new("nothing can be settled", "on purpose"));
        }
        self.answer(call).await
    }
}

#[async_trait]
impl<I: Inbox> Inbox for Faulty<I> {
    async fn accept(&self, event: &InboxEvent) -> Result<Accepted, StoreError> {
        self.accepts.fetch_add(1, Ordering::SeqCst);
        self.answer(self.inbox.accept(event)).await
    }
    async fn lease(&self, request: &LeaseRequest) -> Result<Vec<Leased>, StoreError> {
        self.answer(self.inbox.lease(request)).await
    }
    async fn renew(&self, holder: &Holder, lease: Duration) -> Result<Transition, StoreError> {
        self.answer(self.inbox.renew(holder, lease)).await
    }
    async fn done(&self, holder: &Holder) -> Result<Transition, StoreError> {
        self.settle(self.inbox.done(holder)).await
    }
    async fn retry(&self, holder: &Holder, delay: Duration, why: &str) -> Result<Transition, StoreError> {
        self.settle(self.inbox.retry(holder, delay, why)).await
    }
    async fn bury(&self, holder: &Holder, why: &str) -> Result<Transition, StoreError> {
        self.settle(self.inbox.bury(holder, why)).await
    }
    async fn give_back(&self, holder: &Holder) -> Result<Transition, StoreError> {
        self.settle(self.inbox.give_back(holder)).await
    }
    async fn dead(&self, filter: &DeadFilter) -> Result<Vec<DeadLetter>, StoreError> {
        self.inbox.dead(filter).await
    }
    async fn find(&self, key: EventKey) -> Result<Option<InboxRecord>, StoreError> {
        self.inbox.find(key).await
    }
    async fn replay(&self, key: EventKey) -> Result<Transition, StoreError> {
        self.inbox.replay(key).await
    }
    async fn discard(&self, key: EventKey) -> Result<Transition, StoreError> {
        self.inbox.discard(key).await
    }
    async fn stats(&self) -> Result<InboxStats, StoreError> {
        self.inbox.stats().await
    }
    async fn prune(&self, age: Duration) -> Result<u64, StoreError> {
        self.answer(self.inbox.prune(age)).await
    }
}

fn same(worker: Worker) -> Worker {
    worker
}

#[tokio::test(start_paused = true)]
async fn an_event_is_answered_accepted_and_handled_later() {
    let scene = Scene::new(|_, _| async { Ok(()) });
    scene.accepted([1]).await;
    scene.accepted([1]).await;
    assert_eq!(scene.attempts(), []);
    let working = scene.work(same);
    scene.settled().await;
    assert_eq!(scene.attempts(), [(1, 1)]);
    assert_eq!(status(&scene.webhook, body(1)).await, "duplicate");
    working.stop().await;
    assert_eq!(scene.attempts(), [(1, 1)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_accepted_in_the_same_process_is_handled_at_once() {
    let scene = Scene::new(|_, _| async { Ok(()) });
    let working = scene.work(|worker| worker.idle(HOUR));
    for number in 0..5 {
        sleep(HOUR / 2).await;
        let accepted = Instant::now();
        scene.accepted([number]).await;
        scene.settled().await;
        assert!(accepted.elapsed() < SECOND, "{:?}", accepted.elapsed());
    }
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_stored_is_not_answered_with_2xx() {
    let scene = Scene::new(|_, _| async { Ok(()) });
    scene.inbox.is_down.store(true, Ordering::SeqCst);
    let answer = deliver(&scene.webhook, body(1)).await;
    assert_eq!((answer.code(), answer.status().as_str()), (503, "unavailable"));
    scene.inbox.is_down.store(false, Ordering::SeqCst);
    scene.inbox.hangs.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    assert_eq!(status(&scene.webhook, body(1)).await, "unavailable");
    assert!(begun.elapsed() <= 4 * SECOND, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_storing_was_not_answered_is_stored_once() {
    let scene = Scene::new(|_, _| async { Ok(()) });
    scene.inbox.loses_answers.store(1, Ordering::SeqCst);
    scene.accepted([1]).await;
    let working = scene.work(same);
    scene.settled().await;
    assert_eq!(scene.attempts(), [(1, 1)]);
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_event_or_has_no_handler_is_not_stored() {
    let inbox = Arc::new(Faulty::over(MemoryInbox::new()));
    let webhook = Webhook::builder().api_key(KEY).inbox(Arc::clone(&inbox));
    let webhook = webhook.on_render_complete(|_event| async { Ok(()) }).build().unwrap();
    assert_eq!(status(&webhook, "{").await, "malformed");
    assert_eq!(status(&webhook, r#"{"event_type":"SOMETHING_NEW"}"#).await, "ignored");
    let stranger = webhook.begin(&Head::new("POST", &[("x-api-key", "wrong")]));
    assert_eq!(stranger.unwrap_err().code(), 401);
    assert_eq!(inbox.accepts.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_event_is_tried_again_later_each_time() {
    let scene =
        Scene::new(|_, attempt| async move { if attempt < 5 { Err("not yet".into()) } else { Ok(()) } });
    scene.accepted([1]).await;
    let working = scene.work(|worker| worker.backoff(10 * SECOND, 30 * SECOND));
    scene.settled().await;
    let times = scene.times();
    for (pause, expected) in times.iter().zip([10, 20, 30, 30]) {
        let (least, most) = (SECOND * expected * 8 / 10, SECOND * expected * 12 / 10 + 2 * SECOND);
        assert!(least <= *pause && *pause <= most, "{times:?}");
    }
    assert_eq!(scene.attempts(), [(1, 1), (1, 2), (1, 3), (1, 4), (1, 5)]);
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_can_say_when_it_wants_to_try_again() {
    let scene = Scene::new(|_, attempt| async move {
        if attempt == 1 { Err(HandlerError::retry_after(3 * HOUR, "the shop is closed")) } else { Ok(()) }
    });
    scene.accepted([1]).await;
    let working = scene.work(same);
    scene.settled().await;
    let [pause] = scene.times()[..] else { panic!("{:?}", scene.times()) };
    assert!(pause >= 3 * HOUR && pause < 3 * HOUR + 3 * SECOND, "{pause:?}");
    working.stop().await;
}

#[derive(Debug)]
struct Caused(std::io::Error);

impl std::fmt::Display for Caused {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the order was not booked")
    }
}

impl std::error::Error for Caused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_fails_for_good_is_a_dead_letter_with_its_errors() {
    let told = Arc::new(AtomicUsize::new(0));
    let tells = Arc::clone(&told);
    let scene = Scene::with(
        |number, _| async move {
            let error = Caused(std::io::Error::other("no such order"));
            match number {
                1 => Err(HandlerError::permanent(error)),
                2 => Err(error.into()),
                3 => panic!("it cannot be"),
                _ => Err(HandlerError::ignore("not ours")),
            }
        },
        |builder| {
            builder.on_failure(move |_failure| {
                tells.fetch_add(1, Ordering::SeqCst);
            })
        },
    );
    scene.accepted([1, 2, 3, 4]).await;
    let working = scene.work(|worker| worker.tries(3).backoff(SECOND, SECOND));
    scene.settled().await;
    working.stop().await;
    let count = |number| scene.attempts().iter().filter(|(of, _)| *of == number).count();
    assert_eq!([1, 2, 3, 4].map(count), [1, 3, 3, 1]);
    assert_eq!(told.load(Ordering::SeqCst), 8);
    let mut dead: Vec<_> = scene.dead().await.into_iter().map(|dead| (dead.attempt, dead.why)).collect();
    dead.sort();
    let chain = "the order was not booked: no such order".to_owned();
    assert_eq!(dead, [(1, chain.clone()), (3, "the handler panicked: it cannot be".to_owned()), (3, chain)]);
}

#[derive(Debug)]
struct Unspeakable;

impl std::fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("it cannot be said")
    }
}

impl std::error::Error for Unspeakable {}

#[tokio::test(start_paused = true)]
async fn an_error_that_panics_when_it_is_asked_is_an_error_as_any_other() {
    let scene = Scene::new(|_, _| async { Err(Unspeakable.into()) });
    scene.accepted([1]).await;
    let working = scene.work(|worker| worker.tries(2).backoff(SECOND, SECOND).lease(HOUR));
    let begun = Instant::now();
    scene.settled().await;
    assert!(begun.elapsed() < 60 * SECOND, "{:?}", begun.elapsed());
    assert!(scene.dead().await[0].why.contains("panicked"), "{}", scene.dead().await[0].why);
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_comes_again_is_handled_again() {
    let works = Arc::new(AtomicBool::new(false));
    let does = Arc::clone(&works);
    let scene = Scene::new(move |_, _| {
        let works = does.load(Ordering::SeqCst);
        async move { if works { Ok(()) } else { Err("no".into()) } }
    });
    scene.accepted([1]).await;
    let working = scene.work(|worker| worker.tries(2).backoff(SECOND, SECOND));
    scene.settled().await;
    assert_eq!(scene.dead().await.len(), 1);
    scene.accepted([1]).await;
    scene.settled().await;
    assert_eq!(scene.dead().await.len(), 1);
    works.store(true, Ordering::SeqCst);
    scene.accepted([1]).await;
    scene.settled().await;
    assert_eq!(scene.dead().await.len(), 0);
    // All its tries each time, and attempts that only grow.
    assert_eq!(scene.attempts(), [(1, 1), (1, 2), (1, 3), (1, 4), (1, 5)]);
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_outlives_an_inbox_that_is_down() {
    let scene = Scene::new(|_, attempt| async move {
        sleep(20 * SECOND).await;
        if attempt == 1 { Err("once".into()) } else { Ok(()) }
    });
    scene.accepted(0..10).await;
    let working = scene.work(|worker| worker.lease(300 * SECOND));
    for _ in 0..30 {
        scene.inbox.is_down.store(true, Ordering::SeqCst);
        sleep(15 * SECOND).await;
        scene.inbox.is_down.store(false, Ordering::SeqCst);
        sleep(7 * SECOND).await;
    }
    scene.settled().await;
    assert_eq!(scene.attempts().len(), 20, "{:?}", scene.attempts());
    assert_eq!(scene.dead().await.len(), 0);
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn answers_of_the_inbox_that_are_lost_change_nothing() {
    let scene =
        Scene::new(|_, attempt| async move { if attempt == 1 { Err("once".into()) } else { Ok(()) } });
    scene.accepted(0..10).await;
    let working = scene.work(|worker| worker.concurrency(1).backoff(SECOND, SECOND));
    let losing = async {
        loop {
            scene.inbox.loses_answers.store(1, Ordering::SeqCst);
            sleep(SECOND / 3).await;
        }
    };
    tokio::select! { () = scene.settled() => {}, () = losing => {} }
    assert_eq!(scene.attempts().len(), 20, "{:?}", scene.attempts());
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn no_more_are_handled_at_once_than_may_be_and_no_fewer() {
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (runs, peaks) = (Arc::clone(&running), Arc::clone(&most));
    let scene = Scene::new(move |number, _| {
        let (running, most) = (Arc::clone(&runs), Arc::clone(&peaks));
        async move {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(Duration::from_secs(1 + number % 3)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    });
    scene.accepted(0..100).await;
    let begun = Instant::now();
    let working = scene.work(|worker| worker.concurrency(5));
    scene.settled().await;
    assert_eq!(most.load(Ordering::SeqCst), 5);
    assert!(begun.elapsed() < 45 * SECOND, "{:?}", begun.elapsed());
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_lease_is_kept_up_while_a_handler_runs() {
    let scene = Scene::new(|_, _| async {
        sleep(HOUR).await;
        Ok(())
    });
    scene.accepted([1]).await;
    let workers = [scene.work(|worker| worker.lease(SECOND)), scene.work(|worker| worker.lease(SECOND))];
    scene.settled().await;
    assert_eq!(scene.attempts(), [(1, 1)]);
    for working in workers {
        working.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_lease_is_kept_up_until_it_is_known_how_the_attempt_ended() {
    for outcome in ["done", "retried", "buried"] {
        let scene = Scene::new(move |_, attempt| async move {
            match outcome {
                "done" => Ok(()),
                "retried" if attempt == 2 => Ok(()),
                "retried" => Err("once".into()),
                _ => Err(HandlerError::permanent("never")),
            }
        });
        scene.accepted([1]).await;
        scene.inbox.settles_nothing.store(true, Ordering::SeqCst);
        let work = |worker: Worker| worker.lease(SECOND).backoff(SECOND, SECOND);
        let workers = [scene.work(work), scene.work(work)];
        sleep(HOUR).await;
        assert_eq!(scene.attempts(), [(1, 1)], "while it could not be {outcome}");
        scene.inbox.settles_nothing.store(false, Ordering::SeqCst);
        scene.settled().await;
        let attempts = if outcome == "retried" { 2 } else { 1 };
        assert_eq!(scene.attempts().len(), attempts, "{outcome}");
        for working in workers {
            working.stop().await;
        }
    }
}

/// Nothing can keep a lease up then, and another worker may be the first to find that the inbox answers again.
#[tokio::test(start_paused = true)]
async fn an_event_that_was_taken_over_while_the_inbox_was_away_is_left_to_its_new_holder() {
    let scene = Scene::new(|_, _| async { Ok(()) });
    scene.accepted([1]).await;
    scene.inbox.settles_nothing.store(true, Ordering::SeqCst);
    let working = scene.work(|worker| worker.lease(SECOND));
    sleep(SECOND).await;
    scene.inbox.is_down.store(true, Ordering::SeqCst);
    scene.inbox.settles_nothing.store(false, Ordering::SeqCst);
    sleep(HOUR).await;
    let request = LeaseRequest::new(HOUR).unwrap();
    let leased = scene.inbox.inbox.lease(&request).await.unwrap();
    assert_eq!(leased[0].attempt, 2, "somebody else could reach it");
    scene.inbox.is_down.store(false, Ordering::SeqCst);
    sleep(60 * SECOND).await;
    assert_eq!(scene.attempts(), [(1, 1)]);
    let record = scene.inbox.find(leased[0].event.key).await.unwrap().unwrap();
    assert_eq!(record.state, InboxState::Leased, "it is its new holder's");
    let begun = Instant::now();
    working.stop().await;
    assert!(begun.elapsed() < SECOND, "nothing runs any more");
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_worker_died_is_handled_by_another_when_the_lease_has_lapsed() {
    let scene = Scene::new(|_, attempt| async move {
        if attempt == 1 {
            std::future::pending::<()>().await;
        }
        Ok(())
    });
    scene.accepted([1]).await;
    // Its runtime ends with the thread, and takes the handler with it.
    let (webhook, log) = (scene.webhook.clone(), Arc::clone(&scene.log));
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let begun = async {
                while log.lock().unwrap().is_empty() {
                    sleep(SECOND / 100).await;
                }
            };
            tokio::select! { _ = webhook.worker().run_until(std::future::pending()) => {}, () = begun => {} }
        });
    })
    .join()
    .unwrap();
    let working = scene.work(same);
    let begun = Instant::now();
    scene.settled().await;
    assert_eq!(scene.attempts(), [(1, 1), (1, 2)]);
    assert!(begun.elapsed() >= 50 * SECOND, "{:?}", begun.elapsed());
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_no_worker_survives_is_a_dead_letter_in_the_end() {
    let scene = Scene::new(|_, _| async { Ok(()) });
    scene.accepted([1]).await;
    for _ in 0..3 {
        // A worker that dies before it has done anything.
        let request = LeaseRequest::new(SECOND).unwrap();
        assert_eq!(scene.inbox.inbox.lease(&request).await.unwrap().len(), 1);
        sleep(2 * SECOND).await;
    }
    let working = scene.work(|worker| worker.tries(3));
    scene.settled().await;
    assert_eq!(scene.attempts(), []);
    let dead = scene.dead().await;
    assert_eq!(dead.len(), 1);
    assert!(dead[0].why.contains("no worker came to an end"), "{}", dead[0].why);
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_stops_waits_for_what_runs_and_takes_nothing_more() {
    let scene = Scene::new(|_, _| async {
        sleep(20 * SECOND).await;
        Ok(())
    });
    scene.accepted(0..10).await;
    let working = scene.work(|worker| worker.concurrency(3));
    sleep(SECOND).await;
    let stopped = Instant::now();
    working.stop().await;
    assert!(stopped.elapsed() >= 18 * SECOND && stopped.elapsed() <= 21 * SECOND);
    assert_eq!(scene.attempts().len(), 3);
    let stats = scene.inbox.stats().await.unwrap();
    assert_eq!((stats.done, stats.leased, stats.due), (3, 0, 7));
}

#[tokio::test(start_paused = true)]
async fn what_runs_for_too_long_is_given_back_without_counting() {
    let waits = Arc::new(Notify::new());
    let wait = Arc::clone(&waits);
    let scene = Scene::new(move |_, attempt| {
        let wait = Arc::clone(&wait);
        async move {
            if attempt == 1 {
                wait.notified().await;
            }
            Err("no".into())
        }
    });
    scene.accepted([1]).await;
    let working = scene.work(|worker| worker.grace(5 * SECOND));
    sleep(SECOND).await;
    let stopped = Instant::now();
    working.stop().await;
    assert!(stopped.elapsed() <= 6 * SECOND, "{:?}", stopped.elapsed());
    assert_eq!(scene.inbox.stats().await.unwrap().due, 1);
    let working = scene.work(|worker| worker.tries(2).backoff(SECOND, SECOND));
    scene.settled().await;
    // The first attempt does not count among the two tries.
    assert_eq!(scene.attempts(), [(1, 1), (1, 2), (1, 3)]);
    working.stop().await;
}

/// On a real clock, for not every inbox goes by tokio's.
async fn a_worker_that_stops_while_it_asks_gives_back_what_it_was_given(inbox: impl Inbox) {
    let inbox = Arc::new(Faulty::over(inbox));
    let webhook = Webhook::builder().api_key(KEY).inbox(Arc::clone(&inbox));
    let webhook = webhook.fallback(|_event| async { Ok(()) }).build().unwrap();
    inbox.accept(&stored(&body(1))).await.unwrap();
    // From now on answers are lost: what is leased is not known to the worker.
    inbox.loses_answers.store(usize::MAX, Ordering::SeqCst);
    let is_leased = async {
        while inbox.stats().await.unwrap().leased == 0 {
            sleep(SECOND / 100).await;
        }
        inbox.loses_answers.store(0, Ordering::SeqCst);
    };
    webhook.worker().lease(HOUR).run_until(is_leased).await.unwrap();
    let stats = inbox.stats().await.unwrap();
    assert_eq!((stats.leased, stats.due), (0, 1));
}

#[tokio::test]
async fn what_is_given_while_a_worker_stops_is_given_back_to_a_memory_inbox() {
    a_worker_that_stops_while_it_asks_gives_back_what_it_was_given(MemoryInbox::new()).await;
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn what_is_given_while_a_worker_stops_is_given_back_to_an_sqlite_inbox() {
    let directory = tempfile::tempdir().unwrap();
    let inbox = lipdub_core::SqliteInbox::open(directory.path().join("inbox.db")).await.unwrap();
    a_worker_that_stops_while_it_asks_gives_back_what_it_was_given(inbox).await;
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn what_is_given_while_a_worker_stops_is_given_back_to_a_redis_inbox() {
    let server = redis_server::RedisServer::start_persistent();
    let inbox = lipdub_core::RedisInbox::connect(server.url()).await.unwrap();
    a_worker_that_stops_while_it_asks_gives_back_what_it_was_given(inbox).await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_does_not_use_up_everybody_s_tries() {
    let is_down = Arc::new(AtomicBool::new(true));
    let down = Arc::clone(&is_down);
    let scene = Scene::new(move |_, _| {
        let is_down = down.load(Ordering::SeqCst);
        async move { if is_down { Err("the database is down".into()) } else { Ok(()) } }
    });
    scene.accepted(0..200).await;
    let working = scene.work(|worker| worker.tries(5).probe_after(5).backoff(SECOND, SECOND));
    sleep(2 * HOUR).await;
    // One probe a minute, more or less, and not one try for each event every second.
    let probes = scene.attempts().len();
    assert!((60..160).contains(&probes), "{probes}");
    is_down.store(false, Ordering::SeqCst);
    let up = Instant::now();
    scene.settled().await;
    assert!(up.elapsed() < 3 * 60 * SECOND, "{:?}", up.elapsed());
    working.stop().await;
    let dead = scene.dead().await.len();
    assert!(dead * 5 <= probes, "{dead} dead of {probes} probes");
}

#[tokio::test(start_paused = true)]
async fn failures_that_say_nothing_of_an_outage_hold_up_nothing() {
    let scene = Scene::new(|number, _| async move {
        match number % 2 {
            0 => Err(HandlerError::permanent("never")),
            _ => panic!("never"),
        }
    });
    scene.accepted(0..100).await;
    let begun = Instant::now();
    let working = scene.work(|worker| worker.tries(1).probe_after(3));
    scene.settled().await;
    assert!(begun.elapsed() < SECOND, "{:?}", begun.elapsed());
    assert_eq!(scene.dead().await.len(), 100);
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn events_of_one_job_are_handled_in_order_if_that_is_asked_for() {
    let scene = Scene::new(|number, attempt| async move {
        sleep(Duration::from_secs(7 * number % 5)).await;
        if attempt == 1 && number % 4 == 0 { Err("once".into()) } else { Ok(()) }
    });
    for number in 0..30 {
        assert_eq!(status(&scene.webhook, body_of_job(number, number % 3)).await, "accepted");
    }
    let working =
        scene.work(|worker| worker.order(Order::PerJob { behind_dead: false }).backoff(SECOND, SECOND));
    scene.settled().await;
    for job in 0..3 {
        let order: Vec<u64> = scene
            .attempts()
            .into_iter()
            .map(|(number, _)| number)
            .filter(|number| number % 3 == job)
            .collect();
        assert!(order.is_sorted(), "{order:?}");
    }
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_job_s_flood_does_not_starve_the_others() {
    let scene = Scene::new(|_, _| async {
        sleep(SECOND).await;
        Ok(())
    });
    for number in 0..500 {
        assert_eq!(status(&scene.webhook, body_of_job(number, 1)).await, "accepted");
    }
    for number in 500..505 {
        assert_eq!(status(&scene.webhook, body_of_job(number, number)).await, "accepted");
    }
    let working = scene.work(|worker| worker.concurrency(1));
    sleep(15 * SECOND).await;
    let others = scene.attempts().into_iter().filter(|(number, _)| *number >= 500).count();
    assert_eq!(others, 5, "{:?}", scene.attempts());
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_type_that_a_worker_does_not_know_goes_to_the_fallback_or_is_left() {
    for (unknown_types, state) in
        [(UnknownTypes::Fallback, InboxState::Done), (UnknownTypes::Leave, InboxState::Queued)]
    {
        let scene = Scene::new(|_, _| async { Ok(()) });
        scene.accepted([1]).await;
        let event = stored(&body(1));
        let working = scene.work(|worker| worker.unknown_types(unknown_types));
        sleep(10 * SECOND).await;
        assert_eq!(scene.inbox.find(event.key).await.unwrap().unwrap().state, state);
        working.stop().await;
    }
    // Without a fallback it is left in any case.
    let inbox = Arc::new(MemoryInbox::new());
    let webhook = Webhook::builder().api_key(KEY).inbox(Arc::clone(&inbox));
    let webhook = webhook.on_render_failed(|_event| async { Ok(()) }).build().unwrap();
    inbox.accept(&stored(&body(1))).await.unwrap();
    let stopped = sleep(10 * SECOND);
    webhook.worker().run_until(stopped).await.unwrap();
    assert_eq!(inbox.stats().await.unwrap().due, 1);
}

/// An event as the webhook would store it, but for its job.
fn stored(body: &str) -> InboxEvent {
    InboxEvent {
        key: Sample::parse(body.to_owned()).unwrap().key(),
        event_type: EventType::RenderComplete,
        job: Job::new("job"),
        source: Source::Tenant,
        body: body.to_owned().into(),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_event_is_buried() {
    let scene = Scene::new(|_, _| async { Ok(()) });
    let broken = InboxEvent { body: "{".into(), ..stored(&body(1)) };
    scene.inbox.accept(&broken).await.unwrap();
    let working = scene.work(same);
    scene.settled().await;
    assert_eq!(scene.dead().await.len(), 1);
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_old_is_forgotten_by_itself() {
    let scene = Scene::new(|_, _| async { Ok(()) });
    scene.accepted(0..5).await;
    let working = scene.work(|worker| worker.retention(HOUR));
    scene.settled().await;
    sleep(HOUR - 120 * SECOND).await;
    assert_eq!(scene.inbox.stats().await.unwrap().done, 5);
    sleep(300 * SECOND).await;
    assert_eq!(scene.inbox.stats().await.unwrap().done, 0);
    working.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_an_event_belongs_to_can_be_said() {
    let scene = Scene::with(
        |_, _| async { Ok(()) },
        |builder| {
            builder.job(|event| match event.data["id"].as_u64() {
                Some(13) => panic!("unlucky"),
                id => format!("order {}", id.unwrap_or_default()),
            })
        },
    );
    scene.accepted([7, 13]).await;
    let job = async |number| {
        let record = scene.inbox.find(stored(&body(number)).key).await.unwrap().unwrap();
        record.event.unwrap().job.as_str().to_owned()
    };
    assert_eq!(job(7).await, "order 7");
    assert_eq!(job(13).await, stored(&body(13)).key.to_string());
    for (data, expected) in [
        (json!({ "generate_id": 7, "shot_id": 8 }), "generate 7"),
        (json!({ "shot_id": "8", "video_id": 9 }), "shot 8"),
        (json!({ "video_id": 9, "tracking_id": "t" }), "video 9"),
        (json!({ "tracking_id": "t" }), "tracking t"),
    ] {
        let scene = Scene::new(|_, _| async { Ok(()) });
        let body = json!({ "event_type": "VIDEO_RENDER_COMPLETE", "data": data }).to_string();
        assert_eq!(status(&scene.webhook, body.clone()).await, "accepted");
        let record = scene.inbox.find(stored(&body).key).await.unwrap().unwrap();
        assert_eq!(record.event.unwrap().job.as_str(), expected);
    }
}

#[test]
fn what_cannot_work_is_told() {
    let complete = || Webhook::builder().api_key(KEY).fallback(|_event| async { Ok(()) });
    let fault = |builder: WebhookBuilder| builder.build().unwrap_err();
    let memory = lipdub_core::MemoryStore::new;
    assert_eq!(fault(complete().inbox(MemoryInbox::new()).dedupe(memory())), ConfigError::AmbiguousStore);
    assert_eq!(fault(complete().inbox(MemoryInbox::new()).fail_open()), ConfigError::AmbiguousStore);
    let own = Webhook::builder().api_key(KEY).inbox(MemoryInbox::new()).build_receiver();
    assert_eq!(own.unwrap_err(), ConfigError::UnusedInbox);
    let run = |worker: Worker| support::block_on(worker.run_until(async {}));
    assert_eq!(run(complete().build().unwrap().worker()), Err(ConfigError::NoInbox));
    let webhook = complete().inbox(MemoryInbox::new()).build().unwrap();
    for worker in [
        webhook.worker().concurrency(0),
        webhook.worker().concurrency(usize::MAX),
        webhook.worker().tries(0),
        webhook.worker().probe_after(0),
        webhook.worker().lease(Duration::ZERO),
        webhook.worker().lease(Duration::MAX),
        webhook.worker().idle(Duration::ZERO),
    ] {
        assert!(matches!(run(worker), Err(ConfigError::UnusableSetting(_))));
    }
    assert_eq!(run(webhook.worker()), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn an_event_keeps_its_source_and_its_key_through_the_inbox() {
    let seen = Arc::new(Mutex::new(None));
    let sees = Arc::clone(&seen);
    let inbox = Arc::new(MemoryInbox::new());
    let links = JobLinks::new("https://hooks.example.com/x", SigningKey::new([7; 32]).unwrap());
    let links = links.unwrap();
    let webhook = Webhook::builder()
        .job_links(links.clone())
        .inbox(Arc::clone(&inbox))
        .event_key(|event| event.data["id"].to_string())
        .on_render_complete(move |event| {
            *sees.lock().unwrap() = Some((event.source, event.key, event.raw));
            async { Ok(()) }
        })
        .build()
        .unwrap();
    let link = links.mint("order 7").unwrap();
    let head: [(&str, &str); 0] = [];
    let delivery = webhook.begin(&Head::new("POST", &head).path(link.as_str())).unwrap();
    delivery.run(body(7).into(), |task| drop(tokio::spawn(task))).await;
    webhook.worker().run_until(sleep(SECOND)).await.unwrap();
    let (source, key, raw) = seen.lock().unwrap().clone().unwrap();
    assert_eq!(source, Source::Job("order 7".to_owned()));
    assert_eq!(key, EventKey::custom(&EventType::RenderComplete, "7"));
    assert_eq!(raw, body(7));
}

#[tokio::test(start_paused = true)]
async fn by_default_an_event_is_tried_for_a_day_and_a_half() {
    let scene = Scene::new(|_, _| async { Err("never".into()) });
    scene.accepted([1]).await;
    let begun = Instant::now();
    let working = scene.work(same);
    timeout(48 * HOUR, async {
        while scene.dead().await.is_empty() {
            sleep(60 * SECOND).await;
        }
    })
    .await
    .unwrap();
    let took = begun.elapsed();
    assert!(24 * HOUR < took && took < 44 * HOUR, "{took:?}");
    assert_eq!(scene.attempts().len(), 15);
    working.stop().await;
}
