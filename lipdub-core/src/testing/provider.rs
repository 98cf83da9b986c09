mod assertions;
mod builder;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

pub use self::builder::LipDubBuilder;
use super::fault::{Chance, Fault};
use super::record::{Fate, Log, Outcome, Story, Try};
use super::sample::Sample;
use super::spelling::Spelling;
use super::target::{Request, Target};
use crate::event::EventKey;
use crate::horizon::{CALLBACK_VALIDITY, DAY};

/// LipDub in a box: delivers events as LipDub does, keeps a record, and lets go wrong what you wish.
///
/// As LipDub it sends `POST`, JSON, the API key and `X-LipDub-Event`; takes nothing but 2xx within 5 s for an
/// answer; tries three times; delivers the events of one job one after the other; and puts what it gives up on
/// into a dead letter queue, from which you replay it by hand, any number of days later.
///
/// It delivers to a [`Webhook`](crate::Webhook) without a socket, or to any other [`Target`]. Without a socket it
/// can run on tokio's paused clock (`#[tokio::test(start_paused = true)]`, tokio's feature `test-util`), on which
/// 27 days take no time. It needs a tokio runtime.
///
/// Clones share everything.
///
/// # Examples
///
/// ```
/// use lipdub_core::Webhook;
/// use lipdub_core::testing::{Fault, LipDub, sample};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?.block_on(async {
/// let webhook = Webhook::builder()
///     .api_key("whk_123")
///     .on_render_complete(|event| async move { Ok(()) })
///     .build()?;
/// let lipdub = LipDub::builder(webhook).api_key("whk_123").build();
///
/// let event = sample::render_complete();
/// lipdub.deliver_with(&event, [Fault::LostAnswer, Fault::SlowAnswer]).await;
/// lipdub.days_pass(27).await;
/// lipdub.deliver(&event).await;
/// lipdub.assert_handled_once(&event);
/// # Ok::<(), lipdub_core::ConfigError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct LipDub {
    inner: Arc<Inner>,
}

struct Inner {
    settings: LipDubBuilder,
    began: Instant,
    /// For each job whose events are being delivered, the turn to do so. The lock is fair.
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    log: Mutex<Log>,
}

impl LipDub {
    /// Starts with LipDub's ways, no credential and no faults.
    pub fn builder(target: impl Target) -> LipDubBuilder {
        LipDubBuilder::new(Box::new(target))
    }

