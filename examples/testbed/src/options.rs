//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

#[derive(Parser)]
#[command(about = "A receiver of LipDub's webhooks whose handlers do what the event says")]
pub(crate) struct Options {
    /// The web framework to run on
    #[arg(long, value_enum)]
    pub(crate) framework: Framework,
    /// Where to listen; port 0 is a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) bind: String,
    /// A key that may deliver; give it several times for several keys
    #[arg(long = "api-key", required = true)]
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
    /// How long a claim stands without being renewed
    #[arg(long, value_name = "N")]
    pub(crate) lease_ms: Option<u64>,
    /// How many bytes a body may have
    #[arg(long, value_name = "N")]
    pub(crate) body_limit: Option<usize>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Framework {
    Axum,
    Actix,
    Tower,
}
