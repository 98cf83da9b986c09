use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::RedisResult;
use tokio::runtime::{Handle, Id};

use super::link::{Lease, Link, Source};

/// A connection for each runtime that calls.
///
/// A connection is driven by a task of the runtime that made it. To be woken from there takes a thread of another
/// runtime longer than the call itself, and with actix-web each worker has a runtime of its own.
pub(super) struct Links {
    source: Arc<Source>,
    timeout: Duration,
    /// A list, for they are few.
    of_runtimes: Mutex<Vec<(Option<Id>, Arc<Link>)>>,
}

impl Links {
    pub(super) fn new(source: Source, timeout: Duration) -> Self {
        Self { source: Arc::new(source), timeout, of_runtimes: Mutex::default() }
    }

    /// The connection of the runtime that this is called in, or else a new one.
    pub(super) async fn get(&self) -> RedisResult<Lease> {
        self.of_this_runtime().get().await
    }

    fn of_this_runtime(&self) -> Arc<Link> {
        /// More than any application has at once. Those of runtimes that have ended stay until then.
        const MOST: usize = 256;
        let runtime = Handle::try_current().map(|runtime| runtime.id()).ok();
        let mut links = self.of_runtimes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, link)) = links.iter().find(|(of, _)| *of == runtime) {
            return Arc::clone(link);
        }
        if links.len() == MOST {
            links.clear();
        }
        let link = Arc::new(Link::new(Arc::clone(&self.source), self.timeout));
        links.push((runtime, Arc::clone(&link)));
        link
    }
}
