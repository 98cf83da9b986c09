//! The steps that the promises are written in.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::dedupe::{StoreError, Transition};
use crate::event::{EventKey, EventType, Source};
use crate::inbox::{
    Accepted, DeadFilter, DeadLetter, Holder, Inbox, InboxEvent, InboxRecord, InboxState, InboxStats, Job,
    LeaseRequest, Leased, Order,
};
use crate::testing::conformance::{BRIEF, LEASE, OVER, Promised, TICK, patiently};

/// Why an event is retried or buried where that does not matter.
pub(super) const WHY: &str = "the disk is full";

/// An inbox, and the promise that is tried on it.
#[derive(Clone)]
pub(super) struct Scene {
    inbox: Arc<dyn Inbox>,
    pub(super) promise: Promised,
}

impl Scene {
    pub(super) fn new(inbox: &Arc<dyn Inbox>, promise: &'static str) -> Self {
        Self { inbox: inbox.clone(), promise: Promised(promise) }
    }

    /// An event that the inbox has not heard of, of a job of its own.
    pub(super) fn event(&self) -> InboxEvent {
        self.event_of(&Job::new(format!("job {}", self.unique())))
    }

    pub(super) fn event_of(&self, job: &Job) -> InboxEvent {
        let event_type = EventType::RenderComplete;
        let key = EventKey::custom(&event_type, &self.unique());
        let body = r#"{"event_type": "VIDEO_RENDER_COMPLETE"}"#.into();
        InboxEvent { key, event_type, job: job.clone(), source: Source::Tenant, body }
    }

    /// An event of a type of its own, so that a worker can ask for it alone.
    pub(super) fn event_of_its_own_type(&self) -> InboxEvent {
        InboxEvent { event_type: EventType::Other(self.unique()), ..self.event() }
    }

    fn unique(&self) -> String {
        self.request().token.to_string()
    }

    /// Many events, the keys of which differ from each other in one place or two.
    pub(super) fn events_with_similar_keys(&self) -> Vec<InboxEvent> {
        let first = self.event();
        let text = first.key.to_string();
        let digits = text.char_indices().skip_while(|(_, letter)| *letter != '-').skip(1);
        let others = digits.map(|(at, digit)| {
            let other_digit = if digit == '0' { "1" } else { "0" };
            let key = [&text[..at], other_digit, &text[at + 1..]].concat();
            InboxEvent { key: self.promise.answer(key.parse()), ..self.event() }
        });
        let others: Vec<_> = others.collect();
        [first].into_iter().chain(others).collect()
    }

    /// An event that is due.
    pub(super) async fn queued(&self) -> InboxEvent {
        let event = self.event();
        self.takes_in(&event).await;
        event
    }

    /// Events of one job that are due, in the order in which they arrived.
    pub(super) async fn queue(&self, job: &Job, events: usize) -> Vec<InboxEvent> {
        let events: Vec<_> = (0..events).map(|_| self.event_of(job)).collect();
        self.takes_in_all(&events).await;
        events
    }

    /// An event that is held.
    pub(super) async fn held(&self) -> (InboxEvent, Hold) {
        let event = self.queued().await;
        let hold = self.worker().takes(&event).await;
        (event, hold)
    }

    /// An event whose holder's lease has lapsed, and nobody has noticed.
    pub(super) async fn lapsed(&self) -> (InboxEvent, Hold) {
        let event = self.queued().await;
        let hold = self.brief_worker().takes(&event).await;
        sleep(OVER).await;
        (event, hold)
    }

    /// An event, a holder of attempt 1 that was replaced, and the holder of attempt 2.
    pub(super) async fn taken_over(&self) -> (InboxEvent, Hold, Hold) {
        let (event, zombie) = self.lapsed().await;
        let successor = self.worker().takes_as(&event, 2, 2).await;
        (event, zombie, successor)
    }

    pub(super) async fn delayed(&self) -> InboxEvent {
        let (event, hold) = self.held().await;
        hold.retries(LEASE, WHY).await;
        event
    }

