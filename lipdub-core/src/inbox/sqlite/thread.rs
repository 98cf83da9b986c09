//! Threads that own a connection, for SQLite blocks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ffi};
use tokio::sync::{mpsc, oneshot};

use super::connection::OpenFile;
use super::error::{describe, is_busy, store_error};
use super::ledger::Ledger;
use crate::dedupe::StoreError;

/// Calls that wait for the thread. Those that come when it is full wait outside.
const QUEUED_CALLS: usize = 256;
/// How often a thread that waits for the lock looks whether it is free.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// A thread that owns a connection, and makes the calls that are sent to it. It ends when this is dropped.
pub(super) struct ConnectionThread {
    calls: mpsc::Sender<Box<dyn Call>>,
    patience: Duration,
}

/// How calls are put into transactions.
#[derive(Clone, Copy)]
pub(super) struct Batches {
    /// What a transaction begins with.
    pub(super) begin: &'static str,
    /// How many calls share one, at most.
    pub(super) limit: usize,
}

impl Batches {
    /// Calls that wait while a commit is on its way to the disk share the next one.
    pub(super) const WRITING: Self = Self { begin: "BEGIN IMMEDIATE", limit: 128 };
    /// Each call has one of its own: while one is open, the log cannot start over.
    pub(super) const READING: Self = Self { begin: "BEGIN", limit: 1 };
}

impl ConnectionThread {
    /// Starts the thread, which opens its connection. Calls wait for a lock as long as `patience` says.
    pub(super) async fn start(
        name: &str,
        batches: Batches,
        patience: Duration,
        open: impl FnOnce() -> Result<OpenFile, StoreError> + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (calls, received) = mpsc::channel(QUEUED_CALLS);
        let (opened, outcome) = oneshot::channel();
        let body = move || match open() {
            Ok(file) => {
                let _ = opened.send(Ok(()));
                Server { file, batches, received, waiting: Vec::new() }.run();
            }
            Err(error) => {
                let _ = opened.send(Err(error));
            }
        };
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(body)
            .map_err(|error| StoreError::new("the system has no thread to give", error))?;
        outcome.await.map_err(|_| stopped())??;
        Ok(Self { calls, patience })
    }

    /// Does some work within a transaction, and returns when that is committed.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Ledger<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let deadline = Instant::now() + self.patience;
        let call = Work { deadline, work: Some(work), outcome: None, reply };
        self.calls.send(Box::new(call)).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

fn stopped() -> StoreError {
    StoreError::bare("the thread of the inbox has stopped: open it anew")
}

struct Server {
    file: OpenFile,
    batches: Batches,
    received: mpsc::Receiver<Box<dyn Call>>,
    waiting: Vec<Box<dyn Call>>,
}

impl Server {
    fn run(mut self) {
        while self.fill() {
            self.serve();
        }
    }

    /// Waits for a call, and takes as many as there are. False if there will be none.
    fn fill(&mut self) -> bool {
        if self.waiting.is_empty() {
            let Some(call) = self.received.blocking_recv() else { return false };
            self.waiting.push(call);
        }
        while self.waiting.len() < self.batches.limit {
            let Ok(call) = self.received.try_recv() else { break };
            self.waiting.push(call);
        }
        true
    }

    fn serve(&mut self) {
        let Some(deadline) = self.waiting.iter().map(|call| call.deadline()).min() else { return };
        if let Err(error) = self.begin(deadline) {
            return self.refuse(error);
        }
        self.waiting.retain(|call| !call.is_abandoned());
        let outcome = self.transact().map_err(Arc::new);
        if !self.file.connection.is_autocommit() {
            // If this fails, the next `BEGIN` fails and says why.
            let _ = self.file.connection.execute_batch("ROLLBACK");
        }
        for call in self.waiting.drain(..) {
            call.answer(outcome.clone());
        }
    }

    /// Waits for the lock until the first of the calls has waited long enough.
    ///
    /// SQLite would look ever more seldom, and miss the moments that another busy process leaves.
    fn begin(&self, deadline: Instant) -> rusqlite::Result<()> {
        let left = || deadline.saturating_duration_since(Instant::now());
        let begun = loop {
            self.file.connection.busy_timeout(left().min(LOOK_AGAIN))?;
            let begun = self.file.connection.execute_batch(self.batches.begin);
            if !begun.as_ref().is_err_and(is_busy) || left().is_zero() {
                break begun;
            }
        };
        self.file.connection.busy_timeout(left())?;
        begun
    }

    /// No transaction was begun: those that have waited long enough learn why, unless all can know at once.
    fn refuse(&mut self, error: rusqlite::Error) {
        let now = Instant::now();
        let may_pass = is_busy(&error);
        let error = Arc::new(error);
        for call in self.waiting.extract_if(.., |call| !may_pass || call.deadline() <= now) {
            call.answer(Err(error.clone()));
        }
    }

