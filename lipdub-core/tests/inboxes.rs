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
mod redis {
    use std::time::Duration;

    use lipdub_core::RedisInbox;
    use lipdub_core::inbox::RedisInboxBuilder;
    use lipdub_core::testing::inbox::Handles;

    use super::redis_server::RedisServer;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_redis_inbox_keeps_every_promise() {
        let server = RedisServer::start_persistent();
        as_two_processes(|| RedisInbox::builder(server.url())).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_redis_inbox_in_partitions_keeps_every_promise() {
        let server = RedisServer::start_persistent();
        as_two_processes(|| RedisInbox::builder(server.url()).partitions(4)).await;
    }

    #[cfg(feature = "redis-cluster")]
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_redis_inbox_on_a_cluster_keeps_every_promise() {
        let cluster = super::redis_server::RedisCluster::start();
        as_two_processes(|| RedisInbox::cluster(cluster.urls()).partitions(6).allow_volatile()).await;
    }

    async fn as_two_processes(builder: impl Fn() -> RedisInboxBuilder) {
        super::all_promises(|name| {
            // Many promises at once on a small machine: that is no reason to fail.
            let patient = || builder().prefix(&name).timeout(Duration::from_secs(30));
            let (one, two) = (patient(), patient());
            async move { Handles::new([one.connect().await.unwrap(), two.connect().await.unwrap()]) }
        })
        .await;
    }
}
