//! Events of a `RedisInbox` that somebody has edited, or of which a part is gone.

#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod redis_server;

use std::time::Duration;

use lipdub_core::dedupe::Transition;
use lipdub_core::inbox::{Accepted, DeadFilter, InboxEvent, InboxState, Job, LeaseRequest, Leased, Order};
use lipdub_core::{EventKey, EventType, Inbox, RedisInbox, Source};

use self::redis_server::{RedisServer, eventually};

const LEASE: Duration = Duration::from_secs(600);
const ORDERS: [Order; 3] =
    [Order::Any, Order::PerJob { behind_dead: false }, Order::PerJob { behind_dead: true }];

/// What is done to the hash of an event, as a script.
const DAMAGES: [&str; 17] = [
    "return redis.call('HDEL', KEYS[1], 'type')",
    "return redis.call('HDEL', KEYS[1], 'job')",
    "return redis.call('HDEL', KEYS[1], 'body')",
    "return redis.call('HDEL', KEYS[1], 'state')",
    "return redis.call('HDEL', KEYS[1], 'arrival')",
    "return redis.call('HDEL', KEYS[1], 'accepted')",
    "return redis.call('HDEL', KEYS[1], 'attempt', 'tries')",
    "return redis.call('HSET', KEYS[1], 'state', 'elsewhere')",
    "return redis.call('HSET', KEYS[1], 'arrival', 'first')",
    "return redis.call('HSET', KEYS[1], 'accepted', '-1e999')",
    "return redis.call('HSET', KEYS[1], 'attempt', '99999999999999999999')",
    "return redis.call('HSET', KEYS[1], 'tries', '')",
    "return redis.call('HSET', KEYS[1], 'job', 'another')",
    "return redis.call('HSET', KEYS[1], 'type', '\\255')",
    "return redis.call('HSET', KEYS[1], 'source', '\\255')",
    "return redis.call('DEL', KEYS[1])",
    "redis.call('DEL', KEYS[1]) return redis.call('SET', KEYS[1], 'a letter to my grandmother')",
];

struct Scene {
    server: RedisServer,
    inbox: RedisInbox,
}

impl Scene {
    /// With the events 1, 2 and 3, each of a job of its own.
    async fn new() -> Self {
        let server = RedisServer::start();
        let builder = RedisInbox::builder(server.url()).allow_volatile().timeout(Duration::from_secs(20));
        let inbox = builder.connect().await.unwrap();
        for number in 1..4 {
            inbox.accept(&event(number)).await.unwrap();
        }
        Self { server, inbox }
    }

    fn damage(&self, script: &str) {
        let hash = format!("lipdub:inbox:{{0}}:event:{}", event(2).key);
        self.server.command(&["EVAL", script, "1", &hash]);
    }

    async fn lease(&self, limit: usize, order: Order) -> Vec<Leased> {
        self.inbox.lease(&LeaseRequest::new(LEASE).unwrap().limit(limit).order(order)).await.unwrap()
    }

    async fn dead(&self) -> Vec<EventKey> {
        let letters = self.inbox.dead(&DeadFilter::default()).await.unwrap();
        letters.into_iter().map(|letter| letter.key).collect()
    }
}

