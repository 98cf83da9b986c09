//! `lipdub-dev doctor`.

mod checks;
mod finding;

use std::time::Duration;

use clap::Args;
use serde_json::json;

use self::checks::Patient;
use self::finding::{Finding, Verdict};
use crate::address::Address;
use crate::event::{self, type_named};
use crate::output::{Colour, Output, plain};
use crate::receiver::{Credentials, Receiver};
use crate::redaction::Secrets;
use crate::send::seconds;
use crate::{BoxError, IsWell};

/// Find what is wrong with a receiver of LipDub's webhooks, whatever it is built with
///
/// It delivers some twenty events with ids that no render has, and the reference `lipdub-dev doctor`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The receiver, as it would be configured at LipDub
    #[arg(value_parser = Address::parse)]
    url: Address,
    #[command(flatten)]
    credentials: Credentials,
    /// The type of the events; it should be one that the receiver handles
    #[arg(long, value_name = "TYPE", default_value = "render-complete", value_parser = event::name)]
    event: String,
    /// How long an answer may take
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = seconds)]
    timeout: f64,
    /// Take warnings for failures
    #[arg(long)]
    strict: bool,
}

impl Options {
    pub(crate) fn secrets(&self) -> Secrets {
        self.credentials.secrets(Some(&self.url))
    }
}

const EXAMPLES: &str = "\
Examples:
  lipdub-dev doctor https://example.com/webhooks/lipdub --api-key whk_123
  lipdub-dev doctor http://127.0.0.1:3000/webhooks/lipdub --api-key whk_123 --event training-complete --strict
  lipdub-dev doctor http://127.0.0.1:3000/webhooks/lipdub --json

With --json each check is an object with check, verdict (passed, warning, unseen, failed, skipped), found and todo. \
The exit code is 0 if no check failed. What the answers do not tell is unseen, and no fault, even with --strict.";

pub(crate) async fn run(options: Options, output: &Output) -> Result<IsWell, BoxError> {
    let patience = Duration::from_secs_f64(options.timeout);
    let receiver = Receiver::new(&options.url, options.credentials.clone(), patience)?;
    output.remark(
        "Some events are delivered, with ids that no render has and the reference \"lipdub-dev doctor\".\n",
    );
    let event_type = type_named(&options.event);
    let patient = Patient {
        address: options.url,
        has_key: options.credentials.api_key.is_some(),
        receiver,
        event_type,
    };
    let mut is_well = true;
    patient
        .examine(&mut |finding| {
            is_well &= finding.verdict.is_well(options.strict);
            print(&finding, output);
        })
        .await;
    output.remark(if is_well { "\nAll is well." } else { "\nNot all is well." });
    Ok(is_well)
}

fn print(finding: &Finding, output: &Output) {
    let human = |output: &Output| {
        let (sign, colour) = match finding.verdict {
            Verdict::Passed => ("✓", Colour::Green),
            Verdict::Warning => ("!", Colour::Yellow),
            Verdict::Unseen => ("?", Colour::Grey),
            Verdict::Failed => ("✗", Colour::Red),
            Verdict::Skipped => ("–", Colour::Grey),
        };
        let mut line =
            format!("{} {:<20} {}", output.paint(colour, sign), finding.check, plain(&finding.found));
        if let Some(todo) = &finding.todo {
            line.push_str(&format!("\n  {:<20} {}", "", output.paint(colour, todo)));
        }
        line
    };
    let verdict = match finding.verdict {
        Verdict::Passed => "passed",
        Verdict::Warning => "warning",
        Verdict::Unseen => "unseen",
        Verdict::Failed => "failed",
        Verdict::Skipped => "skipped",
    };
    output.line(human, |_| {
        json!({ "check": finding.check, "verdict": verdict, "found": finding.found, "todo": finding.todo })
    });
}
