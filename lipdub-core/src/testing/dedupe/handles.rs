use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::dedupe::{Claim, ClaimRequest, ClaimToken, DedupeStore, StoreError, Transition};
use crate::event::EventKey;

/// Several handles on one store, as several processes have them.
///
/// A claimer keeps to one handle, and those who claim the same event use all of them in turn. So what a store
/// keeps in a handle and should not, such as a lock that only its own process sees, breaks promises here that
/// it keeps when it is tried with a single handle. If the handles go by different clocks, rule 9 shows as well.
///
/// # Examples
///
/// ```
/// mod two_processes {
///     use lipdub_core::testing::dedupe::Handles;
///     # use std::sync::{Arc, LazyLock};
///     # use lipdub_core::MemoryStore;
///     # static DATABASE: LazyLock<Arc<MemoryStore>> = LazyLock::new(Arc::default);
///     # async fn connect() -> Arc<MemoryStore> { DATABASE.clone() }
///
///     lipdub_core::dedupe_store_conformance!(Handles::new([connect().await, connect().await]));
/// }
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct Handles {
    handles: Box<[Arc<dyn DedupeStore>]>,
    claimers: Mutex<HashMap<EventKey, Vec<ClaimToken>>>,
}

impl Handles {
    /// Takes the handles, which must be of one and the same store.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub fn new<S: DedupeStore>(handles: impl IntoIterator<Item = S>) -> Self {
        let handles: Box<[Arc<dyn DedupeStore>]> =
            handles.into_iter().map(|handle| Arc::new(handle) as _).collect();
        assert!(!handles.is_empty(), "there must be a handle");
        Self { handles, claimers: Mutex::default() }
    }

    fn of(&self, request: &ClaimRequest) -> &dyn DedupeStore {
        let mut claimers = self.claimers.lock().unwrap_or_else(PoisonError::into_inner);
        let claimers = claimers.entry(request.key).or_default();
        let number = claimers.iter().position(|token| *token == request.token).unwrap_or_else(|| {
            claimers.push(request.token);
            claimers.len() - 1
        });
        &*self.handles[number % self.handles.len()]
    }
}

#[async_trait]
impl DedupeStore for Handles {
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        self.of(request).claim(request).await
    }

    async fn renew(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.of(request).renew(request, attempt).await
    }

    async fn done(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.of(request).done(request, attempt).await
    }

    async fn fail(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.of(request).fail(request, attempt).await
    }

    async fn release(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.of(request).release(request, attempt).await
    }
}
