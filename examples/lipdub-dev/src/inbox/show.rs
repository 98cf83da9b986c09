//! `lipdub-dev inbox show`.

use std::time::Duration;

use clap::Args;
use lipdub_core::inbox::{DeadFilter, Inbox, InboxEvent, InboxRecord, InboxState};
use lipdub_core::{EventKey, Source, StoreError};
use serde_json::{Value, json};

use super::age::age;
use super::dead_letters::DeadLetters;
use super::key_prefix::{KeyPrefix, resolve_one};
use super::place::Place;
use crate::output::{Output, readable};
use crate::{BoxError, IsWell};

/// Show all that is known of an event
///
/// The body is left out unless it is asked for: it holds customers' data.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// Its key. Of a dead letter so much of the beginning is enough as no other one has
    #[arg(value_name = "KEY", value_parser = KeyPrefix::parse)]
    key: KeyPrefix,
    /// Show the body, too
    #[arg(long)]
    body: bool,
    #[command(flatten)]
    pub(super) place: Place,
}

const EXAMPLES: &str = "\
Examples:
  lipdub-dev inbox show v1-9f86d081 --sqlite inbox.db
  lipdub-dev inbox show v1-9f86d081 --body --redis redis://127.0.0.1:6379

With --json it is an object with key, state (queued, leased, done, dead), event_type, job, source, attempt, why, age_seconds, \
dead_for_seconds, body_bytes, and with --body the body as it came, a string. What is not known any more is null: a done event \
keeps little more than its key, and of one that cannot be read, because it was edited or a part of it is gone, there is no more.";

pub(super) async fn run(options: Options, inbox: &dyn Inbox, output: &Output) -> Result<IsWell, BoxError> {
    let key = resolve_one(inbox, &options.key).await?.key()?;
    let record = inbox.find(key).await?.ok_or("the inbox does not know this event")?;
    let found = Found { key, dead_for: dead_for(inbox, key, &record).await?, record, has_body: options.body };
    output.line(|output| found.human(output), |_| found.json());
    Ok(true)
}

/// A record does not say when its event died, but the list of those of its job does, or that of all if it has lost it.
async fn dead_for(
    inbox: &dyn Inbox,
    key: EventKey,
    record: &InboxRecord,
) -> Result<Option<Duration>, StoreError> {
    let InboxRecord { state: InboxState::Dead, event, .. } = record else { return Ok(None) };
    let mut filter = DeadFilter::default();
    filter.event_type = event.as_ref().map(|event| event.event_type.clone());
    filter.job = event.as_ref().map(|event| event.job.clone());
    let mut letters = DeadLetters::new(inbox, filter);
    while let Some(letter) = letters.next().await? {
        if letter.key == key {
            return Ok(Some(letter.dead_for));
        }
    }
    Ok(None)
}

struct Found {
    key: EventKey,
    record: InboxRecord,
    dead_for: Option<Duration>,
    has_body: bool,
}

impl Found {
    fn human(&self, output: &Output) -> String {
        let Self { key, record, .. } = self;
        let event = record.event.as_ref();
        let body = event.map(|event| format!("{} bytes", event.body.len()));
        let body = body.unwrap_or_else(|| self.why_no_body().to_owned());
        let hint = if self.has_body || event.is_none() { "" } else { "; --body shows it" };
        let lines = [
            ("key", Some(key.to_string())),
            ("state", Some(state(record.state).to_owned())),
            ("type", event.map(|event| event.event_type.to_string())),
            ("job", event.map(|event| event.job.as_str().to_owned())),
            ("source", event.map(source)),
            ("attempts", Some(record.attempt.to_string())),
            ("accepted", Some(format!("{} ago", age(record.age)))),
            ("died", self.dead_for.map(|dead_for| format!("{} ago", age(dead_for)))),
            ("why", record.why.clone()),
            ("body", Some(body + hint)),
        ];
        let lines = lines.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let line = |(name, value): (&str, String)| format!("{name:<9} {}", indented(&output.foreign(&value)));
        let shown = lines.map(line).collect::<Vec<_>>().join("\n");
        match self.body() {
            Some(body) => format!("{shown}\n\n{}", readable(&body)),
            None => shown,
        }
    }

    fn json(&self) -> Value {
        let Self { key, record, .. } = self;
        let event = record.event.as_ref();
        let mut object = json!({
            "key": key,
            "state": state(record.state),
            "event_type": event.map(|event| event.event_type.as_str()),
            "job": event.map(|event| event.job.as_str()),
            "source": event.map(|event| &event.source),
            "attempt": record.attempt,
            "why": record.why,
            "age_seconds": record.age.as_secs_f64(),
            "dead_for_seconds": self.dead_for.map(|dead_for| dead_for.as_secs_f64()),
            "body_bytes": event.map(|event| event.body.len()),
        });
        if self.has_body {
            object["body"] = self.body().into();
        }
        object
    }

    /// What cannot be read has been edited, or a part of it is gone.
    fn why_no_body(&self) -> &'static str {
        if self.record.state == InboxState::Done { "not kept any more" } else { "it cannot be read" }
    }

    fn body(&self) -> Option<String> {
        let event = self.record.event.as_ref().filter(|_| self.has_body)?;
        Some(String::from_utf8_lossy(&event.body).into_owned())
    }
}

pub(super) fn state(state: InboxState) -> &'static str {
    match state {
        InboxState::Queued => "queued",
        InboxState::Leased => "leased",
        InboxState::Done => "done",
        InboxState::Dead => "dead",
        _ => "unknown",
    }
}

fn source(event: &InboxEvent) -> String {
    match &event.source {
        Source::Tenant => "the tenant's webhook".to_owned(),
        Source::Job(job) => format!("a link for job {job}"),
        _ => "unknown".to_owned(),
    }
}

/// Further lines stand below the first one.
fn indented(text: &str) -> String {
    text.trim_end().replace('\n', &format!("\n{:10}", ""))
}
