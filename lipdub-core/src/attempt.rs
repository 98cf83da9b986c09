//! One guarded attempt: claim, run the handler under a lease, settle.
//!
//! It goes on as a task of its own as soon as it has to wait, so that a dropped connection cancels nothing. What holds
//! if the task itself ends half-way, by a crash or with its runtime:
//!
//! - before the claim: nothing has happened;
//! - while the handler runs: the lease lapses, and the next delivery takes the event over;
//! - between the handler's success and its mark: as before, so the event runs again. This is the one window
//!   in which a success can run twice, and why the promise is "at least once".

use std::any::Any;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::Instrument as _;

use crate::deadline::at_once;
use crate::dedupe::{Claim, ClaimRequest, DedupeStore, StoreError, Transition, in_time};
use crate::event::{EventKey, Received};
use crate::handler::{HandlerError, HandlerErrorKind};
use crate::lease;
use crate::webhook::{Inner, Outcome, Report, Stop, Task};

/// What one attempt needs.
pub(crate) struct Attempt {
    receiver: Arc<Inner>,
    received: Received,
    report: Report,
    /// Until when to wait for another process that runs the event.
    deadline: Instant,
    stop: Stop,
}

/// The right to be in flight.
enum Permit {
    Unlimited,
    Limited(
        #[expect(dead_code, reason = "it is held, and counts again when it is dropped")] OwnedSemaphorePermit,
    ),
}

impl Attempt {
    pub(crate) fn new(
        receiver: Arc<Inner>,
        received: Received,
        report: Report,
        deadline: Instant,
        stop: Stop,
    ) -> Self {
        Self { receiver, received, report, deadline, stop }
    }

    /// The task that claims the event and lets `work` handle it.
    pub(crate) fn task<W, F>(self, work: W) -> Task
    where
        W: FnOnce(Received) -> F + Send + 'static,
        F: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        let span = tracing::info_span!(
            "lipdub_event",
            event_type = self.received.event_type().label(),
            key = %self.received.key()
        );
        Task::new(self.run(work).instrument(span))
    }

    #[expect(clippy::manual_async_fn, reason = "the future of an `async fn` has room for the attempt twice")]
    fn run<W, F>(self, work: W) -> impl Future<Output = ()> + Send
    where
        W: FnOnce(Received) -> F + Send + 'static,
        F: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        async move {
            let Some(permit) = self.permit() else {
                tracing::warn!("the limit of attempts in flight is reached");
                return self.report.close(Outcome::Unavailable);
            };
            let request = match self.receiver.dedupe.request(self.received.key()) {
                Ok(request) => request,
                Err(error) => return self.cannot_claim(&error),
            };
            let attempt = match self.claim(&request).await {
                Ok(Claim::Granted { attempt }) if self.stop.is_requested() => {
                    self.report.close(Outcome::Unavailable);
                    return Box::pin(self.receiver.dedupe.give_back(&request, attempt)).await;
                }
                Ok(Claim::Granted { attempt }) => attempt,
                Ok(Claim::Done) => return self.report.close(Outcome::Remembered),
                Ok(Claim::Busy { .. }) => return self.report.close(Outcome::Busy),
                Err(error) if self.receiver.fail_open => {
                    tracing::warn!(%error, "handling without dedupe, as configured");
                    1
                }
                Err(error) => {
                    let receiver = Arc::clone(&self.receiver);
                    self.cannot_claim(&error);
                    // The claim may have been made all the same: nobody shall have to wait for its lease.
                    return Box::pin(receiver.dedupe.give_back(&request, 0)).await;
                }
            };
            let outcome = self.handle(work, &request, attempt).await;
            drop(permit);
            let Self { receiver, received, report, stop, .. } = self;
            // Only the mark is left to do, and that may take long: the body need not wait for it.
            drop(received);
            receiver.dedupe.settle(&request, attempt, outcome, report, &stop).await;
        }
    }

    /// The right to be in flight, if there is one left.
    fn permit(&self) -> Option<Permit> {
        match &self.receiver.in_flight {
            Some(limit) => Arc::clone(limit).try_acquire_owned().ok().map(Permit::Limited),
            None => Some(Permit::Unlimited),
        }
    }

    fn cannot_claim(self, error: &StoreError) {
        tracing::error!(%error, "the event could not be claimed");
        self.report.close(Outcome::Unavailable);
    }

    /// Claims the event, waiting until the deadline while another process runs it.
    ///
    /// A call that fails is repeated once, with the same token: it may have been made.
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let mut pause = Pause::new(Duration::from_millis(50), Duration::from_millis(500));
        let mut has_failed = false;
        loop {
            let claim = self.receiver.dedupe.claim(request).await;
            let wait = match &claim {
                Ok(Claim::Busy { lapses_in }) => pause.next().min(*lapses_in),
                Err(_) if !has_failed => {
                    has_failed = true;
                    pause.next()
                }
                _ => return claim,
            };
            if Instant::now() >= self.deadline || self.stop.is_requested() {
                return claim;
            }
            sleep_until(self.deadline.min(Instant::now() + wait)).await;
        }
    }

    /// Lets `work` handle the event under the lease, and says what came of it.
    async fn handle<W, F>(&self, work: W, request: &ClaimRequest, attempt: u32) -> Outcome
    where
        W: FnOnce(Received) -> F,
        F: Future<Output = Result<(), HandlerError>>,
    {
        tracing::debug!(attempt, "the handler starts");
        // Boxed once it is begun, as is all that few attempts come to: the others have no room for it.
        let keep_lease = async { Box::pin(self.receiver.dedupe.keep_lease(request, attempt)).await };
        let result = tokio::select! {
            biased;
            result = self.call(work, attempt) => result,
            never = keep_lease => match never {},
            () = self.stop.requested() => {
                tracing::warn!(attempt, "the handler was stopped by the shutdown");
                return Outcome::Unavailable;
            }
        };
        let Err(error) = result else { return Outcome::Processed };
        self.receiver.tell_failure(&self.received, attempt, &error);
        match error.kind() {
            HandlerErrorKind::Ignore => Outcome::Ignored,
            HandlerErrorKind::Permanent => Outcome::Rejected,
            HandlerErrorKind::Retry => Outcome::Failed,
        }
    }

    async fn call<W, F>(&self, work: W, attempt: u32) -> Result<(), HandlerError>
    where
        W: FnOnce(Received) -> F,
        F: Future<Output = Result<(), HandlerError>>,
    {
        let received = self.received.clone().in_attempt(attempt);
        let work = pin!(async move { work(received).await });
        catch_panic(work).await.unwrap_or_else(|panic| Err(panic_error(&*panic)))
    }
}

