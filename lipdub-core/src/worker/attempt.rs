//! One attempt at an event of the inbox: run the handler under the lease, settle.
//!
//! What holds if the task ends half-way, by a crash or with its runtime, or if the inbox cannot be reached for longer
//! than the lease: the lease lapses, and the event is leased anew. Between the handler's success and its mark this is
//! the one window in which a success runs twice.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tracing::Instrument as _;

use super::Settings;
use super::backoff::Backoff;
use crate::attempt::{catch_panic, panic_error};
use crate::dedupe::{StoreError, Transition};
use crate::event::Received;
use crate::handler::{HandlerError, HandlerErrorKind, Handlers};
use crate::inbox::{Intake, Leased};
use crate::lease;
use crate::webhook::{Inner, Task};

pub(super) struct Attempt {
    pub(super) receiver: Arc<Inner>,
    pub(super) handlers: Arc<Handlers>,
    pub(super) intake: Arc<Intake>,
    pub(super) settings: Arc<Settings>,
    pub(super) leased: Leased,
    pub(super) stop: watch::Receiver<bool>,
}

/// What an attempt tells of the world that handlers work in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Succeeded,
    /// As if something that handlers need were out of order.
    Failed,
    /// It says nothing.
    Otherwise,
}

impl Attempt {
    pub(super) fn task(self, when_ended: impl FnOnce(Ended) + Send + 'static) -> Task {
        let span = tracing::info_span!(
            "lipdub_event",
            event_type = self.leased.event.event_type.label(),
            key = %self.leased.event.key
        );
        let attempt = async move { when_ended(self.run().await) };
        Task::new(attempt.instrument(span))
    }

    async fn run(self) -> Ended {
        let Leased { attempt, tries, .. } = self.leased;
        if tries > self.settings.tries {
            tracing::warn!(attempt, "nobody has come to an end with the event: it is a dead letter");
            self.bury("no worker came to an end with it: each was stopped or has died").await;
            return Ended::Otherwise;
        }
        let Ok(received) = self.leased.event.received(attempt) else {
            tracing::error!(attempt, "what is in the inbox is no event: it is a dead letter");
            self.bury("what was stored is no event").await;
            return Ended::Otherwise;
        };
        tracing::debug!(attempt, "the handler starts");
        let handled = tokio::select! {
            biased;
            handled = catch_panic(async { self.handlers.call(&received)?.await }) => handled,
            never = self.keep_lease() => match never {},
            () = self.stop_requested() => {
                tracing::warn!(attempt, "the handler was stopped by the shutdown");
                self.insist("given back", || self.intake.inbox.give_back(&self.leased.holder)).await;
                return Ended::Otherwise;
            }
        };
        match handled {
            Ok(Ok(())) => self.succeeded().await,
            Ok(Err(error)) if error.kind() == HandlerErrorKind::Ignore => {
                self.receiver.tell_failure(&received, attempt, &error);
                self.succeeded().await
            }
            Ok(Err(error)) => self.failed(&received, &error).await,
            Err(panic) => {
                self.failed(&received, &panic_error(&*panic)).await;
                Ended::Otherwise
            }
        }
    }

    async fn succeeded(&self) -> Ended {
        let attempt = self.leased.attempt;
        let marked = self.insist("marked as done", || self.intake.inbox.done(&self.leased.holder)).await;
        if marked == Some(Transition::Refused) {
            tracing::warn!(attempt, "the handler succeeded, but the event had been taken over meanwhile");
        }
        Ended::Succeeded
    }

    async fn failed(&self, received: &Received, error: &HandlerError) -> Ended {
        let Leased { attempt, tries, .. } = self.leased;
        self.receiver.tell_failure(received, attempt, error);
        let why = why(error);
        let is_permanent = error.kind() == HandlerErrorKind::Permanent;
        if is_permanent || tries >= self.settings.tries {
            tracing::warn!(attempt, "the event is a dead letter");
            self.bury(&why).await;
        } else {
            let delay = error.delay().unwrap_or_else(|| self.settings.backoff.pause(tries));
            let retry = || self.intake.inbox.retry(&self.leased.holder, delay, &why);
            self.insist("queued again", retry).await;
        }
        if is_permanent { Ended::Otherwise } else { Ended::Failed }
    }

    async fn bury(&self, why: &str) {
        self.insist("buried", || self.intake.inbox.bury(&self.leased.holder, why)).await;
    }

    async fn keep_lease(&self) -> Infallible {
        lease::keep(self.settings.lease, self.leased.attempt, || self.renew()).await
    }

    async fn renew(&self) -> Result<Transition, StoreError> {
        let renewal = self.intake.inbox.renew(&self.leased.holder, self.settings.lease);
        self.intake.in_time(renewal).await
    }

    async fn stop_requested(&self) {
        let mut stop = self.stop.clone();
        if stop.wait_for(|stop| *stop).await.is_err() {
            // Nobody is left who could ask.
            std::future::pending::<()>().await;
        }
    }

    /// Calls until the inbox answers, or the worker is stopped: then the lease will lapse. It does not before, as long
    /// as the inbox lets it be renewed, or another worker would repeat what has come to an end.
    async fn insist<F>(&self, what: &str, call: impl Fn() -> F) -> Option<Transition>
    where
        F: Future<Output = Result<Transition, StoreError>>,
    {
        let kept = lease::keep_until_refused(self.settings.lease, self.leased.attempt, || self.renew());
        let mut answered = pin!(self.call_until_answered(what, call));
        tokio::select! {
            biased;
            transition = &mut answered => transition,
            // It was taken over, or settled by a call whose answer was lost: the next one tells.
            () = kept => answered.await,
        }
    }

    async fn call_until_answered<F>(&self, what: &str, call: impl Fn() -> F) -> Option<Transition>
    where
        F: Future<Output = Result<Transition, StoreError>>,
    {
        let pauses = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        let mut failures = 0;
        loop {
            match self.intake.in_time(call()).await {
                Ok(transition) => return Some(transition),
                Err(error) if *self.stop.borrow() => {
                    tracing::error!(%error, "stopped before the event could be {what}");
                    return None;
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, "the event could not be {what}; trying until it can");
                    let _ = timeout(pauses.pause(failures), self.stop_requested()).await;
                }
            }
        }
    }
}

/// What the error says, which is the handler's own and may panic as the handler may.
fn why(error: &HandlerError) -> String {
    catch_unwind(AssertUnwindSafe(|| with_causes(error)))
        .unwrap_or_else(|_| "the handler's error panicked when it was asked what it is".to_owned())
}

/// The error with its causes, for whoever looks into the dead letters.
fn with_causes(error: &HandlerError) -> String {
    const LONGEST: usize = 4096;
    let mut why = error.inner().to_string();
    let mut cause = error.inner().source();
    while let Some(error) = cause
        && why.len() < LONGEST
    {
        why.push_str(": ");
        why.push_str(&error.to_string());
        cause = error.source();
    }
    why.chars().take(LONGEST).collect()
}
