//! Run with `./scripts/bench`, or parts of it with `./scripts/bench http inbox`.
//!
//! Measures what lipdub costs, beside a handler that does nothing and beside what people write by hand. Absolute times
//! mean little on a machine that is shared, so all are ratios: contenders take turns in one run, and what is told is the
//! median of the rounds, with the spread. `BENCHMARKS.md` is made of it.

mod build_cost;
mod comparison;
mod contender;
mod document;
mod growth;
mod http;
mod inbox;
mod load;
mod options;
mod parts;
mod peers;
mod plot;
mod redis_server;
mod serve;
mod statistics;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser as _;

use self::options::{Command, Options};

type BoxError = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), BoxError> {
    match &options.command {
        Command::Serve(serve) => serve::run(serve),
        Command::Http(rounds) => http::run(rounds),
        Command::Parts => parts::run(),
        Command::Inbox(rounds) => inbox::run(rounds),
        Command::Growth(rounds) => growth::run(rounds),
        Command::Peers(rounds) => peers::run(rounds),
        Command::BuildCost => build_cost::run(),
        Command::Document => document::write(),
    }
}
