//! `RedisInbox` on real servers that are killed, flushed, demoted and full.

#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod redis_server;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use lipdub_core::dedupe::Transition::{Applied, Refused};
use lipdub_core::inbox::{
    Accepted, DeadFilter, Holder, InboxEvent, InboxState, Job, LeaseRequest, Leased, Order, RedisInboxBuilder,
};
use lipdub_core::{EventKey, EventType, Inbox, RedisInbox, Source, StoreError};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use self::redis_server::{RedisServer, eventually};

const PATIENT: Duration = Duration::from_secs(10);
const LEASE: Duration = Duration::from_secs(60);
/// A lease that lapses while a test waits for it.
const BRIEF: Duration = Duration::from_millis(20);
const PER_JOB: Order = Order::PerJob { behind_dead: false };
const BEHIND_DEAD: Order = Order::PerJob { behind_dead: true };

mod connecting {
    use super::*;

    const REFUSED: &str = "the store failed: the Redis server keeps no append-only file, and would lose events that \
        were accepted: set `appendonly yes`, or allow it by `allow_volatile`";

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_without_an_append_only_file_is_refused() {
        let server = RedisServer::start();
        let error = RedisInbox::connect(server.url()).await.unwrap_err();
        assert_eq!(error.to_string(), REFUSED);
        server.command(&["CONFIG", "SET", "appendonly", "yes"]);
        RedisInbox::connect(server.url()).await.unwrap();
    }

    #[tokio::test]
    async fn a_server_without_an_append_only_file_is_taken_if_that_is_allowed() {
        let server = RedisServer::start();
        let log = logged(RedisInbox::builder(server.url()).allow_volatile()).await.unwrap();
        assert_eq!(log, "");
    }

