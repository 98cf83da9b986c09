//! A right inbox, in steps that can each be got wrong.

use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lipdub_core::dedupe::Transition;
use lipdub_core::inbox::{
    Accepted, DeadFilter, DeadLetter, Holder, InboxEvent, InboxRecord, InboxState, InboxStats, LeaseRequest,
    Leased, Order,
};
use lipdub_core::{EventKey, Inbox, StoreError, async_trait};

use crate::table::{Database, Row, Table};

/// The steps of an inbox. As they are they are right; a broken inbox has one of its own.
#[async_trait]
pub(crate) trait Steps: fmt::Debug + Send + Sync + Sized + 'static {
    /// What the inbox stores of an event.
    fn stored(&self, event: &InboxEvent) -> InboxEvent {
        event.clone()
    }

    /// What it understands of a request.
    fn asked(&self, request: &LeaseRequest) -> LeaseRequest {
        request.clone()
    }

    /// What it understands of what a holder says.
    fn heard(&self, call: Call) -> Call {
        call
    }

    /// What it understands of a key.
    fn known(&self, key: EventKey) -> EventKey {
        key
    }

    /// What it takes for the time.
    fn clock(&self, now: Instant) -> Instant {
        now
    }

    fn accepted(&self, table: &mut Table, event: &InboxEvent, now: Instant) -> Accepted {
        right::accepted(self, table, event, now)
    }

    /// The turn of a new event.
    fn turn(&self, table: &Table, event: &InboxEvent) -> u64 {
        (table.last_turn(&event.job) + 1).max(table.turn)
    }

    fn leased(&self, table: &mut Table, request: &LeaseRequest, now: Instant) -> Vec<Leased> {
        right::leased(self, table, request, now)
    }

    fn is_asked_for(&self, row: &Row, request: &LeaseRequest) -> bool {
        right::is_asked_for(row, request)
    }

    fn is_due(&self, row: &Row, request: &LeaseRequest, now: Instant) -> bool {
        right::is_due(row, request, now)
    }

    /// Whether an event that is due waits for another.
    fn waits_for(&self, row: &Row, other: &Row, order: Order) -> bool {
        right::waits_for(row, other, order)
    }

    /// Less than that of all that are leased later.
    fn place(&self, row: &Row) -> (u64, u64) {
        (row.turn, row.number)
    }

    /// What becomes of an event that is leased, or leased again.
    fn taken(&self, row: &mut Row, request: &LeaseRequest, now: Instant) {
        right::taken(row, request, now);
    }

    fn given(&self, row: &Row, request: &LeaseRequest, now: Instant) -> Leased {
        right::given(row, request, now)
    }

    /// What becomes of an event when its holder, or somebody else, says how it goes.
    fn told(&self, row: &mut Row, call: &Call, number: u64, now: Instant) -> Transition {
        right::told(row, call, number, now)
    }

    /// What becomes of an event that is done, or discarded.
    fn finished(&self, _row: &mut Row) {}

    /// What becomes of a dead event that is queued again.
    fn revived(&self, row: &mut Row, now: Instant) {
        right::revived(row, now);
    }

    fn replayed(&self, row: &mut Row, now: Instant) -> Transition {
        right::replayed(self, row, now)
    }

    fn discarded(&self, row: &mut Row, now: Instant) -> Transition {
        right::discarded(row, now)
    }

    /// Whether a row is removed once it is done or discarded.
    fn is_removed(&self, _row: &Row) -> bool {
        false
    }

    fn listed(&self, table: &Table, filter: &DeadFilter, now: Instant) -> Vec<DeadLetter> {
        right::listed(self, table, filter, now)
    }

    fn is_listed(&self, row: &Row, filter: &DeadFilter) -> bool {
        right::is_listed(row, filter)
    }

    fn letter(&self, row: &Row, now: Instant) -> DeadLetter {
        right::letter(row, now)
    }

    fn found(&self, row: &Row, now: Instant) -> InboxRecord {
        right::found(row, now)
    }

    fn counted(&self, table: &Table, now: Instant) -> InboxStats {
        right::counted(table, now)
    }

    fn is_forgotten(&self, row: &Row, age: Duration, now: Instant) -> bool {
        right::is_forgotten(row, age, now)
    }

    /// What `prune` says of how many it forgot.
    fn said_forgotten(&self, forgotten: u64) -> u64 {
        forgotten
    }

    async fn accept(&self, database: &Database, event: &InboxEvent) -> Accepted {
        database.script(|table, now| self.accepted(table, event, self.clock(now))).await
    }

    async fn lease(&self, database: &Database, request: &LeaseRequest) -> Vec<Leased> {
        database.script(|table, now| self.leased(table, request, self.clock(now))).await
    }

    async fn tell(&self, database: &Database, call: &Call) -> Transition {
        database.script(|table, now| right::told_of(self, table, call, self.clock(now))).await
    }

    async fn replay(&self, database: &Database, key: EventKey) -> Transition {
        let replay = |table: &mut Table, now| {
            table.row(key).map_or(Transition::Refused, |row| self.replayed(row, self.clock(now)))
        };
        database.script(replay).await
    }

    async fn discard(&self, database: &Database, key: EventKey) -> Transition {
        let discard = |table: &mut Table, now| right::discarded_of(self, table, key, self.clock(now));
        database.script(discard).await
    }
}

