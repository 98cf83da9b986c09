//! The command line.

use clap::{Parser, Subcommand};

use crate::redaction::Secrets;
use crate::{doctor, inbox, listen, replay, send};

/// Sends LipDub's events to a webhook receiver, shows what comes in, finds what is wrong with a receiver, and looks into
/// its inbox
#[derive(Debug, Parser)]
#[command(name = "lipdub-dev", version, after_help = EXAMPLES, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print JSON, one object a line, and nothing else; notices go to the standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Send(send::Options),
    Replay(replay::Options),
    Listen(listen::Options),
    Doctor(doctor::Options),
    Inbox(inbox::Options),
}

impl Command {
    /// What must not be printed whatever a receiver says.
    pub(crate) fn secrets(&self) -> Secrets {
        match self {
            Self::Send(options) => options.secrets(),
            Self::Replay(options) => options.secrets(),
            Self::Doctor(options) => options.secrets(),
            Self::Inbox(options) => options.secrets(),
            Self::Listen(_) => Secrets::default(),
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  lipdub-dev send render-complete --to http://127.0.0.1:3000/webhooks/lipdub --api-key whk_123
  lipdub-dev listen --bind 127.0.0.1:3000 --save deliveries.jsonl
  lipdub-dev replay deliveries.jsonl --to http://127.0.0.1:3000/webhooks/lipdub --api-key whk_123
  lipdub-dev doctor https://example.com/webhooks/lipdub --api-key whk_123
  lipdub-dev inbox dead --sqlite inbox.db

The key can also be given as LIPDUB_WEBHOOK_API_KEY. Exit codes: 0 all is well, 1 it is not, 2 wrong usage, \
141 nobody read on.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_example_in_the_help_can_be_run() {
        let helps = with_all_below(Cli::command());
        let helps = helps.into_iter().map(|command| command.term_width(0).render_long_help().to_string());
        for help in helps {
            let examples: Vec<_> = help.lines().filter(|line| line.starts_with("  lipdub-dev ")).collect();
            assert!(!examples.is_empty(), "no example in {help}");
            for example in examples {
                let words = example.split_whitespace().map(|word| word.trim_matches('\''));
                Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{example}: {error}"));
            }
        }
    }

    fn with_all_below(command: clap::Command) -> Vec<clap::Command> {
        let below: Vec<_> = command.get_subcommands().cloned().flat_map(with_all_below).collect();
        [command].into_iter().chain(below).collect()
    }
}
