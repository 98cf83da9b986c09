//! What the suites are written in.

use std::fmt;
use std::future::{Future, poll_fn};
use std::iter;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::Barrier;
use tokio::task::{JoinError, yield_now};
use tokio::time::sleep;

/// Longer than any test.
pub(super) const LEASE: Duration = Duration::from_secs(60);
/// Soon over. Nothing relies on a call being made before.
pub(super) const BRIEF: Duration = Duration::from_millis(100);
/// After this a brief lease or retention has passed by any clock.
pub(super) const OVER: Duration = Duration::from_millis(400);
/// Times, and when to begin with them. A clock of whole seconds betrays itself at one of the moments at least.
pub(super) const LEASES: [(Duration, Duration); 3] = [
    (Duration::from_millis(900), Duration::ZERO),
    (Duration::from_secs(1), Duration::ZERO),
    (Duration::from_secs(1), Duration::from_millis(350)),
];
/// By how much two clocks may differ on how long something took.
pub(super) const TICK: Duration = Duration::from_millis(20);
/// How many call at once.
pub(super) const RIVALS: usize = 32;
/// How often a race is run.
pub(super) const ROUNDS: usize = 20;
/// For how long many work at the same time, at most.
pub(super) const CONTEST: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(5);

/// What is promised, in the words of a message for when it is broken.
#[derive(Clone, Copy)]
pub(super) struct Promised(pub(super) &'static str);

impl Promised {
    pub(super) fn check(self, holds: bool, otherwise: impl fmt::Display) {
        assert!(holds, "{}; but {otherwise}", self.0);
    }

    pub(super) fn answer<T, E: std::error::Error>(self, result: Result<T, E>) -> T {
        result.unwrap_or_else(|error| panic!("{}; but it did not answer: {error}", self.0))
    }

    /// What began then is not over before its time. A machine that stalls makes it end later, but not earlier.
    pub(super) fn has_taken(self, time: Duration, since: Instant, what: &str) {
        let taken = since.elapsed();
        self.check(taken + TICK >= time, format_args!("{what} of {time:?} was over after {taken:?}"));
    }

    /// Calls in as many tasks at once.
    pub(super) async fn all_at_once<F>(self, calls: impl IntoIterator<Item = F>) -> Vec<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let calls: Vec<_> = calls.into_iter().collect();
        let start = Arc::new(Barrier::new(calls.len()));
        let calls: Vec<_> =
            calls.into_iter().map(|call| tokio::spawn(starting_with(&start, 0, call))).collect();
        let mut answers = Vec::with_capacity(calls.len());
        for call in calls {
            answers.push(joined(call.await));
        }
        answers
    }

    /// Two calls in two tasks at once. Which comes first, and by how much, differs from round to round.
    pub(super) async fn at_once<A, B>(
        self,
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
        (joined(one.await), joined(other.await))
    }
}

/// What a task has found to be broken is what its promise says.
fn joined<T>(task: Result<T, JoinError>) -> T {
    task.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(error) => panic!("the runtime is shutting down: {error}"),
    })
}

/// Asks until it is no longer too early, or has been for long.
///
/// The last answer was asked for when the time was over: a machine that stalls makes it late, and nothing else.
pub(super) async fn patiently<F>(ask: impl Fn() -> F, is_early: impl Fn(&F::Output) -> bool) -> F::Output
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