    pub(super) async fn dead(&self) -> InboxEvent {
        let (event, hold) = self.held().await;
        hold.buries(WHY).await;
        event
    }

    pub(super) async fn done(&self) -> InboxEvent {
        let (event, hold) = self.held().await;
        hold.finishes().await;
        event
    }

    pub(super) async fn discarded(&self) -> InboxEvent {
        let event = self.dead().await;
        self.discards(&event).await;
        event
    }

    pub(super) fn worker(&self) -> Worker {
        Worker { scene: self.clone(), request: self.request() }
    }

    /// A worker whose leases lapse soon.
    pub(super) fn brief_worker(&self) -> Worker {
        self.worker().with_lease(BRIEF)
    }

    pub(super) fn hold(&self, holder: Holder) -> Hold {
        Hold { scene: self.clone(), holder }
    }

    fn request(&self) -> LeaseRequest {
        let request: Result<_, StoreError> = LeaseRequest::new(LEASE);
        self.answer(request)
    }

    pub(super) async fn takes_in(&self, event: &InboxEvent) {
        self.says(Accepted::New, event).await;
    }

    pub(super) async fn takes_in_all(&self, events: &[InboxEvent]) {
        for event in events {
            self.takes_in(event).await;
        }
    }

    pub(super) async fn says(&self, expected: Accepted, event: &InboxEvent) {
        let accepted = self.accept(event).await;
        self.check(
            accepted == expected,
            format_args!("an event was accepted as {accepted:?}, not {expected:?}"),
        );
    }

    pub(super) fn accept(&self, event: &InboxEvent) -> impl Future<Output = Accepted> + Send + use<> {
        let (Self { inbox, promise }, event) = (self.clone(), event.clone());
        async move { promise.answer(inbox.accept(&event).await) }
    }

    pub(super) async fn replays(&self, event: &InboxEvent) {
        self.applies("replay", self.replay(event).await);
    }

    pub(super) async fn discards(&self, event: &InboxEvent) {
        self.applies("discard", self.discard(event).await);
    }

    pub(super) async fn neither_replays_nor_discards(&self, event: &InboxEvent) {
        self.refuses("replay", self.replay(event).await);
        self.refuses("discard", self.discard(event).await);
    }

    pub(super) fn replay(&self, event: &InboxEvent) -> impl Future<Output = Transition> + Send + use<> {
        let (Self { inbox, promise }, key) = (self.clone(), event.key);
        async move { promise.answer(inbox.replay(key).await) }
    }

    pub(super) fn discard(&self, event: &InboxEvent) -> impl Future<Output = Transition> + Send + use<> {
        let (Self { inbox, promise }, key) = (self.clone(), event.key);
        async move { promise.answer(inbox.discard(key).await) }
    }

    /// Another worker takes the event, for the `attempt`th time, and finishes it.
    pub(super) async fn is_leased_as(&self, event: &InboxEvent, attempt: u32, tries: u32) {
        self.worker().takes_as(event, attempt, tries).await.finishes().await;
    }

    /// Nobody else is given anything, and the holder finishes.
    pub(super) async fn is_held_by(&self, event: &InboxEvent, hold: &Hold) {
        self.is(InboxState::Leased, event).await;
        self.worker().takes_nothing().await;
        hold.finishes().await;
        self.is(InboxState::Done, event).await;
    }

    pub(super) async fn is(&self, state: InboxState, event: &InboxEvent) -> InboxRecord {
        let Some(record) = self.find(event).await else {
            self.fails(format_args!("an event that should be {state:?} is unknown"))
        };
        self.check(
            record.state == state,
            format_args!("an event that should be {state:?} is {:?}", record.state),
        );
        record
    }

    pub(super) async fn is_unknown(&self, event: &InboxEvent) {
        let found = self.find(event).await;
        self.check(found.is_none(), format_args!("an event that should be unknown is {found:?}"));
    }

    pub(super) async fn find(&self, event: &InboxEvent) -> Option<InboxRecord> {
        self.answer(self.inbox.find(event.key).await)
    }

