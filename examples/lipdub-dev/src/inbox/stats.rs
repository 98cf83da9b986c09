//! `lipdub-dev inbox stats`.

use clap::Args;
use lipdub_core::inbox::{Inbox, InboxStats};
use serde_json::json;

use super::age::age;
use super::place::Place;
use crate::output::{Colour, Output};
use crate::{BoxError, IsWell};

/// Show how many events there are in each state, and how long the oldest waits
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    #[command(flatten)]
    pub(super) place: Place,
}

const EXAMPLES: &str = "\
Examples:
  lipdub-dev inbox stats --sqlite inbox.db
  lipdub-dev inbox stats --redis redis://127.0.0.1:6379 --json

With --json it is an object with due, delayed, leased, dead, done and oldest_due_seconds, which is null if nothing is due.";

pub(super) async fn run(inbox: &dyn Inbox, output: &Output) -> Result<IsWell, BoxError> {
    let stats = inbox.stats().await?;
    let oldest = stats.oldest_due.map(|oldest| oldest.as_secs_f64());
    output.line(
        |output| human(&stats, output),
        |_| {
            json!({
                "due": stats.due,
                "delayed": stats.delayed,
                "leased": stats.leased,
                "dead": stats.dead,
                "done": stats.done,
                "oldest_due_seconds": oldest,
            })
        },
    );
    Ok(true)
}

fn human(stats: &InboxStats, output: &Output) -> String {
    let oldest = stats.oldest_due.map(|oldest| format!("the oldest has waited for {}", age(oldest)));
    let lines = [
        ("due", stats.due, oldest.as_deref().unwrap_or_default()),
        ("delayed", stats.delayed, "queued for later"),
        ("leased", stats.leased, "held by a worker"),
        ("dead", stats.dead, "given up on; see `lipdub-dev inbox dead`"),
        ("done", stats.done, "remembered, so that they are not handled again"),
    ];
    let line = |(state, count, remark): (&str, u64, &str)| match (count, remark) {
        (0, _) | (_, "") => format!("{state:<8} {count:>8}"),
        _ => format!("{state:<8} {count:>8}  {}", output.paint(Colour::Grey, remark)),
    };
    lines.map(line).join("\n")
}
