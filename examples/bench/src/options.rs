use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::BoxError;

/// Measures what lipdub costs.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What a delivery costs a server, against a handler that reads the body and answers.
    Http(Rounds),
    /// What the benches of the core print of the key and the stores.
    Parts,
    /// What it costs to store an event before the answer, against the same durable write by hand.
    Inbox(Rounds),
    /// What a delivery costs with more connections, more events remembered, and larger bodies.
    Growth(Rounds),
    /// What receivers and stores of others cost.
    Peers(Rounds),
    /// What an adapter adds to the build of a program.
    BuildCost,
    /// Makes BENCHMARKS.md of all that has been measured.
    Document,
    /// A server to measure.
    #[command(hide = true)]
    Serve(Serve),
}

#[derive(Debug, Args)]
pub(crate) struct Rounds {
    /// How often each contender has its turn.
    #[arg(long, default_value_t = 7)]
    pub(crate) rounds: usize,
    /// How long a turn is, in milliseconds.
    #[arg(long, default_value_t = 1500)]
    pub(crate) turn_ms: u64,
    /// Only comparisons whose name has this in it.
    #[arg(long)]
    pub(crate) only: Option<String>,
}

impl Rounds {
    pub(crate) fn turn(&self) -> Duration {
        Duration::from_millis(self.turn_ms)
    }

    pub(crate) fn includes(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|part| name.contains(part.as_str()))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    pub(crate) framework: Framework,
    pub(crate) receiver: Receiver,
    /// Where Redis is, if the receiver needs it.
    #[arg(long, default_value_t)]
    pub(crate) redis: String,
    /// The file of the receiver, if it needs one.
    #[arg(long)]
    pub(crate) file: Option<PathBuf>,
    /// How many events the receiver remembers before the first one comes.
    #[arg(long, default_value_t)]
    pub(crate) remembered: usize,
}

/// What the server is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Framework {
    Axum,
    Actix,
    Hyper,
}

/// What is done with a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Receiver {
    /// The body is read, and the answer is 200.
    Bare,
    /// The key is compared with `==`, the event is a serde enum, and ids are in a `HashSet` under a mutex.
    Naive,
    /// The same with one `SET NX PX` in Redis in place of the set.
    NaiveRedis,
    /// The answer is 401 whatever comes, and the body is not read.
    Refuse,
    /// lipdub with a `MemoryStore`.
    Memory,
    /// lipdub with a `RedisStore`.
    Redis,
    /// One `INSERT` with the pragmas of `SqliteInbox`.
    SqliteInsert,
    /// lipdub with a `SqliteInbox`.
    SqliteInbox,
    /// One `XADD`.
    Xadd,
    /// lipdub with a `RedisInbox`.
    RedisInbox,
}

impl Serve {
    pub(crate) fn file(&self) -> Result<&Path, BoxError> {
        self.file.as_deref().ok_or_else(|| "it needs --file".into())
    }
}