/// The store with what every call to it needs: a time limit, the lease and the retention.
pub(crate) struct Dedupe {
    store: Box<dyn DedupeStore>,
    lease: Duration,
    retention: Duration,
    timeout: Duration,
    /// One permit for each success that may wait for the store at once.
    unmarked: Semaphore,
}

impl Dedupe {
    /// Only reached if handlers go on without the store for long (`fail_open`).
    const MOST_UNMARKED: usize = 10_000;

    pub(crate) fn new(
        store: Box<dyn DedupeStore>,
        lease: Duration,
        retention: Duration,
        timeout: Duration,
    ) -> Self {
        Self { store, lease, retention, timeout, unmarked: Semaphore::new(Self::MOST_UNMARKED) }
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    fn request(&self, key: EventKey) -> Result<ClaimRequest, StoreError> {
        ClaimRequest::new(key, self.lease, self.retention)
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        self.in_time(self.store.claim(request)).await
    }

    async fn done(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.in_time(self.store.done(request, attempt)).await
    }

    async fn fail(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.in_time(self.store.fail(request, attempt)).await
    }

    async fn keep_lease(&self, request: &ClaimRequest, attempt: u32) -> Infallible {
        lease::keep(self.lease, attempt, || self.in_time(self.store.renew(request, attempt))).await
    }

    /// Marks how an attempt ended, and then tells it.
    async fn settle(
        &self,
        request: &ClaimRequest,
        attempt: u32,
        outcome: Outcome,
        report: Report,
        stop: &Stop,
    ) {
        if outcome.is_success() {
            match self.done(request, attempt).await {
                Ok(Transition::Applied) => report.close(outcome),
                Ok(Transition::Refused) => {
                    tracing::warn!(
                        attempt,
                        "the handler succeeded, but the event had been taken over meanwhile"
                    );
                    report.close(Outcome::Busy);
                }
                Err(error) => {
                    tracing::error!(%error, attempt, "the success could not be marked; trying until it is");
                    // It is a fact all the same: until the store knows, this process answers for it.
                    report.announce(outcome);
                    Box::pin(self.insist_on_done(request, attempt, stop)).await;
                }
            }
        } else {
            let marked = self.fail(request, attempt).await;
            report.close(outcome);
            if let Err(error) = marked {
                tracing::warn!(%error, attempt, "the failure could not be marked; trying until the lease lapses");
                Box::pin(self.insist_on_fail(request, attempt, stop)).await;
            }
        }
    }

    /// Marks a success as soon as the store answers.
    async fn insist_on_done(&self, request: &ClaimRequest, attempt: u32, stop: &Stop) {
        let Ok(_permit) = self.unmarked.try_acquire() else {
            tracing::error!(attempt, "too many successes wait for the store; this one will not be marked");
            return;
        };
        let marked = self.insist(|| self.done(request, attempt));
        tokio::select! {
            marked = marked => match marked {
                Transition::Applied => tracing::info!(attempt, "the success is marked now"),
                Transition::Refused => tracing::warn!(attempt, "the event was taken over before its success was marked"),
            },
            () = stop.requested() => tracing::error!(attempt, "shut down before the success was marked"),
        }
    }

    /// Marks a failure as soon as the store answers, or leaves it to the lease.
    async fn insist_on_fail(&self, request: &ClaimRequest, attempt: u32, stop: &Stop) {
        tokio::select! {
            _ = timeout(self.lease, self.insist(|| self.fail(request, attempt))) => {}
            () = stop.requested() => {}
        }
    }

    /// Gives back a claim under which nothing was done, or leaves it to the lease.
    async fn give_back(&self, request: &ClaimRequest, attempt: u32) {
        let given_back = self.insist(|| self.in_time(self.store.release(request, attempt)));
        // A transition that is refused is as good: there was no claim.
        let _ = timeout(self.lease, given_back).await;
    }

    async fn insist<F>(&self, call: impl Fn() -> F) -> Transition
    where
        F: Future<Output = Result<Transition, StoreError>>,
    {
        let mut pause = Pause::new(Duration::from_millis(100), Duration::from_secs(2));
        loop {
            if let Ok(transition) = call().await {
                return transition;
            }
            sleep(pause.next()).await;
        }
    }

    async fn in_time<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let mut call = pin!(call);
        match at_once(call.as_mut()).await {
            Some(answer) => answer,
            None => in_time(self.timeout, call).await,
        }
    }
}

/// Growing pauses between tries.
struct Pause {
    next: Duration,
    longest: Duration,
}

impl Pause {
    fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest }
    }

    fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause
    }
}

pub(crate) async fn catch_panic<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

pub(crate) fn panic_error(panic: &(dyn Any + Send)) -> HandlerError {
    let message = panic.downcast_ref::<String>().map(String::as_str);
    let message = message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    HandlerError::retry(format!("the handler panicked: {message}"))
}
