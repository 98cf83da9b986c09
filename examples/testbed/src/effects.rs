//! What the handlers did, for the check to read.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use lipdub_core::Event;
use serde_json::{Value, json};

/// A file to which lines are appended, by several processes at once if need be.
#[derive(Clone, Debug)]
pub(crate) struct Effects {
    file: Arc<File>,
}

impl Effects {
    pub(crate) fn append_to(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file: Arc::new(file) })
    }

    /// Appends one line with one write, so that lines of several processes do not mix.
    pub(crate) fn record<T>(&self, phase: &str, event: &Event<T>, id: Option<&Value>) -> io::Result<()> {
        let line = json!({
            "phase": phase,
            "event_type": event.event_type.as_str(),
            "key": event.key.to_string(),
            "attempt": event.attempt,
            "id": id,
            "at": micros_since_1970(),
            "process": std::process::id(),
        });
        let line = format!("{line}\n");
        let written = (&*self.file).write(line.as_bytes())?;
        if written < line.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        Ok(())
    }
}

fn micros_since_1970() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
