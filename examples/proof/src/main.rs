//! Run with `./scripts/proof`, or with `./scripts/proof --long --inbox sqlite`.
//!
//! LipDub in a box delivers events, with everything going wrong that can, to two real receivers behind one real
//! store, with or without an inbox. Meanwhile processes are killed and stalled, and the store is killed, paused, cut off or
//! locked. In the end it audits every event by what LipDub was answered, by what the handlers wrote down, and by what
//! the store knows. It prints what happened as a table, and fails if anything is not as promised.

#![allow(clippy::print_stdout, reason = "printing is what this program is for")]

mod dedupe;
mod effects;
mod events;
mod havoc;
mod inbox;
mod options;
mod redis;
mod relay;
mod report;
mod signal;
mod store;
mod testbeds;

use std::convert::Infallible;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use lipdub_core::testing::{Faults, LipDub};
use tokio::time::sleep;

use self::options::{Mode, Options};
use self::testbeds::Testbeds;

type BoxError = Box<dyn Error + Send + Sync>;

const KEY: &str = "whk_proof";
/// Receivers answer within this time, and LipDub waits a little longer. A fraction of what they are in earnest, so
/// that the proof does not take hours.
const ANSWER_DEADLINE: Duration = Duration::from_secs(2);
const CUT_OFF: Duration = Duration::from_millis(2_500);
const RETRY_DELAY: Duration = Duration::from_millis(2_500);
/// Longer than any lease.
const LONGEST_HANDLER: Duration = Duration::from_secs(9);
/// How many of LipDub's tries something goes wrong with.
const FAULT_RATE: f64 = 0.3;
const REPLAYS: u32 = 3;
/// What the clocks of one machine, read one after the other, may differ by.
const CLOCKS: Duration = Duration::from_millis(50);

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
    let mode = options.mode();
    println!("{mode}: {} events, seed {seed} (repeat with --seed {seed})", options.events());
    let directory = tempfile::Builder::new().prefix("lipdub-proof-").tempdir()?;
    let proved = match mode {
        Mode::Dedupe => dedupe::prove(options, seed, directory.path()).await,
        Mode::Inbox(kind) => inbox::prove(options, kind, seed, directory.path()).await,
        Mode::FullDisk(disk) => inbox::full_disk::prove(options, disk, seed, directory.path()).await,
    };
    let is_proven = proved.as_ref().is_ok_and(report::Report::is_proven);
    if options.keep || !is_proven {
        println!("What the processes wrote is in {}", directory.keep().display());
    }
    println!("{}", proved?);
    if !is_proven {
        println!("NOT as promised.");
    }
    Ok(is_proven)
}

/// LipDub, with something going wrong with many of its tries.
fn faulty_lipdub(testbeds: &Testbeds, options: &Options, seed: u64) -> LipDub {
    LipDub::builder(testbeds.balancer())
        .api_key(KEY)
        .cut_off(CUT_OFF)
        .retry_delay(RETRY_DELAY)
        .consumers(options.consumers)
        .faults(Faults::seeded(seed).rate(FAULT_RATE))
        .build()
}

async fn tell_progress(testbeds: &Testbeds) -> Infallible {
    loop {
        sleep(Duration::from_secs(30)).await;
        eprintln!("{} deliveries so far", testbeds.deliveries());
    }
}
