//! A store that fails, hangs, or does what it is told and says that it did not: what then holds.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

mod support;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lipdub_core::dedupe::{Claim, ClaimRequest, Transition};
use lipdub_core::{
    DedupeStore, Drained, Head, MemoryStore, Status, StoreError, Webhook, WebhookBuilder, async_trait,
};
use tokio::sync::{Notify, watch};

use support::{KEY, deliver, status};

const EVENT: &str = r#"{"event_type":"VIDEO_RENDER_COMPLETE","data":{"generate_id":1}}"#;

/// What befalls one call to the store.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// Nothing is done, and an error is returned.
    Error,
    /// It is done, and an error is returned.
    DoneAllTheSame,
    /// It is done, and nothing is ever returned.
    DoneAndSilent,
    Panic,
}

/// A memory store to which faults happen, in the order in which they are given; none after that.
#[derive(Clone, Debug, Default)]
struct Faulty {
    store: Arc<MemoryStore>,
    faults: Arc<Mutex<VecDeque<(&'static str, Fault)>>>,
    calls: Arc<watch::Sender<Vec<&'static str>>>,
}

impl Faulty {
    fn with(faults: impl IntoIterator<Item = (&'static str, Fault)>) -> Self {
        let store = Self::default();
        store.faults.lock().unwrap().extend(faults);
        store
    }

    /// Waits until the store was called so.
    async fn called(&self, call: &'static str, times: usize) {
        let mut calls = self.calls.subscribe();
        let is_called = |calls: &Vec<&str>| calls.iter().filter(|called| **called == call).count() >= times;
        calls.wait_for(is_called).await.unwrap();
    }

    async fn suffer<T>(
        &self,
        call: &'static str,
        result: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let fault = {
            let mut faults = self.faults.lock().unwrap();
            let is_next = faults.front().is_some_and(|(suffering, _)| *suffering == call);
            if is_next { faults.pop_front().map_or(Fault::None, |(_, fault)| fault) } else { Fault::None }
        };
        let result = match fault {
            Fault::None => result.await,
            Fault::Error => Err(StoreError::new("a fault", "injected")),
            Fault::DoneAllTheSame => {
                result.await?;
                Err(StoreError::new("a fault", "injected"))
            }
            Fault::DoneAndSilent => {
                result.await?;
                std::future::pending().await
            }
            Fault::Panic => panic!("a fault"),
        };
        self.calls.send_modify(|calls| calls.push(call));
        result
    }
}

#[async_trait]
impl DedupeStore for Faulty {
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        self.suffer("claim", self.store.claim(request)).await
    }
    async fn renew(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.suffer("renew", self.store.renew(request, attempt)).await
    }
    async fn done(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.suffer("done", self.store.done(request, attempt)).await
    }
    async fn fail(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.suffer("fail", self.store.fail(request, attempt)).await
    }
    async fn release(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.suffer("release", self.store.release(request, attempt)).await
    }
}

/// The attempts that the handler made; it fails if `fails` says so.
fn counting(fails: fn(u32) -> bool) -> (WebhookBuilder, Arc<Mutex<Vec<u32>>>) {
    let attempts: Arc<Mutex<Vec<u32>>> = Arc::default();
    let count = Arc::clone(&attempts);
    let builder = Webhook::builder().api_key(KEY).on_render_complete(move |event| {
        count.lock().unwrap().push(event.attempt);
        async move { if fails(event.attempt) { Err("no".into()) } else { Ok(()) } }
    });
    (builder, attempts)
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_fails_once_is_asked_for_again() {
    for fault in [Fault::Error, Fault::DoneAllTheSame, Fault::DoneAndSilent] {
        let (builder, attempts) = counting(|_| false);
        let webhook = builder.dedupe(Faulty::with([("claim", fault)])).build().unwrap();
        assert_eq!(status(&webhook, EVENT).await, "processed", "{fault:?}");
        assert_eq!(*attempts.lock().unwrap(), [1]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_asked_means_unavailable_and_no_attempt() {
    for fault in [Fault::Error, Fault::DoneAllTheSame] {
        let (builder, attempts) = counting(|_| false);
        let store = Faulty::with([("claim", fault), ("claim", fault)]);
        let webhook = builder.dedupe(store.clone()).build().unwrap();
        assert_eq!(status(&webhook, EVENT).await, "unavailable", "{fault:?}");
        assert!(attempts.lock().unwrap().is_empty());
        // A claim that was made all the same is given back, so nobody has to wait for its lease.
        store.called("release", 1).await;
        let before = tokio::time::Instant::now();
        assert_eq!(status(&webhook, EVENT).await, "processed", "{fault:?}");
        assert!(before.elapsed() < Duration::from_secs(1));
        assert_eq!(*attempts.lock().unwrap(), [1]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_answered_for_before_the_deadline_of_lipdub() {
    let (builder, attempts) = counting(|_| false);
    let silent = [("claim", Fault::DoneAndSilent); 2];
    let webhook = builder.dedupe(Faulty::with(silent)).build().unwrap();
    let before = tokio::time::Instant::now();
    assert_eq!(deliver(&webhook, EVENT).await.code(), 503);
    assert!(before.elapsed() <= Duration::from_secs(4), "{:?}", before.elapsed());
    assert!(attempts.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_success_that_cannot_be_marked_is_answered_for_by_the_process_and_marked_later() {
    for fault in [Fault::Error, Fault::DoneAllTheSame, Fault::DoneAndSilent] {
        let (builder, attempts) = counting(|_| false);
        let store = Faulty::with([("done", fault); 5]);
        let webhook = builder.dedupe(store.clone()).build().unwrap();
        assert_eq!(status(&webhook, EVENT).await, "processed", "{fault:?}");
        let before = tokio::time::Instant::now();
        assert_eq!(status(&webhook, EVENT).await, "duplicate", "{fault:?}");
        assert_eq!(before.elapsed(), Duration::ZERO, "the store is not asked");
        store.called("done", if fault == Fault::DoneAndSilent { 1 } else { 6 }).await;
        assert_eq!(webhook.drain(Duration::from_secs(60)).await, Drained::Finished);
        let (builder, _) = counting(|_| false);
        let after = builder.dedupe(store).build().unwrap();
        assert_eq!(status(&after, EVENT).await, "duplicate", "{fault:?}");
        assert_eq!(*attempts.lock().unwrap(), [1]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_cannot_be_marked_is_marked_later_and_the_event_runs_again() {
    for fault in [Fault::Error, Fault::DoneAllTheSame, Fault::DoneAndSilent] {
        let (builder, attempts) = counting(|attempt| attempt == 1);
        let store = Faulty::with([("fail", fault); 2]);
        let webhook = builder.dedupe(store.clone()).build().unwrap();
        assert_eq!(status(&webhook, EVENT).await, "failed", "{fault:?}");
        assert_eq!(status(&webhook, EVENT).await, "processed", "{fault:?}");
        assert_eq!(*attempts.lock().unwrap(), [1, 2]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_means_unavailable() {
    let (builder, attempts) = counting(|_| false);
    let webhook = builder.dedupe(Faulty::with([("claim", Fault::Panic)])).build().unwrap();
    assert_eq!(status(&webhook, EVENT).await, "unavailable");
    assert_eq!(status(&webhook, EVENT).await, "processed");
    assert_eq!(*attempts.lock().unwrap(), [1]);
}

#[tokio::test(start_paused = true)]
async fn to_go_on_without_the_store_is_a_choice() {
    let (builder, attempts) = counting(|_| false);
    let store = Faulty::with([("claim", Fault::Error); 2]);
    let webhook = builder.dedupe(store).fail_open().build().unwrap();
    assert_eq!(status(&webhook, EVENT).await, "processed");
    assert_eq!(
        status(&webhook, EVENT).await,
        "duplicate",
        "the success is remembered once the store is back"
    );
    assert_eq!(*attempts.lock().unwrap(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_renewed_for_a_moment_is_not_lost() {
    let release = Arc::new(Notify::new());
    let released = Arc::clone(&release);
    let store = Faulty::with([("renew", Fault::Error), ("renew", Fault::DoneAndSilent)]);
    let build = || {
        let released = Arc::clone(&released);
        let handler = move |_event| {
            let released = Arc::clone(&released);
            async move {
                released.notified().await;
                Ok(())
            }
        };
        Webhook::builder().api_key(KEY).on_render_complete(handler).dedupe(store.clone()).build().unwrap()
    };
    let (here, elsewhere) = (build(), build());
    assert_eq!(status(&here, EVENT).await, "pending");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(status(&elsewhere, EVENT).await, "pending", "the event is not taken over");
    release.notify_one();
    store.called("done", 1).await;
    assert_eq!(status(&elsewhere, EVENT).await, "duplicate");
}

#[tokio::test(start_paused = true)]
async fn a_twin_in_another_process_waits_for_the_outcome() {
    for (fails, expected) in [(false, "duplicate"), (true, "processed")] {
        let store = Arc::new(MemoryStore::new());
        let (start, started) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (go, tell) = (Arc::clone(&start), Arc::clone(&started));
        let handler = move |_event| {
            let (go, tell) = (Arc::clone(&go), Arc::clone(&tell));
            async move {
                tell.notify_one();
                go.notified().await;
                if fails { Err("no".into()) } else { Ok(()) }
            }
        };
        let here = Webhook::builder()
            .api_key(KEY)
            .on_render_complete(handler)
            .dedupe(Arc::clone(&store))
            .build()
            .unwrap();
        let (builder, _) = counting(|_| false);
        let elsewhere = builder.dedupe(store).build().unwrap();
        let first = tokio::spawn(async move { status(&here, EVENT).await });
        started.notified().await;
        let twin = tokio::spawn(async move { status(&elsewhere, EVENT).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        start.notify_one();
        assert_eq!(first.await.unwrap(), if fails { "failed" } else { "processed" });
        assert_eq!(twin.await.unwrap(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_holder_died_runs_again_when_the_lease_has_lapsed() {
    let store = Arc::new(MemoryStore::new());
    let died = Webhook::builder()
        .api_key(KEY)
        .on_render_complete(|_event| std::future::pending())
        .dedupe(Arc::clone(&store))
        .build()
        .unwrap();
    let begun = died.begin(&Head::new("POST", &[("x-api-key", KEY)])).unwrap();
    let task = Mutex::new(None);
    let answer = begun.run(EVENT.into(), |attempt| *task.lock().unwrap() = Some(tokio::spawn(attempt))).await;
    assert_eq!(answer.status(), Status::Pending);
    task.lock().unwrap().take().unwrap().abort();

    let (builder, attempts) = counting(|_| false);
    let elsewhere = builder.dedupe(store).build().unwrap();
    let mut tries = Vec::new();
    for _ in 0..3 {
        tries.push(status(&elsewhere, EVENT).await);
    }
    assert_eq!(
        tries,
        ["pending", "pending", "processed"],
        "three tries of 4 s meet a lease of 15 s, 4 s after it began"
    );
    assert_eq!(*attempts.lock().unwrap(), [2]);
}

#[tokio::test(start_paused = true)]
async fn what_draining_stops_can_run_elsewhere_at_once() {
    let store = Arc::new(MemoryStore::new());
    let here = Webhook::builder()
        .api_key(KEY)
        .on_render_complete(|_event| std::future::pending())
        .dedupe(Arc::clone(&store))
        .build()
        .unwrap();
    assert_eq!(status(&here, EVENT).await, "pending");
    assert_eq!(here.drain(Duration::from_secs(1)).await, Drained::Stopped);
    let (builder, attempts) = counting(|_| false);
    let elsewhere = builder.dedupe(store).build().unwrap();
    assert_eq!(status(&elsewhere, EVENT).await, "processed");
    assert_eq!(*attempts.lock().unwrap(), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_success_that_waits_for_the_store_is_not_in_flight() {
    let (builder, attempts) = counting(|_| false);
    let store = Faulty::with([("done", Fault::Error); 5]);
    let webhook = builder.dedupe(store).in_flight_limit(1).build().unwrap();
    assert_eq!(status(&webhook, EVENT).await, "processed");
    let other = EVENT.replace('1', "2");
    assert_eq!(status(&webhook, other).await, "processed");
    assert_eq!(*attempts.lock().unwrap(), [1, 1]);
}
