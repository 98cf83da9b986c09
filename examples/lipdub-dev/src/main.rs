//! `lipdub-dev`: LipDub's webhooks at your fingertips. Run with `cargo run -p lipdub-dev -- --help`.

mod address;
mod answers;
mod capture;
mod cli;
mod doctor;
mod event;
mod inbox;
mod listen;
mod output;
mod receiver;
mod redaction;
mod replay;
mod save_file;
mod send;
mod usage;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser as _;

use self::cli::{Cli, Command};

type BoxError = Box<dyn Error + Send + Sync>;

/// Whether everything was as it should be.
type IsWell = bool;

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { command, json } = Cli::try_parse().unwrap_or_else(|error| usage::without_values(error).exit());
    let output = output::Output::new(json, command.secrets());
    let ended = match command {
        Command::Send(options) => send::run(options, &output).await,
        Command::Replay(options) => replay::run(options, &output).await,
        Command::Listen(options) => listen::run(options, &output).await,
        Command::Doctor(options) => doctor::run(options, &output).await,
        Command::Inbox(options) => inbox::run(options, &output).await,
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            output.error(error);
            ExitCode::FAILURE
        }
    }
}