/// What the holder of an event says.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) kind: Kind,
    pub(crate) holder: Holder,
    /// The lease, or the delay.
    pub(crate) time: Duration,
    pub(crate) why: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Renew,
    Done,
    Retry,
    Bury,
    GiveBack,
}

/// The inbox without a flaw.
#[derive(Debug)]
pub(crate) struct Right;

impl Steps for Right {}

pub(crate) mod right {
    use super::*;

    pub(crate) fn accepted<S: Steps>(
        steps: &S,
        table: &mut Table,
        event: &InboxEvent,
        now: Instant,
    ) -> Accepted {
        let Some(row) = table.row(event.key) else {
            new(steps, table, event, now);
            return Accepted::New;
        };
        match row.state {
            InboxState::Done => Accepted::Done,
            InboxState::Dead => {
                steps.revived(row, now);
                (row.event.body, row.event.source) = (event.body.clone(), event.source.clone());
                row.accepted = now;
                Accepted::Revived
            }
            _ => Accepted::Waiting,
        }
    }

    pub(crate) fn new<S: Steps>(steps: &S, table: &mut Table, event: &InboxEvent, now: Instant) {
        let row = Row {
            event: event.clone(),
            has_body: true,
            state: InboxState::Queued,
            token: None,
            said: None,
            until: now,
            since: now,
            accepted: now,
            attempt: 0,
            tries: 0,
            why: None,
            number: table.next_number(),
            turn: steps.turn(table, event),
            died: 0,
        };
        table.rows.push(row);
    }

    pub(crate) fn leased<S: Steps>(
        steps: &S,
        table: &mut Table,
        request: &LeaseRequest,
        now: Instant,
    ) -> Vec<Leased> {
        let mut leased = Vec::new();
        for row in table.rows.iter_mut().filter(|row| row.is_held_by(request.token)) {
            steps.taken(row, request, now);
            leased.push(steps.given(row, request, now));
        }
        for place in in_turn(steps, table, request, now) {
            let row = &table.rows[place];
            let waits = || table.rows.iter().any(|other| steps.waits_for(row, other, request.order));
            if leased.len() >= request.limit {
                break;
            }
            if !waits() {
                table.turn = table.turn.max(row.turn);
                steps.taken(&mut table.rows[place], request, now);
                leased.push(steps.given(&table.rows[place], request, now));
            }
        }
        leased
    }

    /// The places of those that are due.
    pub(crate) fn in_turn<S: Steps>(
        steps: &S,
        table: &Table,
        request: &LeaseRequest,
        now: Instant,
    ) -> Vec<usize> {
        let is_next = |place: &usize| {
            let row = &table.rows[*place];
            steps.is_asked_for(row, request) && steps.is_due(row, request, now)
        };
        let mut places: Vec<_> = (0..table.rows.len()).filter(is_next).collect();
        places.sort_by_key(|place| steps.place(&table.rows[*place]));
        places
    }

    pub(crate) fn is_asked_for(row: &Row, request: &LeaseRequest) -> bool {
        request.event_types.as_ref().is_none_or(|types| types.contains(&row.event.event_type))
    }

    pub(crate) fn is_due(row: &Row, request: &LeaseRequest, now: Instant) -> bool {
        let is_open = match row.state {
            InboxState::Queued => true,
            InboxState::Leased => row.token != Some(request.token),
            _ => false,
        };
        is_open && row.until <= now
    }

    pub(crate) fn waits_for(row: &Row, other: &Row, order: Order) -> bool {
        let Order::PerJob { behind_dead } = order else { return false };
        let counts = match other.state {
            InboxState::Queued | InboxState::Leased => true,
            InboxState::Dead => behind_dead,
            _ => false,
        };
        counts && is_earlier(other, row)
    }

    pub(crate) fn is_earlier(other: &Row, row: &Row) -> bool {
        other.event.job == row.event.job && other.number < row.number
    }

    pub(crate) fn taken(row: &mut Row, request: &LeaseRequest, now: Instant) {
        if !row.is_held_by(request.token) {
            row.attempt += 1;
            row.tries += 1;
        }
        row.state = InboxState::Leased;
        row.token = Some(request.token);
        row.said = None;
        row.until = now + request.lease;
    }

