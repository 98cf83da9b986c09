//! The inboxes that come with the crate, held to the conformance suite.

#![allow(clippy::unwrap_used, reason = "in a test that is the message")]

#[cfg(feature = "redis")]
mod redis_server;

mod memory {
    lipdub_core::inbox_conformance!(lipdub_core::testing::MemoryInbox::new());
}

/// Tries every promise on an inbox of its own, some at a time, and tells those that are broken.
#[cfg(any(feature = "sqlite", feature = "redis"))]
async fn all_promises<I: lipdub_core::Inbox, F: Future<Output = I> + Send + 'static>(
    make: impl Fn(String) -> F,
) {
    use std::sync::Arc;

    use lipdub_core::testing::inbox::PROMISES;
    use tokio::sync::Semaphore;
    use tokio::task::JoinSet;

    let slots = Arc::new(Semaphore::new(8));
    let mut checks = JoinSet::new();
    for promise in PROMISES {
        let (slots, inbox) = (Arc::clone(&slots), make(promise.name().to_owned()));
        checks.spawn(async move {
            let _slot = slots.acquire().await.unwrap();
            let check = async { promise.check(Arc::new(inbox.await)).await };
            let checked = tokio::spawn(check).await;
            checked.err().map(|_| promise.name())
        });
    }
    let broken: Vec<_> = checks.join_all().await.into_iter().flatten().collect();
    assert_eq!(broken, [""; 0], "what was said of them is above");
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_sqlite_inbox_keeps_every_promise() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    all_promises(|name| {
        let path = path.join(name);
        async move { lipdub_core::SqliteInbox::open(path).await.unwrap() }
    })
    .await;
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_redis_inbox_keeps_every_promise() {
    let server = redis_server::RedisServer::start_persistent();
    let url = server.url();
    all_promises(|name| {
        let builder = lipdub_core::RedisInbox::builder(url.clone()).prefix(name);
        async move { builder.connect().await.unwrap() }
    })
    .await;
}
