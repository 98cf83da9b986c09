//! Keys that are replaced while the receiver runs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use lipdub_core::{ApiKey, ApiKeys, Head, KeySourceError, KeyUsage, Webhook};
use tempfile::TempDir;

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

/// A directory with a file of keys.
struct Secrets(TempDir);

impl Secrets {
    fn holding(content: impl AsRef<[u8]>) -> Self {
        let secrets = Self(tempfile::tempdir().unwrap());
        fs::write(secrets.path(), content).unwrap();
        secrets
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("keys")
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, content: impl AsRef<[u8]>) {
        fs::write(self.path(), content).unwrap();
    }
}

/// How the file gets another content.
#[derive(Clone, Copy, Debug)]
enum Way {
    InPlace,
    Rename,
    /// As Kubernetes does it: `keys` -> `..data/keys`, `..data` -> `..2`, which was `..1`.
    #[cfg(unix)]
    SymbolicLink,
}

impl Way {
    const ALL: &[Self] = &[
        Self::InPlace,
        Self::Rename,
        #[cfg(unix)]
        Self::SymbolicLink,
    ];

    fn write(self, secrets: &Secrets, version: usize, content: &str) {
        match self {
            Self::InPlace => secrets.write(content),
            Self::Rename => {
                fs::write(secrets.beside("new"), content).unwrap();
                fs::rename(secrets.beside("new"), secrets.path()).unwrap();
            }
            #[cfg(unix)]
            Self::SymbolicLink => {
                use std::os::unix::fs::symlink;
                let directory = format!("..{version}");
                fs::create_dir(secrets.beside(&directory)).unwrap();
                fs::write(secrets.beside(&directory).join("keys"), content).unwrap();
                symlink(&directory, secrets.beside("..data_new")).unwrap();
                fs::rename(secrets.beside("..data_new"), secrets.beside("..data")).unwrap();
                if !secrets.path().is_symlink() {
                    symlink("..data/keys", secrets.beside("link")).unwrap();
                    fs::rename(secrets.beside("link"), secrets.path()).unwrap();
                }
                if version > 1 {
                    fs::remove_dir_all(secrets.beside(&format!("..{}", version - 1))).unwrap();
                }
            }
        }
    }
}