    pub(crate) fn given(row: &Row, request: &LeaseRequest, now: Instant) -> Leased {
        let holder = Holder { key: row.event.key, token: request.token };
        Leased::new(holder, row.event.clone(), row.attempt, row.tries, now - row.accepted)
            .why(row.why.clone())
    }

    pub(crate) fn told_of<S: Steps>(steps: &S, table: &mut Table, call: &Call, now: Instant) -> Transition {
        let number = table.next_number();
        let Some(row) = table.row(call.holder.key) else { return Transition::Refused };
        let was_done = row.state == InboxState::Done;
        let transition = steps.told(row, call, number, now);
        if row.state == InboxState::Done && !was_done {
            steps.finished(row);
        }
        if steps.is_removed(row) {
            table.rows.retain(|row| row.event.key != call.holder.key);
        }
        transition
    }

    pub(crate) fn told(row: &mut Row, call: &Call, number: u64, now: Instant) -> Transition {
        if row.is_held_by(call.holder.token) {
            applied(row, call, number, now);
        } else if !is_said_again(row, call) {
            return Transition::Refused;
        }
        Transition::Applied
    }

    pub(crate) fn is_said_again(row: &Row, call: &Call) -> bool {
        row.state != InboxState::Leased && row.token == Some(call.holder.token) && row.said == Some(call.kind)
    }

    pub(crate) fn applied(row: &mut Row, call: &Call, number: u64, now: Instant) {
        row.token = Some(call.holder.token);
        row.said = Some(call.kind);
        match call.kind {
            Kind::Renew => {
                row.state = InboxState::Leased;
                row.until = now + call.time;
            }
            Kind::Done => {
                row.state = InboxState::Done;
                row.since = now;
                row.has_body = false;
            }
            Kind::Retry => {
                row.state = InboxState::Queued;
                row.until = now + call.time;
                row.why = Some(call.why.clone());
            }
            Kind::Bury => {
                row.state = InboxState::Dead;
                row.since = now;
                row.died = number;
                row.why = Some(call.why.clone());
            }
            Kind::GiveBack => {
                row.state = InboxState::Queued;
                row.until = now;
                row.tries = row.tries.saturating_sub(1);
            }
        }
    }

    pub(crate) fn revived(row: &mut Row, now: Instant) {
        row.state = InboxState::Queued;
        row.until = now;
        row.token = None;
        row.said = None;
        row.tries = 0;
    }

    pub(crate) fn replayed<S: Steps>(steps: &S, row: &mut Row, now: Instant) -> Transition {
        if row.state != InboxState::Dead {
            return Transition::Refused;
        }
        steps.revived(row, now);
        Transition::Applied
    }

    pub(crate) fn discarded_of<S: Steps>(
        steps: &S,
        table: &mut Table,
        key: EventKey,
        now: Instant,
    ) -> Transition {
        let Some(row) = table.row(key) else { return Transition::Refused };
        let transition = steps.discarded(row, now);
        if transition == Transition::Applied {
            steps.finished(row);
        }
        if steps.is_removed(row) {
            table.rows.retain(|row| row.event.key != key);
        }
        transition
    }

    pub(crate) fn discarded(row: &mut Row, now: Instant) -> Transition {
        if row.state != InboxState::Dead {
            return Transition::Refused;
        }
        row.state = InboxState::Done;
        row.since = now;
        row.has_body = false;
        row.token = None;
        row.said = None;
        Transition::Applied
    }

    pub(crate) fn listed<S: Steps>(
        steps: &S,
        table: &Table,
        filter: &DeadFilter,
        now: Instant,
    ) -> Vec<DeadLetter> {
        let died = |key| table.rows.iter().find(|row| row.event.key == key).map_or(0, |row| row.died);
        let before = filter.after.map_or(u64::MAX, died);
        let is_after = |row: &&Row| row.died < before;
        let mut rows: Vec<_> = table.rows.iter().filter(|row| steps.is_listed(row, filter)).collect();
        rows.sort_by_key(|row| Reverse(row.died));
        rows.into_iter().filter(is_after).take(filter.limit).map(|row| steps.letter(row, now)).collect()
    }

    pub(crate) fn is_listed(row: &Row, filter: &DeadFilter) -> bool {
        row.state == InboxState::Dead
            && filter.event_type.as_ref().is_none_or(|event_type| *event_type == row.event.event_type)
            && filter.job.as_ref().is_none_or(|job| *job == row.event.job)
    }

    pub(crate) fn letter(row: &Row, now: Instant) -> DeadLetter {
        DeadLetter {
            key: row.event.key,
            event_type: row.event.event_type.clone(),
            job: row.event.job.clone(),
            attempt: row.attempt,
            why: row.why.clone().unwrap_or_default(),
            age: now - row.accepted,
            dead_for: now - row.since,
        }
    }

