//! The file that deliveries are saved to, a line each.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// Open to be appended to.
pub(crate) struct SaveFile {
    file: File,
    /// Whether the last line was not written to its end: what came next would be lost with it.
    is_cut_off: bool,
}

impl SaveFile {
    /// For the owner only: bodies hold links that must not get around.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        let metadata = file.metadata()?;
        // An empty line does no harm, so that one too many is begun where the file cannot be read.
        let is_cut_off = metadata.is_file() && metadata.len() > 0 && !ends_in_a_line(path).unwrap_or(false);
        Ok(Self { file, is_cut_off })
    }

    pub(crate) fn append(&mut self, line: &str) -> io::Result<()> {
        let beginning = if self.is_cut_off { "\n" } else { "" };
        self.is_cut_off = true;
        // With one write, so that lines of several processes do not mix.
        self.file.write_all(format!("{beginning}{line}\n").as_bytes())?;
        self.is_cut_off = false;
        Ok(())
    }
}

fn ends_in_a_line(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
