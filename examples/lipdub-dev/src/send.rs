//! `lipdub-dev send`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use lipdub_core::EventType;
use lipdub_core::testing::Fault;
use lipdub_core::testing::sample::Sample;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::address::Address;
use crate::answers::{Answer, What};
use crate::event::{self, Assignment};
use crate::output::Output;
use crate::receiver::{Credentials, Receiver};
use crate::redaction::Secrets;
use crate::{BoxError, IsWell};

/// Send an event as LipDub does
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The event's type, in any case and with `-` or `_`: render-complete, render-failed, preprocessing-complete,
    /// training-complete, file-upload-complete, file-upload-failed, video-validation-complete,
    /// video-validation-failed, begin-training-failure, or any other name
    #[arg(required_unless_present = "file", value_parser = event::name)]
    event: Option<String>,
    /// Where to
    #[arg(long, value_name = "URL", required_unless_present = "dry_run", value_parser = Address::parse)]
    to: Option<Address>,
    #[command(flatten)]
    credentials: Credentials,
    /// Set a field of the body, to JSON or else to text; can be given several times
    #[arg(long, value_name = "PATH=VALUE", value_parser = Assignment::parse)]
    set: Vec<Assignment>,
    /// Send the event in this file, to the letter unless a field is set; `-` is the standard input
    #[arg(long, value_name = "FILE", conflicts_with = "event")]
    file: Option<PathBuf>,
    /// Send the same event so often: it must be handled once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = times)]
    times: u32,
    /// Send all of them at the same time
    #[arg(long)]
    parallel: bool,
    /// Throw the first answer away, so that LipDub tries again
    #[arg(long)]
    lost_answer: bool,
    /// Try three times until the answer is 2xx, as LipDub does
    #[arg(long)]
    retry: bool,
    /// How long to wait before the next try
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = seconds)]
    retry_delay: f64,
    /// How long to wait for an answer
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = seconds)]
    timeout: f64,
    /// Only show what would be sent
    #[arg(long)]
    dry_run: bool,
}

impl Options {
    pub(crate) fn secrets(&self) -> Secrets {
        self.credentials.secrets(self.to.as_ref())
    }
}

const EXAMPLES: &str = "\
Examples:
  lipdub-dev send render-complete --to http://127.0.0.1:3000/webhooks/lipdub --api-key whk_123
  lipdub-dev send render-complete --set data.generate_id=7 --set data.tracking_id=mine --dry-run
  lipdub-dev send render-failed --to http://127.0.0.1:3000/webhooks/lipdub --times 5 --parallel
  lipdub-dev send training-complete --to http://127.0.0.1:3000/webhooks/lipdub --lost-answer
  lipdub-dev send --file event.json --to http://127.0.0.1:3000/webhooks/lipdub --retry

With --json each try is an object with delivery (which of --times), try, event_type, outcome \
(answered, lost, too_slow, no_answer), accepted, code, status, detail, error and took_ms. The exit code is 0 if LipDub would take each event for delivered.";

/// A number of seconds that a timer can take.
pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is no number of seconds")?;
    if (0.0..=86_400.0).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("it must be from 0 to 86400".to_owned())
    }
}

/// How often something is done.
pub(crate) fn times(text: &str) -> Result<u32, &'static str> {
    text.parse().ok().filter(|times| (1..=1_000).contains(times)).ok_or("it must be from 1 to 1000")
}

pub(crate) async fn run(options: Options, output: &Output) -> Result<IsWell, BoxError> {
    let event = event(&options, output)?;
    let Some(address) = options.to.as_ref().filter(|_| !options.dry_run) else {
        output.letter(&String::from_utf8_lossy(&event.body()));
        return Ok(true);
    };
    let receiver = Receiver::new(address, options.credentials, Duration::from_secs_f64(options.timeout))?;
    let sending = Sending {
        event,
        receiver,
        output: output.clone(),
        times: options.times,
        loses_first_answer: options.lost_answer,
        tries: if options.retry { 3 } else { 1 + u32::from(options.lost_answer) },
        retry_delay: Duration::from_secs_f64(options.retry_delay),
    };
    if options.parallel {
        return sending.all_at_once().await;
    }
    let mut is_well = true;
    for delivery in 1..=options.times {
        is_well &= sending.once(delivery).await;
    }
    Ok(is_well)
}

fn event(options: &Options, output: &Output) -> Result<Sample, BoxError> {
    let event = match (&options.file, &options.event) {
        (Some(path), _) => event::in_file(path)?,
        (None, name) => {
            let event_type = event::type_named(name.as_deref().unwrap_or_default());
            if let EventType::Other(name) = &event_type {
                output.remark(format_args!("LipDub documents no type {name:?}; it is sent all the same."));
            }
            event::happening_now(&event_type)
        }
    };
    Ok(options.set.iter().cloned().fold(event, |event, assignment| assignment.apply(event)))
}

#[derive(Clone)]
struct Sending {
    event: Sample,
    receiver: Receiver,
    output: Output,
    times: u32,
    loses_first_answer: bool,
    tries: u32,
    retry_delay: Duration,
}

impl Sending {
    /// Tries until the answer is 2xx, or often enough.
    async fn once(&self, delivery: u32) -> IsWell {
        let lipdub = self.receiver.lipdub();
        for number in 1..=self.tries {
            if number > 1 {
                sleep(self.retry_delay).await;
            }
            let loses_answer = self.loses_first_answer && number == 1;
            lipdub.deliver_with(&self.event, [loses_answer.then_some(Fault::LostAnswer)]).await;
            let story = lipdub.story(&self.event);
            let Some(tried) = story.tries().last() else { return false };
            let what = What::Try { delivery, of: self.times, number };
            let (outcome, took, fault) = (&tried.outcome, tried.took, tried.fault);
            Answer { what, event_type: self.event.event_type(), outcome, took, fault }.print(&self.output);
            if outcome.is_accepted() {
                return true;
            }
        }
        false
    }

    async fn all_at_once(&self) -> Result<IsWell, BoxError> {
        let mut sendings = JoinSet::new();
        for delivery in 1..=self.times {
            let sending = self.clone();
            sendings.spawn(async move { sending.once(delivery).await });
        }
        let mut is_well = true;
        while let Some(sent) = sendings.join_next().await {
            is_well &= sent?;
        }
        Ok(is_well)
    }
}
