//! Without an inbox: two receivers behind one Redis, which remembers what had succeeded.
//!
//! In the end each event must have succeeded, or be in the dead letter queue after an error at each try; and none that had
//! been answered `processed` may have run again.

mod journal;
mod ledger;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;

use self::ledger::{Findings, Ledger};
use crate::havoc::{Havoc, Misfortunes};
use crate::options::Options;
use crate::report::Report;
use crate::store::Store;
use crate::testbeds::{Role, Testbeds};
use crate::{BoxError, LONGEST_HANDLER, REPLAYS, events, faulty_lipdub, tell_progress};

/// Longer than any outage of Redis, with time to spare: a holder that lives never loses its claim, so only a kill
/// can make an event succeed twice.
const LEASE: Duration = Duration::from_secs(8);

pub(crate) async fn prove(options: &Options, seed: u64, directory: &Path) -> Result<Report, BoxError> {
    let (store, relay) = Store::redis(directory).await?;
    let arguments =
        ["--redis", &relay.url(), "--lease-ms", &LEASE.as_millis().to_string()].map(str::to_owned);
    let roles = ["axum", "actix"].map(|framework| Role::receiver(framework, &arguments));
    let receivers = Arc::new(Testbeds::start(options.testbed()?, directory, roles).await?);

    let began = SystemTime::now();
    let lipdub = faulty_lipdub(&receivers, options, seed);
    let havoc = Havoc::begin(seed, directory, &receivers, &store, LEASE)?;
    tokio::select! {
        () = lipdub.deliver_all(events::plan(seed, options.events(), 60)) => {}
        never = tell_progress(&receivers) => match never {},
    }
    let misfortunes = havoc.end().await?;
    sleep(LONGEST_HANDLER).await;
    let killed = receivers.killed();
    let delivered = Ledger::read(directory, &lipdub, began)?.audit(&killed, false);

    // Faults befall replays too, so some have to be replayed again.
    for _ in 0..REPLAYS {
        lipdub.replay_all().await;
    }
    let replayed = Ledger::read(directory, &lipdub, began)?.audit(&killed, true);
    receivers.check_all_are_up().await?;

    let rows = rows(misfortunes, &delivered, &replayed);
    let violations = [delivered.violations, replayed.violations].concat();
    Ok(Report { rows, violations, seed, took: began.elapsed()? })
}

/// What was found after everything had gone wrong, and after support had replayed the dead letters in calm.
fn rows(misfortunes: Misfortunes, delivered: &Findings, replayed: &Findings) -> Vec<(&'static str, usize)> {
    let answered = |what| delivered.answers.like(what);
    vec![
        ("events", delivered.events),
        ("receivers killed (SIGKILL) and restarted", misfortunes.receivers_killed),
        ("Redis killed and restarted", misfortunes.redis_killed),
        ("Redis paused", misfortunes.redis_paused),
        ("Redis cut off", misfortunes.redis_cut_off),
        ("tries of LipDub", delivered.answers.total()),
        ("  answered 200 processed", answered("200 processed")),
        ("  answered 200 duplicate", answered("200 duplicate")),
        ("  answered 401 (an old key)", answered("401")),
        ("  answered 500 failed", answered("500")),
        ("  answered 503 pending", answered("503 pending")),
        ("  answered 503 unavailable", answered("503 unavailable")),
        ("  without an answer", answered("no answer")),
        ("attempts (runs of a handler)", delivered.runs),
        ("succeeded once", delivered.succeeded_once),
        ("succeeded twice (killed between effect and mark)", delivered.succeeded_twice),
        ("in the dead letter queue, an error at each try", delivered.dead),
        ("  still there after replays: handlers that always fail", replayed.dead),
        ("lost", delivered.lost + replayed.lost),
    ]
}
