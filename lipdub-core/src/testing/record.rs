use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use super::fault::Fault;
use super::sample::Sample;
use super::target::Reply;
use crate::event::EventKey;

/// One try to deliver an event, and what came of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Try {
    /// Which try of this event it was, from 1; replays count on.
    pub number: u32,
    /// When it began, counted from when the [`LipDub`](super::LipDub) was made.
    pub at: Duration,
    /// How long it took to get the answer, or to give up on it.
    pub took: Duration,
    /// What went wrong with it on purpose.
    pub fault: Option<Fault>,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a try to deliver an event ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// LipDub got this answer.
    Answered(Reply),
    /// The receiver gave this answer, and LipDub did not get it, or too late.
    Unseen(Reply),
    /// There was no answer before the cut-off.
    CutOff,
    /// LipDub's side of the connection broke before there was an answer.
    HungUp,
    /// There is nobody, or the receiver's side of the connection broke: what was said of it.
    NoAnswer(String),
}

impl Outcome {
    /// Whether LipDub takes the event for delivered.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Answered(reply) if reply.is_success())
    }

    /// What the receiver answered, whether LipDub saw it or not.
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Answered(reply) | Self::Unseen(reply) => Some(reply),
            Self::CutOff | Self::HungUp | Self::NoAnswer(_) => None,
        }
    }

    fn status(&self) -> Option<String> {
        self.reply().and_then(Reply::status)
    }
}

/// Where an event is in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// It was answered with 2xx, and LipDub is done with it.
    Delivered,
    /// It is in the dead letter queue.
    Dead,
}

/// Everything that befell an event, to be read or printed.
#[derive(Clone, Debug)]
pub struct Story {
    event: Sample,
    begun: u32,
    first_begun: Duration,
    chapters: Vec<Chapter>,
}

#[derive(Clone, Debug)]
enum Chapter {
    Tried(Try),
    Ended(Fate, Duration),
}

impl Story {
    pub(super) fn of(event: &Sample) -> Self {
        Self { event: event.clone(), begun: 0, first_begun: Duration::ZERO, chapters: Vec::new() }
    }

    /// The event.
    pub fn event(&self) -> &Sample {
        &self.event
    }

    /// All tries, in the order in which they ended.
    pub fn tries(&self) -> impl Iterator<Item = &Try> {
        self.chapters.iter().filter_map(|chapter| match chapter {
            Chapter::Tried(tried) => Some(tried),
            Chapter::Ended(..) => None,
        })
    }

    /// Where the event is now; nowhere yet while LipDub is trying.
    pub fn fate(&self) -> Option<Fate> {
        match self.chapters.last()? {
            Chapter::Ended(fate, _) => Some(*fate),
            Chapter::Tried(_) => None,
        }
    }

    /// How often the event was handled, as far as the answers tell.
    ///
    /// Each `processed` counts, whether LipDub saw it or not. An event that was found to be a `duplicate` although
    /// no answer says `processed` was handled in a try that nobody waited for.
    pub fn times_handled(&self) -> usize {
        let said = |status: &str| self.statuses().filter(|said| said == status).count();
        said("processed").max(said("duplicate").min(1))
    }

    /// The last thing that a receiver said of the event.
    pub(super) fn last_status(&self) -> Option<String> {
        self.statuses().last()
    }

    fn statuses(&self) -> impl Iterator<Item = String> {
        self.tries().filter_map(|tried| tried.outcome.status())
    }
}

impl fmt::Display for Story {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.event.key().to_string();
        write!(formatter, "The story of {} of job {}", self.event.event_type(), self.event.queue())?;
        write!(formatter, " ({}…):", &key[..11])?;
        for chapter in &self.chapters {
            match chapter {
                Chapter::Tried(tried) => write!(formatter, "\n  {} {tried}", Clock(tried.at))?,
                Chapter::Ended(Fate::Delivered, at) => write!(formatter, "\n  {} delivered", Clock(*at))?,
                Chapter::Ended(Fate::Dead, at) => {
                    write!(formatter, "\n  {} given up on: it is in the dead letter queue", Clock(*at))?;
                }
            }
        }
        if self.chapters.is_empty() {
            write!(formatter, "\n  it was never sent")?;
        }
        Ok(())
    }
}