    /// How many events are due, delayed, leased, dead and done.
    pub(super) async fn counts(&self, expected: [u64; 5], when: &str) {
        let stats = self.stats().await;
        let InboxStats { due, delayed, leased, dead, done, .. } = stats;
        let is_right = [due, delayed, leased, dead, done] == expected;
        self.check(
            is_right,
            format_args!(
                "{when}, the stats are {stats:?}, not {expected:?} due, delayed, leased, dead and done"
            ),
        );
        let has_oldest = stats.oldest_due.is_some();
        self.check(has_oldest == (due > 0), format_args!("{when}, the stats are {stats:?}"));
    }

    pub(super) async fn stats(&self) -> InboxStats {
        self.answer(self.inbox.stats().await)
    }

    /// The events that are listed as dead, in this order.
    pub(super) async fn lists(&self, filter: &DeadFilter, expected: &[&InboxEvent]) -> Vec<DeadLetter> {
        let letters = self.letters(filter).await;
        let is_right = letters.iter().map(|letter| letter.key).eq(expected.iter().map(|event| event.key));
        let expected: Vec<_> = expected.iter().map(|event| event.key).collect();
        self.check(is_right, format_args!("for {filter:?} it lists {letters:#?}, not {expected:#?}"));
        letters
    }

    pub(super) async fn letters(&self, filter: &DeadFilter) -> Vec<DeadLetter> {
        self.answer(self.inbox.dead(filter).await)
    }

    /// Prunes until there is nothing more, and says how many events were forgotten.
    pub(super) async fn prune(&self, age: Duration) -> u64 {
        let mut forgotten = 0;
        loop {
            match self.answer(self.inbox.prune(age).await) {
                0 => return forgotten,
                batch => forgotten += batch,
            }
            self.check(forgotten < 1_000_000, "prune never says that it forgot nothing");
        }
    }

    /// Prunes until what is older than `age` is forgotten, and says how many events that were.
    pub(super) async fn prune_patiently(&self, age: Duration, event: &InboxEvent) -> u64 {
        let forgotten = async || {
            let forgotten = self.prune(age).await;
            (forgotten, self.find(event).await.is_none())
        };
        let (forgotten, is_gone) = patiently(forgotten, |(_, is_gone)| !is_gone).await;
        self.check(is_gone, format_args!("an event older than {age:?} is not forgotten"));
        forgotten
    }

    /// How long ago something happened, as the inbox says.
    pub(super) fn is_age(&self, age: Duration, happened: &Span, asked: &Span, what: &str) {
        let least = (asked.earliest - happened.latest).saturating_sub(TICK);
        let most = asked.latest - happened.earliest + TICK;
        self.check(
            (least..=most).contains(&age),
            format_args!("{what} is {age:?}, not between {least:?} and {most:?}"),
        );
    }

    pub(super) fn answer<T, E: std::error::Error>(&self, result: Result<T, E>) -> T {
        self.promise.answer(result)
    }

    pub(super) fn check(&self, holds: bool, otherwise: impl fmt::Display) {
        self.promise.check(holds, otherwise);
    }

    pub(super) fn applies(&self, call: impl fmt::Display, transition: Transition) {
        self.check(transition == Transition::Applied, format_args!("{call} was refused"));
    }

    pub(super) fn refuses(&self, call: impl fmt::Display, transition: Transition) {
        self.check(transition == Transition::Refused, format_args!("{call} was applied"));
    }

    pub(super) fn is_answered_wrongly(&self, answers: impl fmt::Debug) -> ! {
        self.fails(format_args!("they were answered {answers:?}"))
    }

    pub(super) fn fails(&self, otherwise: impl fmt::Display) -> ! {
        self.check(false, otherwise);
        unreachable!("the check has failed")
    }
}

/// Between when and when something happened: a machine that stalls makes it longer, and not wrong.
#[derive(Clone, Copy)]
pub(super) struct Span {
    earliest: Instant,
    latest: Instant,
}

