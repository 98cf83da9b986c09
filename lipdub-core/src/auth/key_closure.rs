use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use super::key_set::KeySet;
use super::{ApiKey, KeySourceError};

/// A closure that gives keys. One thread at a time runs it, and the others do not wait for it.
pub(super) struct KeyClosure {
    ask: Box<dyn Fn() -> Result<KeySet, KeySourceError> + Send + Sync>,
    is_running: AtomicBool,
}

impl KeyClosure {
    pub(super) fn new<F, K>(keys: F) -> Self
    where
        F: Fn() -> Result<K, Box<dyn Error + Send + Sync>> + Send + Sync + 'static,
        K: IntoIterator<Item = ApiKey>,
    {
        // The keys are taken out of what was returned here, for that is code of the user's, too.
        let ask = move || match catch_unwind(AssertUnwindSafe(|| keys().map(KeySet::new).map_err(drop))) {
            Ok(Ok(keys)) => keys.ok_or(KeySourceError::NoKey),
            Ok(Err(())) => Err(KeySourceError::Failed),
            Err(_) => Err(KeySourceError::Panicked),
        };
        Self { ask: Box::new(ask), is_running: AtomicBool::new(false) }
    }

    /// The right to run it, unless somebody has it. It is not a lock: nobody waits for it, so that a closure
    /// that comes back here harms nothing.
    pub(super) fn turn(&self) -> Option<Turn<'_>> {
        let was_running = self.is_running.swap(true, Ordering::Acquire);
        (!was_running).then(|| Turn(self))
    }
}

pub(super) struct Turn<'a>(&'a KeyClosure);

impl Turn<'_> {
    pub(super) fn ask(&self) -> Result<KeySet, KeySourceError> {
        (self.0.ask)()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.is_running.store(false, Ordering::Release);
    }
}
