use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, ffi};

use super::error::{is_busy, store_error};
use super::schema::{Recognised, migrate, recognise};
use crate::dedupe::StoreError;

/// How much of the log is kept when its content has moved into the file.
const LOG_BYTES_KEPT: i64 = 64 << 20;
/// Pages of the file that a connection keeps in memory, in KiB.
const CACHE_KIBIBYTES: i64 = 8 << 10;
/// How SQLite says `synchronous=FULL`.
const FULL: i64 = 2;
/// More than there are statements.
const CACHED_STATEMENTS: usize = 64;

/// A connection to a file, as long as that is where it was.
pub(super) struct OpenFile {
    pub(super) connection: Connection,
    path: PathBuf,
    identity: Option<Identity>,
}

impl OpenFile {
    fn new(connection: Connection, path: &Path) -> Self {
        Self { connection, path: path.to_owned(), identity: identity(path) }
    }

    /// An error if the file was removed or replaced: what is written to it would be lost.
    pub(super) fn check_place(&self) -> rusqlite::Result<()> {
        if self.identity == identity(&self.path) {
            return Ok(());
        }
        Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_READONLY_DBMOVED), None))
    }
}

/// The device, and the number of the file on it.
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Elsewhere a file that is open cannot be removed.
#[cfg(not(unix))]
fn identity(_path: &Path) -> Option<Identity> {
    None
}

/// What to do where there is no inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfMissing {
    Make,
    Refuse,
}

/// Opens the file to write, and makes it what it must be.
pub(super) fn open_to_write(
    path: &Path,
    patience: Duration,
    if_missing: IfMissing,
) -> Result<OpenFile, StoreError> {
    if if_missing == IfMissing::Make {
        create(path).map_err(|error| StoreError::new("the file cannot be created", error))?;
    }
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, patience)?;
    if recognise(&connection)? == Recognised::Empty {
        if if_missing == IfMissing::Refuse {
            return Err(StoreError::bare("the file is empty: no inbox has been made in it"));
        }
        // Later it would have no effect.
        connection.pragma_update(None, "auto_vacuum", "incremental").map_err(store_error)?;
    }
    make_durable(&connection, patience)?;
    migrate(&connection)?;
    Ok(OpenFile::new(connection, path))
}

/// Opens a file that has been opened to write before.
pub(super) fn open_to_read(path: &Path, patience: Duration) -> Result<OpenFile, StoreError> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, patience)
        .map(|connection| OpenFile::new(connection, path))
}

/// The path as it is meant now, and never one of SQLite's own names such as `:memory:`.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, StoreError> {
    std::path::absolute(path).map_err(|error| StoreError::new("the path is not valid", error))
}

/// Makes an empty file that nobody else can read, for it will hold what is your customers'. What SQLite puts
/// beside it takes its permissions.
///
/// A file that exists is not opened: closing it again would release the locks that this process has on it.
fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn connect(path: &Path, access: OpenFlags, patience: Duration) -> Result<Connection, StoreError> {
    let connection =
        Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(store_error)?;
    configure(&connection, patience).map_err(store_error)?;
    Ok(connection)
}

fn configure(connection: &Connection, patience: Duration) -> rusqlite::Result<()> {
    connection.busy_timeout(patience)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.pragma_update(None, "cache_size", -CACHE_KIBIBYTES)?;
    // What is rolled back must not need room on a disk that is full.
    connection.pragma_update(None, "temp_store", "memory")?;
    // What is deleted is overwritten: a done event leaves no links behind.
    connection.pragma_update(None, "secure_delete", true)
}

/// Every commit is on the disk when it returns.
fn make_durable(connection: &Connection, patience: Duration) -> Result<(), StoreError> {
    let deadline = Instant::now() + patience;
    let mut outcome = set_durable(connection);
    // SQLite does not wait itself when two change the mode of a new file at the same time.
    while outcome.as_ref().is_err_and(is_busy) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
        outcome = set_durable(connection);
    }
    if outcome.and_then(|()| is_durable(connection)).map_err(store_error)? {
        return Ok(());
    }
    Err(StoreError::bare("the file cannot be used with a write-ahead log: it must be on a local disk"))
}

fn set_durable(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    // What other systems call a sync is weaker on macOS.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)
}

fn is_durable(connection: &Connection) -> rusqlite::Result<bool> {
    let journal_mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    Ok(journal_mode == "wal" && synchronous == FULL)
}

#[cfg(test)]
mod tests {
    use rusqlite::types::Value;

    use super::*;

    #[test]
    fn the_connection_that_writes_syncs_its_log_at_each_commit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("inbox.db");
        for _ in ["a new file", "one that is there"] {
            let OpenFile { connection, .. } =
                open_to_write(&path, Duration::from_secs(1), IfMissing::Make).unwrap();
            let pragma = |name: &str| -> Value {
                connection.pragma_query_value(None, name, |row| row.get(0)).unwrap()
            };
            assert_eq!(pragma("synchronous"), Value::Integer(2));
            assert_eq!(pragma("journal_mode"), Value::Text("wal".to_owned()));
            assert_eq!(pragma("fullfsync"), Value::Integer(1));
        }
    }
}
