//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};
use lipdub_core::Worker;
use lipdub_core::inbox::Order;

#[derive(Parser)]
#[command(about = "A receiver of LipDub's webhooks whose handlers do what the event says")]
pub(crate) struct Options {
    /// The web framework to run on; with --worker and without a framework, it only works
    #[arg(long, value_enum, required_unless_present = "worker")]
    pub(crate) framework: Option<Framework>,
    /// Where to listen; port 0 is a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) bind: String,
    /// A key that may deliver; give it several times for several keys
    #[arg(long = "api-key", required_unless_present = "worker")]
    pub(crate) api_keys: Vec<String>,
    /// Remember events in this Redis, and not in memory
    #[arg(long, value_name = "URL")]
    pub(crate) redis: Option<String>,
    /// Append what the handlers did to this file, as lines of JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) effects: Option<PathBuf>,
    /// Answer 503 `pending` after this time
    #[arg(long, value_name = "N")]
    pub(crate) answer_deadline_ms: Option<u64>,
    /// How long a claim, or a worker's lease, stands without being renewed
    #[arg(long, value_name = "N")]
    pub(crate) lease_ms: Option<u64>,
    /// How many bytes a body may have
    #[arg(long, value_name = "N")]
    pub(crate) body_limit: Option<usize>,
    #[command(flatten)]
    pub(crate) inbox: InboxOptions,
    /// Handle what is in the inbox
    #[arg(long)]
    pub(crate) worker: bool,
    #[command(flatten)]
    pub(crate) work: WorkOptions,
}

#[derive(Args)]
pub(crate) struct InboxOptions {
    /// Store events in this SQLite file, for a worker
    #[arg(long, value_name = "FILE", conflicts_with = "inbox_redis")]
    pub(crate) inbox_sqlite: Option<PathBuf>,
    /// Store events in this Redis, for a worker
    #[arg(long, value_name = "URL")]
    pub(crate) inbox_redis: Option<String>,
    /// Append what the inbox was asked and said to this file, as lines of JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) inbox_journal: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct WorkOptions {
    /// How many events are handled at the same time
    #[arg(long, value_name = "N")]
    concurrency: Option<usize>,
    /// How often an event is tried before it is a dead letter
    #[arg(long, value_name = "N")]
    tries: Option<u32>,
    /// How long to wait after the first failure
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    backoff_ms: u64,
    /// How long to wait after any failure at most
    #[arg(long, value_name = "N", default_value_t = 43_200_000)]
    longest_backoff_ms: u64,
    /// After how many failures in a row to try one event at a time
    #[arg(long, value_name = "N")]
    probe_after: Option<u32>,
    /// How long to wait before looking into an empty inbox again
    #[arg(long, value_name = "N")]
    idle_ms: Option<u64>,
    /// Handle events of one job one after the other
    #[arg(long)]
    per_job: bool,
}

impl WorkOptions {
    pub(crate) fn set(&self, worker: Worker, lease_ms: Option<u64>) -> Worker {
        let [first, longest] = [self.backoff_ms, self.longest_backoff_ms].map(Duration::from_millis);
        let mut worker = worker.backoff(first, longest);
        if let Some(events) = self.concurrency {
            worker = worker.concurrency(events);
        }
        if let Some(tries) = self.tries {
            worker = worker.tries(tries);
        }
        if let Some(failures) = self.probe_after {
            worker = worker.probe_after(failures);
        }
        if let Some(pause) = self.idle_ms {
            worker = worker.idle(Duration::from_millis(pause));
        }
        if let Some(lease) = lease_ms {
            worker = worker.lease(Duration::from_millis(lease));
        }
        if self.per_job {
            worker = worker.order(Order::PerJob { behind_dead: false });
        }
        worker
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Framework {
    Axum,
    Actix,
    Tower,
}