    #[tokio::test]
    async fn a_durable_server_is_taken_without_a_word() {
        let server = RedisServer::start_persistent();
        assert_eq!(logged(RedisInbox::builder(server.url())).await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_server_that_forbids_config_is_asked_for_info() {
        let (volatile, durable) = (RedisServer::start(), RedisServer::start_persistent());
        let forbidden = ["-config"];
        let error = logged(as_user(&volatile, &forbidden)).await.unwrap_err();
        assert_eq!(error.to_string(), REFUSED);
        assert_eq!(logged(as_user(&durable, &forbidden)).await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_server_that_has_renamed_config_is_asked_for_info() {
        let renamed = ["--save", "", "--rename-command", "CONFIG", ""];
        let volatile = RedisServer::start_with(&renamed);
        let error = logged(RedisInbox::builder(volatile.url())).await.unwrap_err();
        assert_eq!(error.to_string(), REFUSED);
        let durable = RedisServer::start_with(&[&renamed[..], &["--appendonly", "yes"]].concat());
        assert_eq!(logged(RedisInbox::builder(durable.url())).await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_server_that_forbids_both_is_taken_with_a_warning() {
        for server in [RedisServer::start(), RedisServer::start_persistent()] {
            let log = logged(as_user(&server, &["-config", "-info"])).await.unwrap();
            assert!(log.contains("WARN") && log.contains("append-only file"), "{log}");
            let allowed = as_user(&server, &["-config", "-info"]).allow_volatile();
            assert_eq!(logged(allowed).await.unwrap(), "");
        }
    }

    fn as_user(server: &RedisServer, rules: &[&str]) -> RedisInboxBuilder {
        let user = ["ACL", "SETUSER", "app", "reset", "on", ">secret", "~*", "+@all"];
        server.command(&[&user[..], rules].concat());
        RedisInbox::builder(format!("redis://app:secret@127.0.0.1:{}", server.port()))
    }

    #[tokio::test]
    async fn a_server_that_does_not_flush_every_write_is_told_of() {
        for (policy, level) in [("no", "WARN"), ("everysec", "INFO")] {
            let arguments = ["--save", "", "--appendonly", "yes", "--appendfsync", policy];
            let log = logged(RedisInbox::builder(RedisServer::start_with(&arguments).url())).await.unwrap();
            assert!(log.contains(level) && log.contains(&format!("appendfsync is {policy}")), "{log}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_that_may_evict_events_is_refused() {
        let server = RedisServer::start_persistent();
        for policy in ["allkeys-lru", "allkeys-random"] {
            server.command(&["CONFIG", "SET", "maxmemory-policy", policy]);
            let error = RedisInbox::connect(server.url()).await.unwrap_err().to_string();
            assert!(error.contains("maxmemory-policy noeviction"), "{error}");
            RedisInbox::builder(server.url()).allow_volatile().connect().await.unwrap();
        }
        // What is kept does not expire.
        server.command(&["CONFIG", "SET", "maxmemory-policy", "volatile-ttl"]);
        RedisInbox::connect(server.url()).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_inbox_is_refused_with_fewer_partitions_than_it_has() {
        let server = RedisServer::start_persistent();
        let with = |count| RedisInbox::builder(server.url()).partitions(count).connect();
        with(2).await.unwrap();
        with(3).await.unwrap();
        let error = with(2).await.unwrap_err().to_string();
        assert!(error.contains("more partitions"), "{error}");
        with(3).await.unwrap();
        RedisInbox::builder(server.url()).prefix("another").connect().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_inbox_that_must_exist_is_not_made_and_says_itself_how_it_is_divided() {
        let server = RedisServer::start_persistent();
        let must_exist = |partitions| RedisInbox::builder(server.url()).partitions(partitions).must_exist();
        let error = must_exist(9).connect().await.unwrap_err().to_string();
        assert!(error.contains("there is no inbox under this prefix"), "{error}");
        assert_eq!(server.command(&["KEYS", "*"]), "");

        let inbox = RedisInbox::builder(server.url()).partitions(3).connect().await.unwrap();
        for number in 0..10 {
            let event = event(&number.to_string(), &number.to_string());
            assert_eq!(inbox.accept(&event).await.unwrap(), Accepted::New);
        }
        for partitions in [1, 9] {
            let existing = must_exist(partitions).connect().await.unwrap();
            assert_eq!(existing.stats().await.unwrap().due, 10);
        }
        RedisInbox::builder(server.url()).partitions(3).connect().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_user_with_the_permissions_in_the_docs_and_no_more_can_do_it_all() {
        let server = RedisServer::start_persistent();
        let rules =
            ["+@read", "+@write", "+@scripting", "+ping", "+time", "+info", "+cluster|slots", "-@dangerous"];
        let user = ["ACL", "SETUSER", "app", "on", ">secret", "resetkeys", "~lipdub:inbox:*", "-@all"];
        server.command(&[&user[..], &rules].concat());
        let url = format!("redis://app:secret@127.0.0.1:{}", server.port());
        let inbox = RedisInbox::builder(url).timeout(PATIENT).partitions(2).connect().await.unwrap();
        go_through_every_call(&inbox).await;
    }

    async fn go_through_every_call(inbox: &RedisInbox) {
        let event = event("a", "job");
        assert_eq!(inbox.accept(&event).await.unwrap(), Accepted::New);
        let leased = lease_one(inbox).await;
        assert_eq!(inbox.renew(&leased.holder, LEASE).await.unwrap(), Applied);
        assert_eq!(inbox.retry(&leased.holder, Duration::ZERO, "why").await.unwrap(), Applied);
        assert_eq!(inbox.give_back(&lease_one(inbox).await.holder).await.unwrap(), Applied);
        assert_eq!(inbox.bury(&lease_one(inbox).await.holder, "why").await.unwrap(), Applied);
        assert_eq!(inbox.dead(&DeadFilter::default()).await.unwrap().len(), 1);
        assert_eq!(inbox.replay(event.key).await.unwrap(), Applied);
        assert_eq!(inbox.bury(&lease_one(inbox).await.holder, "why").await.unwrap(), Applied);
        assert_eq!(inbox.discard(event.key).await.unwrap(), Applied);
        assert_eq!(inbox.find(event.key).await.unwrap().unwrap().state, InboxState::Done);
        assert_eq!(inbox.stats().await.unwrap().done, 1);
        assert_eq!(inbox.prune(Duration::ZERO).await.unwrap(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn neither_the_inbox_nor_its_builder_nor_an_error_shows_the_url() {
        let server = RedisServer::start_persistent();
        server.command(&["CONFIG", "SET", "requirepass", "s3cret"]);
        let url = |password| format!("redis://:{password}@127.0.0.1:{}", server.port());
        let builder = RedisInbox::builder(url("s3cret"));
        let shown = format!("{builder:?}");
        let shown = format!("{shown} {:?}", builder.connect().await.unwrap());
        let error = RedisInbox::connect(url("wr0ng-s3cret")).await.unwrap_err();
        let shown = format!("{shown} {error} {error:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("127.0.0.1"), "{shown}");
    }

    async fn logged(builder: RedisInboxBuilder) -> Result<String, StoreError> {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        let guard = tracing::subscriber::set_default(subscriber);
        let connected = builder.timeout(PATIENT).connect().await;
        drop(guard);
        connected?;
        Ok(String::from_utf8(log.0.lock().unwrap().clone()).unwrap())
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
}

mod outages {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn nothing_that_was_answered_is_lost_when_redis_is_killed_with_appendfsync_always() {
        let mut server = RedisServer::start_persistent();
        let inbox = RedisInbox::builder(server.url()).timeout(PATIENT).partitions(2).connect().await.unwrap();
        let mut told = BTreeMap::new();
        for round in 0..5 {
            let mut callers = JoinSet::new();
            for caller in 0..4 {
                callers.spawn(work_until_it_fails(inbox.clone(), format!("{round} {caller}")));
            }
            sleep(Duration::from_millis(100)).await;
            server.kill();
            for known in callers.join_all().await {
                told.extend(known);
            }
            server.restart();
            for (key, is_done) in &told {
                let state = state(&inbox, *key).await.expect("an event that was accepted");
                assert!(!is_done || state == InboxState::Done, "it was done, and is {state:?}");
            }
        }
        assert!(told.len() > 20 && told.values().any(|is_done| *is_done), "{} events", told.len());
    }

    /// Redis puts the write itself off for up to two seconds while the disk is busy with the one before.
    #[tokio::test(flavor = "multi_thread")]
    async fn nothing_that_was_written_is_lost_when_redis_is_killed_with_appendfsync_everysec() {
        let mut server = RedisServer::start_with(&["--save", "", "--appendonly", "yes"]);
        assert!(server.command(&["CONFIG", "GET", "appendfsync"]).contains("everysec"));
        let inbox = RedisInbox::builder(server.url()).timeout(PATIENT).connect().await.unwrap();
        for number in 0..50 {
            accept(&inbox, &number.to_string(), "job").await;
        }
        let done = lease_one(&inbox).await;
        assert_eq!(inbox.done(&done.holder).await.unwrap(), Applied);
        eventually(|| server.command(&["INFO", "persistence"]).contains("aof_buffer_length:0"));
        server.kill();
        server.restart();
        for number in 0..50 {
            let key = key(&number.to_string());
            let is_done = key == done.holder.key;
            let expected = if is_done { InboxState::Done } else { InboxState::Queued };
            assert_eq!(state(&inbox, key).await, Some(expected));
        }
    }

    /// As soon as the server tells.
    async fn state(inbox: &RedisInbox, key: EventKey) -> Option<InboxState> {
        let until = Instant::now() + PATIENT;
        loop {
            match inbox.find(key).await {
                Ok(record) => return record.map(|record| record.state),
                Err(error) => assert!(Instant::now() < until, "{error}"),
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// The events that were accepted, and whether they were marked as done.
    async fn work_until_it_fails(inbox: RedisInbox, name: String) -> BTreeMap<EventKey, bool> {
        let mut told = BTreeMap::new();
        for number in 0.. {
            let event = event(&format!("{name} {number}"), &format!("job {}", number % 3));
            if inbox.accept(&event).await.is_err() {
                break;
            }
            told.insert(event.key, false);
            if number % 2 == 0 {
                continue;
            }
            let Ok(leased) = inbox.lease(&LeaseRequest::new(LEASE).unwrap()).await else { break };
            for leased in leased {
                if !matches!(inbox.done(&leased.holder).await, Ok(Applied)) {
                    return told;
                }
                told.insert(leased.holder.key, true);
            }
        }
        told
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lease_outlives_a_server_that_is_killed() {
        let mut server = RedisServer::start_persistent();
        let inbox = connect(&server).await;
        accept(&inbox, "a", "job").await;
        let request = LeaseRequest::new(LEASE).unwrap();
        let holder = only(inbox.lease(&request).await.unwrap()).holder;
        server.kill();
        inbox.done(&holder).await.unwrap_err();
        server.restart();
        assert_eq!(state(&inbox, holder.key).await, Some(InboxState::Leased));
        assert!(lease(&inbox, 10).await.is_empty());
        assert_eq!(only(inbox.lease(&request).await.unwrap()).attempt, 1);
        assert_eq!(inbox.done(&holder).await.unwrap(), Applied);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn scripts_that_the_server_forgot_are_sent_again() {
        let server = RedisServer::start_persistent();
        let inbox = connect(&server).await;
        accept(&inbox, "a", "job").await;
        server.command(&["SCRIPT", "FLUSH"]);
        let leased = lease_one(&inbox).await;
        server.command(&["SCRIPT", "FLUSH"]);
        assert_eq!(inbox.done(&leased.holder).await.unwrap(), Applied);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_accept_that_timed_out_and_was_made_is_not_made_twice() {
        let server = RedisServer::start_persistent();
        let builder = RedisInbox::builder(server.url()).timeout(Duration::from_millis(300));
        let inbox = builder.connect().await.unwrap();
        accept(&inbox, "known script", "job").await;
        server.freeze();
        let event = event("a", "job");
        let error = inbox.accept(&event).await.unwrap_err();
        assert_eq!(error.to_string(), "the store failed: it did not answer in time");
        server.thaw();
        let mut again = inbox.accept(&event).await;
        while again.is_err() {
            again = inbox.accept(&event).await;
        }
        assert_eq!(again.unwrap(), Accepted::Waiting);
        assert_eq!(inbox.stats().await.unwrap().due, 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_that_takes_no_writes_accepts_nothing_until_it_does() {
        let server = RedisServer::start_persistent();
        let inbox = connect(&server).await;
        let refusals = [
            ("the server is read-only", ["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"]),
            ("the server is out of memory", ["SET", "maxmemory", "1"], ["SET", "maxmemory", "0"]),
        ];
        for (number, (why, before, after)) in refusals.into_iter().enumerate() {
            let set = |words: [&str; 3]| {
                let is_config = words[0] == "SET";
                server.command(&[&["CONFIG"][..usize::from(is_config)], &words[..]].concat())
            };
            set(before);
            let event = event(&number.to_string(), "job");
            let error = inbox.accept(&event).await.unwrap_err();
            assert_eq!(error.to_string(), format!("the store failed: {why}"));
            set(after);
            assert_eq!(inbox.find(event.key).await.unwrap().map(|record| record.state), None);
            assert_eq!(inbox.accept(&event).await.unwrap(), Accepted::New);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn events_are_handled_while_the_server_is_out_of_memory_and_accepts_none() {
        let server = RedisServer::start_persistent();
        let inbox = connect(&server).await;
        for name in ["lapsed", "retried", "buried", "given back", "done"] {
            accept(&inbox, name, "job").await;
        }
        let brief = LeaseRequest::new(Duration::ZERO).unwrap();
        assert_eq!(names(&inbox.lease(&brief).await.unwrap()), ["lapsed"]);
        server.command(&["CONFIG", "SET", "maxmemory", "1"]);

        inbox.accept(&event("new", "job")).await.unwrap_err();
        let [lapsed, retried, buried, given_back, done] = lease(&inbox, 5).await.try_into().unwrap();
        assert_eq!(inbox.renew(&lapsed.holder, LEASE).await.unwrap(), Applied);
        assert_eq!(inbox.retry(&retried.holder, LEASE, "why").await.unwrap(), Applied);
        assert_eq!(inbox.bury(&buried.holder, "why").await.unwrap(), Applied);
        assert_eq!(inbox.give_back(&given_back.holder).await.unwrap(), Applied);
        assert_eq!(inbox.done(&done.holder).await.unwrap(), Applied);
        let stats = inbox.stats().await.unwrap();
        assert_eq!((stats.due, stats.delayed, stats.leased, stats.dead, stats.done), (1, 1, 1, 1, 1));
        assert_eq!(inbox.replay(buried.holder.key).await.unwrap(), Applied);
        assert_eq!(lease(&inbox, 5).await.len(), 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn leases_are_measured_by_the_servers_clock() {
        let server = RedisServer::start_persistent();
        let inbox = connect(&server).await;
        accept(&inbox, "a", "job").await;
        lease_none_of(&inbox, "another type").await;
        server.freeze();
        let late = tokio::spawn({
            let inbox = inbox.clone();
            async move { inbox.lease(&LeaseRequest::new(Duration::from_secs(1)).unwrap()).await.unwrap() }
        });
        sleep(Duration::from_millis(1_500)).await;
        server.thaw();
        let holder = only(late.await.unwrap()).holder;
        assert!(lease(&inbox, 1).await.is_empty(), "the lease of {holder:?} lapsed before it began");
    }
}

mod transitions {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_event_comes_out_as_it_came_in_whatever_its_type_and_job_are_called() {
        let server = RedisServer::start_persistent();
        let inbox = connect(&server).await;
        let names = ["", "*", "a", "a:b", "b:c", "c", "{0}", "3=abc", "\0\r\n", "\u{1f3ac}"];
        let mut events = Vec::new();
        for (number, (event_type, job)) in
            names.iter().flat_map(|one| names.map(|other| (*one, other))).enumerate()
        {
            let event = InboxEvent {
                key: key(&number.to_string()),
                event_type: EventType::from(event_type),
                job: Job::new(job),
                source: Source::Job(job.to_owned()),
                body: Bytes::from(format!("\u{feff}{{\"event_type\": \"{number}\"}}\r\n")),
            };
            assert_eq!(inbox.accept(&event).await.unwrap(), Accepted::New);
            assert_eq!(inbox.find(event.key).await.unwrap().unwrap().event.as_ref(), Some(&event));
            events.push(event);
        }
        for events in events.chunks(names.len()) {
            let request =
                LeaseRequest::new(LEASE).unwrap().limit(1_000).event_types([events[0].event_type.clone()]);
            let mut leased: Vec<_> =
                inbox.lease(&request).await.unwrap().into_iter().map(|leased| leased.event).collect();
            leased.sort_by_key(|event| events.iter().position(|other| other.key == event.key));
            assert_eq!(leased, events);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_event_is_told_by_what_became_of_it_when_it_comes_again() {
        let server = RedisServer::start_persistent();
        let inbox = connect(&server).await;
        let event = event("a", "job");
        let comes = async || inbox.accept(&event).await.unwrap();
        assert_eq!(comes().await, Accepted::New);
        assert_eq!(comes().await, Accepted::Waiting);
        let leased = lease_one(&inbox).await;
        assert_eq!(comes().await, Accepted::Waiting);
        assert_eq!(inbox.bury(&leased.holder, "why").await.unwrap(), Applied);
        assert_eq!(comes().await, Accepted::Revived);
        let leased = lease_one(&inbox).await;
        assert_eq!((leased.attempt, leased.tries), (2, 1));
        assert_eq!(inbox.done(&leased.holder).await.unwrap(), Applied);
        assert_eq!(comes().await, Accepted::Done);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lapsed_event_is_its_holders_until_it_is_leased_anew() {
        let server = RedisServer::start_persistent();
        let inbox = connect(&server).await;
        for name in ["settled", "renewed", "replaced"] {
            accept(&inbox, name, "job").await;
        }
        let request = LeaseRequest::new(BRIEF).unwrap().limit(3);
        let [settled, renewed, replaced] = inbox.lease(&request).await.unwrap().try_into().unwrap();
        sleep(BRIEF * 2).await;
        // Somebody lets them in, and takes none.
        lease_none_of(&inbox, "another type").await;
        let stats = inbox.stats().await.unwrap();
        assert_eq!((stats.due, stats.leased, stats.oldest_due), (0, 3, None));
        assert_eq!(inbox.done(&settled.holder).await.unwrap(), Applied);
        assert_eq!(inbox.renew(&renewed.holder, LEASE).await.unwrap(), Applied);
        let successor = only(lease(&inbox, 10).await);
        assert_eq!((successor.holder.key, successor.attempt), (replaced.holder.key, 2));
        for answer in [
            inbox.renew(&replaced.holder, LEASE).await,
            inbox.done(&replaced.holder).await,
            inbox.retry(&replaced.holder, LEASE, "why").await,
            inbox.bury(&replaced.holder, "why").await,
            inbox.give_back(&replaced.holder).await,
        ] {
            assert_eq!(answer.unwrap(), Refused);
        }
        assert_eq!(inbox.done(&successor.holder).await.unwrap(), Applied);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_settlement_that_is_repeated_is_applied_and_changes_nothing() {
        let server = RedisServer::start_persistent();
        let inbox = connect(&server).await;
        for (settlement, state) in [
            (Settlement::Done, InboxState::Done),
            (Settlement::Retry, InboxState::Queued),
            (Settlement::Bury, InboxState::Dead),
        ] {
            let event = event(&format!("{settlement:?}"), "job");
            inbox.accept(&event).await.unwrap();
            let holder = lease_one(&inbox).await.holder;
            for _ in 0..2 {
                assert_eq!(settlement.make(&inbox, &holder).await.unwrap(), Applied);
                assert_eq!(inbox.find(event.key).await.unwrap().unwrap().state, state);
            }
            let others = [Settlement::Done, Settlement::Retry, Settlement::Bury, Settlement::GiveBack];
            for other in others.into_iter().filter(|other| *other != settlement) {
                assert_eq!(
                    other.make(&inbox, &holder).await.unwrap(),
                    Refused,
                    "{other:?} after {settlement:?}"
                );
            }
        }
        let stats = inbox.stats().await.unwrap();
        assert_eq!((stats.due, stats.delayed, stats.leased, stats.dead, stats.done), (0, 1, 0, 1, 1));
    }

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Settlement {
        Done,
        Retry,
        Bury,
        GiveBack,
    }

    impl Settlement {
        async fn make(
            self,
            inbox: &RedisInbox,
            holder: &Holder,
        ) -> Result<lipdub_core::dedupe::Transition, StoreError> {
            match self {
                Self::Done => inbox.done(holder).await,
                Self::Retry => inbox.retry(holder, LEASE, "why").await,
                Self::Bury => inbox.bury(holder, "why").await,
                Self::GiveBack => inbox.give_back(holder).await,
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lease_that_is_repeated_gives_what_the_token_holds_page_by_page() {
        let server = RedisServer::start_persistent();
        for partitions in [1, 3] {
            let prefix = format!("p{partitions}");
            let builder = RedisInbox::builder(server.url()).timeout(PATIENT).prefix(prefix);
            let inbox = builder.partitions(partitions).connect().await.unwrap();
            for number in 0..180 {
                accept(&inbox, &number.to_string(), &format!("job {}", number % 7)).await;
            }
            let request = LeaseRequest::new(LEASE).unwrap().limit(130);
            let first = keys(&inbox.lease(&request).await.unwrap());
            assert_eq!(first.len(), 130);
            let again = inbox.lease(&request).await.unwrap();
            assert!(again.iter().all(|leased| leased.attempt == 1));
            assert_eq!(keys(&again), first);
            let more = keys(&inbox.lease(&request.limit(150)).await.unwrap());
            assert!(more.len() == 150 && more.is_superset(&first));
            assert_eq!(lease(&inbox, usize::MAX).await.len(), 30);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn jobs_take_turns_and_each_keeps_its_order() {
        let server = RedisServer::start_persistent();
        let inbox = connect(&server).await;
        for number in 0..20 {
            accept(&inbox, &format!("many {number:02}"), "many").await;
        }
        accept(&inbox, "few 0", "few").await;
        accept(&inbox, "few 1", "few").await;
        let leased: Vec<_> = names(&lease(&inbox, 6).await);
        assert_eq!(leased, ["many 00", "few 0", "many 01", "few 1", "many 02", "many 03"]);
        // One that comes back stands before those that came after it.
        let again = only(lease(&inbox, 1).await);
        assert_eq!(inbox.give_back(&again.holder).await.unwrap(), Applied);
        assert_eq!(names(&lease(&inbox, 2).await), ["many 04", "many 05"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_job_keeps_its_events_waiting_behind_one_that_is_not_done() {
        let server = RedisServer::start_persistent();
        let inbox = connect(&server).await;
        for name in ["a", "b", "c"] {
            accept(&inbox, name, "job").await;
        }
        accept(&inbox, "other", "another").await;
        let first = lease_ordered(&inbox, PER_JOB).await;
        assert_eq!(names(&first), ["a", "other"]);
        let a = first[0].holder;
        assert!(lease_ordered(&inbox, PER_JOB).await.is_empty(), "while it is leased");
        assert_eq!(inbox.retry(&a, BRIEF, "why").await.unwrap(), Applied);
        assert!(lease_ordered(&inbox, PER_JOB).await.is_empty(), "while it is delayed");
        sleep(BRIEF * 2).await;
        let a = only(lease_ordered(&inbox, PER_JOB).await);
        assert_eq!((a.attempt, a.why.as_deref()), (2, Some("why")));
        assert_eq!(inbox.bury(&a.holder, "why").await.unwrap(), Applied);
        assert!(lease_ordered(&inbox, BEHIND_DEAD).await.is_empty(), "while it is dead");
        let b = only(lease_ordered(&inbox, PER_JOB).await);
        assert_eq!(names(std::slice::from_ref(&b)), ["b"]);
        assert_eq!(inbox.done(&b.holder).await.unwrap(), Applied);
        assert_eq!(inbox.discard(a.holder.key).await.unwrap(), Applied);
        assert_eq!(names(&lease_ordered(&inbox, BEHIND_DEAD).await), ["c"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_job_waits_for_an_earlier_event_of_a_type_that_is_not_asked_for() {
        let server = RedisServer::start_persistent();
        let inbox = connect(&server).await;
        let types = [EventType::RenderFailed, EventType::RenderComplete];
        for (name, event_type) in ["failed", "complete"].into_iter().zip(types.clone()) {
            inbox.accept(&InboxEvent { event_type, ..event(name, "job") }).await.unwrap();
        }
        let request = |event_type| LeaseRequest::new(LEASE).unwrap().order(PER_JOB).event_types([event_type]);
        let [failed, complete] = types.map(request);
        assert!(inbox.lease(&complete).await.unwrap().is_empty());
        let first = only(inbox.lease(&failed).await.unwrap());
        assert!(inbox.lease(&complete).await.unwrap().is_empty());
        assert_eq!(inbox.done(&first.holder).await.unwrap(), Applied);
        assert_eq!(names(&inbox.lease(&complete).await.unwrap()), ["complete"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn dead_letters_are_listed_page_by_page_though_they_are_replayed_meanwhile() {
        let server = RedisServer::start_persistent();
        let builder = RedisInbox::builder(server.url()).timeout(PATIENT).partitions(3);
        let inbox = builder.connect().await.unwrap();
        for number in 0..9 {
            let event_type =
                if number % 3 == 0 { EventType::RenderFailed } else { EventType::RenderComplete };
            let event = event(&number.to_string(), &format!("job {}", number % 2));
            inbox.accept(&InboxEvent { event_type, ..event }).await.unwrap();
            let leased = lease_one(&inbox).await;
            assert_eq!(inbox.bury(&leased.holder, &number.to_string()).await.unwrap(), Applied);
        }
        let list = async |change: &dyn Fn(&mut DeadFilter)| {
            let mut filter = DeadFilter::default();
            change(&mut filter);
            inbox.dead(&filter).await.unwrap()
        };
        let reasons = |letters: &[lipdub_core::inbox::DeadLetter]| {
            letters.iter().map(|letter| letter.why.clone()).collect::<Vec<_>>().concat()
        };
        assert_eq!(reasons(&list(&|_| {}).await), "876543210");
        assert_eq!(reasons(&list(&|filter| filter.event_type = Some(EventType::RenderFailed)).await), "630");
        assert_eq!(reasons(&list(&|filter| filter.job = Some(Job::new("job 0"))).await), "86420");
        let both = |filter: &mut DeadFilter| {
            filter.event_type = Some(EventType::RenderFailed);
            filter.job = Some(Job::new("job 0"));
        };
        assert_eq!(reasons(&list(&both).await), "60");

        let page = list(&|filter| filter.limit = 4).await;
        assert_eq!(reasons(&page), "8765");
        assert_eq!(inbox.discard(page[2].key).await.unwrap(), Applied);
        assert_eq!(inbox.replay(page[3].key).await.unwrap(), Applied);
        for last in &page[2..] {
            let rest = list(&|filter| filter.after = Some(last.key)).await;
            let rest = reasons(&rest);
            assert_eq!(rest, "43210", "after {}", last.why);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_forgotten_leaves_nothing_behind() {
        let server = RedisServer::start_persistent();
        let inbox = connect(&server).await;
        for number in 0..300 {
            accept(&inbox, &number.to_string(), &format!("job {}", number % 5)).await;
        }
        let mut leased = Vec::new();
        while leased.len() < 300 {
            leased.extend(lease_ordered(&inbox, PER_JOB).await);
            for (number, leased) in leased.iter().enumerate() {
                let settle = async |is_dead| match is_dead {
                    true => inbox.bury(&leased.holder, "why").await,
                    false => inbox.done(&leased.holder).await,
                };
                assert_eq!(settle(number % 4 == 0).await.unwrap(), Applied);
            }
        }
        assert_eq!(inbox.prune(LEASE).await.unwrap(), 0);
        let mut forgotten = 0;
        loop {
            let batch = inbox.prune(Duration::ZERO).await.unwrap();
            forgotten += batch;
            if batch == 0 {
                break;
            }
        }
        assert_eq!(forgotten, 300);
        let left: BTreeSet<_> =
            server.command(&["KEYS", "*"]).lines().map(|key| key.replace("lipdub:inbox:{0}:", "")).collect();
        assert_eq!(left, ["arrivals", "partitions", "turn"].map(String::from).into());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_clients_that_lease_at_once_never_hold_the_same_event() {
        let server = RedisServer::start_persistent();
        let inboxes = [connect(&server).await, connect(&server).await];
        for number in 0..400 {
            accept(&inboxes[0], &number.to_string(), &format!("job {}", number % 20)).await;
        }
        let mut workers = JoinSet::new();
        for number in 0..8 {
            let inbox = inboxes[number % 2].clone();
            workers.spawn(async move {
                let mut handled = Vec::new();
                loop {
                    let leased = lease(&inbox, 3).await;
                    if leased.is_empty() {
                        return handled;
                    }
                    for leased in leased {
                        assert_eq!(leased.attempt, 1);
                        assert_eq!(inbox.done(&leased.holder).await.unwrap(), Applied);
                        handled.push(leased.holder.key);
                    }
                }
            });
        }
        let handled = workers.join_all().await.concat();
        assert_eq!(handled.len(), 400);
        assert_eq!(handled.into_iter().collect::<BTreeSet<_>>().len(), 400);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lease_that_is_repeated_while_the_first_is_on_its_way_takes_no_more_than_one() {
        let server = RedisServer::start_persistent();
        let builder = RedisInbox::builder(server.url()).timeout(PATIENT).partitions(4);
        let inbox = builder.connect().await.unwrap();
        for number in 0..200 {
            accept(&inbox, &number.to_string(), &format!("job {number}")).await;
        }
        for _ in 0..60 {
            let request = LeaseRequest::new(LEASE).unwrap().limit(2);
            let mut calls = JoinSet::new();
            for _ in 0..3 {
                let (inbox, request) = (inbox.clone(), request.clone());
                calls.spawn(async move { inbox.lease(&request).await.unwrap() });
            }
            let held = keys(&calls.join_all().await.concat());
            assert_eq!(held.len(), 2);
            assert_eq!(keys(&inbox.lease(&request).await.unwrap()), held);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn inboxes_with_different_prefixes_share_nothing() {
        let server = RedisServer::start_persistent();
        let one = RedisInbox::builder(server.url()).prefix("one").connect().await.unwrap();
        let two = RedisInbox::builder(server.url()).prefix("two").connect().await.unwrap();
        accept(&one, "a", "job").await;
        assert!(lease(&two, 1).await.is_empty());
        accept(&two, "a", "job").await;
    }
}

mod costs {
    use super::*;

    const BACKLOG: usize = 100_000;
    /// A script that went through the backlog would take longer than this every time.
    const SHORT: Duration = Duration::from_millis(25);

    #[tokio::test(flavor = "multi_thread")]
    async fn no_call_takes_longer_for_a_backlog_of_a_hundred_thousand_events() {
        let server = RedisServer::start_with(&["--save", "", "--appendonly", "no"]);
        let builder = RedisInbox::builder(server.url()).allow_volatile().timeout(PATIENT * 3);
        let inbox = builder.connect().await.unwrap();
        // Half of them are of one job, and the others of one each; a tenth is dead, and a tenth done.
        fill(&inbox).await;

        let mut last = Vec::new();
        for (what, order) in [("any", Order::Any), ("per job", PER_JOB), ("behind dead", BEHIND_DEAD)] {
            let late = |round| event(&format!("late {what} {round}"), "many");
            fastest("accept", async |round| inbox.accept(&late(round)).await.unwrap()).await;
            last = fastest(what, async |_| lease_in(&inbox, order, 50).await).await;
            assert_eq!(last.len(), 50, "{what}");
        }
        let done = fastest("done", async |round| inbox.done(&last[round].holder).await.unwrap()).await;
        let retry = async |round: usize| inbox.retry(&last[20 + round].holder, BRIEF, "").await.unwrap();
        assert_eq!([done, fastest("retry", retry).await], [Applied, Applied]);
        fastest("stats", async |_| inbox.stats().await.unwrap()).await;
        fastest("dead", async |_| inbox.dead(&DeadFilter::default()).await.unwrap()).await;
        let forgotten = fastest("prune", async |_| inbox.prune(Duration::ZERO).await.unwrap()).await;
        assert!(forgotten > 0);
    }

    async fn fill(inbox: &RedisInbox) {
        let mut callers = JoinSet::new();
        for caller in 0..20 {
            let inbox = inbox.clone();
            callers.spawn(async move {
                for number in (caller..BACKLOG).step_by(20) {
                    let job = if number % 2 == 0 { "many".to_owned() } else { format!("job {number}") };
                    accept(&inbox, &number.to_string(), &job).await;
                }
                for leased in lease(&inbox, BACKLOG / 100).await {
                    let is_dead = leased.event.job == Job::new("many");
                    let settled = if is_dead {
                        inbox.bury(&leased.holder, "why").await
                    } else {
                        inbox.done(&leased.holder).await
                    };
                    assert_eq!(settled.unwrap(), Applied);
                }
            });
        }
        callers.join_all().await;
    }

    /// Lets a busy machine hold up all but one of the calls.
    async fn fastest<T>(what: &str, call: impl AsyncFn(usize) -> T) -> T {
        let mut answers = Vec::new();
        let mut least = Duration::MAX;
        for round in 0..10 {
            let begun = Instant::now();
            answers.push(call(round).await);
            least = least.min(begun.elapsed());
        }
        eprintln!("{what}: {least:?}");
        assert!(least < SHORT, "{what} took {least:?}");
        answers.swap_remove(0)
    }

    async fn lease_in(inbox: &RedisInbox, order: Order, limit: usize) -> Vec<Leased> {
        inbox.lease(&LeaseRequest::new(LEASE).unwrap().order(order).limit(limit)).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_done_event_costs_no_more_than_the_docs_say() {
        const EVENTS: u64 = 10_000;
        let server = RedisServer::start();
        let builder = RedisInbox::builder(server.url()).allow_volatile().timeout(PATIENT);
        let inbox = builder.connect().await.unwrap();
        let before = used_memory(&server);
        for number in 0..EVENTS {
            accept(&inbox, &number.to_string(), &number.to_string()).await;
            assert_eq!(inbox.done(&lease_one(&inbox).await.holder).await.unwrap(), Applied);
        }
        let each = (used_memory(&server) - before) / EVENTS;
        eprintln!("a done event costs {each} bytes");
        assert!(each <= 430, "a done event costs {each} bytes");
        assert!(each > 100, "a done event cannot cost only {each} bytes: the measurement is broken");
    }

    fn used_memory(server: &RedisServer) -> u64 {
        let info = server.command(&["INFO", "memory"]);
        info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().trim().parse().unwrap()
    }
}

#[cfg(feature = "redis-cluster")]
mod cluster {
    use super::redis_server::RedisCluster;
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_cluster_is_refused_while_one_node_has_no_append_only_file() {
        let cluster = RedisCluster::start();
        let connect = || RedisInbox::cluster(cluster.urls()).timeout(PATIENT).connect();
        for node in &cluster.nodes {
            // Whichever node is asked first.
            for _ in 0..5 {
                let error = connect().await.unwrap_err().to_string();
                assert!(error.contains("append-only file"), "{error}");
            }
            node.command(&["CONFIG", "SET", "appendonly", "yes"]);
        }
        connect().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn events_are_spread_over_the_nodes_and_each_job_keeps_its_order() {
        let cluster = RedisCluster::start();
        let inboxes = [inbox(&cluster, 6).await, inbox(&cluster, 6).await];
        for number in 0..90 {
            accept(&inboxes[number % 2], &format!("{number:02}"), &format!("job {}", number % 30)).await;
        }
        for node in &cluster.nodes {
            let there: usize = node.command(&["DBSIZE"]).parse().unwrap();
            assert!(there > 10, "{there} keys on a node");
        }
        for round in 0..3 {
            let leased = lease_ordered(&inboxes[round % 2], PER_JOB).await;
            let expected: Vec<_> =
                (round * 30..round * 30 + 30).map(|number| format!("{number:02}")).collect();
            let mut names = names(&leased);
            names.sort_unstable();
            assert_eq!(names, expected);
            for leased in leased {
                assert_eq!(inboxes[1].done(&leased.holder).await.unwrap(), Applied);
            }
        }
        let stats = inboxes[0].stats().await.unwrap();
        assert_eq!((stats.due, stats.leased, stats.done), (0, 0, 90));
        assert_eq!(inboxes[0].prune(Duration::ZERO).await.unwrap(), 90);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_event_that_comes_under_two_jobs_at_once_is_stored_once() {
        let cluster = RedisCluster::start();
        let inboxes = [inbox(&cluster, 16).await, inbox(&cluster, 16).await];
        for round in 0..50 {
            let mut deliveries = JoinSet::new();
            for number in 0..8 {
                let inbox = inboxes[number % 2].clone();
                let event = event(&round.to_string(), &format!("job {number}"));
                deliveries.spawn(async move { inbox.accept(&event).await.unwrap() });
            }
            let answers = deliveries.join_all().await;
            let new = answers.iter().filter(|answer| **answer == Accepted::New).count();
            assert_eq!(new, 1, "{answers:?}");
            let leased = only(lease(&inboxes[0], 10).await);
            assert_eq!(inboxes[1].done(&leased.holder).await.unwrap(), Applied);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_node_that_does_not_answer_leaves_the_events_of_the_others_to_be_handled() {
        for frozen in [true, false] {
            let mut cluster = RedisCluster::start();
            let inbox = RedisInbox::cluster(cluster.urls()).allow_volatile().partitions(6);
            let inbox = inbox.timeout(Duration::from_secs(3)).connect().await.unwrap();
            for number in 0..60 {
                accept(&inbox, &number.to_string(), &format!("job {number}")).await;
            }
            if frozen {
                cluster.nodes[1].freeze();
            } else {
                cluster.nodes[1].kill();
            }
            let mut handled = BTreeSet::new();
            let until = Instant::now() + PATIENT * 6;
            while handled.len() < 20 && Instant::now() < until {
                for leased in
                    inbox.lease(&LeaseRequest::new(LEASE).unwrap().limit(10)).await.unwrap_or_default()
                {
                    if matches!(inbox.done(&leased.holder).await, Ok(Applied)) {
                        handled.insert(leased.holder.key);
                    }
                }
            }
            assert!(handled.len() >= 20, "{} events, frozen: {frozen}", handled.len());
            // Nobody knows whether the other node has it.
            inbox.accept(&event("new", "job")).await.unwrap_err();
            inbox.find(key("new")).await.unwrap_err();
        }
    }

    async fn inbox(cluster: &RedisCluster, partitions: u8) -> RedisInbox {
        let builder = RedisInbox::cluster(cluster.urls()).allow_volatile().partitions(partitions);
        builder.timeout(PATIENT).connect().await.unwrap()
    }
}

#[cfg(feature = "redis-tls")]
#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_is_reached_through_tls() {
    let server = RedisServer::start_tls(&["--save", "", "--appendonly", "yes"]);
    let builder = RedisInbox::builder(server.tls_url()).timeout(PATIENT);
    let inbox = builder.root_certificate(server.authority()).connect().await.unwrap();
    accept(&inbox, "a", "job").await;
    assert_eq!(names(&lease(&inbox, 1).await), ["a"]);
    RedisInbox::connect(server.tls_url()).await.unwrap_err();
}

async fn connect(server: &RedisServer) -> RedisInbox {
    RedisInbox::builder(server.url()).timeout(PATIENT).connect().await.unwrap()
}

fn key(name: &str) -> EventKey {
    EventKey::custom(&EventType::RenderComplete, name)
}

/// An event that tells its name in its body.
fn event(name: &str, job: &str) -> InboxEvent {
    InboxEvent {
        key: key(name),
        event_type: EventType::RenderComplete,
        job: Job::new(job),
        source: Source::Tenant,
        body: Bytes::from(name.to_owned()),
    }
}

async fn accept(inbox: &RedisInbox, name: &str, job: &str) {
    assert_eq!(inbox.accept(&event(name, job)).await.unwrap(), Accepted::New);
}

async fn lease(inbox: &RedisInbox, limit: usize) -> Vec<Leased> {
    inbox.lease(&LeaseRequest::new(LEASE).unwrap().limit(limit)).await.unwrap()
}

async fn lease_one(inbox: &RedisInbox) -> Leased {
    only(lease(inbox, 1).await)
}

async fn lease_ordered(inbox: &RedisInbox, order: Order) -> Vec<Leased> {
    inbox.lease(&LeaseRequest::new(LEASE).unwrap().order(order).limit(100)).await.unwrap()
}

async fn lease_none_of(inbox: &RedisInbox, event_type: &str) {
    let request = LeaseRequest::new(LEASE).unwrap().event_types([EventType::from(event_type)]);
    assert!(inbox.lease(&request).await.unwrap().is_empty());
}

fn only(leased: Vec<Leased>) -> Leased {
    let [leased] = leased.try_into().unwrap();
    leased
}

fn keys(leased: &[Leased]) -> BTreeSet<EventKey> {
    leased.iter().map(|leased| leased.holder.key).collect()
}

fn names(leased: &[Leased]) -> Vec<String> {
    leased.iter().map(|leased| String::from_utf8(leased.event.body.to_vec()).unwrap()).collect()
}
