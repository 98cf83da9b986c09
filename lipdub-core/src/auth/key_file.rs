use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::key_set::KeySet;
use super::{ApiKey, KeySourceError};

/// Holds one key on each line.
pub(super) struct KeyFile(PathBuf);

impl KeyFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The keys, or `None` if the file is as it was seen last.
    pub(super) fn read_if_changed(&self, seen: &mut Option<Seen>) -> Result<Option<KeySet>, KeySourceError> {
        if let Some(seen) = seen
            && seen.is_settled
            && fs::metadata(&self.0).is_ok_and(|metadata| Stamp::of(&metadata) == seen.stamp)
        {
            return Ok(None);
        }
        self.read(seen).map(Some)
    }

    /// The keys. A file that is unusable is not taken for seen, and so is read again next time.
    pub(super) fn read(&self, seen: &mut Option<Seen>) -> Result<KeySet, KeySourceError> {
        let before = seen.take();
        let begun = Instant::now();
        let (stamp, content) = read_whole(&self.0)?;
        let keys = parse(&content)?;
        *seen = Some(match before {
            Some(before) if before.stamp == stamp => before.again(begun),
            _ => Seen { stamp, first: Instant::now(), is_settled: false },
        });
        Ok(keys)
    }
}

/// How a file looked when it was read.
pub(super) struct Seen {
    stamp: Stamp,
    first: Instant,
    /// Whether a look at the stamp tells if the file has changed.
    ///
    /// File systems count time in ticks, and two writes within one leave the same stamp. So a file is read
    /// again until a tick has certainly passed since the stamp was first seen: then no write can leave the
    /// same one. This asks nothing of the clocks of the system and the file system, which may differ. (git
    /// calls such files ["racily clean"].)
    ///
    /// ["racily clean"]: https://git-scm.com/docs/racy-git
    is_settled: bool,
}

impl Seen {
    /// The longest tick that is in use, that of FAT
    /// ([source](https://learn.microsoft.com/en-us/windows/win32/sysinfo/file-times)).
    const TICK: Duration = Duration::from_secs(2);

    fn again(self, begun: Instant) -> Self {
        let is_settled = begun.saturating_duration_since(self.first) >= Self::TICK;
        Self { is_settled, ..self }
    }
}

/// What differs when a file was written, renamed over, or is reached through another link.
#[derive(PartialEq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    identity: Identity,
}

/// The device, the inode, and when that changed, which no program can set back as it can the time of modification.
#[cfg(unix)]
type Identity = (u64, u64, i64, i64);

/// When it was created.
#[cfg(not(unix))]
type Identity = Option<SystemTime>;

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self { length: metadata.len(), modified: metadata.modified().ok(), identity: identity(metadata) }
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(metadata: &Metadata) -> Identity {
    metadata.created().ok()
}

/// The content, with the stamp that the file had before and after it was read.
fn read_whole(path: &Path) -> Result<(Stamp, Vec<u8>), KeySourceError> {
    const TRIES: usize = 8;
    // Before it is opened, for to open a pipe is to wait for its writer.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(KeySourceError::NotAFile);
    }
    for _ in 0..TRIES {
        let file = File::open(path).map_err(unreadable)?;
        let stamp = Stamp::of(&file.metadata().map_err(unreadable)?);
        let content = read_bounded(&file)?;
        if Stamp::of(&file.metadata().map_err(unreadable)?) == stamp {
            return Ok((stamp, content));
        }
    }
    Err(KeySourceError::Changing)
}

fn read_bounded(file: &File) -> Result<Vec<u8>, KeySourceError> {
    const LIMIT: u64 = 64 * 1024;
    let mut content = Vec::new();
    let length = file.take(LIMIT + 1).read_to_end(&mut content).map_err(unreadable)?;
    if length as u64 > LIMIT { Err(KeySourceError::TooLarge) } else { Ok(content) }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes it so")]
fn unreadable(error: io::Error) -> KeySourceError {
    KeySourceError::Unreadable(error.kind())
}

fn parse(content: &[u8]) -> Result<KeySet, KeySourceError> {
    let text = std::str::from_utf8(content).map_err(|_| KeySourceError::NotText)?;
    // Some editors put a byte order mark before the first line.
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().map(str::trim).enumerate();
    let keys = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let keys =
        keys.map(|(index, line)| key_of(line).ok_or(KeySourceError::UnusableKey { position: index + 1 }));
    KeySet::new(keys.collect::<Result<Vec<_>, _>>()?).ok_or(KeySourceError::NoKey)
}

/// Refuses a comment behind a key, which would otherwise be taken for a part of it and so lock LipDub out.
fn key_of(line: &str) -> Option<ApiKey> {
    let has_comment = line.split_whitespace().skip(1).any(|word| word.starts_with('#'));
    if has_comment { None } else { ApiKey::new(line).ok() }
}
