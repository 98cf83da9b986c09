//! Run with `./scripts/proof`, or with `./scripts/proof --long`.
//!
//! LipDub in a box delivers events, with everything going wrong that can, to two real receivers behind one real
//! Redis. Meanwhile receivers are killed, and Redis is killed, paused and cut off. In the end each event must have
//! succeeded, or be in the dead letter queue after an error at each try; and none that had been answered
//! `processed` may have run again. It prints what happened as a table, and fails if anything is not as promised.

#![allow(clippy::print_stdout, reason = "printing is what this program is for")]

mod events;
mod havoc;
mod journal;
mod ledger;
mod options;
mod receivers;
mod redis;
mod relay;
mod report;

use std::convert::Infallible;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::Parser as _;
use lipdub_core::testing::{Faults, LipDub};
use tokio::time::sleep;

use self::havoc::Havoc;
use self::ledger::Ledger;
use self::options::Options;
use self::receivers::Receivers;
use self::redis::Redis;
use self::relay::Relay;
use self::report::Report;

type BoxError = Box<dyn Error + Send + Sync>;

const KEY: &str = "whk_proof";
/// Receivers answer within this time, and LipDub waits a little longer. A fraction of what they are in earnest, so
/// that the proof does not take hours.
const ANSWER_DEADLINE: Duration = Duration::from_secs(2);
const CUT_OFF: Duration = Duration::from_millis(2_500);
const RETRY_DELAY: Duration = Duration::from_millis(2_500);
/// Longer than any outage of Redis, with time to spare: a holder that lives never loses its claim, so only a kill
/// can make an event succeed twice.
const LEASE: Duration = Duration::from_secs(8);
const LONGEST_HANDLER: Duration = Duration::from_secs(9);
const REPLAYS: u32 = 3;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    match prove(&options).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("proof: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn prove(options: &Options) -> Result<bool, BoxError> {
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("{} events, seed {seed} (repeat with --seed {seed})", options.events);
    let directory = tempfile::Builder::new().prefix("lipdub-proof-").tempdir()?;
    let redis = Arc::new(Redis::start(directory.path()).await?);
    let relay = Arc::new(Relay::start(redis.socket()).await?);
    let receivers = Arc::new(Receivers::start(options.testbed()?, directory.path(), &relay.url()).await?);

    let began = SystemTime::now();
    let lipdub = LipDub::builder(receivers.balancer())
        .api_key(KEY)
        .cut_off(CUT_OFF)
        .retry_delay(RETRY_DELAY)
        .consumers(options.consumers)
        .faults(Faults::seeded(seed).rate(0.3))
        .build();
    let havoc = Havoc::begin(seed, directory.path(), &receivers, &redis, &relay)?;
    tokio::select! {
        () = lipdub.deliver_all(events::plan(seed, options.events)) => {}
        never = tell_progress(&receivers) => match never {},
    }
    let misfortunes = havoc.end().await?;
    sleep(LONGEST_HANDLER).await;
    let killed = receivers.killed();
    let delivered = Ledger::read(directory.path(), &lipdub, began)?.audit(&killed, false);

    // Faults befall replays too, so some have to be replayed again.
    for _ in 0..REPLAYS {
        lipdub.replay_all().await;
    }
    let replayed = Ledger::read(directory.path(), &lipdub, began)?.audit(&killed, true);

    let report = Report { seed, took: began.elapsed()?, misfortunes, delivered, replayed };
    println!("{report}");
    let is_proven = report.violations().next().is_none() && receivers.are_up().await?;
    if !is_proven {
        println!("NOT as promised.");
    }
    if options.keep || !is_proven {
        println!("What the processes wrote is in {}", directory.keep().display());
    }
    Ok(is_proven)
}

async fn tell_progress(receivers: &Receivers) -> Infallible {
    loop {
        sleep(Duration::from_secs(30)).await;
        eprintln!("{} deliveries so far", receivers.deliveries());
    }
}
