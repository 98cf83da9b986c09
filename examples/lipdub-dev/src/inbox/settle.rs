//! `lipdub-dev inbox replay` and `lipdub-dev inbox discard`.

use clap::Args;
use lipdub_core::dedupe::Transition;
use lipdub_core::inbox::{Inbox, InboxState};
use lipdub_core::{EventKey, StoreError};
use serde_json::json;

use super::dead_letters::{DeadLetters, Filter};
use super::key_prefix::{KeyPrefix, resolve};
use super::place::Place;
use crate::output::{Colour, Output};
use crate::{BoxError, IsWell};

/// Queue dead letters again, with all their tries
#[derive(Debug, Args)]
#[command(after_help = REPLAY_EXAMPLES)]
pub(super) struct Replay {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    pub(super) place: Place,
}

/// Throw dead letters away, for good
///
/// Their events are done then: they are not handled any more, even if LipDub delivers them again.
#[derive(Debug, Args)]
#[command(after_help = DISCARD_EXAMPLES)]
pub(super) struct Discard {
    #[command(flatten)]
    which: Which,
    /// Say that --all is meant: it cannot be undone
    #[arg(long, required_if_eq("all", "true"))]
    yes: bool,
    #[command(flatten)]
    pub(super) place: Place,
}

#[derive(Debug, Args)]
struct Which {
    /// Their keys, or so much of the beginning as no other dead letter has
    #[arg(
        value_name = "KEY",
        value_parser = KeyPrefix::parse,
        required_unless_present = "all",
        conflicts_with_all = ["all", "type", "job"],
    )]
    keys: Vec<KeyPrefix>,
    /// All that are dead now, or those of them that --type and --job name
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    filter: Filter,
}

const REPLAY_EXAMPLES: &str = "\
Examples:
  lipdub-dev inbox replay v1-9f86d081 v1-60303ae2 --sqlite inbox.db
  lipdub-dev inbox replay --all --type render-complete --redis redis://127.0.0.1:6379

The exit code is 1 if one was refused, because it is not dead or not known. With --json each is an object with key, outcome \
(replayed, refused) and reason.";

const DISCARD_EXAMPLES: &str = "\
Examples:
  lipdub-dev inbox discard v1-9f86d081 --sqlite inbox.db
  lipdub-dev inbox discard --all --type render-failed --yes --redis redis://127.0.0.1:6379

The exit code is 1 if one was refused, because it is not dead or not known. With --json each is an object with key, outcome \
(discarded, refused) and reason.";

impl Replay {
    pub(super) async fn run(self, inbox: &dyn Inbox, output: &Output) -> Result<IsWell, BoxError> {
        Settlement::new(Verdict::Replay, inbox, output).settle(self.which).await
    }
}

impl Discard {
    pub(super) async fn run(self, inbox: &dyn Inbox, output: &Output) -> Result<IsWell, BoxError> {
        Settlement::new(Verdict::Discard, inbox, output).settle(self.which).await
    }
}

#[derive(Clone, Copy, Debug)]
enum Verdict {
    Replay,
    Discard,
}

impl Verdict {
    fn participle(self) -> &'static str {
        match self {
            Self::Replay => "replayed",
            Self::Discard => "discarded",
        }
    }

    async fn execute(self, inbox: &dyn Inbox, key: EventKey) -> Result<Transition, StoreError> {
        match self {
            Self::Replay => inbox.replay(key).await,
            Self::Discard => inbox.discard(key).await,
        }
    }
}

/// What is done, and how often it was done so far.
struct Settlement<'a> {
    verdict: Verdict,
    inbox: &'a dyn Inbox,
    output: &'a Output,
    applied: u64,
    refused: u64,
}

impl<'a> Settlement<'a> {
    fn new(verdict: Verdict, inbox: &'a dyn Inbox, output: &'a Output) -> Self {
        Self { verdict, inbox, output, applied: 0, refused: 0 }
    }

    /// Tells the count also if the inbox fails half-way.
    async fn settle(mut self, which: Which) -> Result<IsWell, BoxError> {
        let ended = if which.all { self.all(&which.filter).await } else { self.each(&which.keys).await };
        let (applied, refused) = (self.applied, self.refused);
        self.output.remark(format_args!("{applied} {}, {refused} refused.", self.verdict.participle()));
        ended?;
        Ok(refused == 0)
    }

    async fn all(&mut self, filter: &Filter) -> Result<(), StoreError> {
        let mut letters = DeadLetters::new(self.inbox, filter.dead());
        while let Some(letter) = letters.next().await? {
            self.one(letter.key).await?;
        }
        Ok(())
    }

    async fn each(&mut self, prefixes: &[KeyPrefix]) -> Result<(), StoreError> {
        for (named, prefix) in resolve(self.inbox, prefixes).await?.into_iter().zip(prefixes) {
            match named.key() {
                Ok(key) => self.one(key).await?,
                Err(reason) => self.tell(prefix, &prefix.to_string(), Err(reason)),
            }
        }
        Ok(())
    }

    async fn one(&mut self, key: EventKey) -> Result<(), StoreError> {
        let outcome = match self.verdict.execute(self.inbox, key).await? {
            Transition::Applied => Ok(()),
            Transition::Refused => Err(self.why_refused(key).await?),
        };
        self.tell(&KeyPrefix::of(key), &key.to_string(), outcome);
        Ok(())
    }

    async fn why_refused(&self, key: EventKey) -> Result<&'static str, StoreError> {
        let record = self.inbox.find(key).await?;
        Ok(match record.map(|record| record.state) {
            None => "the inbox does not know this event",
            Some(InboxState::Queued) => "it is not dead: it is queued",
            Some(InboxState::Leased) => "it is not dead: a worker has it",
            Some(InboxState::Done) => "it is not dead: it is done",
            Some(_) => "it was not dead",
        })
    }

    fn tell(&mut self, shown: &KeyPrefix, key: &str, outcome: Result<(), &'static str>) {
        let (word, colour) = match outcome {
            Ok(()) => (self.verdict.participle(), Colour::Green),
            Err(_) => ("refused", Colour::Red),
        };
        let count = if outcome.is_ok() { &mut self.applied } else { &mut self.refused };
        *count += 1;
        let reason = outcome.err();
        self.output.line(
            |output| {
                let word = output.paint(colour, format_args!("{word:<9}"));
                format!("{word}  {shown:<11}  {}", reason.unwrap_or_default()).trim_end().to_owned()
            },
            |_| json!({ "key": key, "outcome": word, "reason": reason }),
        );
    }
}