impl fmt::Display for Try {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "try {}", self.number)?;
        if let Some(fault) = self.fault {
            write!(formatter, " ({fault})")?;
        }
        let took = self.took;
        match &self.outcome {
            Outcome::Answered(reply) if took.is_zero() => write!(formatter, ": {reply}"),
            Outcome::Answered(reply) => write!(formatter, ": {reply} after {took:.1?}"),
            Outcome::Unseen(reply) => write!(formatter, ": {reply}, which LipDub did not see"),
            Outcome::CutOff => write!(formatter, ": no answer within {took:.1?}"),
            Outcome::HungUp => write!(formatter, ": no answer before {took:.1?}"),
            Outcome::NoAnswer(what) => write!(formatter, ": no answer: {what}"),
        }
    }
}

/// A time as a clock shows it, with the days before it.
struct Clock(Duration);

impl fmt::Display for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
        if days > 0 {
            write!(formatter, "{days} d ")?;
        }
        let (minutes, seconds, millis) = (seconds / 60 % 60, seconds % 60, self.0.subsec_millis());
        write!(formatter, "{hours:02}:{minutes:02}:{seconds:02}.{millis:03}")
    }
}

/// What befell all events, and those that LipDub has given up on.
#[derive(Debug, Default)]
pub(super) struct Log {
    stories: HashMap<EventKey, Story>,
    /// In the order in which the events were sent first.
    order: Vec<EventKey>,
    dead: Vec<(EventKey, Sample)>,
}

impl Log {
    /// Counts a try, and gives it its number.
    pub(super) fn begin(&mut self, key: EventKey, event: &Sample, at: Duration) -> u32 {
        if !self.stories.contains_key(&key) {
            self.order.push(key);
        }
        self.begin_stranger(key, event, at)
    }

    /// The same for an event that only a fault has sent: its story is not told unless somebody asks for it.
    pub(super) fn begin_stranger(&mut self, key: EventKey, event: &Sample, at: Duration) -> u32 {
        let first = || Story { first_begun: at, ..Story::of(event) };
        let story = self.stories.entry(key).or_insert_with(first);
        story.begun += 1;
        story.begun
    }

    /// When an event was sent first.
    pub(super) fn first_begun(&self, key: EventKey) -> Duration {
        self.stories.get(&key).map_or(Duration::ZERO, |story| story.first_begun)
    }

    pub(super) fn tried(&mut self, key: EventKey, tried: Try) {
        if let Some(story) = self.stories.get_mut(&key) {
            story.chapters.push(Chapter::Tried(tried));
        }
    }

    pub(super) fn ended(&mut self, key: EventKey, event: &Sample, fate: Fate, at: Duration) {
        drop(self.raise(key));
        if fate == Fate::Dead {
            self.dead.push((key, event.clone()));
        }
        if let Some(story) = self.stories.get_mut(&key) {
            story.chapters.push(Chapter::Ended(fate, at));
        }
    }

    pub(super) fn story(&self, event: &Sample) -> Story {
        self.stories.get(&event.key()).cloned().unwrap_or_else(|| Story::of(event))
    }

    pub(super) fn stories(&self) -> Vec<Story> {
        self.order.iter().filter_map(|key| self.stories.get(key)).cloned().collect()
    }

    pub(super) fn dead(&self) -> Vec<Sample> {
        self.dead.iter().map(|(_, event)| event.clone()).collect()
    }

    /// Takes an event out of the dead letter queue.
    pub(super) fn raise(&mut self, key: EventKey) -> Option<Sample> {
        let index = self.dead.iter().position(|(dead, _)| *dead == key)?;
        Some(self.dead.remove(index).1)
    }

    pub(super) fn raise_all(&mut self) -> Vec<Sample> {
        self.dead.drain(..).map(|(_, event)| event).collect()
    }
}
