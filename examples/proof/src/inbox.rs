//! With an inbox: two receivers store events, and two workers handle them.
//!
//! In the end each event that was answered 200 must have been handled, or be a dead letter of the inbox; and what was never
//! stored must be in LipDub's dead letter queue after an error at each try. No two workers may have held one event at once, apart
//! from a lease that had lapsed, and what came of that one must have been refused.

pub(crate) mod full_disk;
mod journal;
mod ledger;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lipdub_core::dedupe::Transition;
use lipdub_core::inbox::{DeadFilter, InboxStats};
use lipdub_core::testing::LipDub;
use lipdub_core::testing::sample::Sample;
use lipdub_core::{EventKey, Inbox};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use self::ledger::{Findings, Ledger};
use crate::havoc::{Havoc, Misfortunes};
use crate::options::{InboxKind, Options};
use crate::report::Report;
use crate::store::Store;
use crate::testbeds::{Role, Testbeds};
use crate::{BoxError, REPLAYS, events, faulty_lipdub, tell_progress};

/// What is left of it when an outage begins is longer than the outage. Only stalls are longer.
const LEASE: Duration = Duration::from_secs(5);
/// Many enough for workers that are killed again and again.
const TRIES: u32 = 6;
/// Slow enough that workers have something to do whenever they are killed or stalled, in milliseconds.
const QUICK: u32 = 600;
/// How long workers may take until the inbox is empty: tries, leases that have to lapse, and the longest handlers.
const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) async fn prove(
    options: &Options,
    kind: InboxKind,
    seed: u64,
    directory: &Path,
) -> Result<Report, BoxError> {
    let store = match kind {
        InboxKind::Redis => Store::redis(directory).await?.0,
        InboxKind::Sqlite => Store::Sqlite(directory.join("inbox.db")),
    };
    let testbeds = Arc::new(Testbeds::start(options.testbed()?, directory, roles(&store, directory)).await?);

    let began = SystemTime::now();
    let lipdub = faulty_lipdub(&testbeds, options, seed);
    let havoc = Havoc::begin(seed, directory, &testbeds, &store, LEASE)?;
    tokio::select! {
        () = deliver_at_rate(&lipdub, events::plan(seed, options.events(), QUICK), options.rate) => {}
        never = tell_progress(&testbeds) => match never {},
    }
    let misfortunes = havoc.end().await?;

    let inbox = store.open_inbox().await?;
    until_empty(&*inbox).await?;
    let killed = testbeds.killed();
    let delivered = Ledger::read(directory, &lipdub, &*inbox, began).await?.audit(&killed, false);

    replay_all(&lipdub, &*inbox).await?;
    let replayed = Ledger::read(directory, &lipdub, &*inbox, began).await?.audit(&killed, true);
    testbeds.check_all_are_up().await?;

    let mut table = rows_of_misfortunes(kind, misfortunes);
    table.extend(rows(&delivered, &replayed));
    let violations = [delivered.violations, replayed.violations].concat();
    Ok(Report { rows: table, violations, seed, took: began.elapsed()? })
}

fn roles(store: &Store, directory: &Path) -> [Role; 4] {
    let mut shared = store.inbox_arguments();
    let journal = directory.join("journal").display().to_string();
    shared.extend(["--inbox-journal", &journal].map(str::to_owned));
    let lease = LEASE.as_millis().to_string();
    let own =
        ["--concurrency", "16", "--tries", &TRIES.to_string(), "--lease-ms", &lease, "--idle-ms", "100"];
    // Failures are no outage here: there are handlers that always fail.
    let pauses = ["--backoff-ms", "200", "--longest-backoff-ms", "1000", "--probe-after", "1000000"];
    let at_work: Vec<_> =
        shared.iter().cloned().chain(own.into_iter().chain(pauses).map(str::to_owned)).collect();
    [
        Role::receiver("axum", &shared),
        Role::receiver("actix", &shared),
        Role::worker("worker 1", &at_work),
        Role::worker("worker 2", &at_work),
    ]
}

