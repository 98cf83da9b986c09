//! The steps that the promises are written in.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::dedupe::{Claim, ClaimRequest, DedupeStore, StoreError, Transition};
use crate::event::{EventKey, EventType};
use crate::testing::conformance::{BRIEF, LEASE, OVER, Promised, RIVALS, patiently};

/// Longer than any test as well, and a thousandth of it is not, as it shows if units are confused.
const RETENTION: Duration = Duration::from_secs(120);

/// One event that the store has not heard of, and the promise that is tried on it.
pub(super) struct Scene {
    store: Arc<dyn DedupeStore>,
    key: EventKey,
    promise: Promised,
}

impl Scene {
    pub(super) fn new(store: &Arc<dyn DedupeStore>, promise: &'static str) -> Self {
        let promise = Promised(promise);
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
            Self { key: first.promise.answer(key.parse()), store: store.clone(), promise: first.promise }
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
        self.promise.all_at_once((0..RIVALS).map(|_| self.claimer().claim())).await
    }

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
        self.promise.at_once(round, one, other).await
    }

    pub(super) fn has_taken(&self, time: Duration, since: Instant, what: &str) {
        self.promise.has_taken(time, since, what);
    }

    pub(super) fn is_answered_wrongly(&self, answers: impl fmt::Debug) {
        self.check(false, format_args!("they were answered {answers:?}"));
    }

    pub(super) fn check(&self, holds: bool, otherwise: impl fmt::Display) {
        self.promise.check(holds, otherwise);
    }
}

/// One token, and what is expected of the store when it calls.
#[derive(Clone)]
pub(super) struct Claimer {
    store: Arc<dyn DedupeStore>,
    request: ClaimRequest,
    promise: Promised,
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
        async move { promise.answer(store.claim(&request).await) }
    }

    pub(super) fn renew(&self, attempt: u32) -> impl Future<Output = Transition> + Send + use<> {
        let Self { store, request, promise } = self.clone();
        async move { promise.answer(store.renew(&request, attempt).await) }
    }

    pub(super) fn done(&self, attempt: u32) -> impl Future<Output = Transition> + Send + use<> {
        let Self { store, request, promise } = self.clone();
        async move { promise.answer(store.done(&request, attempt).await) }
    }

    pub(super) fn fail(&self, attempt: u32) -> impl Future<Output = Transition> + Send + use<> {
        let Self { store, request, promise } = self.clone();
        async move { promise.answer(store.fail(&request, attempt).await) }
    }

    pub(super) fn release(&self, attempt: u32) -> impl Future<Output = Transition> + Send + use<> {
        let Self { store, request, promise } = self.clone();
        async move { promise.answer(store.release(&request, attempt).await) }
    }

    fn applies(&self, call: &str, transition: Transition) {
        self.check(transition == Transition::Applied, format_args!("{call} was refused"));
    }

    fn is_refused(&self, call: &str, transition: Transition) {
        self.check(transition == Transition::Refused, format_args!("{call} was applied"));
    }

    fn check(&self, holds: bool, otherwise: impl fmt::Display) {
        self.promise.check(holds, otherwise);
    }
}

fn request(key: EventKey, promise: Promised) -> ClaimRequest {
    let request: Result<_, StoreError> = ClaimRequest::new(key, LEASE, RETENTION);
    promise.answer(request)
}