    fn new(settings: LipDubBuilder) -> Self {
        let (turns, log) = (Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { settings, began: Instant::now(), turns, log }) }
    }

    /// Delivers an event, after those of its job that are under way, until it is answered or given up on.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, LipDub hangs up and forgets about the event.
    pub async fn deliver(&self, event: &Sample) -> Fate {
        self.deliver_by_chance(event, false).await
    }

    /// Delivers an event as [`deliver`](Self::deliver) does, with these faults: the first befalls the first try,
    /// and so on. `None` spares a try.
    pub async fn deliver_with(
        &self,
        event: &Sample,
        faults: impl IntoIterator<Item = impl Into<Option<Fault>>>,
    ) -> Fate {
        let faults: Vec<Option<Fault>> = faults.into_iter().map(Into::into).collect();
        let mut faults = faults.into_iter();
        let _turn = self.turn(event).await;
        self.carry(event, |_chance| faults.next().flatten()).await
    }

    /// Delivers many events: those of one job in this order, and different jobs at the same time.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, LipDub hangs up and forgets about those that are not delivered.
    ///
    /// # Panics
    ///
    /// If the target panics.
    pub async fn deliver_all(&self, events: impl IntoIterator<Item = Sample>) {
        let consumers = Arc::new(Semaphore::new(self.inner.settings.consumers));
        let mut jobs = JoinSet::new();
        for events in self.by_job(events) {
            let (lipdub, consumers) = (self.clone(), Arc::clone(&consumers));
            jobs.spawn(async move {
                let _consumer = consumers.acquire().await;
                for (event, has_overtaken) in events {
                    lipdub.deliver_by_chance(&event, has_overtaken).await;
                }
            });
        }
        while let Some(ended) = jobs.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                resume_unwind(error.into_panic());
            }
        }
    }

    /// Replays an event from the dead letter queue, as LipDub's support does by hand, with three new tries.
    ///
    /// # Panics
    ///
    /// If it is not in the dead letter queue, with its story.
    pub async fn replay(&self, event: &Sample) -> Fate {
        let Some(event) = self.log().raise(event.key()) else {
            panic!("only an event in the dead letter queue can be replayed\n{}", self.story(event));
        };
        self.deliver(&event).await
    }

    /// Replays everything that is in the dead letter queue.
    ///
    /// # Panics
    ///
    /// If the target panics.
    pub async fn replay_all(&self) {
        let dead = self.log().raise_all();
        self.deliver_all(dead).await;
    }

    /// Lets days pass. On tokio's paused clock that takes no time, and on a running one it takes days.
    pub async fn days_pass(&self, days: u32) {
        sleep(DAY * days).await;
    }

    /// What is in the dead letter queue, the oldest first.
    pub fn dead_letters(&self) -> Vec<Sample> {
        self.log().dead()
    }

    /// What befell an event.
    pub fn story(&self, event: &Sample) -> Story {
        self.log().story(event)
    }

    /// What befell all events, in the order in which they were sent first.
    pub fn stories(&self) -> Vec<Story> {
        self.log().stories()
    }

    async fn deliver_by_chance(&self, event: &Sample, mut has_overtaken: bool) -> Fate {
        let _turn = self.turn(event).await;
        let fault = |chance: &mut Chance| {
            let drawn = self.inner.settings.faults.draw(chance);
            drawn.filter(|fault| *fault != Fault::Reordered || std::mem::take(&mut has_overtaken))
        };
        self.carry(event, fault).await
    }

    /// Waits until it is this event's turn in its job.
    async fn turn(&self, event: &Sample) -> Turn<'_> {
        let job = event.queue();
        let lock = Arc::clone(self.turns().entry(job.clone()).or_default());
        Turn { lipdub: self, job, held: Some(lock.lock_owned().await) }
    }

    /// Tries until the event is answered, or often enough.
    async fn carry(&self, event: &Sample, mut fault: impl FnMut(&mut Chance) -> Option<Fault>) -> Fate {
        let settings = &self.inner.settings;
        let key = event.key();
        let mut fate = Fate::Dead;
        for number in 1..=settings.tries {
            if number > 1 {
                sleep(settings.retry_delay).await;
            }
            if self.try_once(key, event, &mut fault).await {
                fate = Fate::Delivered;
                break;
            }
        }
        self.log().ended(key, event, fate, self.inner.began.elapsed());
        fate
    }

    /// Whether LipDub takes the event for delivered after this.
    async fn try_once(
        &self,
        key: EventKey,
        event: &Sample,
        fault: impl FnOnce(&mut Chance) -> Option<Fault>,
    ) -> bool {
        let begin = || self.begun(event, key, self.log().begin(key, event, self.inner.began.elapsed()));
        let mut first = begin();
        match fault(&mut first.chance) {
            Some(Fault::Twin) => {
                let [one, other] = [first, begin()].map(|twin| self.send(twin, Some(Fault::Twin)));
                let (one, other) = tokio::join!(one, other);
                one || other
            }
            Some(Fault::Duplicate) => {
                let is_accepted = self.send(first, None).await;
                let again = self.send(begin(), Some(Fault::Duplicate)).await;
                is_accepted || again
            }
            Some(Fault::UnknownType) => {
                let unknown = event.clone().set("event_type", UNKNOWN_TYPE);
                let key = unknown.key();
                let number = self.log().begin_stranger(key, &unknown, self.inner.began.elapsed());
                self.send(self.begun(&unknown, key, number), Some(Fault::UnknownType)).await;
                self.send(first, None).await
            }
            other => self.send(first, other).await,
        }
    }

    fn begun<'a>(&self, event: &'a Sample, key: EventKey, number: u32) -> Begun<'a> {
        Begun { event, key, number, chance: self.inner.settings.faults.chance(key, number) }
    }

    async fn send(&self, begun: Begun<'_>, fault: Option<Fault>) -> bool {
        let Begun { event, key, number, mut chance } = begun;
        let began = Instant::now();
        let request = self.request(event, fault, &mut chance).to(self.callback_path(key, event));
        let outcome = self.outcome(request, fault, &mut chance).await;
        let is_accepted = outcome.is_accepted();
        let (at, took) = (began - self.inner.began, began.elapsed());
        self.log().tried(key, Try { number, at, took, fault, outcome });
        is_accepted
    }

    /// The path of the event's callback URL, as long as LipDub calls that.
    fn callback_path<'a>(&self, key: EventKey, event: &'a Sample) -> Option<&'a str> {
        let age = self.inner.began.elapsed().saturating_sub(self.log().first_begun(key));
        event.callback_path().filter(|_| age < CALLBACK_VALIDITY)
    }

    fn request(&self, event: &Sample, fault: Option<Fault>, chance: &mut Chance) -> Request {
        let settings = &self.inner.settings;
        let (shuffles, signs) = (fault == Some(Fault::ShuffledFields), fault == Some(Fault::FreshLinks));
        let body = match event.body() {
            body if shuffles || signs => Spelling { chance, shuffles, signs }.of(body),
            body => body,
        };
        let length = body.len();
        let mut request = Request::new(body)
            .header("content-type", "application/json")
            .header("x-lipdub-event", event.event_type());
        if let Some(credential) = &settings.credential {
            let key = if fault == Some(Fault::OldKey) { &settings.old_key } else { &credential.key };
            request = request.header(credential.header, format!("{}{key}", credential.scheme));
        }
        match fault {
            Some(Fault::TruncatedBody) => request.break_off_after(chance.below(length)),
            _ => request,
        }
    }

    async fn outcome(&self, request: Request, fault: Option<Fault>, chance: &mut Chance) -> Outcome {
        let LipDubBuilder { cut_off, target, .. } = &self.inner.settings;
        let began = Instant::now();
        let hangs_up = (fault == Some(Fault::HangUp)).then(|| Duration::from_millis(chance.below(20) as u64));
        match timeout(hangs_up.unwrap_or(*cut_off), target.deliver(request)).await {
            Ok(Ok(reply)) if fault == Some(Fault::LostAnswer) => Outcome::Unseen(reply),
            Ok(Ok(reply)) if fault == Some(Fault::SlowAnswer) => {
                sleep(cut_off.saturating_sub(began.elapsed())).await;
                Outcome::Unseen(reply)
            }
            Ok(Ok(reply)) => Outcome::Answered(reply),
            Ok(Err(error)) => Outcome::NoAnswer(error.to_string()),
            Err(_) if hangs_up.is_some() => Outcome::HungUp,
            Err(_) => Outcome::CutOff,
        }
    }

    /// Sorts events into their jobs, and lets some overtake the one before them, which is told with them.
    fn by_job(&self, events: impl IntoIterator<Item = Sample>) -> Vec<Vec<(Sample, bool)>> {
        let faults = &self.inner.settings.faults;
        let mut places = HashMap::new();
        let mut jobs: Vec<Vec<(Sample, bool)>> = Vec::new();
        for event in events {
            let place = *places.entry(event.queue()).or_insert(jobs.len());
            if place == jobs.len() {
                jobs.push(Vec::new());
            }
            let job = &mut jobs[place];
            let overtakes = faults.draw(&mut faults.chance(event.key(), 1)) == Some(Fault::Reordered);
            if overtakes && !job.is_empty() {
                job.insert(job.len() - 1, (event, true));
            } else {
                job.push((event, false));
            }
        }
        jobs
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.inner.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turns(&self) -> MutexGuard<'_, HashMap<String, Arc<tokio::sync::Mutex<()>>>> {
        self.inner.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LipDub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LipDub").finish_non_exhaustive()
    }
}

/// Not one that LipDub has announced.
const UNKNOWN_TYPE: &str = "TYPE_OF_THE_FUTURE";

/// A try that has its number.
struct Begun<'a> {
    event: &'a Sample,
    key: EventKey,
    number: u32,
    chance: Chance,
}

/// The right to deliver events of a job; the next one's when it is dropped.
struct Turn<'a> {
    lipdub: &'a LipDub,
    job: String,
    held: Option<tokio::sync::OwnedMutexGuard<()>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut turns = self.lipdub.turns();
        drop(self.held.take());
        if let Entry::Occupied(turn) = turns.entry(std::mem::take(&mut self.job)) {
            // Held by nobody else: no event of the job is waiting.
            if Arc::strong_count(turn.get()) == 1 {
                turn.remove();
            }
        }
    }
}
