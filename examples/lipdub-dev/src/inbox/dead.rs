//! `lipdub-dev inbox dead`.

use clap::Args;
use lipdub_core::inbox::{DeadLetter, Inbox};
use serde_json::{Value, json};

use super::age::age;
use super::dead_letters::{DeadLetters, Filter};
use super::key_prefix::{KeyPrefix, resolve_one};
use super::place::Place;
use crate::output::{Colour, Output, width};
use crate::{BoxError, IsWell};

/// List dead letters, those that died last first
///
/// The second line of each says why it was given up on, as the handler put it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    #[command(flatten)]
    filter: Filter,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Go on after this one, the last of those that were shown
    #[arg(long, value_name = "KEY", value_parser = KeyPrefix::parse)]
    after: Option<KeyPrefix>,
    #[command(flatten)]
    pub(super) place: Place,
}

const EXAMPLES: &str = "\
Examples:
  lipdub-dev inbox dead --sqlite inbox.db --type render-complete
  lipdub-dev inbox dead --sqlite inbox.db --job 'shot7' --limit 100 --after v1-9f86d081
  lipdub-dev inbox dead --redis redis://127.0.0.1:6379 --limit 100000 --json

With --json each is an object with key, event_type, job, attempt, why, age_seconds and dead_for_seconds.";

pub(super) async fn run(options: Options, inbox: &dyn Inbox, output: &Output) -> Result<IsWell, BoxError> {
    let mut filter = options.filter.dead();
    if let Some(after) = &options.after {
        let key = resolve_one(inbox, after)
            .await?
            .key()
            .map_err(|why| format!("--after cannot be found: {why}"))?;
        if inbox.find(key).await?.is_none() {
            return Err("--after is not in the inbox any more: begin anew without it".into());
        }
        filter.after = Some(key);
    }
    let mut letters = DeadLetters::new(inbox, filter);
    let mut last = None;
    for number in 0..options.limit {
        let Some(letter) = letters.next().await? else { break };
        output.line(|output| human(&letter, number == 0, output), |_| object(&letter));
        last = Some(letter.key);
    }
    match last {
        None => output.remark("There is no such dead letter."),
        Some(last) if letters.next().await?.is_some() => {
            output.remark(format_args!("There are more: go on with --after {last}"));
        }
        Some(_) => {}
    }
    Ok(true)
}

const HEADINGS: &str = "KEY          DEAD FOR     ATTEMPTS  TYPE                       JOB";

fn human(letter: &DeadLetter, has_headings: bool, output: &Output) -> String {
    let row = format!(
        "{}  {:<11}  {:>8}  {:<25}  {}",
        KeyPrefix::of(letter.key),
        age(letter.dead_for),
        letter.attempt,
        in_one_line(letter.event_type.as_str(), output),
        in_one_line(letter.job.as_str(), output),
    );
    let why = format!("{:13}{}", "", in_one_line(&letter.why, output));
    let [headings, row, why] = [HEADINGS, &row, &why].map(|line| cut(line, width()));
    let lines = format!("{row}\n{}", output.paint(Colour::Grey, why));
    if has_headings { format!("{}\n{lines}", output.paint(Colour::Grey, headings)) } else { lines }
}

fn object(letter: &DeadLetter) -> Value {
    json!({
        "key": letter.key,
        "event_type": letter.event_type.as_str(),
        "job": letter.job.as_str(),
        "attempt": letter.attempt,
        "why": letter.why,
        "age_seconds": letter.age.as_secs_f64(),
        "dead_for_seconds": letter.dead_for.as_secs_f64(),
    })
}

fn in_one_line(text: &str, output: &Output) -> String {
    output.foreign(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let kept: String = line.chars().take(width.saturating_sub(1)).collect();
    kept + "…"
}
