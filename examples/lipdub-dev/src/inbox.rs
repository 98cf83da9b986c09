//! `lipdub-dev inbox`.

mod age;
mod dead;
mod dead_letters;
mod key_prefix;
mod place;
mod settle;
mod show;
mod stats;

use clap::{Args, Subcommand};

use self::place::Place;
use crate::output::Output;
use crate::redaction::Secrets;
use crate::{BoxError, IsWell};

/// Look into a receiver's inbox, and decide about its dead letters
///
/// It may be in use meanwhile. An inbox that is not there is not made.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Stats(stats::Options),
    Dead(dead::Options),
    Show(show::Options),
    Replay(settle::Replay),
    Discard(settle::Discard),
}

impl Options {
    pub(crate) fn secrets(&self) -> Secrets {
        self.command.place().secrets()
    }
}

impl Command {
    fn place(&self) -> &Place {
        match self {
            Self::Stats(options) => &options.place,
            Self::Dead(options) => &options.place,
            Self::Show(options) => &options.place,
            Self::Replay(options) => &options.place,
            Self::Discard(options) => &options.place,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  lipdub-dev inbox stats --sqlite inbox.db
  lipdub-dev inbox dead --redis redis://127.0.0.1:6379 --type render-failed
  lipdub-dev inbox stats --redis redis://10.0.0.1:6379 --redis redis://10.0.0.2:6379
  lipdub-dev inbox replay --all --sqlite inbox.db

The URL can also be given as LIPDUB_INBOX_REDIS_URL, several with a space between them, which keeps passwords out of the \
list of processes. Exit codes: \
0 all is well, 1 the inbox cannot be asked or something was refused, 2 wrong usage.";

pub(crate) async fn run(options: Options, output: &Output) -> Result<IsWell, BoxError> {
    let inbox = options.command.place().open().await?;
    match options.command {
        Command::Stats(_) => stats::run(&*inbox, output).await,
        Command::Dead(options) => dead::run(options, &*inbox, output).await,
        Command::Show(options) => show::run(options, &*inbox, output).await,
        Command::Replay(options) => options.run(&*inbox, output).await,
        Command::Discard(options) => options.run(&*inbox, output).await,
    }
}