#[test]
fn a_key_is_valid_as_soon_as_it_is_in_the_file() {
    for way in Way::ALL {
        let secrets = Secrets::holding("key0");
        let webhook = receiver(&ApiKeys::from_file(secrets.path()).unwrap());
        for version in 1..=20 {
            let key = format!("key{version}");
            assert!(!lets_in(&webhook, &key), "{way:?}: {key} is not yet valid");
            way.write(&secrets, version, &key);
            assert!(lets_in(&webhook, &key), "{way:?}: {key} is valid");
            assert!(!lets_in(&webhook, &format!("key{}", version - 1)), "{way:?}: the one before is not");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_left_the_file_is_refused_when_it_is_time_to_look() {
    let second = Duration::from_secs(1);
    for (interval, keys) in [
        (second, |path| ApiKeys::from_file(path).unwrap()),
        (second * 30, |path| ApiKeys::from_file(path).unwrap().refresh_every(Duration::from_secs(30))),
    ] as [(Duration, fn(PathBuf) -> ApiKeys); 2]
    {
        let secrets = Secrets::holding("old\nnew\n");
        let webhook = receiver(&keys(secrets.path()));
        secrets.write("new\n");
        tokio::time::advance(interval - Duration::from_millis(1)).await;
        assert!(lets_in(&webhook, "old"), "it is not yet time to look");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!lets_in(&webhook, "old"));
        assert!(lets_in(&webhook, "new"));
    }
}

#[test]
fn a_file_has_a_key_on_each_line() {
    let secrets =
        Secrets::holding("\u{feff}# since May\r\n\r\n  first\t\r\nsecond, with # in it?\n #third\nfourth");
    assert_eq!(
        ApiKeys::from_file(secrets.path()).unwrap_err(),
        unusable_key(4),
        "a comment behind a key is a mistake"
    );
    secrets.write("\u{feff}# since May\r\n\r\n  first\t\r\nsecond, with#in it\n #third\nfourth");
    let keys = ApiKeys::from_file(secrets.path()).unwrap();
    let webhook = receiver(&keys);
    for valid in ["first", "second, with#in it", "fourth"] {
        assert!(lets_in(&webhook, valid), "{valid}");
    }
    for invalid in ["# since May", "#third", "third", "second", ""] {
        assert!(!lets_in(&webhook, invalid), "{invalid}");
    }
    assert_eq!(deliveries(&keys), [1, 1, 1]);
}

fn unusable_key(position: usize) -> KeySourceError {
    let line = format!("{}a\u{0}b", "\n".repeat(position - 1));
    let secrets = Secrets::holding(line);
    let error = ApiKeys::from_file(secrets.path()).unwrap_err();
    assert!(matches!(error, KeySourceError::UnusableKey { position: at, .. } if at == position));
    error
}

/// What makes the file unusable, and whether an error is the right one for it.
type Breakage = (&'static str, fn(&Secrets), fn(KeySourceError) -> bool);

const BREAKAGES: &[Breakage] = &[
    (
        "missing",
        |secrets| fs::remove_file(secrets.path()).unwrap(),
        |error| error == KeySourceError::Unreadable(ErrorKind::NotFound),
    ),
    ("empty", |secrets| secrets.write(""), |error| error == KeySourceError::NoKey),
    ("only comments", |secrets| secrets.write("# old\n\n"), |error| error == KeySourceError::NoKey),
    ("not UTF-8", |secrets| secrets.write(b"old\n\xff\xfe"), |error| error == KeySourceError::NotText),
    ("a control character", |secrets| secrets.write("old\nsec\u{1}ret"), |error| error == unusable_key(2)),
    ("a comment behind", |secrets| secrets.write("secret # old\n"), |error| error == unusable_key(1)),
    (
        "huge",
        |secrets| secrets.write("# so that it is no key\n".repeat(64 * 1024 / 23 + 1) + "old"),
        |error| error == KeySourceError::TooLarge,
    ),
    (
        "a directory",
        |secrets| {
            fs::remove_file(secrets.path()).unwrap();
            fs::create_dir(secrets.path()).unwrap();
        },
        |error| error == KeySourceError::NotAFile,
    ),
    #[cfg(unix)]
    ("a device", |secrets| link(secrets, "/dev/zero"), |error| error == KeySourceError::NotAFile),
    #[cfg(unix)]
    ("a loop", |secrets| link(secrets, "keys"), |error| matches!(error, KeySourceError::Unreadable(_))),
    // It can be opened, also by root, but not be read where nothing is mapped.
    #[cfg(target_os = "linux")]
    (
        "unreadable",
        |secrets| link(secrets, "/proc/self/mem"),
        |error| matches!(error, KeySourceError::Unreadable(_)),
    ),
];

#[cfg(unix)]
fn link(secrets: &Secrets, target: &str) {
    fs::remove_file(secrets.path()).unwrap();
    std::os::unix::fs::symlink(target, secrets.path()).unwrap();
}

fn mend(secrets: &Secrets, content: &str) {
    if secrets.path().is_dir() {
        fs::remove_dir(secrets.path()).unwrap();
    }
    Way::Rename.write(secrets, 0, content);
}

#[test]
fn while_the_file_is_unusable_the_keys_stay_and_the_log_has_one_error() {
    for (name, break_it, is_the_error) in BREAKAGES {
        let secrets = Secrets::holding("old");
        let keys = ApiKeys::from_file(secrets.path()).unwrap().refresh_every(Duration::ZERO);
        let webhook = receiver(&keys);
        break_it(&secrets);

        let log = Log::of(|| {
            for _ in 0..3 {
                assert!(lets_in(&webhook, "old"), "{name}: the keys stay");
                assert!(!lets_in(&webhook, "new"), "{name}");
                assert!(!lets_in(&webhook, "secret"), "{name}");
            }
            let error = keys.reload().unwrap_err();
            assert!(is_the_error(error.clone()), "{name}: {error:?}");
            assert!(lets_in(&webhook, "old"), "{name}: the keys stay");
        });
        assert_eq!(log.matches("ERROR").count(), 1, "{name}: {log}");
        assert!(!log.contains("secret"), "{name}: {log}");
        let error = ApiKeys::from_file(secrets.path()).unwrap_err();
        assert!(is_the_error(error.clone()), "{name}, from the start: {error:?}");

        mend(&secrets, "new");
        assert!(lets_in(&webhook, "new"), "{name}: it is read again");
        assert!(!lets_in(&webhook, "old"), "{name}");
        assert_eq!(keys.reload(), Ok(()), "{name}");
        break_it(&secrets);
        let log = Log::of(|| assert!(lets_in(&webhook, "new"), "{name}: the keys stay"));
        assert_eq!(log.matches("ERROR").count(), 1, "{name}: broken again, said again: {log}");
    }
}

#[test]
fn a_file_that_is_mended_as_it_was_is_said_to_be() {
    let secrets = Secrets::holding("old");
    let webhook = receiver(&ApiKeys::from_file(secrets.path()).unwrap().refresh_every(Duration::ZERO));
    fs::rename(secrets.path(), secrets.beside("away")).unwrap();
    assert!(lets_in(&webhook, "old"));
    fs::rename(secrets.beside("away"), secrets.path()).unwrap();
    let log = Log::of(|| assert!(lets_in(&webhook, "old")));
    assert!(log.contains("can be read again"), "{log}");
}

#[test]
fn the_largest_file_is_64_kib() {
    let comment = |length: usize| format!("{}\nkey", "#".repeat(length - 4));
    let secrets = Secrets::holding(comment(64 * 1024));
    assert!(lets_in(&receiver(&ApiKeys::from_file(secrets.path()).unwrap()), "key"));
    secrets.write(comment(64 * 1024 + 1));
    assert_eq!(ApiKeys::from_file(secrets.path()).unwrap_err(), KeySourceError::TooLarge);
}

#[test]
fn what_was_read_half_written_is_read_again() {
    let secrets = Secrets::holding("old\n");
    let webhook = receiver(&ApiKeys::from_file(secrets.path()).unwrap());
    let mut file = fs::File::create(secrets.path()).unwrap();
    assert!(!lets_in(&webhook, "new"));
    assert!(lets_in(&webhook, "old"), "an empty file takes no key away");
    file.write_all(b"old\nne").unwrap();
    assert!(!lets_in(&webhook, "new"));
    file.write_all(b"w\n").unwrap();
    assert!(lets_in(&webhook, "new"));
    assert!(lets_in(&webhook, "old"));
}

/// A thread's name is a file whose times do not change when it is written, like one that is written twice
/// within a tick of the clock.
#[cfg(target_os = "linux")]
#[test]
fn two_writes_that_leave_the_same_times_are_both_seen_and_an_old_file_is_not_read_again() {
    use std::os::unix::fs::MetadataExt as _;
    const NAME: &str = "/proc/self/comm";
    let stamp = || {
        let metadata = fs::metadata(NAME).unwrap();
        (metadata.ino(), metadata.len(), metadata.modified().unwrap(), metadata.ctime_nsec())
    };
    let write = |name: &str| {
        fs::OpenOptions::new().write(true).open(NAME).unwrap().write_all(name.as_bytes()).unwrap();
    };
    let before = fs::read_to_string(NAME).unwrap();
    write("key0");
    let secrets = Secrets::holding("");
    link(&secrets, NAME);
    let webhook = receiver(&ApiKeys::from_file(secrets.path()).unwrap());
    let stamp_before = stamp();

    let begun = Instant::now();
    let stays_unseen = (1..).find(|version| {
        let key = format!("key{version}");
        write(&key);
        let is_seen = lets_in(&webhook, &key);
        assert!(is_seen || begun.elapsed() >= Duration::from_secs(2), "{key} is not seen");
        assert!(begun.elapsed() < Duration::from_secs(30), "the file is still being read");
        thread::sleep(Duration::from_millis(20));
        !is_seen
    });
    assert_eq!(stamp(), stamp_before, "this file is no good for this test");
    assert!(stays_unseen > Some(2));
    write(before.trim_end());

    fs::write(secrets.beside("other"), "new").unwrap();
    link(&secrets, "other");
    assert!(lets_in(&webhook, "new"), "a link that leads elsewhere is seen, however old");
}

#[test]
fn no_valid_key_is_refused_while_the_file_is_rotated_under_load() {
    for way in Way::ALL {
        for interval in [Duration::from_secs(1), Duration::ZERO] {
            Rotation::new(*way, interval).under_load();
        }
    }
}

/// The file of version `n` holds `steady`, `key(n-1)` and `key(n)`.
struct Rotation {
    way: Way,
    secrets: Secrets,
    webhook: Webhook,
    /// The version whose writing has begun, and the one that is written.
    begun: AtomicUsize,
    written: AtomicUsize,
    /// The newest whose key let a delivery in.
    let_in: AtomicUsize,
    is_over: AtomicBool,
}

impl Rotation {
    const VERSIONS: usize = 100;

    fn new(way: Way, interval: Duration) -> Self {
        let secrets = Secrets::holding("steady\nkey0");
        let webhook = receiver(&ApiKeys::from_file(secrets.path()).unwrap().refresh_every(interval));
        let zero = AtomicUsize::default;
        Self { way, secrets, webhook, begun: zero(), written: zero(), let_in: zero(), is_over: false.into() }
    }

    fn under_load(&self) {
        thread::scope(|scope| {
            let deliverers: Vec<_> = (0..4).map(|_| scope.spawn(|| self.deliver())).collect();
            (1..=Self::VERSIONS).for_each(|version| self.rotate(version));
            self.is_over.store(true, Ordering::SeqCst);
            for deliverer in deliverers {
                deliverer.join().unwrap().unwrap();
            }
        });
        assert!(!lets_in(&self.webhook, "key0"), "the first key is gone");
    }

    fn rotate(&self, version: usize) {
        self.begun.store(version, Ordering::SeqCst);
        let content = format!("steady\nkey{}\nkey{version}\n", version - 1);
        self.way.write(&self.secrets, version, &content);
        self.written.store(version, Ordering::SeqCst);
        // A file that is written in place is empty for a moment, so it must have been seen before that.
        while self.let_in.load(Ordering::SeqCst) < version && !self.is_over.load(Ordering::SeqCst) {
            thread::yield_now();
        }
    }

    fn deliver(&self) -> Result<(), String> {
        while !self.is_over.load(Ordering::SeqCst) {
            let steady = lets_in(&self.webhook, "steady");
            let newest = self.written.load(Ordering::SeqCst);
            let new = lets_in(&self.webhook, &format!("key{newest}"));
            let was_valid = self.begun.load(Ordering::SeqCst) <= newest + 1;
            if !steady || (was_valid && !new) {
                self.is_over.store(true, Ordering::SeqCst);
                return Err(format!("{:?}: steady {steady}, key{newest} {new}", self.way));
            }
            if new {
                self.let_in.fetch_max(newest, Ordering::SeqCst);
            }
        }
        Ok(())
    }
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

/// A closure that is counted, and does what it is told to from its second run on.
#[derive(Default)]
struct Oracle {
    runs: AtomicUsize,
    running: AtomicUsize,
    most_at_once: AtomicUsize,
}

type Answer = Result<Vec<ApiKey>, Box<dyn std::error::Error + Send + Sync>>;

impl Oracle {
    fn keys(self: &Arc<Self>, then: impl Fn() -> Answer + Send + Sync + 'static) -> ApiKeys {
        let oracle = Arc::clone(self);
        ApiKeys::from_fn(move || {
            let running = oracle.running.fetch_add(1, Ordering::SeqCst) + 1;
            oracle.most_at_once.fetch_max(running, Ordering::SeqCst);
            let is_first = oracle.runs.fetch_add(1, Ordering::SeqCst) == 0;
            let answer = if is_first { Ok(keys_of(&["old"])) } else { then() };
            oracle.running.fetch_sub(1, Ordering::SeqCst);
            answer
        })
        .unwrap()
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn a_closure_is_asked_every_minute_and_every_so_often_as_was_said() {
    let oracle = Arc::<Oracle>::default();
    let keys = oracle.keys(|| Ok(keys_of(&["new", "old"])));
    let webhook = receiver(&keys);
    let asked_after = async |interval: Duration| {
        let runs = oracle.runs();
        tokio::time::advance(interval - Duration::from_millis(1)).await;
        assert!(lets_in(&webhook, "old"));
        assert_eq!(oracle.runs(), runs, "too early");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(lets_in(&webhook, "old"));
        assert!(lets_in(&webhook, "old"));
        assert_eq!(oracle.runs(), runs + 1);
    };
    asked_after(Duration::from_secs(60)).await;
    assert!(lets_in(&webhook, "new"));
    let _clone = keys.refresh_every(Duration::from_secs(3));
    asked_after(Duration::from_secs(3)).await;
}

#[tokio::test(start_paused = true)]
async fn wrong_keys_have_a_closure_asked_sooner_but_not_at_will() {
    let oracle = Arc::<Oracle>::default();
    let webhook = receiver(&oracle.keys(|| Ok(keys_of(&["new"]))));
    let second = Duration::from_secs(1);
    for (pause, runs) in [(Duration::ZERO, 1), (second * 4, 1), (second, 2), (second * 4, 2), (second, 3)] {
        tokio::time::advance(pause).await;
        for attempt in 0..1000 {
            assert!(!lets_in(&webhook, &format!("wrong{attempt}")));
        }
        assert_eq!(oracle.runs(), runs);
    }
    assert!(lets_in(&webhook, "new"));
}

#[test]
fn a_new_key_of_a_closure_that_may_be_asked_is_valid_at_once() {
    let oracle = Arc::<Oracle>::default();
    let keys = oracle.keys(|| Ok(keys_of(&["new"])));
    assert!(lets_in(&receiver(&keys.refresh_every(Duration::ZERO)), "new"));
    assert_eq!(oracle.runs(), 2, "and so without a second question");
}

#[test]
fn a_closure_that_fails_or_panics_leaves_the_keys_and_is_asked_again() {
    type Failing = (KeySourceError, fn() -> Answer);
    let failing: [Failing; 3] = [
        (KeySourceError::Failed, || Err("whk_secret is not valid".into())),
        (KeySourceError::Panicked, || panic!("whk_secret")),
        (KeySourceError::NoKey, || Ok(Vec::new())),
    ];
    for (error, answer) in failing {
        let oracle = Arc::<Oracle>::default();
        let is_mended = Arc::new(AtomicBool::new(false));
        let mended = Arc::clone(&is_mended);
        let keys =
            oracle.keys(move || if mended.load(Ordering::SeqCst) { Ok(keys_of(&["new"])) } else { answer() });
        let webhook = receiver(&keys.clone().refresh_every(Duration::ZERO));
        let log = Log::of(|| {
            for _ in 0..3 {
                assert!(lets_in(&webhook, "old"), "{error:?}");
            }
            assert_eq!(keys.reload(), Err(error.clone()));
        });
        assert_eq!(oracle.runs(), 5, "{error:?}");
        assert_eq!(log.matches("ERROR").count(), 1, "{log}");
        assert!(!log.contains("whk_secret"), "{log}");
        assert!(!format!("{error:?} {error}").contains("whk_secret"));
        assert_eq!(ApiKeys::from_fn(answer).unwrap_err(), error);

        is_mended.store(true, Ordering::SeqCst);
        assert_eq!(keys.reload(), Ok(()), "{error:?}");
        assert!(lets_in(&webhook, "new"), "{error:?}");
    }
}

#[test]
fn a_panic_while_the_keys_are_taken_out_is_a_panic_of_the_closure() {
    let keys = || Ok((0..2).map(|index| if index == 0 { ApiKey::new("old").unwrap() } else { panic!("2") }));
    assert_eq!(ApiKeys::from_fn(keys).unwrap_err(), KeySourceError::Panicked);
}

#[test]
fn nobody_waits_for_a_slow_closure_and_it_never_runs_twice_at_once() {
    let oracle = Arc::<Oracle>::default();
    let (started, has_started) = mpsc::channel();
    let (end, has_ended) = mpsc::channel();
    let has_ended = Mutex::new(has_ended);
    let keys = oracle.keys(move || {
        started.send(()).unwrap();
        has_ended.lock().unwrap().recv().unwrap();
        Ok(keys_of(&["new"]))
    });
    let keys = keys.refresh_every(Duration::ZERO);
    let webhook = receiver(&keys);
    thread::scope(|scope| {
        let patient = scope.spawn(|| lets_in(&webhook, "new"));
        has_started.recv().unwrap();
        // Here, on the thread of the test, which would hang.
        for _ in 0..10 {
            assert!(lets_in(&webhook, "old"), "goes on with the keys that there are");
            assert!(!lets_in(&webhook, "wrong"));
        }
        assert_eq!(keys.reload(), Err(KeySourceError::Busy));
        assert_eq!(deliveries(&keys), [10]);
        end.send(()).unwrap();
        assert!(patient.join().unwrap(), "who asked has the answer");
    });
    assert_eq!((oracle.runs(), oracle.most_at_once.load(Ordering::SeqCst)), (2, 1));
}

#[test]
fn many_deliveries_at_once_run_a_closure_one_at_a_time() {
    let oracle = Arc::<Oracle>::default();
    let keys = oracle.keys(|| {
        thread::yield_now();
        Ok(keys_of(&["old"]))
    });
    let webhook = receiver(&keys.clone().refresh_every(Duration::ZERO));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    assert!(lets_in(&webhook, "old"));
                    assert!(matches!(keys.reload(), Ok(()) | Err(KeySourceError::Busy)));
                }
            });
        }
    });
    assert_eq!(oracle.most_at_once.load(Ordering::SeqCst), 1);
}

