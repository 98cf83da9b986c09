//! `RedisStore` on real servers that are killed, frozen, flushed and demoted.

#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod redis_server;

use std::error::Error;
use std::io::Write;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lipdub_core::dedupe::{Claim, ClaimRequest, RedisStoreBuilder, Transition};
use lipdub_core::{DedupeStore, EventKey, EventType, Head, RedisStore, Status, StoreError, Webhook};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep, timeout};

use self::redis_server::{RedisServer, eventually};

const SHORT: Duration = Duration::from_millis(300);
const LEASE: Duration = Duration::from_secs(60);
const RETENTION: Duration = Duration::from_secs(600);
/// What a busy machine may take on top of a limit.
const SLACK: Duration = Duration::from_millis(700);
const GRANTED: Claim = Claim::Granted { attempt: 1 };

mod conformance {
    use std::fmt;
    use std::sync::{PoisonError, Weak};

    use super::*;

    /// A store, and the server that it needs.
    struct Hosted<S> {
        store: RedisStore,
        _server: Arc<S>,
    }

    impl<S> fmt::Debug for Hosted<S> {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.store.fmt(formatter)
        }
    }

    #[lipdub_core::async_trait]
    impl<S: Send + Sync + 'static> DedupeStore for Hosted<S> {
        async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
            self.store.claim(request).await
        }

        async fn renew(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
            self.store.renew(request, attempt).await
        }

        async fn done(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
            self.store.done(request, attempt).await
        }

        async fn fail(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
            self.store.fail(request, attempt).await
        }

        async fn release(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
            self.store.release(request, attempt).await
        }
    }

    /// The server that tests share as long as one of them needs it: a static would never be dropped.
    struct Shared<S>(Mutex<Weak<S>>);

    impl<S> Shared<S> {
        const fn new() -> Self {
            Self(Mutex::new(Weak::new()))
        }

        fn get(&self, start: impl FnOnce() -> S) -> Arc<S> {
            let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(server) = shared.upgrade() {
                return server;
            }
            let server = Arc::new(start());
            *shared = Arc::downgrade(&server);
            server
        }
    }

    async fn hosted<S>(server: Arc<S>, builder: RedisStoreBuilder) -> Hosted<S> {
        // Many tests at once on a small machine: that is no reason to fail.
        let store = builder.timeout(Duration::from_secs(10)).connect().await.unwrap();
        Hosted { store, _server: server }
    }

    mod single {
        use lipdub_core::testing::dedupe::Handles;

        static SERVER: super::Shared<super::RedisServer> = super::Shared::new();

        async fn store() -> super::Hosted<super::RedisServer> {
            let server = SERVER.get(super::RedisServer::start);
            let builder = super::RedisStore::builder(server.url());
            super::hosted(server, builder).await
        }

        lipdub_core::dedupe_store_conformance!(Handles::new([store().await, store().await]));
    }

    #[cfg(feature = "redis-cluster")]
    mod cluster {
        use crate::redis_server::RedisCluster;

        static CLUSTER: super::Shared<RedisCluster> = super::Shared::new();

        async fn store() -> super::Hosted<RedisCluster> {
            let cluster = CLUSTER.get(RedisCluster::start);
            let builder = super::RedisStore::cluster(cluster.urls());
            super::hosted(cluster, builder).await
        }

        lipdub_core::dedupe_store_conformance!(store().await);
    }

    #[cfg(feature = "redis-tls")]
    mod tls {
        static SERVER: super::Shared<super::RedisServer> = super::Shared::new();

        async fn store() -> super::Hosted<super::RedisServer> {
            let server = SERVER.get(|| super::RedisServer::start_tls(&["--save", ""]));
            let builder = super::RedisStore::builder(server.tls_url());
            let builder = builder.root_certificate(server.authority());
            super::hosted(server, builder).await
        }

        lipdub_core::dedupe_store_conformance!(store().await);
    }
}

