//! What the handlers did, for the check to read.

use std::io;
use std::path::Path;

use lipdub_core::Event;
use serde_json::{Value, json};

use crate::lines::{Lines, micros_since_1970};

#[derive(Clone, Debug)]
pub(crate) struct Effects {
    lines: Lines,
}

impl Effects {
    pub(crate) fn append_to(path: &Path) -> io::Result<Self> {
        Ok(Self { lines: Lines::append_to(path)? })
    }

    pub(crate) fn record<T>(&self, phase: &str, event: &Event<T>, id: Option<&Value>) -> io::Result<()> {
        self.lines.append(&json!({
            "phase": phase,
            "event_type": event.event_type.as_str(),
            "key": event.key.to_string(),
            "attempt": event.attempt,
            "id": id,
            "at": micros_since_1970(),
            "process": std::process::id(),
        }))
    }
}