fn event(number: u32) -> InboxEvent {
    let event_type = EventType::RenderComplete;
    InboxEvent {
        key: EventKey::custom(&event_type, &number.to_string()),
        event_type,
        job: Job::new(format!("job {number}")),
        source: Source::Tenant,
        body: format!(r#"{{"event_type": "VIDEO_RENDER_COMPLETE", "data": {number}}}"#).into(),
    }
}

fn are(leased: &[Leased], numbers: &[u32]) -> bool {
    leased.iter().map(|leased| leased.event.key).eq(numbers.iter().map(|number| event(*number).key))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_read_is_a_dead_letter_and_the_others_are_leased() {
    for (place, script) in DAMAGES.into_iter().enumerate() {
        let scene = Scene::new().await;
        scene.damage(script);
        let order = ORDERS[place % 3];
        for number in [1, 3] {
            let mut leased = scene.lease(1, order).await;
            if leased.is_empty() {
                leased = scene.lease(1, order).await;
            }
            assert!(are(&leased, &[number]), "{script}: {leased:?}");
        }
        assert!(scene.lease(9, order).await.is_empty(), "{script}");
        let stats = scene.inbox.stats().await.unwrap();
        assert_eq!((stats.due, stats.leased, stats.dead), (0, 2, 1), "{script}");
        let letters = scene.inbox.dead(&DeadFilter::default()).await.unwrap();
        assert_eq!((letters.len(), letters[0].key), (1, event(2).key), "{script}");
        assert!(letters[0].why.contains("cannot be read"), "{}", letters[0].why);
        let record = scene.inbox.find(event(2).key).await.unwrap().unwrap();
        assert_eq!(record.state, InboxState::Dead, "{script}");
        assert_eq!(scene.inbox.discard(event(2).key).await.unwrap(), Transition::Applied, "{script}");
        assert_eq!(scene.inbox.accept(&event(2)).await.unwrap(), Accepted::Done, "{script}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_in_the_job_of_an_event_that_cannot_be_read_is_leased() {
    for script in DAMAGES {
        for order in [Order::Any, Order::PerJob { behind_dead: false }] {
            let scene = Scene::new().await;
            let next = InboxEvent { job: Job::new("job 2"), ..event(4) };
            scene.inbox.accept(&next).await.unwrap();
            scene.damage(script);
            let mut leased = scene.lease(9, order).await;
            leased.extend(scene.lease(9, order).await);
            leased.sort_by_key(|leased| leased.event.job.as_str().to_owned());
            assert!(are(&leased, &[1, 4, 3]), "{script} {order:?}: {leased:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_could_not_be_read_is_handled_when_it_comes_again() {
    for script in DAMAGES {
        let scene = Scene::new().await;
        scene.damage(script);
        assert_eq!(scene.lease(9, Order::Any).await.len(), 2, "{script}");
        assert_eq!(scene.inbox.accept(&event(2)).await.unwrap(), Accepted::Revived, "{script}");
        let request = LeaseRequest::new(LEASE).unwrap().event_types([EventType::RenderComplete]);
        let leased = scene.inbox.lease(&request).await.unwrap();
        assert_eq!(leased.len(), 1, "{script}");
        assert_eq!(leased[0].event.body, event(2).body, "{script}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_cannot_be_read_spoils_no_list() {
    for script in DAMAGES {
        let scene = Scene::new().await;
        for leased in scene.lease(9, Order::Any).await {
            assert_eq!(scene.inbox.bury(&leased.holder, "in a test").await.unwrap(), Transition::Applied);
        }
        scene.damage(script);
        let dead = scene.dead().await;
        assert!(dead.contains(&event(1).key) && dead.contains(&event(3).key), "{script}: {dead:?}");
        let mut filter = DeadFilter::default();
        filter.limit = 1;
        let mut pages = 0;
        while let Some(letter) = scene.inbox.dead(&filter).await.unwrap().pop() {
            filter.after = Some(letter.key);
            pages += 1;
            // Where it died is gone with it, and nothing comes after it.
            if script.contains("DEL', KEYS[1])") {
                break;
            }
        }
        assert!(pages == dead.len() || script.contains("DEL', KEYS[1])"), "{script}: {pages}");
        scene.inbox.find(event(2).key).await.unwrap();
        let _ = scene.inbox.replay(event(2).key).await.unwrap();
        let _ = scene.lease(9, Order::Any).await;
        scene.inbox.stats().await.unwrap();
        eventually_forgotten(&scene).await;
    }
}

/// Whatever is dead, or said to be.
async fn eventually_forgotten(scene: &Scene) {
    tokio::time::sleep(Duration::from_millis(5)).await;
    while scene.inbox.prune(Duration::ZERO).await.unwrap() > 0 {}
    assert_eq!(scene.dead().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_became_unreadable_while_it_was_held_can_be_settled() {
    for script in DAMAGES {
        let scene = Scene::new().await;
        let request = LeaseRequest::new(LEASE).unwrap().limit(9);
        let leased = scene.inbox.lease(&request).await.unwrap();
        scene.damage(script);
        let holder = leased[1].holder;
        let is_gone = script.contains("DEL', KEYS[1])");
        if !is_gone {
            assert_eq!(scene.inbox.renew(&holder, LEASE).await.unwrap(), Transition::Applied, "{script}");
            assert_eq!(scene.inbox.done(&holder).await.unwrap(), Transition::Applied, "{script}");
        }
        let again = scene.inbox.lease(&request).await.unwrap();
        assert!(are(&again, &[1, 3]), "{script}: {again:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_deleted_while_it_was_held_or_delayed_is_a_dead_letter_in_the_end() {
    let brief = Duration::from_millis(20);
    for is_delayed in [false, true] {
        let scene = Scene::new().await;
        let request = LeaseRequest::new(if is_delayed { LEASE } else { brief }).unwrap().limit(9);
        let leased = scene.inbox.lease(&request).await.unwrap();
        if is_delayed {
            let retried = scene.inbox.retry(&leased[1].holder, brief, "in a test").await.unwrap();
            assert_eq!(retried, Transition::Applied);
        }
        scene.damage("return redis.call('DEL', KEYS[1])");
        let leases = async {
            while scene.dead().await != [event(2).key] {
                let _ = scene.lease(1, Order::Any).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), leases).await.unwrap();
        eventually(|| scene.server.command(&["EXISTS", "lipdub:inbox:{0}:delayed"]) == "0");
    }
}
