use std::env::{self, VarError};
use std::ffi::OsString;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use tokio::time::Instant;

use super::key_closure::KeyClosure;
use super::key_file::{KeyFile, Seen};
use super::key_set::{Current, KeySet};
use super::{ApiKey, KeySourceError};

/// Where the keys of a set come from, and when to look there again.
///
/// There is no task of its own for it: deliveries look, on the thread that they are on. For a file that is one
/// `stat` in a second. It takes some 2 µs, less than to hand it to another thread would, and works on any runtime
/// and on none.
pub(super) struct Source {
    origin: Origin,
    pace: Pace,
    /// Held while a file or a variable is read, but never while a closure runs.
    known: Mutex<Known>,
}

pub(super) enum Origin {
    Variable(OsString),
    File(KeyFile),
    Closure(KeyClosure),
}

/// Why to look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// It is time to.
    Due,
    /// A delivery has a key that is not known. Perhaps it is new.
    UnknownKey,
    /// The operator says so.
    Reload,
}

impl Source {
    /// Reads the keys for the first time.
    pub(super) fn open(origin: Origin) -> Result<(Self, KeySet), KeySourceError> {
        let mut seen = None;
        let keys = match &origin {
            Origin::Variable(name) => read_variable(name)?,
            Origin::File(file) => file.read(&mut seen)?,
            Origin::Closure(closure) => closure.turn().ok_or(KeySourceError::Busy)?.ask()?,
        };
        let pace = Pace::new(origin.default_interval());
        let known = Known { said: keys.clone(), seen, trouble: None };
        Ok((Self { origin, pace, known: Mutex::new(known) }, keys))
    }

    pub(super) fn refresh_every(&self, interval: Duration) {
        self.pace.set_interval(interval);
    }

    /// Looks, if there is reason enough, and replaces the keys if others are there now.
    ///
    /// An error is in the log already.
    pub(super) fn look(&self, why: Look, current: &Current) -> Result<(), KeySourceError> {
        if !self.is_wanted(why) {
            return Ok(());
        }
        let news = match &self.origin {
            Origin::Variable(name) => self.read(why, current, |_| read_variable(name).map(Some)),
            Origin::File(file) if why == Look::Reload => {
                self.read(why, current, |seen| file.read(seen).map(Some))
            }
            Origin::File(file) => self.read(why, current, |seen| file.read_if_changed(seen)),
            Origin::Closure(closure) => self.ask(why, current, closure)?,
        };
        // No lock is held any more: what takes the log is not ours.
        news.tell()
    }

    /// Who looks because it is due waits for nobody. Who has an unknown key waits for whoever is reading, and then
    /// looks again, for the key may have been written since that one began.
    fn read(
        &self,
        why: Look,
        current: &Current,
        read: impl Fn(&mut Option<Seen>) -> Result<Option<KeySet>, KeySourceError>,
    ) -> News {
        let known = if why == Look::Due { self.try_lock() } else { Some(self.lock()) };
        let Some(mut known) = known.filter(|_| self.is_wanted(why)) else { return News::None };
        let answer = read(&mut known.seen);
        self.pace.mark();
        known.learn(answer, why, current)
    }

    /// Nobody waits for a closure.
    fn ask(&self, why: Look, current: &Current, closure: &KeyClosure) -> Result<News, KeySourceError> {
        let Some(turn) = closure.turn() else {
            return if why == Look::Reload { Err(KeySourceError::Busy) } else { Ok(News::None) };
        };
        // Somebody may have asked since.
        if !self.is_wanted(why) {
            return Ok(News::None);
        }
        let answer = turn.ask().map(Some);
        // Now, so that a slow closure does not run all the time.
        self.pace.mark();
        Ok(self.lock().learn(answer, why, current))
    }

