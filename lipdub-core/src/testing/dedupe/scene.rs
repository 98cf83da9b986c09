//! The steps that the promises are written in.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Barrier;
use tokio::time::sleep;

use crate::dedupe::{Claim, ClaimRequest, DedupeStore, StoreError, Transition};
use crate::event::{EventKey, EventType};

/// Longer than any test.
pub(super) const LEASE: Duration = Duration::from_secs(60);
const RETENTION: Duration = Duration::from_secs(3600);
/// Soon over. Nothing relies on a call being made before.
pub(super) const BRIEF: Duration = Duration::from_millis(100);
/// After this a brief lease or retention has passed by any clock.
pub(super) const OVER: Duration = Duration::from_millis(400);
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

    /// Waits until the record is gone: only then may a stranger finish (rules 4 and 5).
    pub(super) async fn is_forgotten(&self) {
        let stranger = self.claimer();
        let deadline = Instant::now() + PATIENCE;
        while stranger.done(1).await == Transition::Refused {
            self.check(Instant::now() < deadline, "it is still remembered");
            sleep(BRIEF / 4).await;
        }
    }

    /// Many claim at once, again and again until they are not all told to wait for a lapsed lease.
    pub(super) async fn is_granted_to_one(&self, attempt: u32) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answers = self.race().await;
            let granted = answers.iter().filter(|answer| matches!(answer, Claim::Granted { .. })).count();
            let is_right = answers
                .iter()
                .all(|answer| matches!(answer, Claim::Busy { .. }) || *answer == Claim::Granted { attempt });
            self.check(granted <= 1, format_args!("{granted} of {RIVALS} claims were granted"));
            self.check(is_right, format_args!("they were answered {answers:?}"));
            if granted == 1 {
                return;
            }
            self.check(Instant::now() < deadline, "no claim was granted");
            sleep(BRIEF / 4).await;
        }
    }

    async fn race(&self) -> Vec<Claim> {
        let start = Arc::new(Barrier::new(RIVALS));
        let rivals: Vec<_> = (0..RIVALS)
            .map(|_| {
                let (rival, start) = (self.claimer(), start.clone());
                tokio::spawn(async move {
                    start.wait().await;
                    rival.claim().await
                })
            })
            .collect();
        let mut answers = Vec::with_capacity(RIVALS);
        for rival in rivals {
            answers.push(answer(rival.await, self.promise));
        }
        answers
    }

    pub(super) async fn finish_and_takeover_at_once(&self, holder: Claimer) {
        let start = Arc::new(Barrier::new(2));
        let (successor, other_start) = (self.claimer(), start.clone());
        let finished = tokio::spawn(async move {
            start.wait().await;
            holder.done(1).await
        });
        let claimed = tokio::spawn(async move {
            other_start.wait().await;
            successor.claim().await
        });
        let outcome = (answer(finished.await, self.promise), answer(claimed.await, self.promise));
        let is_one_of_two = matches!(
            outcome,
            (Transition::Applied, Claim::Done) | (Transition::Refused, Claim::Granted { attempt: 2 })
        );
        self.check(is_one_of_two, format_args!("they were answered {outcome:?}"));
    }

    fn check(&self, holds: bool, otherwise: impl fmt::Display) {
        check(self.promise, holds, otherwise);
    }
}

/// One token, and what is expected of the store when it calls.
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
        let deadline = Instant::now() + PATIENCE;
        let mut claim = self.claim().await;
        while is_early(claim) && Instant::now() < deadline {
            sleep(BRIEF / 4).await;
            claim = self.claim().await;
        }
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

    async fn claim(&self) -> Claim {
        answer(self.store.claim(&self.request).await, self.promise)
    }

    async fn renew(&self, attempt: u32) -> Transition {
        answer(self.store.renew(&self.request, attempt).await, self.promise)
    }

    async fn done(&self, attempt: u32) -> Transition {
        answer(self.store.done(&self.request, attempt).await, self.promise)
    }

    async fn fail(&self, attempt: u32) -> Transition {
        answer(self.store.fail(&self.request, attempt).await, self.promise)
    }

    pub(super) async fn release(&self, attempt: u32) -> Transition {
        answer(self.store.release(&self.request, attempt).await, self.promise)
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
