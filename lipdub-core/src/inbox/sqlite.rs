mod connection;
mod error;
mod ledger;
mod readings;
mod record;
mod schema;
mod statements;
mod thread;
mod transitions;
mod word;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use self::connection::{IfMissing, absolute, open_to_read, open_to_write};
use self::thread::{Batches, ConnectionThread};
use super::{
    Accepted, DeadFilter, DeadLetter, Holder, Inbox, InboxEvent, InboxRecord, InboxStats, LeaseRequest,
    Leased,
};
use crate::dedupe::{StoreError, Transition};
use crate::event::EventKey;

const LONGEST_LOCK_TIMEOUT: Duration = Duration::from_secs(3600);

/// Keeps events in one file, an SQLite database, for one process or for several on one machine.
///
/// SQLite is part of the program: there is no server to run. Clones are cheap and share two threads, of which
/// one writes and one reads. They end when the last clone is dropped.
///
/// # What survives
///
/// An event that was accepted survives the end of the process, however that ends. It also survives a crash of
/// the system and a loss of power, if the disk keeps what it has confirmed: the file has a write-ahead log
/// (`journal_mode=WAL`) that is synced at each commit (`synchronous=FULL`), of which SQLite
/// [says][synchronous] that "the extra WAL sync following each transaction helps ensure that transactions are
/// durable across a power loss". On macOS the sync is `F_FULLFSYNC`. It does not survive the loss of the
/// disk.
///
/// Calls that come while a sync is under way share the next one, so that a disk that syncs a hundred times in
/// a second takes some thousand events in it. A backlog slows nothing and is not held in memory.
///
/// [synchronous]: https://www.sqlite.org/pragma.html#pragma_synchronous
///
/// # Several processes
///
/// Processes on one machine may use one file at the same time, as when a new version starts before the old
/// one has stopped: each event is leased by one of them. They share the machine's clock. Where that is set
/// forward, leases lapse early; where it is set back by more than a second, what waits moves with it at the
/// next call.
///
/// **A network file system will not do**, nor will a file that is shared between machines in another way: the
/// log needs memory that the processes share ([WAL][wal]).
///
/// [wal]: https://www.sqlite.org/wal.html
///
/// # When something is wrong
///
/// Every call ends: with an error if the disk is full, if the file was removed or replaced, or if another
/// process, such as a shell, has it locked for longer than
/// [`lock_timeout`](SqliteInboxBuilder::lock_timeout). It works again as
/// soon as the cause has gone; in place of a file that was removed it must be opened anew.
///
/// An event that cannot be read, because somebody has edited it or a part of it is gone, is a dead letter as soon as
/// it is leased; the others are handled. One whose key is none any more cannot be named, and is not listed: a shell
/// finds it.
///
/// A file of an older version of this crate is brought up to date when it is opened. One of a newer version
/// is refused.
///
/// # What is stored
///
/// The file is created for its owner alone (0600), and so are `-wal` and `-shm` beside it, which belong to
/// it. Bodies are in it as they came, without encryption and without credentials. An event that is done keeps
/// its key, its times and a random token, and the room of its body is overwritten (`secure_delete`); the log
/// may hold a copy until it is written over.
///
/// An event that waits takes some 450 bytes and what its body has, and one that is done some 300, measured
/// with 100,000. Room that becomes free is used again, and [`prune`](Inbox::prune) gives back to the system,
/// bit by bit, what is more than half of the file. The log stays at some megabytes, unless somebody reads the
/// file for long.
///
/// # Reading it with a shell
///
/// The view `inbox` is for people. Reading does not disturb the inbox; do not write.
///
/// ```text
/// $ sqlite3 -readonly inbox.db "SELECT state, count(*) FROM event GROUP BY state"
/// $ sqlite3 -readonly -box inbox.db "SELECT key, event_type, job, attempt, why FROM inbox WHERE state = 'dead'"
/// $ sqlite3 -readonly inbox.db "SELECT body FROM inbox WHERE key = 'v1-9f86d0…'"
/// ```
///
/// States are `queued`, `delayed` (for later), `leased`, `done` and `dead`. One that is `delayed` or `leased`
/// may be leased when the time in `due` has come, or if there is none. Times are in UTC.
///
/// To back it up, use `.backup` of the shell or `VACUUM INTO`, which read it as it is at one moment. A copy
/// of the file alone lacks what is in the log.
///
/// # Examples
///
/// ```
/// use lipdub_core::{Inbox, SqliteInbox};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("inbox.db");
/// let inbox = SqliteInbox::open(path).await?;
/// assert_eq!(inbox.stats().await?.due, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteInbox {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    writer: ConnectionThread,
    reader: ConnectionThread,
}

impl SqliteInbox {
    /// Opens the file with the defaults, and makes it if it is not there.
    ///
    /// # Errors
    ///
    /// As for [`SqliteInboxBuilder::open`].
    ///
    /// # Cancel safety
    ///
    /// As for [`SqliteInboxBuilder::open`].
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::builder(path).open().await
    }

    /// Starts with the defaults, for the file at this path.
    pub fn builder(path: impl Into<PathBuf>) -> SqliteInboxBuilder {
        let lock_timeout = Duration::from_secs(1);
        SqliteInboxBuilder { path: path.into(), lock_timeout, if_missing: IfMissing::Make }
    }
}

