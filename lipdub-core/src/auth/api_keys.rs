use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::key_closure::KeyClosure;
use super::key_file::KeyFile;
use super::key_set::{Current, KeySet};
use super::key_source::{Look, Origin, Source};
use super::{ApiKey, KeySourceError, KeyUsage, Shown};
use crate::delivery::Head;
use crate::webhook::ConfigError;

/// The API keys that are valid now; they can be replaced while the receiver runs.
///
/// They are given in the program ([`new`](Self::new)), or come from a file ([`from_file`](Self::from_file)), the
/// environment ([`from_env`](Self::from_env)) or a closure ([`from_fn`](Self::from_fn)). Clones share the keys: give
/// one to the [`Webhook`](crate::Webhook), and keep one. They are replaced all at once, and a delivery meets
/// either the keys of before or those of after.
///
/// # To rotate without a lost delivery
///
/// LipDub has one key at a time, and a new one takes the place of the old. The receiver takes several, and must
/// take both as long as deliveries with either can come:
///
/// 1. Add the new key: `old` and `new` are both valid. Do it before LipDub has the new key if you choose the key, and
///    at once if LipDub makes it; what comes in between is answered 401, and LipDub tries again.
/// 2. Give LipDub the new key.
/// 3. Wait until [`usage`](Self::usage) shows that the new key is used and the old one is not any more.
/// 4. Take the old key away.
///
/// # Examples
///
/// ```
/// use lipdub_core::{ApiKey, ApiKeys, Webhook};
///
/// let keys = ApiKeys::new([ApiKey::new("old")?])?;
/// let webhook = Webhook::builder()
///     .api_keys(keys.clone())
///     .fallback(|_event| async { Ok(()) })
///     .build()?;
///
/// keys.replace([ApiKey::new("old")?, ApiKey::new("new")?])?;
/// for key in keys.usage() {
///     println!("{} deliveries came with key {}, the last at {:?}", key.deliveries, key.index, key.last_at);
/// }
/// # let _ = webhook;
/// # Ok::<(), lipdub_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct ApiKeys {
    shared: Arc<Shared>,
}

struct Shared {
    current: Current,
    source: Option<Source>,
}

impl ApiKeys {
    /// Makes a set of keys, any of which is accepted.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoCredential`] if there is no key in it.
    pub fn new(keys: impl IntoIterator<Item = ApiKey>) -> Result<Self, ConfigError> {
        Ok(Self::of(at_least_one(keys)?, None))
    }

