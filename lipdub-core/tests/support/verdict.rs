//! Which promises of its suite a store, or an inbox, breaks.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, Once};

use lipdub_core::testing::Promise;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

/// Tests of stores or inboxes, each of which says which promises it breaks: these, and no others, unless it says that the
/// damage may go further within some rules.
macro_rules! broken {
    ($($test:ident: $make:expr, breaks $($promise:ident),* $(and more of $($rule:literal),+)?;)+) => {
        pub(crate) static TRIALS: std::sync::LazyLock<crate::verdict::Trials> =
            std::sync::LazyLock::new(|| {
                let broken = &[$($(stringify!($promise),)*)+];
                let trials = [
                    $((stringify!($test), Box::pin(crate::on_trial(|| $make)) as _)),+
                ];
                crate::verdict::Trials::start(broken, trials)
            });

        $(
            #[test]
            fn $test() {
                crate::verdict::start(&crate::trials());
                let expected = &[$(stringify!($promise)),*];
                let verdict = TRIALS.verdict_on(stringify!($test));
                let verdict = verdict.confirmed(expected, || Box::pin(crate::on_trial(|| $make)));
                verdict.is_that_it_breaks(expected, &[$($($rule),+)?]);
            }
        )+
    };
}

/// Those that are on trial at the same time, for most of it is spent in waiting.
pub(crate) struct Trials {
    /// The promises that one or the other of them is known to break.
    pub(crate) broken: &'static [&'static str],
    verdicts: Mutex<HashMap<&'static str, JoinHandle<Verdict>>>,
}

pub(crate) type Trial = Pin<Box<dyn Future<Output = Verdict> + Send>>;

static COURT: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime"));

/// With more at once, a busy machine would do nothing at the time for which it is meant.
static SEATS: Semaphore = Semaphore::const_new(16);

impl Trials {
    pub(crate) fn start<const N: usize>(
        broken: &'static [&'static str],
        trials: [(&'static str, Trial); N],
    ) -> Self {
        let start = |(name, trial): (&'static str, Trial)| {
            let verdict = async {
                let _seat = SEATS.acquire().await;
                trial.await
            };
            (name, COURT.spawn(verdict))
        };
        Self { broken, verdicts: Mutex::new(trials.map(start).into()) }
    }

    pub(crate) fn verdict_on(&self, name: &str) -> Verdict {
        let verdict = self.verdicts.lock().expect("no panic").remove(name).expect("a trial");
        COURT.block_on(verdict).expect("a verdict")
    }
}

/// The promises that are broken, by name, with the rule and what each says.
pub(crate) struct Verdict {
    broken: BTreeMap<&'static str, (u8, String)>,
}

impl Verdict {
    /// Tries every promise, each on one of its own, as the macro of the suite does.
    pub(crate) async fn on<S: Send + Sync + ?Sized>(
        promises: &'static [Promise<S>],
        make: impl Fn() -> Arc<S>,
    ) -> Self {
        quieten();
        let mut trials = JoinSet::new();
        for promise in promises {
            let subject = make();
            trials.spawn(async move { (promise, broken(promise, subject).await) });
        }
        let mut verdict = Self { broken: BTreeMap::new() };
        while let Some(trial) = trials.join_next().await {
            let (promise, broken) = trial.expect("it catches panics");
            if let Some(message) = broken {
                let rule = format!("rule {}: ", promise.rule());
                assert!(message.starts_with(&rule), "{promise:?} does not say so: {message}");
                verdict.broken.insert(promise.name(), (promise.rule(), message));
            }
        }
        verdict
    }

    /// Tries everything again, twice at most, if one that should be broken is not: a race has to be met.
    pub(crate) fn confirmed(mut self, expected: &[&str], trial: impl Fn() -> Trial) -> Self {
        for _ in 0..2 {
            if !self.kept(expected).is_empty() {
                self.broken.extend(COURT.block_on(trial()).broken);
            }
        }
        self
    }

    fn kept<'a>(&self, expected: &[&'a str]) -> Vec<&'a str> {
        expected.iter().copied().filter(|name| !self.broken.contains_key(name)).collect()
    }

    /// These are broken, and no others but of those rules.
    pub(crate) fn is_that_it_breaks(&self, expected: &[&str], rules: &[u8]) {
        let kept = self.kept(expected);
        let is_unexpected = |name: &str, rule: u8| !expected.contains(&name) && !rules.contains(&rule);
        let unexpected: Vec<_> =
            self.broken.iter().filter(|(name, (rule, _))| is_unexpected(name, *rule)).collect();
        assert!(
            kept.is_empty() && unexpected.is_empty(),
            "it keeps {kept:#?}, and it breaks {unexpected:#?}"
        );
    }
}

async fn broken<S: Send + Sync + ?Sized>(promise: &'static Promise<S>, subject: Arc<S>) -> Option<String> {
    let trial = tokio::spawn(promise.check(subject));
    let panic = trial.await.err()?.into_panic();
    Some(*panic.downcast::<String>().expect("a panic with a message"))
}

/// Prints no panic about a broken promise, which is what is hoped for, and every other as before.
fn quieten() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let message = panic.payload().downcast_ref::<String>();
            if !message.is_some_and(|message| message.starts_with("rule ")) {
                print(panic);
            }
        }));
    });
}

/// Starts all of them, whichever test comes first.
pub(crate) fn start(trials: &[&LazyLock<Trials>]) {
    for trials in trials {
        LazyLock::force(trials);
    }
}

pub(crate) fn are_all_broken<S: ?Sized>(promises: &[Promise<S>], trials: &[&LazyLock<Trials>]) {
    let broken: BTreeSet<_> = trials.iter().flat_map(|trials| trials.broken).copied().collect();
    let unbroken: Vec<_> = promises.iter().filter(|promise| !broken.contains(promise.name())).collect();
    assert!(unbroken.is_empty(), "nothing shows that these can fail: {unbroken:#?}");
}

/// What the macro and the list are made of does not know what is in the sources.
pub(crate) fn are_all_listed<S: ?Sized>(promises: &[Promise<S>], sources: &[&str]) {
    let written: BTreeSet<_> = sources.iter().flat_map(|source| promises_in(source)).collect();
    let listed: BTreeSet<_> = promises.iter().map(|promise| (promise.name(), promise.rule())).collect();
    assert_eq!(written, listed);
}

fn promises_in(source: &str) -> impl Iterator<Item = (&str, u8)> {
    source.split("\n/// Rule ").skip(1).map(|promise| {
        let rule = promise.split(':').next().unwrap().parse().unwrap();
        let signature = promise.split("pub async fn ").nth(1).unwrap();
        (signature.split('(').next().unwrap(), rule)
    })
}
