//! What a receiver answered, as it is shown.

use std::time::Duration;

use lipdub_core::testing::{Fault, Outcome, Reply};
use serde_json::{Value, json};

use crate::output::{Colour, Output};

/// One try and its outcome.
pub(crate) struct Answer<'a> {
    pub(crate) what: What<'a>,
    pub(crate) event_type: &'a str,
    pub(crate) outcome: &'a Outcome,
    pub(crate) took: Duration,
    pub(crate) fault: Option<Fault>,
}

/// What was tried.
pub(crate) enum What<'a> {
    /// A try of one of several deliveries of an event.
    Try { delivery: u32, of: u32, number: u32 },
    /// A line of a file, in a column of this width.
    Line { place: &'a str, width: usize, delivery: u32 },
}

impl What<'_> {
    /// As it begins a line of a table.
    fn human(&self) -> String {
        match self {
            Self::Try { of: 1, number, .. } => format!("try {number:<4}"),
            Self::Try { delivery, of, number } => {
                let width = of.to_string().len();
                format!("#{delivery:<width$} try {number}")
            }
            Self::Line { place, width, .. } => format!("{place:<width$}"),
        }
    }

    /// Tells it apart from all others.
    fn json(&self) -> Value {
        match self {
            Self::Try { delivery, number, .. } => json!({ "delivery": delivery, "try": number }),
            Self::Line { place, delivery, .. } => json!({ "place": place, "delivery": delivery }),
        }
    }
}

impl Answer<'_> {
    pub(crate) fn print(&self, output: &Output) {
        output.line(|output| self.human(output), |output| self.json(output));
    }

    fn human(&self, output: &Output) -> String {
        let colour = if self.outcome.is_accepted() { Colour::Green } else { Colour::Red };
        let said = output.paint(colour, format_args!("{:<24}", self.said(output)));
        let fault = self.fault.map(|fault| format!("  ({fault})")).unwrap_or_default();
        let event_type = output.foreign(self.event_type);
        let mut line =
            format!("{} {event_type:<26} {said} {:>8}{fault}", self.what.human(), millis(self.took));
        if let Some(detail) = self.detail(output) {
            line.push_str(&format!("\n         {}", output.paint(Colour::Grey, detail)));
        }
        line
    }

    fn json(&self, output: &Output) -> Value {
        let (outcome, error) = match self.outcome {
            Outcome::Answered(_) => ("answered", None),
            Outcome::Unseen(_) => ("lost", None),
            Outcome::CutOff => ("too_slow", None),
            Outcome::NoAnswer(error) => ("no_answer", Some(error)),
            _ => ("hung_up", None),
        };
        let mut object = self.what.json();
        object["event_type"] = self.event_type.into();
        object["outcome"] = outcome.into();
        object["accepted"] = self.outcome.is_accepted().into();
        object["code"] = self.outcome.reply().map(|reply| reply.code).into();
        object["status"] = self.outcome.reply().and_then(Reply::status).into();
        object["detail"] = self.outcome.reply().and_then(|reply| text(reply, "detail", output)).into();
        object["error"] = error.cloned().into();
        object["took_ms"] = ((self.took.as_secs_f64() * 10_000.0).round() / 10.0).into();
        object
    }

    fn said(&self, output: &Output) -> String {
        match self.outcome {
            Outcome::Answered(reply) | Outcome::Unseen(reply) => output.foreign(&reply.to_string()),
            Outcome::CutOff => "no answer in time".to_owned(),
            Outcome::NoAnswer(_) => "no answer".to_owned(),
            _ => "hung up".to_owned(),
        }
    }

    fn detail(&self, output: &Output) -> Option<String> {
        match self.outcome {
            Outcome::NoAnswer(error) => Some(error.clone()),
            Outcome::CutOff => Some(format!("LipDub waits no longer than {:.0?}", self.took)),
            outcome => outcome.reply().and_then(|reply| text(reply, "detail", output)),
        }
    }
}

pub(crate) fn millis(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1_000.0)
}

/// A text in the answer's body, or the beginning of it.
fn text(reply: &Reply, field: &str, output: &Output) -> Option<String> {
    let body: Value = serde_json::from_slice(&reply.body).ok()?;
    let text = body.get(field)?.as_str()?;
    Some(output.foreign(text).chars().take(300).collect())
}
