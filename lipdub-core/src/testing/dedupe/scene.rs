//! The steps that the promises are written in.

use std::fmt;
use std::future::{Future, poll_fn};
use std::iter;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::Barrier;
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::dedupe::{Claim, ClaimRequest, DedupeStore, StoreError, Transition};
use crate::event::{EventKey, EventType};

/// Longer than any test.
pub(super) const LEASE: Duration = Duration::from_secs(60);
/// Longer than any test as well, and a thousandth of it is not, as it shows if units are confused.
const RETENTION: Duration = Duration::from_secs(120);
/// Soon over. Nothing relies on a call being made before.
pub(super) const BRIEF: Duration = Duration::from_millis(100);
/// After this a brief lease or retention has passed by any clock.
pub(super) const OVER: Duration = Duration::from_millis(400);
/// Leases, and when to begin with them. A clock of whole seconds betrays itself at one of the moments at least.
pub(super) const LEASES: [(Duration, Duration); 3] = [
    (Duration::from_millis(900), Duration::ZERO),
    (Duration::from_secs(1), Duration::ZERO),
    (Duration::from_secs(1), Duration::from_millis(350)),
];
/// By how much two clocks may differ on how long something took.
const TICK: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(5);
const RIVALS: usize = 32;

/// One event that the store has not heard of, and the promise that is tried on it.
pub(super) struct Scene {
    store: Arc<dyn DedupeStore>,
    key: EventKey,
    promise: &'static str,
}

impl Scene {
    pub(super) fn new(store: &Arc<dyn DedupeStore>, promise: &'static str) -> Self {
        let nothing = EventKey::custom(&EventType::RenderComplete, "");
        let unique = request(nothing, promise).token.to_string();
        let key = EventKey::custom(&EventType::RenderComplete, &unique);
        Self { store: store.clone(), key, promise }
    }

    /// Many events, the keys of which differ from each other in one place or two.
    pub(super) fn with_similar_keys(store: &Arc<dyn DedupeStore>, promise: &'static str) -> Vec<Self> {
        let first = Self::new(store, promise);
        let text = first.key.to_string();
        let digits = text.char_indices().skip_while(|(_, letter)| *letter != '-').skip(1);
        let others = digits.map(|(at, digit)| {
            let other_digit = if digit == '0' { "1" } else { "0" };
            let key = [&text[..at], other_digit, &text[at + 1..]].concat();
            Self { key: answer(key.parse(), promise), store: store.clone(), promise }
        });
        let others: Vec<_> = others.collect();
        [first].into_iter().chain(others).collect()
    }

    pub(super) fn claimer(&self) -> Claimer {
        Claimer { store: self.store.clone(), request: request(self.key, self.promise), promise: self.promise }
    }

    /// A claimer whose lease lapses soon.
    pub(super) fn brief_claimer(&self) -> Claimer {
        self.claimer().with_lease(BRIEF)
    }

    pub(super) async fn has_failed_once(&self) {
        let holder = self.claimer();
        holder.is_granted(1).await;
        holder.fails(1).await;
    }

    /// A holder whose lease has lapsed, and nobody has noticed.
    pub(super) async fn lapsed_holder(&self) -> Claimer {
        let holder = self.brief_claimer();
        holder.is_granted(1).await;
        sleep(OVER).await;
        holder
    }

    /// A holder of attempt 1 that was replaced, and the holder of attempt 2.
    pub(super) async fn taken_over(&self) -> (Claimer, Claimer) {
        let (zombie, successor) = (self.brief_claimer(), self.claimer());
        zombie.is_granted(1).await;
        successor.takes_over(2).await;
        (zombie, successor)
    }

    pub(super) async fn is_running(&self) {
        self.claimer().is_told_busy().await;
    }

    pub(super) async fn is_done(&self) {
        self.claimer().is_told_done().await;
    }

    /// Nobody else is granted the event, and its holder finishes.
    pub(super) async fn is_held_by(&self, holder: &Claimer, attempt: u32) {
        self.is_running().await;
        holder.finishes(attempt).await;
        self.is_done().await;
    }

    /// Waits until the record is gone: only then may a stranger finish (rules 4 and 5).
    pub(super) async fn is_forgotten(&self) {
        let stranger = self.claimer();
        let finished = patiently(|| stranger.done(1), |answer| *answer == Transition::Refused).await;
        self.check(finished == Transition::Applied, "it is still remembered");
    }

    /// Many claim at once, again and again until they are not all told to wait for a lapsed lease.
    pub(super) async fn is_granted_to_one(&self, attempt: u32) {
        let is_busy = |claim: &Claim| matches!(claim, Claim::Busy { .. });
        let answers = patiently(|| self.race(), |answers| answers.iter().all(is_busy)).await;
        let others: Vec<_> = answers.iter().filter(|answer| !is_busy(answer)).collect();
        let is_right = others == [&Claim::Granted { attempt }];
        self.check(is_right, format_args!("of {RIVALS} claims, those not busy were answered {others:?}"));
    }