mod outages {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_that_is_down_is_an_error_at_connect() {
        let mut server = RedisServer::start();
        server.kill();
        let error = RedisStore::connect(server.url()).await.unwrap_err();
        assert_eq!(error.to_string(), "the store failed: the connection was refused");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_claim_outlives_a_server_that_is_killed_and_has_it_on_disk() {
        let mut server = RedisServer::start_persistent();
        let store = connect(&server).await;
        let (holder, other) = (request("a"), request("a"));
        assert_eq!(store.claim(&holder).await.unwrap(), GRANTED);
        server.kill();
        store.done(&holder, 1).await.unwrap_err();
        store.done(&holder, 1).await.unwrap_err();
        server.restart();
        assert!(matches!(recovered(&store, &other).await, Claim::Busy { .. }));
        assert_eq!(store.done(&holder, 1).await.unwrap(), Transition::Applied);
        assert_eq!(store.claim(&other).await.unwrap(), Claim::Done);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_success_is_marked_though_the_server_was_killed_and_forgot_the_claim() {
        let mut server = RedisServer::start();
        let store = connect(&server).await;
        let holder = request("a");
        assert_eq!(store.claim(&holder).await.unwrap(), GRANTED);
        server.kill();
        store.renew(&holder, 1).await.unwrap_err();
        server.restart();
        let _ = store.done(&holder, 1).await;
        assert_eq!(store.done(&holder, 1).await.unwrap(), Transition::Applied);
        assert_eq!(store.claim(&request("a")).await.unwrap(), Claim::Done);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_frozen_server_is_an_error_in_time_and_well_again_when_it_thaws() {
        let server = RedisServer::start();
        let store = connect(&server).await;
        server.freeze();
        // The first meets the old connection, the second has to connect.
        for _ in 0..2 {
            let begun = Instant::now();
            let error = store.claim(&request("a")).await.unwrap_err();
            assert_eq!(error.to_string(), "the store failed: it did not answer in time");
            assert!(begun.elapsed() < SHORT + SLACK, "{:?}", begun.elapsed());
        }
        server.thaw();
        assert_eq!(recovered(&store, &request("b")).await, GRANTED);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_paused_server_is_an_error_in_time_and_well_again_afterwards() {
        let server = RedisServer::start();
        let store = connect(&server).await;
        server.command(&["CLIENT", "PAUSE", "1500", "ALL"]);
        let begun = Instant::now();
        store.claim(&request("a")).await.unwrap_err();
        assert!(begun.elapsed() < SHORT + SLACK, "{:?}", begun.elapsed());
        assert_eq!(recovered(&store, &request("b")).await, GRANTED);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_claim_that_is_made_after_it_timed_out_is_granted_to_the_same_token() {
        let server = RedisServer::start();
        let store = connect(&server).await;
        let holder = request("a");
        // So that the script is known: an answer to EVALSHA is nothing that anybody waits for any more.
        store.claim(&request("b")).await.unwrap();
        server.freeze();
        store.claim(&holder).await.unwrap_err();
        server.thaw();
        eventually(|| server.command(&["EXISTS", &key(&holder)]) == "1");
        assert!(matches!(recovered(&store, &request("a")).await, Claim::Busy { .. }));
        assert_eq!(store.claim(&holder).await.unwrap(), GRANTED);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn callers_who_lose_patience_before_the_store_does_not_wedge_it() {
        let server = RedisServer::start();
        let store = RedisStore::builder(server.url()).timeout(LEASE).connect().await.unwrap();
        server.freeze();
        for _ in 0..3 {
            timeout(Duration::from_millis(50), store.claim(&request("a"))).await.unwrap_err();
        }
        server.thaw();
        let claim = timeout(Duration::from_secs(10), store.claim(&request("b"))).await;
        assert_eq!(claim.unwrap().unwrap(), GRANTED);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_half_open_connection_is_given_up_after_one_call() {
        let server = RedisServer::start();
        let path = Path::to(server.port()).await;
        let store = RedisStore::builder(path.url()).timeout(SHORT).connect().await.unwrap();
        path.swallow_what_is_open();
        store.claim(&request("a")).await.unwrap_err();
        assert_eq!(store.claim(&request("b")).await.unwrap(), GRANTED);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_half_open_connection_is_given_up_by_a_caller_who_loses_patience() {
        let server = RedisServer::start();
        let path = Path::to(server.port()).await;
        let store = RedisStore::builder(path.url()).timeout(LEASE).connect().await.unwrap();
        path.swallow_what_is_open();
        timeout(SHORT, store.claim(&request("a"))).await.unwrap_err();
        let claim = timeout(Duration::from_secs(10), store.claim(&request("b"))).await;
        assert_eq!(claim.unwrap().unwrap(), GRANTED);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_demoted_master_is_left_for_the_new_one_behind_the_same_address() {
        let (old, new) = (RedisServer::start(), RedisServer::start());
        let path = Path::to(old.port()).await;
        let store = RedisStore::builder(path.url()).timeout(SHORT).connect().await.unwrap();
        path.lead_to(new.port());
        assert_eq!(store.claim(&request("a")).await.unwrap(), GRANTED);
        assert_eq!(old.command(&["DBSIZE"]), "1", "an open connection stays where it is");
        old.command(&["REPLICAOF", "127.0.0.1", "1"]);
        store.claim(&request("b")).await.unwrap_err();
        assert_eq!(store.claim(&request("b")).await.unwrap(), GRANTED);
        assert_eq!(new.command(&["DBSIZE"]), "1");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_crowd_that_finds_the_connection_broken_makes_a_single_new_one() {
        let mut server = RedisServer::start();
        let path = Path::to(server.port()).await;
        let store = RedisStore::builder(path.url()).timeout(Duration::from_secs(5)).connect().await.unwrap();
        server.kill();
        while store.claim(&request("a")).await.is_ok() {}
        server.restart();
        let before = path.accepted();
        let mut crowd = JoinSet::new();
        for number in 0..200 {
            let store = store.clone();
            crowd.spawn(async move { store.claim(&request(&number.to_string())).await.unwrap() });
        }
        assert!(crowd.join_all().await.iter().all(|claim| *claim == GRANTED));
        assert_eq!(path.accepted() - before, 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_crowd_that_cannot_connect_shares_the_failure() {
        let mut server = RedisServer::start();
        let path = Path::to(server.port()).await;
        let store = RedisStore::builder(path.url()).timeout(Duration::from_secs(5)).connect().await.unwrap();
        server.kill();
        while store.claim(&request("a")).await.is_ok() {}
        let before = path.accepted();
        let mut crowd = JoinSet::new();
        for number in 0..200 {
            let store = store.clone();
            crowd.spawn(async move { store.claim(&request(&number.to_string())).await.unwrap_err() });
        }
        crowd.join_all().await;
        let tries = path.accepted() - before;
        assert!(tries < 50, "{tries} tries for 200 calls");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_fresh_connection_is_not_given_up_for_what_befell_the_old_one() {
        let server = RedisServer::start();
        let path = Path::to(server.port()).await;
        let store = RedisStore::builder(path.url()).timeout(SHORT).connect().await.unwrap();
        path.swallow_what_is_open();
        let late = store.clone();
        let (a, b) = (request("a"), request("b"));
        let first = store.claim(&a);
        let second = async {
            sleep(SHORT / 2).await;
            late.claim(&b).await
        };
        let between = async {
            first.await.unwrap_err();
            store.claim(&request("c")).await.unwrap()
        };
        let (second, between) = tokio::join!(second, between);
        second.unwrap_err();
        assert_eq!(between, GRANTED);
        assert_eq!(store.claim(&request("d")).await.unwrap(), GRANTED);
        assert_eq!(path.accepted(), 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_runtime_that_calls_has_one_connection() {
        let server = RedisServer::start();
        let path = Path::to(server.port()).await;
        let store = RedisStore::connect(path.url()).await.unwrap();
        let worker = |name: &'static str| {
            let store = store.clone();
            spawn_blocking(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let requests: Vec<_> = (0..50).map(|number| request(&format!("{name} {number}"))).collect();
                let claims = runtime.block_on(async {
                    let claims = requests.into_iter().map(|request| {
                        let store = store.clone();
                        async move { store.claim(&request).await.unwrap() }
                    });
                    claims.collect::<JoinSet<_>>().join_all().await
                });
                assert!(claims.iter().all(|claim| *claim == GRANTED));
            })
        };
        let (left, right) = (worker("left"), worker("right"));
        left.await.unwrap();
        right.await.unwrap();
        assert_eq!(store.claim(&request("here")).await.unwrap(), GRANTED);
        assert_eq!(path.accepted(), 3);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_connection_whose_runtime_has_ended_is_replaced() {
        let server = RedisServer::start();
        let url = server.url();
        let elsewhere = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(RedisStore::connect(url)).unwrap()
        });
        let store = elsewhere.join().unwrap();
        let _ = store.claim(&request("a")).await;
        assert_eq!(store.claim(&request("b")).await.unwrap(), GRANTED);
    }
}

mod states {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_flush_in_mid_claim_does_not_lose_the_success() {
        let server = RedisServer::start();
        let store = connect(&server).await;
        let holder = request("a");
        assert_eq!(store.claim(&holder).await.unwrap(), GRANTED);
        server.command(&["FLUSHALL"]);
        assert_eq!(store.done(&holder, 1).await.unwrap(), Transition::Applied);
        assert_eq!(store.claim(&request("a")).await.unwrap(), Claim::Done);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn scripts_that_the_server_forgot_are_sent_again() {
        let server = RedisServer::start();
        let store = connect(&server).await;
        let holder = request("a");
        assert_eq!(store.claim(&holder).await.unwrap(), GRANTED);
        assert_eq!(store.done(&holder, 1).await.unwrap(), Transition::Applied);
        server.command(&["SCRIPT", "FLUSH"]);
        assert_eq!(store.claim(&request("a")).await.unwrap(), Claim::Done);
        assert_eq!(store.done(&holder, 1).await.unwrap(), Transition::Applied);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_read_only_server_is_an_error_until_it_takes_writes() {
        let server = RedisServer::start();
        let store = connect(&server).await;
        server.command(&["REPLICAOF", "127.0.0.1", "1"]);
        let error = store.claim(&request("a")).await.unwrap_err();
        assert_eq!(error.to_string(), "the store failed: the server is read-only");
        server.command(&["REPLICAOF", "NO", "ONE"]);
        assert_eq!(store.claim(&request("a")).await.unwrap(), GRANTED);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_loading_server_is_an_error_until_it_has_loaded() {
        let mut server = RedisServer::start();
        let store = connect(&server).await;
        let holder = request("a");
        assert_eq!(store.claim(&holder).await.unwrap(), GRANTED);
        fill(&server);
        server.command(&["SAVE"]);
        server.kill();
        server.restart_slowly();
        let _ = store.claim(&request("a")).await;
        let error = store.claim(&request("a")).await.unwrap_err();
        assert_eq!(error.to_string(), "the store failed: the server is loading its data");
        assert!(matches!(recovered(&store, &request("a")).await, Claim::Busy { .. }));
    }

    /// Enough that loading it takes a second or two.
    fn fill(server: &RedisServer) {
        let script = "for n = 1, 1000 do redis.call('SET', 'filler:' .. n, string.rep('x', 1000)) end";
        server.command(&["EVAL", script, "0"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_that_is_busy_with_a_script_is_an_error_until_it_is_not() {
        let server = RedisServer::start_with(&["--save", "", "--lua-time-limit", "20"]);
        let store = connect(&server).await;
        std::thread::scope(|threads| {
            threads.spawn(|| server.try_command(&["EVAL", "while true do end", "0"]));
            eventually(|| server.try_command(&["PING"]).is_err_and(|error| error.contains("BUSY")));
            tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(async {
                    let error = store.claim(&request("a")).await.unwrap_err();
                    assert_eq!(error.to_string(), "the store failed: the server is busy with a script");
                });
            });
            server.command(&["SCRIPT", "KILL"]);
        });
        assert_eq!(recovered(&store, &request("a")).await, GRANTED);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_that_is_out_of_memory_is_an_error_until_it_has_some() {
        let server = RedisServer::start();
        let store = connect(&server).await;
        server.command(&["CONFIG", "SET", "maxmemory", "1"]);
        let error = store.claim(&request("a")).await.unwrap_err();
        assert_eq!(error.to_string(), "the store failed: the server is out of memory");
        server.command(&["CONFIG", "SET", "maxmemory", "0"]);
        assert_eq!(store.claim(&request("a")).await.unwrap(), GRANTED);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_key_that_holds_something_else_is_an_error_and_left_alone() {
        let server = RedisServer::start();
        let store = connect(&server).await;
        let mine = request("a");
        let holder = "4611686018427387904";
        let strange = ["hello", "", "D:", "R:1", "F:x:1", "G:1:2:3", "12345", "-1", "1.5"].map(String::from);
        let nearly = ["R:1:{}", "R:-1:5:{}", "R:1:5:{}:6", "F:-1:{}", "{}0", "+{}", "{}:1"];
        let nearly = nearly.map(|record| record.replace("{}", holder));
        for value in strange.into_iter().chain(nearly) {
            server.command(&["SET", &key(&mine), &value]);
            refuse_to_touch(&store, &mine).await;
            assert_eq!(server.command(&["GET", &key(&mine)]), value);
        }
        server.command(&["DEL", &key(&mine)]);
        server.command(&["RPUSH", &key(&mine), "hello"]);
        refuse_to_touch(&store, &mine).await;
        assert_eq!(server.command(&["LRANGE", &key(&mine), "0", "-1"]), "hello");
    }

    async fn refuse_to_touch(store: &RedisStore, request: &ClaimRequest) {
        let errors = [
            store.claim(request).await.unwrap_err(),
            store.renew(request, 1).await.unwrap_err(),
            store.done(request, 1).await.unwrap_err(),
            store.fail(request, 1).await.unwrap_err(),
            store.release(request, 1).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.to_string(), "the store failed: the event's key holds something else");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_stores_that_race_for_an_event_never_both_get_it() {
        let server = RedisServer::start();
        let stores = [patient(&server).await, patient(&server).await];
        for round in 0..300 {
            let mut race = JoinSet::new();
            for racer in 0..4 {
                let store = stores[racer % 2].clone();
                race.spawn(async move { store.claim(&request(&round.to_string())).await.unwrap() });
            }
            let claims = race.join_all().await;
            assert_eq!(claims.iter().filter(|claim| **claim == GRANTED).count(), 1, "{claims:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_record_expires_with_the_retention() {
        let server = RedisServer::start();
        let store = connect(&server).await;
        let mine = request("a");
        let assert_expiry = || {
            let left: u128 = server.command(&["PTTL", &key(&mine)]).parse().unwrap();
            assert!(left <= RETENTION.as_millis() && left > RETENTION.as_millis() - 60_000, "{left}");
            server.command(&["PEXPIRE", &key(&mine), "60000"]);
        };
        store.claim(&mine).await.unwrap();
        assert_expiry();
        assert_eq!(store.renew(&mine, 1).await.unwrap(), Transition::Applied);
        assert_expiry();
        assert_eq!(store.fail(&mine, 1).await.unwrap(), Transition::Applied);
        assert_expiry();
        store.claim(&mine).await.unwrap();
        assert_eq!(store.release(&mine, 2).await.unwrap(), Transition::Applied);
        assert_expiry();
        store.claim(&mine).await.unwrap();
        assert_eq!(store.done(&mine, 2).await.unwrap(), Transition::Applied);
        assert_expiry();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn leases_and_retentions_may_be_as_long_as_they_like() {
        let server = RedisServer::start();
        let store = connect(&server).await;
        let endless = ClaimRequest::new(event("a"), Duration::MAX, Duration::MAX).unwrap();
        assert_eq!(store.claim(&endless).await.unwrap(), GRANTED);
        assert!(matches!(store.claim(&request("a")).await.unwrap(), Claim::Busy { .. }));
        assert_eq!(store.renew(&endless, 1).await.unwrap(), Transition::Applied);
        assert_eq!(store.done(&endless, 1).await.unwrap(), Transition::Applied);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_event_takes_one_command_and_a_duplicate_one_more() {
        let server = RedisServer::start();
        let store = connect(&server).await;
        let mine = request("a");
        assert_eq!(store.claim(&mine).await.unwrap(), GRANTED);
        assert_eq!(store.done(&mine, 1).await.unwrap(), Transition::Applied);
        let before = commands(&server);
        assert_eq!(store.claim(&request("b")).await.unwrap(), GRANTED);
        assert_eq!(store.claim(&request("a")).await.unwrap(), Claim::Done);
        assert_eq!(commands(&server) - before, 1 + 1 + 1, "the last is the one that asks");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_that_is_older_than_the_command_serves_all_the_same() {
        let server = RedisServer::start();
        let store = RedisStore::connect(as_if_older(server.port()).await).await.unwrap();
        let (mine, other) = (request("a"), request("a"));
        assert_eq!(store.claim(&mine).await.unwrap(), GRANTED);
        assert!(matches!(store.claim(&other).await.unwrap(), Claim::Busy { .. }));
        assert_eq!(store.fail(&mine, 1).await.unwrap(), Transition::Applied);
        assert_eq!(store.claim(&other).await.unwrap(), Claim::Granted { attempt: 2 });
        assert_eq!(store.done(&other, 2).await.unwrap(), Transition::Applied);
        assert_eq!(store.claim(&mine).await.unwrap(), Claim::Done);
    }

    /// The URL of a server that takes `SET` with both `NX` and `GET` for a syntax error, as those before 7.0 do.
    async fn as_if_older(server: u16) -> String {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://127.0.0.1:{}", listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
                tokio::spawn(async move {
                    let mut bytes = vec![0; 4096];
                    while let Ok(length @ 1..) = from_client.read(&mut bytes).await {
                        let said = String::from_utf8_lossy(&bytes[..length])
                            .replace("NX\r\n$3\r\nGET", "NX\r\n$3\r\n???");
                        to_server.write_all(said.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        url
    }

    fn commands(server: &RedisServer) -> u64 {
        let stats = server.command(&["INFO", "stats"]);
        let processed = stats.lines().find_map(|line| line.strip_prefix("total_commands_processed:"));
        processed.unwrap().trim().parse().unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn stores_with_different_prefixes_share_nothing() {
        let server = RedisServer::start();
        let one = RedisStore::builder(server.url()).prefix("one:").connect().await.unwrap();
        let two = RedisStore::builder(server.url()).prefix("two:").connect().await.unwrap();
        assert_eq!(one.claim(&request("a")).await.unwrap(), GRANTED);
        assert_eq!(two.claim(&request("a")).await.unwrap(), GRANTED);
        assert_eq!(server.command(&["EXISTS", &format!("one:{}", RedisStore::name_of(&event("a")))]), "1");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_event_costs_no_more_than_the_docs_say() {
        let server = RedisServer::start();
        let store = connect(&server).await;
        let mine = request("a");
        let usage = || server.command(&["MEMORY", "USAGE", &key(&mine)]).parse::<u64>().unwrap();
        store.claim(&mine).await.unwrap();
        let running = usage();
        assert_eq!(store.done(&mine, 1).await.unwrap(), Transition::Applied);
        let done = usage();
        assert!(running <= 128 && done <= 80, "running {running}, done {done}");
    }
}

mod connecting {
    use super::*;

    #[tokio::test]
    async fn a_server_that_may_evict_is_warned_of() {
        let server = RedisServer::start();
        let silent = logged_at_connect(&server).await;
        assert!(!silent.contains("maxmemory-policy"), "{silent}");
        for policy in ["allkeys-lru", "volatile-ttl"] {
            server.command(&["CONFIG", "SET", "maxmemory-policy", policy]);
            let log = logged_at_connect(&server).await;
            assert!(log.contains("WARN") && log.contains("maxmemory-policy"), "{log}");
        }
    }

    async fn logged_at_connect(server: &RedisServer) -> String {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        let guard = tracing::subscriber::set_default(subscriber);
        connect(server).await;
        drop(guard);
        String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_user_with_the_permissions_in_the_docs_and_no_more_can_connect_and_claim() {
        let server = RedisServer::start();
        let permissions = ["+ping", "+evalsha", "+eval", "+get", "+set", "+del", "+pttl"];
        let user = ["ACL", "SETUSER", "app", "on", ">secret", "resetkeys", "~lipdub:*", "-@all"];
        server.command(&[&user[..], &permissions].concat());
        let url = format!("redis://app:secret@127.0.0.1:{}", server.port());
        let store = RedisStore::builder(url).timeout(SHORT).connect().await.unwrap();
        let mine = request("a");
        assert_eq!(store.claim(&mine).await.unwrap(), GRANTED);
        assert_eq!(store.release(&mine, 1).await.unwrap(), Transition::Applied);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_wrong_password_is_an_error_that_does_not_tell_it() {
        let server = RedisServer::start();
        server.command(&["CONFIG", "SET", "requirepass", "right"]);
        let server_url = |password| format!("redis://:{password}@127.0.0.1:{}", server.port());
        let error = RedisStore::connect(server_url("wr0ng-secret")).await.unwrap_err();
        assert_eq!(error.to_string(), "the store failed: authentication failed");
        assert!(!everything(&error).contains("wr0ng-secret"), "{}", everything(&error));
        let error = RedisStore::connect(server.url()).await.unwrap_err();
        assert_eq!(error.to_string(), "the store failed: authentication failed");
        RedisStore::connect(server_url("right")).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_that_repeats_what_it_does_not_know_does_not_tell_the_password() {
        let server = RedisServer::start_with(&["--save", "", "--rename-command", "HELLO", ""]);
        let url = format!("redis://user:s3cret@127.0.0.1:{}/?protocol=resp3", server.port());
        let error = RedisStore::connect(url).await.unwrap_err();
        assert!(!everything(&error).contains("s3cret"), "{}", everything(&error));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_url_that_is_none_is_an_error_that_does_not_tell_it() {
        for url in ["", "s3cret", "http://:s3cret@host", "redis://:s3cret@host/x", "redis://:s3cret@host:x"] {
            let error = RedisStore::connect(url).await.unwrap_err();
            assert_eq!(error.to_string(), "the store failed: the URL or the settings are not valid");
            assert!(!everything(&error).contains("s3cret"), "{}", everything(&error));
        }
    }

    fn everything(error: &StoreError) -> String {
        let mut text = format!("{error} {error:?}");
        let mut source = error.source();
        while let Some(error) = source {
            text.push_str(&format!(" {error} {error:?}"));
            source = error.source();
        }
        text
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn neither_the_store_nor_its_builder_shows_the_url() {
        let server = RedisServer::start();
        server.command(&["CONFIG", "SET", "requirepass", "s3cret"]);
        let builder = RedisStore::builder(format!("redis://:s3cret@127.0.0.1:{}", server.port()));
        let shown = format!("{builder:?}");
        let shown = format!("{shown} {:?}", builder.connect().await.unwrap());
        assert!(!shown.contains("s3cret") && !shown.contains("127.0.0.1"), "{shown}");
    }
}

#[cfg(feature = "redis-cluster")]
mod cluster {
    use super::redis_server::RedisCluster;
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_node_that_is_down_is_an_error_for_its_events_only_and_in_time() {
        let mut cluster = RedisCluster::start();
        let store = RedisStore::cluster(cluster.urls()).timeout(SHORT * 3).connect().await.unwrap();
        cluster.nodes[1].kill();
        let (mut granted, mut failed) = (0, 0);
        for number in 0..30 {
            let begun = Instant::now();
            match recovering(&store, &request(&number.to_string())).await {
                Ok(claim) => granted += usize::from(claim == GRANTED),
                Err(_) => failed += 1,
            }
            assert!(begun.elapsed() < (SHORT * 3 + SLACK) * 2, "{:?}", begun.elapsed());
        }
        assert!(granted > 5 && failed > 2, "granted {granted}, failed {failed}");
        cluster.nodes[1].restart();
        for number in 30..40 {
            assert_eq!(recovered(&store, &request(&number.to_string())).await, GRANTED);
        }
    }

    /// A call may meet the connection as another call has left it, and gets a second one.
    async fn recovering(store: &RedisStore, request: &ClaimRequest) -> Result<Claim, StoreError> {
        match store.claim(request).await {
            Err(_) => store.claim(request).await,
            granted => granted,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_frozen_node_is_an_error_in_time_and_well_again_when_it_thaws() {
        let cluster = RedisCluster::start();
        let store = RedisStore::cluster(cluster.urls()).timeout(SHORT * 3).connect().await.unwrap();
        cluster.nodes.iter().for_each(RedisServer::freeze);
        let begun = Instant::now();
        store.claim(&request("a")).await.unwrap_err();
        assert!(begun.elapsed() < SHORT * 3 + SLACK, "{:?}", begun.elapsed());
        cluster.nodes.iter().for_each(RedisServer::thaw);
        assert!(!matches!(recovered(&store, &request("a")).await, Claim::Done));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_user_with_the_permissions_in_the_docs_and_no_more_can_connect_and_claim() {
        let cluster = RedisCluster::start();
        let permissions = ["+ping", "+evalsha", "+eval", "+get", "+set", "+del", "+pttl", "+cluster|slots"];
        let user = ["ACL", "SETUSER", "app", "on", ">secret", "resetkeys", "~lipdub:*", "-@all"];
        for node in &cluster.nodes {
            node.command(&[&user[..], &permissions].concat());
        }
        let urls = cluster.nodes.iter().map(|node| format!("redis://app:secret@127.0.0.1:{}", node.port()));
        let store = RedisStore::cluster(urls).timeout(SHORT * 4).connect().await.unwrap();
        for number in 0..10 {
            assert_eq!(store.claim(&request(&number.to_string())).await.unwrap(), GRANTED);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_frozen_node_leaves_the_others_in_service() {
        let cluster = RedisCluster::start();
        let store = RedisStore::cluster(cluster.urls()).timeout(SHORT * 4).connect().await.unwrap();
        let (frozen, well) = split(&store, &cluster.nodes[2]).await;
        cluster.nodes[2].freeze();

        // Nobody else is answered while this one waits, so that the connection may be as bad as the node.
        store.claim(&frozen[0]).await.unwrap_err();
        assert_eq!(store.claim(&well[0]).await.unwrap(), GRANTED);

        let failing = {
            let store = store.clone();
            tokio::spawn(async move {
                for request in frozen {
                    store.claim(&request).await.unwrap_err();
                }
            })
        };
        let before = connections(&cluster.nodes[0]);
        while !failing.is_finished() {
            for request in &well {
                assert_eq!(store.claim(request).await.unwrap(), GRANTED);
            }
            sleep(Duration::from_millis(10)).await;
        }
        failing.await.unwrap();
        assert_eq!(connections(&cluster.nodes[0]), before + 1, "more than the one that asks");
    }

    /// How many the server has taken so far.
    fn connections(server: &RedisServer) -> u64 {
        let stats = server.command(&["INFO", "stats"]);
        let taken = stats.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
        taken.unwrap().trim().parse().unwrap()
    }

    /// Claims of which three are on this node and three on others.
    async fn split(store: &RedisStore, node: &RedisServer) -> (Vec<ClaimRequest>, Vec<ClaimRequest>) {
        let (mut here, mut elsewhere) = (Vec::new(), Vec::new());
        for number in 0..100 {
            let request = request(&number.to_string());
            assert_eq!(store.claim(&request).await.unwrap(), GRANTED);
            let is_here = node.try_command(&["EXISTS", &key(&request)]).is_ok();
            if is_here { here.push(request) } else { elsewhere.push(request) }
        }
        here.truncate(3);
        elsewhere.truncate(3);
        (here, elsewhere)
    }
}

#[cfg(feature = "redis-tls")]
mod tls {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_certificate_of_an_unknown_authority_is_an_error() {
        let server = RedisServer::start_tls(&["--save", ""]);
        let error = RedisStore::connect(server.tls_url()).await.unwrap_err();
        assert_eq!(error.to_string(), "the store failed: the connection failed");
        let other = RedisServer::start_tls(&["--save", ""]);
        let builder = RedisStore::builder(server.tls_url()).root_certificate(other.authority());
        builder.connect().await.unwrap_err();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_certificate_that_is_none_is_an_error() {
        let builder = RedisStore::builder("rediss://127.0.0.1:1").root_certificate("no certificate");
        let error = builder.connect().await.unwrap_err();
        assert_eq!(error.to_string(), "the store failed: the URL or the settings are not valid");
    }
}

mod webhook {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_event_is_refused_in_time_while_redis_is_down_and_processed_when_it_is_back() {
        let mut server = RedisServer::start();
        let runs = Arc::new(AtomicUsize::new(0));
        let webhook = counting(&connect(&server).await, &runs);
        server.kill();
        let begun = Instant::now();
        assert_eq!(deliver(&webhook).await, Status::Unavailable);
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        assert_eq!(runs.load(Ordering::SeqCst), 0);
        server.restart();
        assert_eq!(deliver(&webhook).await, Status::Processed);
        assert_eq!(deliver(&webhook).await, Status::Duplicate);
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_success_while_redis_is_down_is_answered_and_marked_when_it_is_back() {
        let mut server = RedisServer::start();
        let store = connect(&server).await;
        let gate = Gate::new();
        let webhook = gate.webhook(&store);
        let first = tokio::spawn(deliver_owned(webhook.clone()));
        gate.entered().await;
        server.kill();
        gate.open();
        assert_eq!(first.await.unwrap(), Status::Processed);
        assert_eq!(deliver(&webhook).await, Status::Duplicate);
        server.restart();
        eventually_async(async || !server.command(&["KEYS", "lipdub:*"]).is_empty()).await;
        let key = server.command(&["KEYS", "lipdub:*"]);
        let record = server.command(&["GET", &key]);
        assert!(record.len() == 19 && record.parse::<u64>().is_ok(), "{record}");
        let elsewhere = gate.webhook(&connect(&server).await);
        assert_eq!(deliver(&elsewhere).await, Status::Duplicate);
        assert_eq!(gate.runs(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_second_process_waits_for_the_first_and_answers_duplicate() {
        let server = RedisServer::start();
        let gate = Gate::new();
        let one = gate.webhook(&connect(&server).await);
        let two = gate.webhook(&connect(&server).await);
        let first = tokio::spawn(deliver_owned(one));
        gate.entered().await;
        let second = tokio::spawn(deliver_owned(two));
        let asks = || server.command(&["INFO", "commandstats"]);
        eventually_async(async || calls_of_evalsha(&asks()) >= 3).await;
        assert!(!second.is_finished());
        gate.open();
        assert_eq!(first.await.unwrap(), Status::Processed);
        assert_eq!(second.await.unwrap(), Status::Duplicate);
        assert_eq!(gate.runs(), 1);
    }

    fn calls_of_evalsha(stats: &str) -> u32 {
        let calls = stats.split("cmdstat_evalsha:calls=").nth(1).and_then(|rest| rest.split(',').next());
        calls.map_or(0, |calls| calls.parse().unwrap())
    }

    /// A handler that waits until it may finish.
    struct Gate {
        permits: Arc<Semaphore>,
        runs: watch::Sender<usize>,
    }

    impl Gate {
        fn new() -> Self {
            Self { permits: Arc::new(Semaphore::new(0)), runs: watch::Sender::new(0) }
        }

        fn webhook(&self, store: &RedisStore) -> Webhook {
            let (permits, runs) = (Arc::clone(&self.permits), self.runs.clone());
            let handler = move |_event| {
                let permits = Arc::clone(&permits);
                runs.send_modify(|runs| *runs += 1);
                async move {
                    permits.acquire().await?.forget();
                    Ok(())
                }
            };
            build(store, |builder| builder.fallback(handler))
        }

        async fn entered(&self) {
            self.runs.subscribe().wait_for(|runs| *runs > 0).await.unwrap();
        }

        fn open(&self) {
            self.permits.add_permits(10);
        }

        fn runs(&self) -> usize {
            *self.runs.borrow()
        }
    }

    fn counting(store: &RedisStore, runs: &Arc<AtomicUsize>) -> Webhook {
        let runs = Arc::clone(runs);
        build(store, |builder| {
            builder.fallback(move |_event| {
                runs.fetch_add(1, Ordering::SeqCst);
                async { Ok(()) }
            })
        })
    }

    fn build(
        store: &RedisStore,
        handlers: impl FnOnce(lipdub_core::WebhookBuilder) -> lipdub_core::WebhookBuilder,
    ) -> Webhook {
        handlers(Webhook::builder().api_key("whk_1").dedupe(store.clone())).build().unwrap()
    }

    async fn deliver_owned(webhook: Webhook) -> Status {
        deliver(&webhook).await
    }

    async fn deliver(webhook: &Webhook) -> Status {
        let headers = [("authorization", "Bearer whk_1")];
        let delivery = webhook.begin(&Head::new("POST", &headers)).unwrap();
        let body = r#"{"event_type":"anything","created_at":"2026-01-01T00:00:00Z","data":{"id":1}}"#;
        delivery.run(body.into(), |task| drop(tokio::spawn(task))).await.status()
    }
}

async fn connect(server: &RedisServer) -> RedisStore {
    RedisStore::builder(server.url()).timeout(SHORT).connect().await.unwrap()
}

async fn patient(server: &RedisServer) -> RedisStore {
    RedisStore::builder(server.url()).timeout(Duration::from_secs(10)).connect().await.unwrap()
}

fn event(name: &str) -> EventKey {
    EventKey::custom(&EventType::RenderComplete, name)
}

fn request(name: &str) -> ClaimRequest {
    ClaimRequest::new(event(name), LEASE, RETENTION).unwrap()
}

fn key(request: &ClaimRequest) -> String {
    format!("lipdub:{}", RedisStore::name_of(&request.key))
}

/// The answer to a claim as soon as there is one.
async fn recovered(store: &RedisStore, request: &ClaimRequest) -> Claim {
    let mut last = None;
    for _ in 0..100 {
        match store.claim(request).await {
            Ok(claim) => return claim,
            Err(error) => last = Some(error),
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("the store is not well again: {last:?}");
}

async fn eventually_async(is_so: impl AsyncFn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !is_so().await {
        assert!(Instant::now() < until, "it did not come to be");
        sleep(Duration::from_millis(10)).await;
    }
}

/// An address in front of servers, as a failover has, and a network that can swallow what is sent.
struct Path {
    port: u16,
    target: Arc<AtomicU16>,
    accepted: Arc<AtomicUsize>,
    open: Arc<Mutex<Vec<watch::Sender<bool>>>>,
}

impl Path {
    async fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let path = Self {
            port: listener.local_addr().unwrap().port(),
            target: Arc::new(AtomicU16::new(target)),
            accepted: Arc::default(),
            open: Arc::default(),
        };
        let (target, accepted) = (Arc::clone(&path.target), Arc::clone(&path.accepted));
        let open = Arc::clone(&path.open);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                let swallows = watch::Sender::new(false);
                tokio::spawn(forward(client, target.load(Ordering::SeqCst), swallows.subscribe()));
                open.lock().unwrap().push(swallows);
            }
        });
        path
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Leads new connections elsewhere.
    fn lead_to(&self, target: u16) {
        self.target.store(target, Ordering::SeqCst);
    }

    fn swallow_what_is_open(&self) {
        self.open.lock().unwrap().iter().for_each(|swallows| _ = swallows.send(true));
    }
}

async fn forward(mut client: TcpStream, target: u16, mut swallows: watch::Receiver<bool>) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
        _ = swallows.wait_for(|swallows| *swallows) => {}
    }
    // Open on both sides, and nothing goes through.
    std::future::pending::<()>().await;
}
