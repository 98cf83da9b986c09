//! A right store, in steps that can each be got wrong.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use lipdub_core::dedupe::{Claim, ClaimRequest, Transition};
use lipdub_core::{DedupeStore, StoreError, async_trait};

use crate::database::{Change, Database, Record, State};

/// The steps of a store. As they are they are right; a broken store has one of its own.
#[async_trait]
pub(crate) trait Steps: fmt::Debug + Send + Sync + 'static {
    /// What the store understands of a request.
    fn understood(&self, request: &ClaimRequest) -> ClaimRequest {
        request.clone()
    }

    /// What the store takes for the time.
    fn clock(&self, now: Instant) -> Instant {
        now
    }

    /// What becomes of a record when it is claimed.
    fn claimed(&self, record: Option<Record>, request: &ClaimRequest, now: Instant) -> (Change, Claim) {
        right::claimed(record, request, now)
    }

    /// What becomes of a record when its holder, or somebody else, says how it goes.
    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        right::told(record, call, now)
    }

    async fn claim(&self, database: &Database, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let claim = |record, now| self.claimed(record, request, self.clock(now));
        Ok(database.script(request.key, claim).await)
    }

    async fn tell(&self, database: &Database, call: &Call) -> Result<Transition, StoreError> {
        let tell = |record, now| self.told(record, call, self.clock(now));
        Ok(database.script(call.request.key, tell).await)
    }
}

/// A call for a claim that was granted.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) kind: Kind,
    pub(crate) request: ClaimRequest,
    pub(crate) attempt: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Renew,
    Done,
    Fail,
    Release,
}

/// The store without a flaw.
#[derive(Debug)]
pub(crate) struct Right;

impl Steps for Right {}

pub(crate) mod right {
    use super::*;

    pub(crate) fn claimed(record: Option<Record>, request: &ClaimRequest, now: Instant) -> (Change, Claim) {
        let Some(known) = record else { return granted(request, 1, now) };
        match known.state {
            State::Done => (Change::Nothing, Claim::Done),
            State::Failed => granted(request, known.attempt + 1, now),
            State::Running if known.holder == Some(request.token) => granted(request, known.attempt, now),
            State::Running => match known.lapses {
                Some(lapses) if lapses > now => (Change::Nothing, Claim::Busy { lapses_in: lapses - now }),
                _ => granted(request, known.attempt + 1, now),
            },
        }
    }

    pub(crate) fn granted(request: &ClaimRequest, attempt: u32, now: Instant) -> (Change, Claim) {
        (running(request, attempt, now), Claim::Granted { attempt })
    }

    pub(crate) fn running(request: &ClaimRequest, attempt: u32, now: Instant) -> Change {
        let (holder, lapses) = (Some(request.token), Some(now + request.lease));
        Change::Put(Record { state: State::Running, attempt, holder, lapses }, request.retention)
    }

    pub(crate) fn told(record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        if is_the_callers(record, call) { applied(record, call, now) } else { refused() }
    }

    pub(crate) fn is_the_callers(record: Option<Record>, call: &Call) -> bool {
        let Some(known) = record else { return call.kind != Kind::Release };
        let is_open = match known.state {
            State::Running => true,
            State::Failed => call.kind == Kind::Fail,
            State::Done => call.kind == Kind::Done,
        };
        is_open && known.holder == Some(call.request.token)
    }

    pub(crate) fn applied(record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        let attempt = record.map_or(call.attempt, |known| known.attempt);
        let settled = |state, attempt, holder| {
            Change::Put(Record { state, attempt, holder, lapses: None }, call.request.retention)
        };
        let holder = Some(call.request.token);
        let change = match call.kind {
            Kind::Renew => running(&call.request, attempt, now),
            Kind::Done => settled(State::Done, attempt, holder),
            Kind::Fail => settled(State::Failed, attempt, holder),
            Kind::Release if attempt <= 1 => Change::Delete,
            Kind::Release => settled(State::Failed, attempt - 1, None),
        };
        (change, Transition::Applied)
    }

    pub(crate) fn refused() -> (Change, Transition) {
        (Change::Nothing, Transition::Refused)
    }
}

/// A process's handle on a store.
#[derive(Debug)]
pub(crate) struct Store<S> {
    database: Arc<Database>,
    steps: S,
}

impl<S: Steps> Store<S> {
    pub(crate) fn new(steps: S) -> Self {
        Self::on(&Arc::default(), steps)
    }

    pub(crate) fn on(database: &Arc<Database>, steps: S) -> Self {
        Self { database: Arc::clone(database), steps }
    }

    async fn tell(&self, kind: Kind, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        let call = Call { kind, request: self.steps.understood(request), attempt };
        self.steps.tell(&self.database, &call).await
    }
}

#[async_trait]
impl<S: Steps> DedupeStore for Store<S> {
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        self.steps.claim(&self.database, &self.steps.understood(request)).await
    }

    async fn renew(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.tell(Kind::Renew, request, attempt).await
    }

    async fn done(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.tell(Kind::Done, request, attempt).await
    }

    async fn fail(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.tell(Kind::Fail, request, attempt).await
    }

    async fn release(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.tell(Kind::Release, request, attempt).await
    }
}