/// # Cancel safety
///
/// A call that is dropped may have been made or not. It is not made if its turn had not come.
#[async_trait]
impl Inbox for SqliteInbox {
    async fn accept(&self, event: &InboxEvent) -> Result<Accepted, StoreError> {
        let event = event.clone();
        self.inner.writer.call(move |ledger| ledger.accept(&event)).await
    }

    async fn lease(&self, request: &LeaseRequest) -> Result<Vec<Leased>, StoreError> {
        let request = request.clone();
        self.inner.writer.call(move |ledger| ledger.lease(&request)).await
    }

    async fn renew(&self, holder: &Holder, lease: Duration) -> Result<Transition, StoreError> {
        let holder = *holder;
        self.inner.writer.call(move |ledger| ledger.renew(&holder, lease)).await
    }

    async fn done(&self, holder: &Holder) -> Result<Transition, StoreError> {
        let holder = *holder;
        self.inner.writer.call(move |ledger| ledger.done(&holder)).await
    }

    async fn retry(&self, holder: &Holder, delay: Duration, why: &str) -> Result<Transition, StoreError> {
        let (holder, why) = (*holder, why.to_owned());
        self.inner.writer.call(move |ledger| ledger.retry(&holder, delay, &why)).await
    }

    async fn bury(&self, holder: &Holder, why: &str) -> Result<Transition, StoreError> {
        let (holder, why) = (*holder, why.to_owned());
        self.inner.writer.call(move |ledger| ledger.bury(&holder, &why)).await
    }

    async fn give_back(&self, holder: &Holder) -> Result<Transition, StoreError> {
        let holder = *holder;
        self.inner.writer.call(move |ledger| ledger.give_back(&holder)).await
    }

    async fn dead(&self, filter: &DeadFilter) -> Result<Vec<DeadLetter>, StoreError> {
        let filter = filter.clone();
        self.inner.reader.call(move |ledger| ledger.dead(&filter)).await
    }

    async fn find(&self, key: EventKey) -> Result<Option<InboxRecord>, StoreError> {
        self.inner.reader.call(move |ledger| ledger.find(key)).await
    }

    async fn replay(&self, key: EventKey) -> Result<Transition, StoreError> {
        self.inner.writer.call(move |ledger| ledger.replay(key)).await
    }

    async fn discard(&self, key: EventKey) -> Result<Transition, StoreError> {
        self.inner.writer.call(move |ledger| ledger.discard(key)).await
    }

    async fn stats(&self) -> Result<InboxStats, StoreError> {
        self.inner.reader.call(|ledger| ledger.stats()).await
    }

    async fn prune(&self, age: Duration) -> Result<u64, StoreError> {
        self.inner.writer.call(move |ledger| ledger.prune(age)).await
    }
}

impl fmt::Debug for SqliteInbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SqliteInbox").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

/// The settings of a [`SqliteInbox`].
#[derive(Clone, Debug)]
#[must_use]
pub struct SqliteInboxBuilder {
    path: PathBuf,
    lock_timeout: Duration,
    if_missing: IfMissing,
}

impl SqliteInboxBuilder {
    /// How long a call waits while another process has the file locked. Defaults to 1 s, and is at most an
    /// hour.
    ///
    /// [`WebhookBuilder::store_timeout`](crate::WebhookBuilder::store_timeout) should be longer, so that the
    /// log says what the matter was.
    pub fn lock_timeout(mut self, lock_timeout: Duration) -> Self {
        self.lock_timeout = lock_timeout.min(LONGEST_LOCK_TIMEOUT);
        self
    }

    /// Opens an inbox that is there, and makes none: for tools that look at the inbox of somebody else.
    ///
    /// [`open`](Self::open) then refuses a file that is missing or empty, and leaves it so.
    pub fn must_exist(mut self) -> Self {
        self.if_missing = IfMissing::Refuse;
        self
    }

    /// Opens the file, and makes it if it is not there. Its directory must be there.
    ///
    /// # Errors
    ///
    /// If the file cannot be created or written, is locked for too long, is damaged, is a database of
    /// something else, was written by a newer version of this crate, or is on a file system where the log
    /// does not work.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe. If it is dropped, the file may have been made.
    pub async fn open(self) -> Result<SqliteInbox, StoreError> {
        let path = absolute(&self.path)?;
        let (patience, if_missing) = (self.lock_timeout, self.if_missing);
        let (to_write, to_read) = (path.clone(), path.clone());
        let writer = ConnectionThread::start("lipdub-inbox-write", Batches::WRITING, patience, move || {
            open_to_write(&to_write, patience, if_missing)
        });
        let writer = writer.await?;
        let reader = ConnectionThread::start("lipdub-inbox-read", Batches::READING, patience, move || {
            open_to_read(&to_read, patience)
        });
        let reader = reader.await?;
        Ok(SqliteInbox { inner: Arc::new(Inner { path, writer, reader }) })
    }
}