/// Spreads the deliveries, which take no time, over the misfortunes, which do.
async fn deliver_at_rate(lipdub: &LipDub, events: Vec<Sample>, rate: u32) {
    // Whole jobs, so that their order holds.
    let wave = usize::try_from(rate).unwrap_or(usize::MAX).next_multiple_of(events::OF_A_JOB);
    let mut ticks = interval(Duration::from_secs(1) * u32::try_from(wave).unwrap_or(rate) / rate.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waves = JoinSet::new();
    for events in events.chunks(wave.max(1)) {
        ticks.tick().await;
        let (lipdub, events) = (lipdub.clone(), events.to_vec());
        waves.spawn(async move { lipdub.deliver_all(events).await });
    }
    waves.join_all().await;
}

/// Faults befall LipDub's replays too, so some have to be replayed again.
async fn replay_all(lipdub: &LipDub, inbox: &dyn Inbox) -> Result<(), BoxError> {
    for _ in 0..REPLAYS {
        lipdub.replay_all().await;
    }
    until_empty(inbox).await?;
    for key in dead(inbox).await? {
        if inbox.replay(key).await? == Transition::Refused {
            return Err(format!("the dead letter {key} cannot be replayed").into());
        }
    }
    until_empty(inbox).await
}

/// Waits until nothing is queued or leased, or for long enough: the audit tells what is left.
async fn until_empty(inbox: &dyn Inbox) -> Result<(), BoxError> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let InboxStats { due, delayed, leased, .. } = inbox.stats().await?;
        if due + delayed + leased == 0 {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// The keys of all dead letters, page by page.
async fn dead(inbox: &dyn Inbox) -> Result<Vec<EventKey>, BoxError> {
    let mut keys = Vec::new();
    let mut filter = DeadFilter::default();
    loop {
        let page = inbox.dead(&filter).await?;
        keys.extend(page.iter().map(|letter| letter.key));
        match page.last() {
            Some(last) => filter.after = Some(last.key),
            None => return Ok(keys),
        }
    }
}

type Row = (&'static str, usize);

fn rows_of_misfortunes(kind: InboxKind, misfortunes: Misfortunes) -> Vec<Row> {
    let mut rows = vec![
        ("receivers killed (SIGKILL) and restarted", misfortunes.receivers_killed),
        ("workers killed (SIGKILL) and restarted", misfortunes.workers_killed),
        ("workers stalled for longer than their lease", misfortunes.workers_stalled),
    ];
    match kind {
        InboxKind::Redis => rows.extend([
            ("Redis killed and restarted", misfortunes.redis_killed),
            ("Redis paused", misfortunes.redis_paused),
            ("Redis cut off", misfortunes.redis_cut_off),
        ]),
        InboxKind::Sqlite => {
            rows.push(("file locked for longer than the answer deadline", misfortunes.file_locked));
        }
    }
    rows
}

/// What was found after everything had gone wrong, and after the dead letters were replayed in calm.
fn rows(delivered: &Findings, replayed: &Findings) -> Vec<Row> {
    let answered = |what| delivered.answers.like(what);
    vec![
        ("events", delivered.events),
        ("tries of LipDub", delivered.answers.total()),
        ("  answered 200 accepted", answered("200 accepted")),
        ("  answered 200 duplicate", answered("200 duplicate")),
        ("  answered 401 (an old key)", answered("401")),
        ("  answered 503 unavailable", answered("503 unavailable")),
        ("  without an answer", answered("no answer")),
        ("attempts (leases)", delivered.leases),
        ("  taken over after the holder was killed", delivered.lapsed_by_kill),
        ("  taken over from a holder that was late", delivered.lapsed_alive),
        ("  results of these refused", delivered.refused),
        ("succeeded once", delivered.succeeded_once),
        ("succeeded twice (killed between effect and mark)", delivered.twice_by_kill),
        ("succeeded twice (the lease had lapsed)", delivered.twice_by_lapse),
        ("dead letters of the inbox", delivered.dead),
        ("  still dead after replays: handlers that always fail", replayed.dead),
        ("dead letters of LipDub: never stored, never a 200", delivered.given_up),
        ("lost", delivered.lost + replayed.lost),
    ]
}