#[test]
fn deliveries_at_once_have_a_closure_asked_no_more_often_than_was_said() {
    const INTERVAL: Duration = Duration::from_millis(1);
    let runs = Arc::new(Mutex::new(Vec::new()));
    let keys = Arc::<Oracle>::default().keys({
        let runs = Arc::clone(&runs);
        move || {
            runs.lock().unwrap().push(Instant::now());
            Ok(keys_of(&["old"]))
        }
    });
    let webhook = receiver(&keys.refresh_every(INTERVAL));
    thread::scope(|scope| {
        for key in ["old", "wrong", "old", "wrong"] {
            let (webhook, runs) = (&webhook, &runs);
            scope.spawn(move || {
                while runs.lock().unwrap().len() < 300 {
                    (0..100).for_each(|_| assert_eq!(lets_in(webhook, key), key == "old"));
                }
            });
        }
    });
    let runs = runs.lock().unwrap();
    let shortest = runs.windows(2).map(|pair| pair[1] - pair[0]).min().unwrap();
    assert!(shortest >= INTERVAL, "{shortest:?}");
}

#[test]
fn a_closure_may_come_back_to_the_keys_that_it_is_asked_for() {
    let oracle = Arc::<Oracle>::default();
    let (this, its_webhook) = (Arc::new(OnceLock::<ApiKeys>::new()), Arc::new(OnceLock::<Webhook>::new()));
    let (set, webhook) = (Arc::clone(&this), Arc::clone(&its_webhook));
    let keys = oracle.keys(move || {
        let set = set.get().unwrap();
        assert_eq!(set.reload(), Err(KeySourceError::Busy));
        assert_eq!(set.usage().len(), 1);
        set.replace(keys_of(&["meanwhile"]))?;
        assert!(lets_in(webhook.get().unwrap(), "meanwhile"));
        assert!(!lets_in(webhook.get().unwrap(), "wrong"));
        Ok(keys_of(&["new"]))
    });
    this.set(keys.clone()).unwrap();
    its_webhook.set(receiver(&keys.clone().refresh_every(Duration::ZERO))).unwrap();
    assert_eq!(keys.reload(), Ok(()));
    drop(keys.refresh_every(Duration::from_secs(60)));
    assert!(lets_in(its_webhook.get().unwrap(), "new"));
}