    pub(crate) fn found(row: &Row, now: Instant) -> InboxRecord {
        InboxRecord {
            event: row.has_body.then(|| row.event.clone()),
            state: row.state,
            attempt: row.attempt,
            why: row.why.clone(),
            age: now - row.accepted,
        }
    }

    pub(crate) fn counted(table: &Table, now: Instant) -> InboxStats {
        let mut stats = InboxStats::default();
        for row in &table.rows {
            match row.state {
                InboxState::Queued if row.until <= now => {
                    stats.due += 1;
                    stats.oldest_due = stats.oldest_due.max(Some(now - row.accepted));
                }
                InboxState::Queued => stats.delayed += 1,
                InboxState::Leased => stats.leased += 1,
                InboxState::Dead => stats.dead += 1,
                _ => stats.done += 1,
            }
        }
        stats
    }

    pub(crate) fn is_forgotten(row: &Row, age: Duration, now: Instant) -> bool {
        matches!(row.state, InboxState::Done | InboxState::Dead) && now - row.since > age
    }
}

/// An inbox that is made of its steps.
#[derive(Debug)]
pub(crate) struct Broken<S> {
    database: Arc<Database>,
    steps: S,
}

impl<S: Steps> Broken<S> {
    pub(crate) fn new(steps: S) -> Self {
        Self::on(&Arc::default(), steps)
    }

    pub(crate) fn on(database: &Arc<Database>, steps: S) -> Self {
        Self { database: Arc::clone(database), steps }
    }

    async fn tell(
        &self,
        kind: Kind,
        holder: &Holder,
        time: Duration,
        why: &str,
    ) -> Result<Transition, StoreError> {
        let holder = Holder { key: self.steps.known(holder.key), ..*holder };
        let call = Call { kind, holder, time, why: why.to_owned() };
        Ok(self.steps.tell(&self.database, &self.steps.heard(call)).await)
    }
}

#[async_trait]
impl<S: Steps> Inbox for Broken<S> {
    async fn accept(&self, event: &InboxEvent) -> Result<Accepted, StoreError> {
        Ok(self.steps.accept(&self.database, &self.steps.stored(event)).await)
    }

    async fn lease(&self, request: &LeaseRequest) -> Result<Vec<Leased>, StoreError> {
        Ok(self.steps.lease(&self.database, &self.steps.asked(request)).await)
    }

    async fn renew(&self, holder: &Holder, lease: Duration) -> Result<Transition, StoreError> {
        self.tell(Kind::Renew, holder, lease, "").await
    }

    async fn done(&self, holder: &Holder) -> Result<Transition, StoreError> {
        self.tell(Kind::Done, holder, Duration::ZERO, "").await
    }

    async fn retry(&self, holder: &Holder, delay: Duration, why: &str) -> Result<Transition, StoreError> {
        self.tell(Kind::Retry, holder, delay, why).await
    }

    async fn bury(&self, holder: &Holder, why: &str) -> Result<Transition, StoreError> {
        self.tell(Kind::Bury, holder, Duration::ZERO, why).await
    }

    async fn give_back(&self, holder: &Holder) -> Result<Transition, StoreError> {
        self.tell(Kind::GiveBack, holder, Duration::ZERO, "").await
    }

    async fn dead(&self, filter: &DeadFilter) -> Result<Vec<DeadLetter>, StoreError> {
        let list = |table: &mut Table, now| self.steps.listed(table, filter, self.steps.clock(now));
        Ok(self.database.script(list).await)
    }

    async fn find(&self, key: EventKey) -> Result<Option<InboxRecord>, StoreError> {
        let key = self.steps.known(key);
        let find =
            |table: &mut Table, now| table.row(key).map(|row| self.steps.found(row, self.steps.clock(now)));
        Ok(self.database.script(find).await)
    }

    async fn replay(&self, key: EventKey) -> Result<Transition, StoreError> {
        Ok(self.steps.replay(&self.database, self.steps.known(key)).await)
    }

    async fn discard(&self, key: EventKey) -> Result<Transition, StoreError> {
        Ok(self.steps.discard(&self.database, self.steps.known(key)).await)
    }

    async fn stats(&self) -> Result<InboxStats, StoreError> {
        let count = |table: &mut Table, now| self.steps.counted(table, self.steps.clock(now));
        Ok(self.database.script(count).await)
    }

    async fn prune(&self, age: Duration) -> Result<u64, StoreError> {
        let prune = |table: &mut Table, now| {
            let before = table.rows.len();
            table.rows.retain(|row| !self.steps.is_forgotten(row, age, self.steps.clock(now)));
            self.steps.said_forgotten((before - table.rows.len()) as u64)
        };
        Ok(self.database.script(prune).await)
    }
}
