//! Keys that are replaced while the receiver runs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use lipdub_core::{ApiKey, ApiKeys, Head, KeyUsage, Webhook};

fn receiver(keys: &ApiKeys) -> Webhook {
    Webhook::builder().api_keys(keys.clone()).fallback(|_event| async { Ok(()) }).build().unwrap()
}

fn lets_in(webhook: &Webhook, key: &str) -> bool {
    webhook.begin(&Head::new("POST", &[("authorization", format!("Bearer {key}"))])).is_ok()
}

/// A delivery with two credentials.
fn lets_both_in(webhook: &Webhook, keys: [&str; 2]) -> bool {
    let [bearer, other] = keys;
    webhook
        .begin(&Head::new(
            "POST",
            &[("authorization", format!("Bearer {bearer}")), ("x-api-key", other.into())],
        ))
        .is_ok()
}

fn keys_of(keys: &[&str]) -> Vec<ApiKey> {
    keys.iter().map(|key| ApiKey::new(key).unwrap()).collect()
}

fn deliveries(keys: &ApiKeys) -> Vec<u64> {
    keys.usage().iter().map(|key| key.deliveries).collect()
}

#[test]
fn a_delivery_meets_the_keys_of_before_or_those_of_after_and_never_some_of_each() {
    let keys = ApiKeys::new(keys_of(&["a1", "b1"])).unwrap();
    let webhook = receiver(&keys);
    thread::scope(|scope| {
        let deliverer = scope.spawn(|| {
            for _ in 0..10_000 {
                for mixed in [["a1", "b2"], ["a2", "b1"], ["b1", "a2"], ["b2", "a1"]] {
                    assert!(!lets_both_in(&webhook, mixed), "{mixed:?}");
                }
            }
        });
        while !deliverer.is_finished() {
            keys.replace(keys_of(&["a2", "b2"])).unwrap();
            keys.replace(keys_of(&["a1", "b1"])).unwrap();
        }
    });
    assert!(lets_both_in(&webhook, ["a1", "b1"]));
}

#[test]
fn each_key_counts_the_deliveries_that_it_let_in() {
    let keys = ApiKeys::new(keys_of(&["old", "new", "old"])).unwrap();
    let webhook = receiver(&keys);
    assert_eq!(deliveries(&keys), [0, 0], "a key given twice is one key");
    assert!(keys.usage().iter().all(|key| key.last_at.is_none()));

    let begun = SystemTime::now() - Duration::from_micros(1);
    assert!(lets_in(&webhook, "new"));
    assert!(!lets_in(&webhook, "wrong"));
    assert!(!lets_both_in(&webhook, ["old", "wrong"]));
    let ended = SystemTime::now();
    assert_eq!(deliveries(&keys), [0, 1], "what is refused counts for nobody");
    let [old, new]: [KeyUsage; 2] = keys.usage().try_into().unwrap();
    assert_eq!((old.index, old.last_at, new.index), (0, None, 1));
    assert!((begun..=ended).contains(&new.last_at.unwrap()), "{new:?}");

    assert!(lets_both_in(&webhook, ["old", "new"]));
    assert_eq!(deliveries(&keys), [1, 2], "each of several keys counts");
    assert!(lets_both_in(&webhook, ["old", "old"]));
    assert_eq!(deliveries(&keys), [2, 2], "once for a delivery");
}

#[test]
fn a_key_that_stays_keeps_its_count_wherever_it_goes() {
    let keys = ApiKeys::new(keys_of(&["old", "new"])).unwrap();
    let webhook = receiver(&keys);
    for key in ["old", "new", "new"] {
        assert!(lets_in(&webhook, key));
    }
    let new = keys.usage().remove(1);
    keys.replace(keys_of(&["new", "newer"])).unwrap();
    assert_eq!(deliveries(&keys), [2, 0]);
    assert_eq!(keys.usage()[0].last_at, new.last_at);
    keys.replace(keys_of(&["newer", "new", "old"])).unwrap();
    assert_eq!(deliveries(&keys), [0, 2, 0], "and one that was away begins anew");
    assert!(lets_in(&webhook, "new"));
    assert_eq!(deliveries(&keys), [0, 3, 0]);
}

#[test]
fn no_delivery_goes_uncounted_while_keys_are_replaced() {
    let keys = ApiKeys::new(keys_of(&["steady"])).unwrap();
    let webhook = receiver(&keys);
    thread::scope(|scope| {
        let deliverers: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| (0..5_000).for_each(|_| assert!(lets_in(&webhook, "steady")))))
            .collect();
        while deliverers.iter().any(|deliverer| !deliverer.is_finished()) {
            keys.replace(keys_of(&["other", "steady"])).unwrap();
            keys.replace(keys_of(&["steady", "other"])).unwrap();
        }
    });
    assert_eq!(deliveries(&keys), [10_000, 0]);
}

#[test]
fn the_log_says_which_key_was_used_and_shows_none() {
    let keys = ApiKeys::new(keys_of(&["whk_secret_old", "whk_secret_new"])).unwrap();
    let webhook = receiver(&keys);
    let log = Log::of(|| {
        assert!(lets_in(&webhook, "whk_secret_new"));
        assert!(!lets_in(&webhook, "whk_secret_wrong"));
    });
    assert!(log.contains("DEBUG") && log.contains("key=1") && !log.contains("key=0"), "{log}");
    let log = Log::of(|| assert!(lets_both_in(&webhook, ["whk_secret_new", "whk_secret_old"])));
    assert!(log.contains("key=1") && log.contains("key=0"), "{log}");

    assert!(!format!("{log} {keys:?} {:?}", keys.usage()).contains("secret"));
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Of this thread.
    fn of(run: impl FnOnce()) -> String {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(subscriber.finish(), run);
        let text = log.0.lock().unwrap().clone();
        String::from_utf8(text).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