    fn is_wanted(&self, why: Look) -> bool {
        /// The soonest at which wrong keys, which anybody can send, have a closure asked again.
        const AFTER_WRONG_KEYS: Duration = Duration::from_secs(5);
        match (why, &self.origin) {
            (Look::Reload, _) => true,
            (Look::Due, _) => self.pace.is_over(Duration::MAX),
            (Look::UnknownKey, Origin::Variable(_)) => false,
            // However many come: the `stat` costs less than the rest of a request. A small file that is still
            // read each time, because it is new or unusable, costs some 15 µs.
            (Look::UnknownKey, Origin::File(_)) => true,
            (Look::UnknownKey, Origin::Closure(_)) => self.pace.is_over(AFTER_WRONG_KEYS),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Nothing can panic between two changes.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Known>> {
        match self.known.try_lock() {
            Ok(known) => Some(known),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl Origin {
    fn default_interval(&self) -> Duration {
        match self {
            // Nobody can change it from outside.
            Self::Variable(_) => Duration::MAX,
            Self::File(_) => Duration::from_secs(1),
            Self::Closure(_) => Duration::from_secs(60),
        }
    }
}

/// What is known of a source.
struct Known {
    said: KeySet,
    seen: Option<Seen>,
    trouble: Option<KeySourceError>,
}

impl Known {
    /// Takes in an answer, which is `None` if it would be the last one again.
    ///
    /// What is said again replaces nothing, so that keys that the operator has put in its place stay; only a
    /// reload undoes that.
    fn learn(
        &mut self,
        answer: Result<Option<KeySet>, KeySourceError>,
        why: Look,
        current: &Current,
    ) -> News {
        let keys = match answer {
            Ok(keys) => keys,
            Err(error) if self.trouble.as_ref() == Some(&error) => return News::StillTrouble(error),
            Err(error) => {
                self.trouble = Some(error.clone());
                return News::Trouble(error);
            }
        };
        let had_trouble = self.trouble.take().is_some();
        match keys.filter(|keys| why == Look::Reload || !keys.is_like(&self.said)) {
            Some(keys) => {
                current.replace(&keys);
                self.said = keys;
                News::Replaced { keys: self.said.len() }
            }
            None if had_trouble => News::Recovered,
            None => News::None,
        }
    }
}

/// What came of a look.
enum News {
    None,
    Replaced {
        keys: usize,
    },
    Recovered,
    Trouble(KeySourceError),
    /// The same as at the last look, and so in the log already.
    StillTrouble(KeySourceError),
}

impl News {
    fn tell(self) -> Result<(), KeySourceError> {
        match self {
            Self::None => {}
            Self::Replaced { keys } => {
                tracing::info!(keys, "the API keys were replaced by those of their source");
            }
            Self::Recovered => tracing::info!("the API keys can be read again, and are the same"),
            Self::StillTrouble(error) => return Err(error),
            Self::Trouble(error) => {
                tracing::error!(%error, "the API keys could not be read again, and stay as they are");
                return Err(error);
            }
        }
        Ok(())
    }
}

/// When a source was asked last, and how often it shall be. All in nanoseconds.
struct Pace {
    begun: Instant,
    asked_at: AtomicU64,
    interval: AtomicU64,
}

impl Pace {
    fn new(interval: Duration) -> Self {
        Self { begun: Instant::now(), asked_at: AtomicU64::new(0), interval: AtomicU64::new(nanos(interval)) }
    }

    fn set_interval(&self, interval: Duration) {
        self.interval.store(nanos(interval), Ordering::Relaxed);
    }

    /// Whether the interval is over, or `at_most` if that is shorter.
    fn is_over(&self, at_most: Duration) -> bool {
        let since = self.now().saturating_sub(self.asked_at.load(Ordering::Relaxed));
        since >= self.interval.load(Ordering::Relaxed).min(nanos(at_most))
    }

    fn mark(&self) {
        self.asked_at.store(self.now(), Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        nanos(Instant::now().saturating_duration_since(self.begun))
    }
}

/// The longest is 584 years, which is never.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// One or several keys, with white space or commas between them.
fn read_variable(name: &OsString) -> Result<KeySet, KeySourceError> {
    let value = env::var(name).map_err(|error| match error {
        VarError::NotPresent => KeySourceError::NotSet,
        VarError::NotUnicode(_) => KeySourceError::NotText,
    })?;
    let keys = value.split(|letter: char| letter.is_whitespace() || letter == ',');
    let keys = keys.filter(|key| !key.is_empty()).enumerate();
    let keys = keys.map(|(index, key)| {
        ApiKey::new(key).map_err(|_| KeySourceError::UnusableKey { position: index + 1 })
    });
    KeySet::new(keys.collect::<Result<Vec<_>, _>>()?).ok_or(KeySourceError::NoKey)
}
