use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{CachedStatement, Connection, Params, Row};

use super::statements::{PROGRESS, SET_PROGRESS, SHIFT};

/// What clocks that agree may differ by, in milliseconds.
const CLOCK_SLACK: i64 = 1000;

/// The tables, within a transaction, at one moment.
pub(super) struct Ledger<'a> {
    connection: &'a Connection,
    /// In milliseconds since 1970.
    pub(super) now: i64,
    /// The greatest turn that was taken.
    pub(super) turn: i64,
    changes: u64,
}

impl<'a> Ledger<'a> {
    pub(super) fn open(connection: &'a Connection) -> rusqlite::Result<Self> {
        let changes = connection.total_changes();
        let mut ledger = Self { connection, now: wall_clock(), turn: 0, changes };
        let clock: i64;
        (ledger.turn, clock) =
            ledger.row(PROGRESS, [], |row| Ok((row.get(0)?, row.get(1)?)))?.unwrap_or_default();
        ledger.mind_the_clock(clock)?;
        Ok(ledger)
    }

    /// Writes down how far it came, if there was a change: a look at an empty inbox costs no sync.
    pub(super) fn close(self) -> rusqlite::Result<()> {
        if self.connection.total_changes() > self.changes {
            self.execute(SET_PROGRESS, (self.turn, self.now))?;
        }
        Ok(())
    }

    /// Where the clock was set back since the last change, what waits moves with it, or it would wait longer.
    fn mind_the_clock(&mut self, last: i64) -> rusqlite::Result<()> {
        let ahead = last.saturating_sub(self.now);
        if ahead <= CLOCK_SLACK {
            self.now = self.now.max(last);
        } else if !self.connection.is_readonly("main")? {
            self.execute(SHIFT, ("delayed", ahead))?;
            self.execute(SHIFT, ("leased", ahead))?;
        }
        Ok(())
    }

    pub(super) fn execute(&self, sql: &str, parameters: impl Params) -> rusqlite::Result<usize> {
        self.statement(sql)?.execute(parameters)
    }

    /// The only row, if there is one.
    pub(super) fn row<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        self.statement(sql)?.query(parameters)?.next()?.map(read).transpose()
    }

    pub(super) fn rows<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        self.statement(sql)?.query_map(parameters, read)?.collect()
    }

    pub(super) fn last_seq(&self) -> i64 {
        self.connection.last_insert_rowid()
    }

    /// Gives some pages back to the file system, if more than half of the file is free.
    pub(super) fn give_room_back(&self, pages: i64) -> rusqlite::Result<()> {
        const SQL: &str =
            "SELECT freelist_count > page_count / 2 FROM pragma_freelist_count, pragma_page_count";
        if self.row(SQL, [], |row| row.get(0))?.unwrap_or(false) {
            // It moves one page for each row that it gives.
            self.rows(&format!("PRAGMA incremental_vacuum({pages})"), [], |_| Ok(()))?;
        }
        Ok(())
    }

    fn statement(&self, sql: &str) -> rusqlite::Result<CachedStatement<'a>> {
        self.connection.prepare_cached(sql)
    }

    /// How long ago that was.
    pub(super) fn since(&self, time: i64) -> Duration {
        Duration::from_millis(u64::try_from(self.now.saturating_sub(time)).unwrap_or(0))
    }

    /// When that will have passed.
    pub(super) fn after(&self, delay: Duration) -> i64 {
        self.now.saturating_add(milliseconds(delay))
    }

    /// When that had not passed yet.
    pub(super) fn before(&self, age: Duration) -> i64 {
        self.now.saturating_sub(milliseconds(age))
    }
}

/// Rounded up, so that nothing is due too early.
fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}

fn wall_clock() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, milliseconds)
}