impl Span {
    pub(super) async fn of<T>(call: impl Future<Output = T>) -> (T, Self) {
        let earliest = Instant::now();
        let answer = call.await;
        (answer, Self { earliest, latest: Instant::now() })
    }
}

/// One token, and what is expected of the inbox when it asks for events.
#[derive(Clone)]
pub(super) struct Worker {
    scene: Scene,
    request: LeaseRequest,
}

impl Worker {
    pub(super) fn with_lease(&self, lease: Duration) -> Self {
        self.with(LeaseRequest { lease, ..self.request.clone() })
    }

    pub(super) fn with_limit(&self, limit: usize) -> Self {
        self.with(self.request.clone().limit(limit))
    }

    pub(super) fn per_job(&self) -> Self {
        self.with(self.request.clone().order(Order::PerJob { behind_dead: false }))
    }

    pub(super) fn per_job_behind_dead(&self) -> Self {
        self.with(self.request.clone().order(Order::PerJob { behind_dead: true }))
    }

    pub(super) fn of_types(&self, event_types: &[EventType]) -> Self {
        self.with(self.request.clone().event_types(event_types))
    }

    /// Asks for nothing but an event that has a type of its own.
    pub(super) fn of_type_of(&self, event: &InboxEvent) -> Self {
        self.of_types(std::slice::from_ref(&event.event_type))
    }

    fn with(&self, request: LeaseRequest) -> Self {
        Self { scene: self.scene.clone(), request }
    }

    /// Takes this event and nothing else.
    pub(super) async fn takes(&self, event: &InboxEvent) -> Hold {
        let leased = self.lease().await;
        self.is_given(event, &leased);
        self.on(event)
    }

    pub(super) async fn takes_as(&self, event: &InboxEvent, attempt: u32, tries: u32) -> Hold {
        let leased = self.lease().await;
        self.is_given_as(event, attempt, tries, &leased);
        self.on(event)
    }

    /// Takes this event as soon as it is due, and nothing else.
    pub(super) async fn takes_in_the_end(&self, event: &InboxEvent) -> Leased {
        let mut leased = patiently(|| self.lease(), Vec::is_empty).await;
        self.is_given(event, &leased);
        leased.remove(0)
    }

    pub(super) async fn takes_nothing(&self) {
        let leased = self.lease().await;
        self.scene.check(leased.is_empty(), format_args!("what should not be leased was: {leased:#?}"));
    }

    /// Takes just these events, in whatever order.
    pub(super) async fn takes_all<'a>(
        &self,
        events: impl IntoIterator<Item = &'a InboxEvent>,
    ) -> Vec<Leased> {
        let leased = self.lease().await;
        self.is_given_all(events, &leased);
        leased
    }

    pub(super) fn is_given(&self, event: &InboxEvent, leased: &[Leased]) {
        self.is_given_all([event], leased);
    }

    pub(super) fn is_given_as(&self, event: &InboxEvent, attempt: u32, tries: u32, leased: &[Leased]) {
        self.is_given(event, leased);
        for leased in leased {
            self.scene.check(
                (leased.attempt, leased.tries) == (attempt, tries),
                format_args!(
                    "it was attempt {} and try {}, not {attempt} and {tries}",
                    leased.attempt, leased.tries
                ),
            );
        }
    }

    fn is_given_all<'a>(&self, events: impl IntoIterator<Item = &'a InboxEvent>, leased: &[Leased]) {
        let given: BTreeSet<_> = leased.iter().map(|leased| leased.event.key).collect();
        let expected: BTreeSet<_> = events.into_iter().map(|event| event.key).collect();
        self.scene.check(
            given == expected && leased.len() == expected.len(),
            format_args!("the lease gave {leased:#?}, not {expected:#?}"),
        );
    }

    /// What the inbox gives, each to this token, and each once.
    pub(super) fn lease(&self) -> impl Future<Output = Vec<Leased>> + Send + use<> {
        let Self { scene, request } = self.clone();
        async move {
            let leased = scene.answer(scene.inbox.lease(&request).await);
            let is_right = |leased: &Leased| {
                leased.holder == Holder { key: leased.event.key, token: request.token }
                    && leased.attempt >= 1
                    && (1..=leased.attempt).contains(&leased.tries)
            };
            scene.check(leased.iter().all(is_right), format_args!("{} was given {leased:#?}", request.token));
            let keys: BTreeSet<_> = leased.iter().map(|leased| leased.event.key).collect();
            scene.check(
                keys.len() == leased.len(),
                format_args!("an event was given twice at once: {leased:#?}"),
            );
            leased
        }
    }

    /// The token and the event, whether it holds it or not.
    pub(super) fn on(&self, event: &InboxEvent) -> Hold {
        self.scene.hold(Holder { key: event.key, token: self.request.token })
    }
}