    async fn race(&self) -> Vec<Claim> {
        let start = Arc::new(Barrier::new(RIVALS));
        let rivals: Vec<_> =
            (0..RIVALS).map(|_| tokio::spawn(starting_with(&start, 0, self.claimer().claim()))).collect();
        let mut answers = Vec::with_capacity(RIVALS);
        for rival in rivals {
            answers.push(answer(rival.await, self.promise));
        }
        answers
    }

    /// Two calls in two tasks at once. Which comes first, and by how much, differs from round to round.
    pub(super) async fn at_once<A, B>(
        &self,
        round: usize,
        one: impl Future<Output = A> + Send + 'static,
        other: impl Future<Output = B> + Send + 'static,
    ) -> (A, B)
    where
        A: Send + 'static,
        B: Send + 'static,
    {
        let start = Arc::new(Barrier::new(2));
        let (one_waits, other_waits) = if round.is_multiple_of(2) { (0, round / 2) } else { (round / 2, 0) };
        let one = tokio::spawn(starting_with(&start, one_waits, one));
        let other = tokio::spawn(starting_with(&start, other_waits, other));
        (answer(one.await, self.promise), answer(other.await, self.promise))
    }

    /// What began then is not over before its time. A machine that stalls makes it end later, but not earlier.
    pub(super) fn has_taken(&self, time: Duration, since: Instant, what: &str) {
        let taken = since.elapsed();
        self.check(taken + TICK >= time, format_args!("{what} of {time:?} was over after {taken:?}"));
    }

    pub(super) fn is_answered_wrongly(&self, answers: impl fmt::Debug) {
        self.check(false, format_args!("they were answered {answers:?}"));
    }

    pub(super) fn check(&self, holds: bool, otherwise: impl fmt::Display) {
        check(self.promise, holds, otherwise);
    }
}

/// One token, and what is expected of the store when it calls.
#[derive(Clone)]
pub(super) struct Claimer {
    store: Arc<dyn DedupeStore>,
    request: ClaimRequest,
    promise: &'static str,
}

impl Claimer {
    pub(super) fn with_lease(&self, lease: Duration) -> Self {
        self.with(ClaimRequest { lease, ..self.request.clone() })
    }

    pub(super) fn with_retention(&self, retention: Duration) -> Self {
        self.with(ClaimRequest { retention, ..self.request.clone() })
    }

    pub(super) fn on(&self, event: &Scene) -> Self {
        self.with(ClaimRequest { key: event.key, ..self.request.clone() })
    }

    fn with(&self, request: ClaimRequest) -> Self {
        Self { store: self.store.clone(), request, promise: self.promise }
    }

    pub(super) async fn is_granted(&self, attempt: u32) {
        let claim = self.claim().await;
        let is_right = claim == Claim::Granted { attempt };
        self.check(is_right, format_args!("the claim was {claim:?}, not granted as attempt {attempt}"));
    }

    pub(super) async fn is_told_done(&self) {
        let claim = self.claim().await;
        self.check(claim == Claim::Done, format_args!("the claim was {claim:?}, not Done"));
    }

    pub(super) async fn is_told_busy(&self) {
        let claim = self.claim().await;
        let is_right = matches!(claim, Claim::Busy { lapses_in } if lapses_in <= LEASE);
        self.check(is_right, format_args!("the claim was {claim:?}, not Busy for at most {LEASE:?}"));
    }

    /// Is told that the event is running until a brief lease has lapsed, and granted the claim then.
    pub(super) async fn takes_over(&self, attempt: u32) {
        self.is_granted_after(attempt, |claim| matches!(claim, Claim::Busy { .. })).await;
    }

    /// Is told that the event is done until a brief retention has passed, and granted the claim then.
    pub(super) async fn is_granted_in_the_end(&self, attempt: u32) {
        self.is_granted_after(attempt, |claim| claim == Claim::Done).await;
    }

    async fn is_granted_after(&self, attempt: u32, is_early: impl Fn(Claim) -> bool) {
        let claim = patiently(|| self.claim(), |claim| is_early(*claim)).await;
        let is_right = claim == Claim::Granted { attempt };
        self.check(is_right, format_args!("in the end it was {claim:?}, not granted as attempt {attempt}"));
    }

    pub(super) async fn renews(&self, attempt: u32) {
        self.applies("renew", self.renew(attempt).await);
    }

    pub(super) async fn finishes(&self, attempt: u32) {
        self.applies("done", self.done(attempt).await);
    }

    pub(super) async fn fails(&self, attempt: u32) {
        self.applies("fail", self.fail(attempt).await);
    }

