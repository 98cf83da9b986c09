use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::dedupe::DedupeStore;

/// One promise of a store, or of an inbox.
pub struct Promise<S: ?Sized> {
    pub(super) name: &'static str,
    pub(super) rule: u8,
    pub(super) needs_expiry: bool,
    pub(super) check: fn(Arc<S>) -> Checked,
}

type Checked = Pin<Box<dyn Future<Output = ()> + Send>>;

impl<S: ?Sized> Promise<S> {
    /// The name of its function.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Which of the numbered rules of the trait it belongs to, from 1.
    pub const fn rule(&self) -> u8 {
        self.rule
    }

    /// Tries it on a store, which may be in use, for the event keys are new; or on an inbox, which must be
    /// empty and nobody else's.
    ///
    /// # Panics
    ///
    /// If it is broken, with a message that says the rule and what was done instead.
    pub async fn check(&self, subject: Arc<S>) {
        (self.check)(subject).await;
    }
}

impl Promise<dyn DedupeStore> {
    /// Whether it is about forgetting. A store that never forgets does not keep it, and need not.
    pub const fn needs_expiry(&self) -> bool {
        self.needs_expiry
    }
}

impl<S: ?Sized> Clone for Promise<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: ?Sized> Copy for Promise<S> {}

impl<S: ?Sized> fmt::Debug for Promise<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Promise({}, of rule {})", self.name, self.rule)
    }
}