/// A token and an event, and what is expected of the inbox when the one calls about the other.
#[derive(Clone)]
pub(super) struct Hold {
    scene: Scene,
    holder: Holder,
}

/// What a holder may say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Call {
    Renew,
    Done,
    /// Later than any test.
    Retry,
    Bury,
    GiveBack,
}

impl Call {
    pub(super) const ALL: [Self; 5] = [Self::Renew, Self::Done, Self::Retry, Self::Bury, Self::GiveBack];
    /// Those after which the event is not held any more.
    pub(super) const SETTLEMENTS: [Self; 4] = [Self::Done, Self::Retry, Self::Bury, Self::GiveBack];

    pub(super) fn leaves(self) -> InboxState {
        match self {
            Self::Renew => InboxState::Leased,
            Self::Done => InboxState::Done,
            Self::Retry | Self::GiveBack => InboxState::Queued,
            Self::Bury => InboxState::Dead,
        }
    }
}

impl Hold {
    /// The same token with another event.
    pub(super) fn on(&self, event: &InboxEvent) -> Self {
        self.scene.hold(Holder { key: event.key, token: self.holder.token })
    }

    pub(super) async fn renews(&self, lease: Duration) {
        self.scene.applies("renew", self.renew(lease).await);
    }

    pub(super) async fn finishes(&self) {
        self.is_applied(Call::Done).await;
    }

    pub(super) async fn retries(&self, delay: Duration, why: &str) {
        self.scene.applies("retry", self.retry(delay, why).await);
    }

    pub(super) async fn buries(&self, why: &str) {
        self.scene.applies("bury", self.bury(why).await);
    }

    pub(super) async fn gives_back(&self) {
        self.is_applied(Call::GiveBack).await;
    }

    pub(super) async fn is_applied(&self, call: Call) {
        let transition = self.call(call).await;
        self.scene.applies(format_args!("{call:?}"), transition);
    }

    pub(super) async fn is_refused(&self, call: Call) {
        let transition = self.call(call).await;
        self.scene.refuses(format_args!("{call:?}"), transition);
    }

    pub(super) async fn changes_nothing(&self) {
        for call in Call::ALL {
            self.is_refused(call).await;
        }
    }

    pub(super) fn call(&self, call: Call) -> impl Future<Output = Transition> + Send + use<> {
        let Self { scene: Scene { inbox, promise }, holder } = self.clone();
        async move {
            promise.answer(match call {
                Call::Renew => inbox.renew(&holder, LEASE).await,
                Call::Done => inbox.done(&holder).await,
                Call::Retry => inbox.retry(&holder, LEASE, WHY).await,
                Call::Bury => inbox.bury(&holder, WHY).await,
                Call::GiveBack => inbox.give_back(&holder).await,
            })
        }
    }

    async fn renew(&self, lease: Duration) -> Transition {
        self.scene.answer(self.scene.inbox.renew(&self.holder, lease).await)
    }

    async fn retry(&self, delay: Duration, why: &str) -> Transition {
        self.scene.answer(self.scene.inbox.retry(&self.holder, delay, why).await)
    }

    async fn bury(&self, why: &str) -> Transition {
        self.scene.answer(self.scene.inbox.bury(&self.holder, why).await)
    }
}