    pub(super) async fn releases(&self, attempt: u32) {
        self.applies("release", self.release(attempt).await);
    }

    pub(super) async fn cannot_renew(&self, attempt: u32) {
        self.is_refused("renew", self.renew(attempt).await);
    }

    pub(super) async fn cannot_finish(&self, attempt: u32) {
        self.is_refused("done", self.done(attempt).await);
    }

    pub(super) async fn cannot_fail(&self, attempt: u32) {
        self.is_refused("fail", self.fail(attempt).await);
    }

    pub(super) async fn cannot_release(&self, attempt: u32) {
        self.is_refused("release", self.release(attempt).await);
    }

    pub(super) async fn changes_nothing(&self, attempt: u32) {
        self.cannot_renew(attempt).await;
        self.cannot_fail(attempt).await;
        self.cannot_release(attempt).await;
        self.cannot_release(0).await;
        self.cannot_finish(attempt).await;
    }

    /// Is told that the event is running, and until when: to the second, which is as far as some clocks go.
    pub(super) async fn is_told_the_lease(&self, lease: Duration, since: Instant) {
        let claim = self.claim().await;
        let is_right = matches!(
            claim,
            Claim::Busy { lapses_in }
                if lapses_in <= lease && lapses_in + since.elapsed() + Duration::from_secs(1) >= lease
        );
        self.check(is_right, format_args!("the claim was {claim:?}, not Busy for {lease:?}"));
    }

    pub(super) fn claim(&self) -> impl Future<Output = Claim> + Send + use<> {
        let Self { store, request, promise } = self.clone();
        async move { answer(store.claim(&request).await, promise) }
    }

    pub(super) fn renew(&self, attempt: u32) -> impl Future<Output = Transition> + Send + use<> {
        let Self { store, request, promise } = self.clone();
        async move { answer(store.renew(&request, attempt).await, promise) }
    }

    pub(super) fn done(&self, attempt: u32) -> impl Future<Output = Transition> + Send + use<> {
        let Self { store, request, promise } = self.clone();
        async move { answer(store.done(&request, attempt).await, promise) }
    }

    pub(super) fn fail(&self, attempt: u32) -> impl Future<Output = Transition> + Send + use<> {
        let Self { store, request, promise } = self.clone();
        async move { answer(store.fail(&request, attempt).await, promise) }
    }

    pub(super) fn release(&self, attempt: u32) -> impl Future<Output = Transition> + Send + use<> {
        let Self { store, request, promise } = self.clone();
        async move { answer(store.release(&request, attempt).await, promise) }
    }

    fn applies(&self, call: &str, transition: Transition) {
        self.check(transition == Transition::Applied, format_args!("{call} was refused"));
    }

    fn is_refused(&self, call: &str, transition: Transition) {
        self.check(transition == Transition::Refused, format_args!("{call} was applied"));
    }

    fn check(&self, holds: bool, otherwise: impl fmt::Display) {
        check(self.promise, holds, otherwise);
    }
}

/// Asks until it is no longer too early, or has been for long.
///
/// The last answer was asked for when the time was over: a machine that stalls makes it late, and nothing else.
async fn patiently<F>(ask: impl Fn() -> F, is_early: impl Fn(&F::Output) -> bool) -> F::Output
where
    F: Future,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        let is_last = Instant::now() >= deadline;
        let answer = ask().await;
        if is_last || !is_early(&answer) {
            return answer;
        }
        sleep(BRIEF / 4).await;
    }
}

fn starting_with<F: Future>(
    start: &Arc<Barrier>,
    waits: usize,
    call: F,
) -> impl Future<Output = F::Output> + use<F> {
    let start = start.clone();
    async move {
        start.wait().await;
        for _ in 0..waits {
            yield_now().await;
        }
        call.await
    }
}

/// Drops a call after so many steps, if it has not ended by itself before.
pub(super) async fn drop_after(steps: usize, call: impl Future) {
    let mut call = pin!(call);
    for _ in 0..steps {
        if poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_ready())).await {
            return;
        }
        yield_now().await;
    }
}

/// After how many steps to drop a call: each of the first few, and then some of those that a server takes.
pub(super) fn steps() -> impl Iterator<Item = usize> {
    iter::successors(Some(0), |steps| Some(steps + 1 + steps / 8)).take_while(|steps| *steps < 300)
}

fn request(key: EventKey, promise: &str) -> ClaimRequest {
    let request: Result<_, StoreError> = ClaimRequest::new(key, LEASE, RETENTION);
    answer(request, promise)
}

fn answer<T, E: std::error::Error>(result: Result<T, E>, promise: &str) -> T {
    result.unwrap_or_else(|error| panic!("{promise}; but the store did not answer: {error}"))
}

fn check(promise: &str, holds: bool, otherwise: impl fmt::Display) {
    assert!(holds, "{promise}; but {otherwise}");
}
