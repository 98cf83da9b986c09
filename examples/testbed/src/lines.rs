use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

/// A file to which lines of JSON are appended, by several processes at once if need be.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    file: Arc<File>,
}

impl Lines {
    pub(crate) fn append_to(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file: Arc::new(file) })
    }

    /// Appends one line with one write, so that lines of several processes do not mix.
    pub(crate) fn append(&self, line: &Value) -> io::Result<()> {
        let line = format!("{line}\n");
        let written = (&*self.file).write(line.as_bytes())?;
        if written < line.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        Ok(())
    }
}

pub(crate) fn micros_since_1970() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
