use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::dedupe::{ClaimToken, StoreError, Transition};
use crate::event::EventKey;
use crate::inbox::{
    Accepted, DeadFilter, DeadLetter, Holder, Inbox, InboxEvent, InboxRecord, InboxStats, LeaseRequest,
    Leased,
};

/// Several handles on one inbox, as several processes have them.
///
/// A token keeps to one handle, and tokens use all of them in turn; so do the calls without a token. What an
/// inbox keeps in a handle and should not, such as a lock that only its own process sees, breaks promises here
/// that it keeps when it is tried with a single handle. If the handles go by different clocks, rule 12 shows as
/// well.
///
/// # Examples
///
/// ```
/// mod two_processes {
///     use lipdub_core::testing::inbox::Handles;
///     # use std::sync::Arc;
///     # use lipdub_core::testing::MemoryInbox;
///     # struct Server(Arc<MemoryInbox>);
///     # impl Server {
///     #     async fn with_nothing_in_it() -> Self { Self(Arc::default()) }
///     #     async fn connect(&self) -> Arc<MemoryInbox> { self.0.clone() }
///     # }
///
///     async fn handles() -> Handles {
///         let server = Server::with_nothing_in_it().await;
///         Handles::new([server.connect().await, server.connect().await]).keeping(server)
///     }
///
///     lipdub_core::inbox_conformance!(handles().await);
/// }
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct Handles {
    handles: Box<[Arc<dyn Inbox>]>,
    tokens: Mutex<HashMap<ClaimToken, usize>>,
    calls: AtomicUsize,
    kept: Vec<Box<dyn Any + Send + Sync>>,
}

impl Handles {
    /// Takes the handles, which must be of one and the same inbox.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub fn new<I: Inbox>(handles: impl IntoIterator<Item = I>) -> Self {
        let handles: Box<[Arc<dyn Inbox>]> =
            handles.into_iter().map(|handle| Arc::new(handle) as _).collect();
        assert!(!handles.is_empty(), "there must be a handle");
        Self { handles, tokens: Mutex::default(), calls: AtomicUsize::default(), kept: Vec::new() }
    }

    /// Keeps something for as long as the handles, such as their server, or a directory that is deleted with
    /// what it holds.
    #[must_use]
    pub fn keeping(mut self, what: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(what));
        self
    }

    fn of(&self, token: ClaimToken) -> &dyn Inbox {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let next = tokens.len();
        let number = *tokens.entry(token).or_insert(next);
        &*self.handles[number % self.handles.len()]
    }

    fn any(&self) -> &dyn Inbox {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        &*self.handles[number % self.handles.len()]
    }
}

#[async_trait]
impl Inbox for Handles {
    async fn accept(&self, event: &InboxEvent) -> Result<Accepted, StoreError> {
        self.any().accept(event).await
    }

    async fn lease(&self, request: &LeaseRequest) -> Result<Vec<Leased>, StoreError> {
        self.of(request.token).lease(request).await
    }

    async fn renew(&self, holder: &Holder, lease: Duration) -> Result<Transition, StoreError> {
        self.of(holder.token).renew(holder, lease).await
    }

    async fn done(&self, holder: &Holder) -> Result<Transition, StoreError> {
        self.of(holder.token).done(holder).await
    }

    async fn retry(&self, holder: &Holder, delay: Duration, why: &str) -> Result<Transition, StoreError> {
        self.of(holder.token).retry(holder, delay, why).await
    }

    async fn bury(&self, holder: &Holder, why: &str) -> Result<Transition, StoreError> {
        self.of(holder.token).bury(holder, why).await
    }

    async fn give_back(&self, holder: &Holder) -> Result<Transition, StoreError> {
        self.of(holder.token).give_back(holder).await
    }

    async fn dead(&self, filter: &DeadFilter) -> Result<Vec<DeadLetter>, StoreError> {
        self.any().dead(filter).await
    }

    async fn find(&self, key: EventKey) -> Result<Option<InboxRecord>, StoreError> {
        self.any().find(key).await
    }

    async fn replay(&self, key: EventKey) -> Result<Transition, StoreError> {
        self.any().replay(key).await
    }

    async fn discard(&self, key: EventKey) -> Result<Transition, StoreError> {
        self.any().discard(key).await
    }

    async fn stats(&self) -> Result<InboxStats, StoreError> {
        self.any().stats().await
    }

    async fn prune(&self, age: Duration) -> Result<u64, StoreError> {
        self.any().prune(age).await
    }
}
