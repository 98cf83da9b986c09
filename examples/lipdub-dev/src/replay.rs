//! `lipdub-dev replay`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use lipdub_core::testing::Request;

use crate::address::Address;
use crate::answers::{Answer, What};
use crate::capture::Capture;
use crate::event::{self, type_named};
use crate::output::Output;
use crate::receiver::{Credentials, Receiver};
use crate::redaction::{REDACTED, Secrets, is_credential};
use crate::send::{seconds, times};
use crate::{BoxError, IsWell};

/// Send deliveries that `listen` saved, to the letter and in their order
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Files of JSON lines, as `listen --save` writes them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where to
    #[arg(long, value_name = "URL", value_parser = Address::parse)]
    to: Address,
    #[command(flatten)]
    credentials: Credentials,
    /// Only events of this type
    #[arg(long, value_name = "TYPE", value_parser = event::name)]
    only: Option<String>,
    /// Send each so often
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = times)]
    times: u32,
    /// How long to wait for an answer
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = seconds)]
    timeout: f64,
}

impl Options {
    pub(crate) fn secrets(&self) -> Secrets {
        self.credentials.secrets(Some(&self.to))
    }
}

const EXAMPLES: &str = "\
Examples:
  lipdub-dev replay deliveries.jsonl --to http://127.0.0.1:3000/webhooks/lipdub --api-key whk_123
  lipdub-dev replay a.jsonl b.jsonl --to http://127.0.0.1:3000/webhooks/lipdub --only render-failed --times 2

The key is not in the files: give it again. What was no POST is skipped. The exit code is 0 if something was sent, and \
each answered with 2xx.

With --json each is an object as of `send`, with place and delivery (which of --times).";

/// Headers that belong to a connection or are made anew.
const NOT_REPLAYED: [&str; 5] = ["host", "content-length", "transfer-encoding", "connection", "expect"];

pub(crate) async fn run(options: Options, output: &Output) -> Result<IsWell, BoxError> {
    let mut captures = Vec::new();
    for (index, file) in options.files.iter().enumerate() {
        captures.extend(read(file, index + 1)?);
    }
    let only = options.only.as_deref().map(type_named);
    let is_meant = |capture: &Capture| match &only {
        Some(only) => capture.event_type().as_deref() == Some(only.as_str()),
        None => true,
    };
    let receiver = Receiver::new(&options.to, options.credentials, Duration::from_secs_f64(options.timeout))?;
    captures.retain(|(place, capture)| is_meant(capture) && is_delivery(place, capture, output));
    if captures.is_empty() {
        output.remark("There was nothing to replay.");
        return Ok(false);
    }
    let width = captures.iter().map(|(place, _)| place.chars().count()).max().unwrap_or_default();
    let mut is_well = true;
    for (place, capture) in &captures {
        for delivery in 1..=options.times {
            let what = What::Line { place, width, delivery };
            is_well &= deliver(&receiver, what, capture, output).await;
        }
    }
    Ok(is_well)
}

/// Whether LipDub could have sent it. `listen` takes what a browser asks, too.
fn is_delivery(place: &str, capture: &Capture, output: &Output) -> bool {
    let is_post = capture.method == "POST";
    if !is_post {
        let method = output.foreign(&capture.method);
        output.remark(format_args!("{place} was a {method}, and LipDub sends POST only: it is skipped."));
    }
    is_post
}

/// The deliveries in a file, each with its place there. A file that is not there is not named: it may be a key.
fn read(file: &Path, number: usize) -> Result<Vec<(String, Capture)>, BoxError> {
    let name = file.display();
    let text = std::fs::read(file)
        .map_err(|error| format!("the file to replay, number {number}, cannot be read: {error}"))?;
    let lines = text.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    let captures = lines.map(|(index, line)| {
        let place = format!("{name}:{}", index + 1);
        match serde_json::from_slice::<Capture>(line) {
            Ok(capture) if capture.body.bytes().is_some() => Ok((place, capture)),
            // Not the error itself, which may repeat what is in the line.
            _ => Err(format!(
                "{place} is no delivery that `lipdub-dev listen --save` wrote; mend or remove the line"
            )
            .into()),
        }
    });
    captures.collect()
}

async fn deliver(receiver: &Receiver, what: What<'_>, capture: &Capture, output: &Output) -> IsWell {
    let request = receiver.authorize(Request::new(capture.body.bytes().unwrap_or_default()));
    let headers = capture.headers.iter().filter(|(name, _)| is_replayed(name));
    let headers = headers.flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    // One that has lost a part says nothing true any more.
    let whole = headers.filter(|(_, value)| !value.contains(REDACTED));
    let request = whole.fold(request, |request, (name, value)| request.header(name, value));
    let (outcome, took) = receiver.try_once(request).await;
    let event_type = capture.event_type().unwrap_or_else(|| "(not an event)".to_owned());
    let answer = Answer { what, event_type: &event_type, outcome: &outcome, took, fault: None };
    answer.print(output);
    outcome.is_accepted()
}

fn is_replayed(name: &str) -> bool {
    !is_credential(name) && !NOT_REPLAYED.iter().any(|other| name.eq_ignore_ascii_case(other))
}