    fn transact(&mut self) -> rusqlite::Result<()> {
        self.file.check_place()?;
        let mut ledger = Ledger::open(&self.file.connection)?;
        for call in &mut self.waiting {
            within_savepoint(&self.file.connection, || call.make(&mut ledger))?;
        }
        ledger.close()?;
        self.file.connection.execute_batch("COMMIT")
    }
}

/// Undoes what a call did that failed, and nothing else. An error if the whole transaction is lost with it, as
/// when the disk is full.
fn within_savepoint(
    connection: &Connection,
    make: impl FnOnce() -> Result<(), Option<ffi::Error>>,
) -> rusqlite::Result<()> {
    connection.prepare_cached("SAVEPOINT call")?.execute([])?;
    if let Err(cause) = make() {
        if connection.is_autocommit() {
            let cause = cause.unwrap_or_else(|| ffi::Error::new(ffi::SQLITE_ABORT));
            return Err(rusqlite::Error::SqliteFailure(cause, None));
        }
        connection.prepare_cached("ROLLBACK TO call")?.execute([])?;
    }
    connection.prepare_cached("RELEASE call")?.execute([])?;
    Ok(())
}

trait Call: Send {
    /// Until when it waits for the lock.
    fn deadline(&self) -> Instant;

    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;

    /// Does the work, and keeps the result until it is committed. If it failed, what SQLite said.
    fn make(&mut self, ledger: &mut Ledger<'_>) -> Result<(), Option<ffi::Error>>;

    /// Tells the caller what became of it.
    fn answer(self: Box<Self>, committed: Result<(), Arc<rusqlite::Error>>);
}

struct Work<F, T> {
    deadline: Instant,
    work: Option<F>,
    outcome: Option<rusqlite::Result<T>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Call for Work<F, T>
where
    F: FnOnce(&mut Ledger<'_>) -> rusqlite::Result<T> + Send,
    T: Send,
{
    fn deadline(&self) -> Instant {
        self.deadline
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn make(&mut self, ledger: &mut Ledger<'_>) -> Result<(), Option<ffi::Error>> {
        // What a call that panics has done is undone, as if it had failed, and the others go on.
        let Some(work) = self.work.take() else { return Ok(()) };
        self.outcome = catch_unwind(AssertUnwindSafe(|| work(ledger))).ok();
        match &self.outcome {
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(error.sqlite_error().copied()),
            None => Err(None),
        }
    }

    fn answer(self: Box<Self>, committed: Result<(), Arc<rusqlite::Error>>) {
        let answer = match (committed, self.outcome) {
            (_, Some(Err(error))) => Err(store_error(error)),
            (Err(error), _) => Err(StoreError::new(describe(&error), error)),
            (Ok(()), Some(Ok(result))) => Ok(result),
            (Ok(()), None) => {
                Err(StoreError::bare("a fault of the inbox: the call panicked, and changed nothing"))
            }
        };
        // A caller that has gone does not want it.
        let _ = self.reply.send(answer);
    }
}

#[cfg(test)]
mod tests {
    use super::super::connection::{IfMissing, open_to_write};
    use super::super::statements::{INSERT_BODY, TALLY};
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);

    async fn start(directory: &tempfile::TempDir, pages: i64) -> ConnectionThread {
        let path = directory.path().join("inbox.db");
        let open = move || {
            let file = open_to_write(&path, PATIENCE, IfMissing::Make)?;
            let limit = format!("PRAGMA max_page_count = {pages}");
            file.connection.query_row(&limit, [], |_| Ok(())).map_err(store_error)?;
            Ok(file)
        };
        ConnectionThread::start("test", Batches::WRITING, PATIENCE, open).await.unwrap()
    }

    #[tokio::test]
    async fn a_call_that_panics_changes_nothing_and_spoils_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let thread = start(&directory, 1000).await;
        let write = |seq: i64| thread.call(move |ledger| ledger.execute(INSERT_BODY, (seq, "x")));
        let panics = thread.call(|ledger| -> rusqlite::Result<()> {
            ledger.execute(INSERT_BODY, (2, "x"))?;
            panic!("in a test");
        });
        let (before, panicked, after) = tokio::join!(write(1), panics, write(3));
        let error = panicked.unwrap_err().to_string();
        assert!(error.contains("panicked"), "{error}");
        before.unwrap();
        after.unwrap();
        write(4).await.unwrap();
        let bodies =
            thread.call(|ledger| ledger.rows("SELECT seq FROM body", [], |row| row.get::<_, i64>(0)));
        assert_eq!(bodies.await.unwrap(), [1, 3, 4]);
    }

    #[tokio::test]
    async fn calls_that_lose_their_transaction_with_another_one_learn_why() {
        let directory = tempfile::tempdir().unwrap();
        let thread = start(&directory, 100).await;
        let write = |seq: i64, bytes: usize| {
            thread.call(move |ledger| ledger.execute(INSERT_BODY, (seq, "x".repeat(bytes))))
        };
        let (small, large, other) = tokio::join!(write(1, 10), write(2, 1_000_000), write(3, 10));
        assert!(large.unwrap_err().to_string().contains("the disk is full"));
        for call in [small, other] {
            if let Err(error) = call {
                assert!(error.to_string().contains("the disk is full"), "{error}");
            }
        }
        write(4, 10).await.unwrap();
        let tally = thread.call(|ledger| ledger.row(TALLY, ["queued"], |row| row.get::<_, i64>(0))).await;
        assert_eq!(tally.unwrap(), Some(0));
    }
}
