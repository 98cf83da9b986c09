use std::fmt;
use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};

use crate::BoxError;

#[derive(Parser)]
#[command(about = "Proves that no event is lost, and that none that had succeeded runs again")]
pub(crate) struct Options {
    /// Store events in an inbox of this kind, and let workers handle them
    #[arg(long, value_enum, value_name = "KIND")]
    inbox: Option<InboxKind>,
    /// Fill the file system at this directory, on which there is nothing else, while an inbox (SQLite) is on it
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "inbox")]
    full_disk: Option<PathBuf>,
    /// How many events LipDub delivers; if it is not given, 800, or 300 with an inbox, or 99 on a full disk
    #[arg(long)]
    events: Option<u32>,
    /// Repeats what went wrong in an earlier run; at random if it is not given
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// How many jobs LipDub delivers at the same time
    #[arg(long, default_value_t = 50)]
    pub(crate) consumers: usize,
    /// With an inbox: how many events come in a second
    #[arg(long, default_value_t = 9)]
    pub(crate) rate: u32,
    /// Keep what the processes wrote even if all is as promised
    #[arg(long)]
    pub(crate) keep: bool,
    /// The receiver's program; it is looked for beside this one if it is not given
    #[arg(long, value_name = "PROGRAM")]
    testbed: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum InboxKind {
    Redis,
    Sqlite,
}

/// What is proved.
pub(crate) enum Mode<'a> {
    Dedupe,
    Inbox(InboxKind),
    FullDisk(&'a Path),
}

impl Options {
    pub(crate) fn mode(&self) -> Mode<'_> {
        match (&self.full_disk, self.inbox) {
            (Some(disk), _) => Mode::FullDisk(disk),
            (None, Some(kind)) => Mode::Inbox(kind),
            (None, None) => Mode::Dedupe,
        }
    }

    pub(crate) fn events(&self) -> u32 {
        let default = match self.mode() {
            Mode::Dedupe => 800,
            Mode::Inbox(_) => 300,
            Mode::FullDisk(_) => 99,
        };
        self.events.unwrap_or(default)
    }

    pub(crate) fn testbed(&self) -> Result<PathBuf, BoxError> {
        let path = match &self.testbed {
            Some(path) => path.clone(),
            None => std::env::current_exe()?.with_file_name("testbed"),
        };
        if path.is_file() {
            return Ok(path);
        }
        Err(format!("there is no {}; build it with `cargo build -p testbed`", path.display()).into())
    }
}

impl fmt::Display for Mode<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Dedupe => "without an inbox",
            Self::Inbox(InboxKind::Redis) => "with an inbox in Redis",
            Self::Inbox(InboxKind::Sqlite) => "with an inbox in SQLite",
            Self::FullDisk(_) => "with an inbox in SQLite, on a disk that is full for a while",
        })
    }
}