    /// Takes the keys from a file, and others as soon as they are in it.
    ///
    /// One key stands on each line, in UTF-8, and at most 64 KiB in all. White space around a key, blank lines and
    /// lines that begin with `#` do not count, so a key that begins with `#` cannot be in a file.
    ///
    /// Deliveries look after the file; there is no task of its own:
    ///
    /// - at most once a second (see [`refresh_every`](Self::refresh_every)), so that the key of a line that was
    ///   deleted is valid for a second more;
    /// - and at once when a key comes that is not known, so that a key is valid as soon as it is in the file. A
    ///   wrong key costs a look at the file's times, some 2 µs; the file is read only for the first 2 s after it was
    ///   changed, and while it is unusable.
    ///
    /// It may be replaced in every usual way: renamed over, through a symbolic link as Kubernetes does with mounted
    /// secrets, or written in place. To rename is best, for a file that is written in place can be met half-written: then
    /// what is there is taken for the whole until the next look. While the file is missing, empty or
    /// unusable, the keys stay as they are, and the log has one error.
    ///
    /// It should be readable by the receiver alone, and on a local file system, for deliveries wait for it.
    ///
    /// # Errors
    ///
    /// [`KeySourceError`] if there are no keys in the file, or it cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// use lipdub_core::{ApiKeys, Webhook};
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("keys");
    /// # std::fs::write(&path, "# since May\nold\n\n# from June\nnew\n")?;
    /// let keys = ApiKeys::from_file(path)?; // such as "/run/secrets/lipdub/keys"
    /// let webhook = Webhook::builder()
    ///     .api_keys(keys.clone())
    ///     .fallback(|_event| async { Ok(()) })
    ///     .build()?;
    /// assert_eq!(keys.usage().len(), 2);
    /// # let _ = webhook;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_file(path: impl Into<PathBuf>) -> Result<Self, KeySourceError> {
        Self::from_source(Origin::File(KeyFile::new(path.into())))
    }

    /// Takes the keys from an environment variable, and others when [`reload`](Self::reload) is called.
    ///
    /// Several are separated by white space or commas. So a key that holds either cannot come from there.
    ///
    /// # Errors
    ///
    /// [`KeySourceError`] if the variable is not set, or there are no keys in it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use lipdub_core::{ApiKeys, Webhook};
    ///
    /// // LIPDUB_WEBHOOK_API_KEYS="old new"
    /// let webhook = Webhook::builder()
    ///     .api_keys(ApiKeys::from_env("LIPDUB_WEBHOOK_API_KEYS")?)
    ///     .fallback(|_event| async { Ok(()) })
    ///     .build()?;
    /// # let _ = webhook;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_env(variable: impl Into<OsString>) -> Result<Self, KeySourceError> {
        Self::from_source(Origin::Variable(variable.into()))
    }

    /// Takes the keys from a closure, which is asked again and again.
    ///
    /// It is asked here, by [`reload`](Self::reload), and by deliveries: once a minute (see
    /// [`refresh_every`](Self::refresh_every)), and sooner when a key comes that is not known, but not
    /// within 5 s after it was asked last, so that nobody can have it run at will.
    ///
    /// It runs on the thread of the delivery, which waits for it, so it must not block for long. From a slow place,
    /// such as a secrets manager, fetch the keys in a task of your own, and give them to
    /// [`replace`](Self::replace). Only one thread runs it at a time; other deliveries go on with the keys that there
    /// are. If it fails, panics or gives no keys, the keys stay as they are, and the log has one error.
    ///
    /// # Errors
    ///
    /// [`KeySourceError`] if it gives no keys the first time.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    ///
    /// use lipdub_core::{ApiKey, ApiKeys};
    ///
    /// let settings = Arc::new(Mutex::new(vec!["old".to_owned()]));
    /// let keys = ApiKeys::from_fn({
    ///     let settings = settings.clone();
    ///     move || {
    ///         let settings = settings.lock().map_err(|_| "the settings are broken")?;
    ///         Ok(settings.iter().map(ApiKey::new).collect::<Result<Vec<_>, _>>()?)
    ///     }
    /// })?;
    ///
    /// settings.lock().unwrap().push("new".to_owned());
    /// keys.reload()?;
    /// assert_eq!(keys.usage().len(), 2);
    /// # Ok::<(), lipdub_core::KeySourceError>(())
    /// ```
    pub fn from_fn<F, K>(keys: F) -> Result<Self, KeySourceError>
    where
        F: Fn() -> Result<K, Box<dyn Error + Send + Sync>> + Send + Sync + 'static,
        K: IntoIterator<Item = ApiKey>,
    {
        Self::from_source(Origin::Closure(KeyClosure::new(keys)))
    }

    /// How often deliveries look for other keys where these come from. Defaults to 1 s for a file and 60 s for a
    /// closure; a variable is read by [`reload`](Self::reload) only.
    ///
    /// So long can a key that was taken away still be valid, if deliveries come. It holds for all clones. For
    /// keys that were given to [`new`](Self::new) it means nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use lipdub_core::{ApiKey, ApiKeys};
    ///
    /// let keys = ApiKeys::from_fn(|| Ok([ApiKey::new("whk_123")?]))?;
    /// let keys = keys.refresh_every(Duration::from_secs(10));
    /// # let _ = keys;
    /// # Ok::<(), lipdub_core::KeySourceError>(())
    /// ```
    pub fn refresh_every(self, interval: Duration) -> Self {
        if let Some(source) = &self.shared.source {
            source.refresh_every(interval);
        }
        self
    }

    /// Accepts these keys from now on, and no others.
    ///
    /// A key that stays keeps its [`usage`](Self::usage). If the keys come from somewhere, these stand until there are
    /// others there, or until [`reload`](Self::reload).
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoCredential`] if there is no key in it; the keys stay as they were.
    pub fn replace(&self, keys: impl IntoIterator<Item = ApiKey>) -> Result<(), ConfigError> {
        self.shared.current.replace(&at_least_one(keys)?);
        Ok(())
    }

    /// Reads the keys again now from where they come from: for a handler of SIGHUP, or a button.
    ///
    /// # Errors
    ///
    /// [`KeySourceError`], and the keys stay as they were: [`NoSource`](KeySourceError::NoSource) for keys that were
    /// given to [`new`](Self::new), [`Busy`](KeySourceError::Busy) while the closure runs already, or else what
    /// went wrong.
    ///
    /// # Examples
    ///
    /// ```
    /// use lipdub_core::{ApiKey, ApiKeys};
    ///
    /// let keys = ApiKeys::from_fn(|| Ok([ApiKey::new("whk_123")?]))?;
    /// // On SIGHUP:
    /// if let Err(error) = keys.reload() {
    ///     eprintln!("{error}");
    /// }
    /// # Ok::<(), lipdub_core::KeySourceError>(())
    /// ```
    pub fn reload(&self) -> Result<(), KeySourceError> {
        let source = self.shared.source.as_ref().ok_or(KeySourceError::NoSource)?;
        source.look(Look::Reload, &self.shared.current)
    }

    /// For each key, in the order in which they were given: how many deliveries came with it, and when the last did.
    ///
    /// It counts in this process only. A delivery that carries several keys counts for each, and one that carries a
    /// key twice once. The log has the key's index for each delivery, at the level `debug`.
    pub fn usage(&self) -> Vec<KeyUsage> {
        self.shared.current.get().usage()
    }

    /// What a request shows: every key that it carries must be right.
    pub(super) fn check(&self, head: &Head<'_>) -> Shown {
        self.look(Look::Due);
        let keys = self.shared.current.get();
        match keys.check(head) {
            Shown::Wrong => self.check_again(head, &keys),
            shown => shown,
        }
    }

    /// Gives a key that is not known the benefit of the doubt: it may be new.
    fn check_again(&self, head: &Head<'_>, before: &KeySet) -> Shown {
        self.look(Look::UnknownKey);
        let keys = self.shared.current.get();
        if keys.is(before) { Shown::Wrong } else { keys.check(head) }
    }

    fn look(&self, why: Look) {
        if let Some(source) = &self.shared.source {
            // What went wrong is in the log, and the keys stay as they are.
            let _ = source.look(why, &self.shared.current);
        }
    }

    fn from_source(origin: Origin) -> Result<Self, KeySourceError> {
        let (source, keys) = Source::open(origin)?;
        Ok(Self::of(keys, Some(source)))
    }

    fn of(keys: KeySet, source: Option<Source>) -> Self {
        Self { shared: Arc::new(Shared { current: Current::new(keys), source }) }
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKeys([REDACTED])")
    }
}

fn at_least_one(keys: impl IntoIterator<Item = ApiKey>) -> Result<KeySet, ConfigError> {
    KeySet::new(keys).ok_or(ConfigError::NoCredential)
}