#[test]
fn keys_that_were_put_in_place_stand_until_there_are_others_at_the_source() {
    let secrets = Secrets::holding("old");
    let keys = ApiKeys::from_file(secrets.path()).unwrap().refresh_every(Duration::ZERO);
    let webhook = receiver(&keys);
    keys.replace(keys_of(&["other"])).unwrap();
    assert!(lets_in(&webhook, "other"), "the file says nothing new");
    assert!(!lets_in(&webhook, "old"));
    keys.reload().unwrap();
    assert!(lets_in(&webhook, "old"));
    keys.replace(keys_of(&["other"])).unwrap();
    secrets.write("new");
    assert!(lets_in(&webhook, "new"));
    assert!(!lets_in(&webhook, "other"));
}

#[test]
fn keys_that_come_from_nowhere_cannot_be_read_again() {
    let keys = ApiKeys::new(keys_of(&["old"])).unwrap();
    assert_eq!(keys.reload(), Err(KeySourceError::NoSource));
    assert!(lets_in(&receiver(&keys.refresh_every(Duration::ZERO)), "old"));
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
    let secrets = Secrets::holding("old\nnew");
    let keys = ApiKeys::from_file(secrets.path()).unwrap();
    let webhook = receiver(&keys);
    for key in ["old", "new", "new"] {
        assert!(lets_in(&webhook, key));
    }
    let new = keys.usage().remove(1);
    keys.replace(keys_of(&["new", "newer"])).unwrap();
    assert_eq!(deliveries(&keys), [2, 0]);
    assert_eq!(keys.usage()[0].last_at, new.last_at);
    secrets.write("newer\nnew\nold");
    keys.reload().unwrap();
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

    let secrets = Secrets::holding("whk_secret_old");
    let from_file = ApiKeys::from_file(secrets.path()).unwrap();
    let rotated = Log::of(|| {
        secrets.write("whk_secret_old\nwhk_secret_new");
        assert!(lets_in(&receiver(&from_file), "whk_secret_new"));
    });
    assert!(rotated.contains("keys=2"), "{rotated}");
    for shown in [log, rotated, format!("{keys:?} {from_file:?} {:?}", keys.usage())] {
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[test]
fn an_error_tells_neither_what_was_read_nor_what_was_taken_for_a_name() {
    let secrets = Secrets::holding("whk_secret # a comment");
    for error in [
        ApiKeys::from_file(secrets.path()).unwrap_err(),
        ApiKeys::from_file("whk_secret").unwrap_err(),
        ApiKeys::from_env("whk_secret").unwrap_err(),
    ] {
        assert!(!format!("{error:?} {error}").contains("whk_secret"), "{error}");
    }
}

/// The variable of a process cannot be set safely while it runs, so each value has a process of its own.
#[test]
fn keys_come_from_a_variable() {
    // Variables are set for processes of their own, which run this test, too.
    if std::env::var_os(IN_ITS_OWN_PROCESS).is_some() {
        return this_process_has_the_variable();
    }
    for (value, valid, invalid) in [
        ("old", "old", "other"),
        ("old new", "old|new", "old new"),
        ("  old,new,,\n\tnewer\n", "old|new|newer", "|,|old,new|old,"),
    ] {
        in_a_process_with(&[("KEYS", value), ("VALID", valid), ("INVALID", invalid)]);
    }
    for (value, error) in [
        (None, "NotSet"),
        (Some(""), "NoKey"),
        (Some(" ,\n, "), "NoKey"),
        (Some("old,ne\u{1}w"), "UnusableKey { position: 2 }"),
    ] {
        let variables = [value.map(|value| ("KEYS", value)), Some(("ERROR", error))];
        in_a_process_with(&variables.into_iter().flatten().collect::<Vec<_>>());
    }
}

fn in_a_process_with(variables: &[(&str, &str)]) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "keys_come_from_a_variable"]).env_remove("KEYS").env(IN_ITS_OWN_PROCESS, "");
    let output = child.envs(variables.iter().copied()).output().unwrap();
    let output = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.0.contains("1 passed"), "{variables:?}: {output:?}");
}

const IN_ITS_OWN_PROCESS: &str = "LIPDUB_TEST_IN_ITS_OWN_PROCESS";

fn this_process_has_the_variable() {
    let expected = |name| std::env::var(name).ok();
    let keys = ApiKeys::from_env("KEYS");
    if let Some(error) = expected("ERROR") {
        assert_eq!(format!("{:?}", keys.unwrap_err()), error);
        return;
    }
    let keys = keys.unwrap();
    let webhook = receiver(&keys);
    for _ in 0..2 {
        expected("VALID").unwrap().split('|').for_each(|key| assert!(lets_in(&webhook, key), "{key}"));
        expected("INVALID").unwrap().split('|').for_each(|key| assert!(!lets_in(&webhook, key), "{key}"));
        keys.replace(keys_of(&["other"])).unwrap();
        assert!(!lets_in(&webhook, "old"));
        keys.reload().unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_is_named_as_no_text_can_be_is_read() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let secrets = Secrets::holding("old");
    let path = Path::new(secrets.0.path()).join(OsStr::from_bytes(b"k\xffys"));
    fs::copy(secrets.path(), &path).unwrap();
    assert!(lets_in(&receiver(&ApiKeys::from_file(path).unwrap()), "old"));
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
