//! What the stores are kept in: a server that does one command at a time, each a round trip away.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lipdub_core::EventKey;
use lipdub_core::dedupe::ClaimToken;
use tokio::task::yield_now;

#[derive(Debug, Default)]
pub(crate) struct Database {
    rows: Mutex<HashMap<String, Row>>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    record: Record,
    expires: Instant,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) state: State,
    pub(crate) attempt: u32,
    pub(crate) holder: Option<ClaimToken>,
    pub(crate) lapses: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum State {
    Running,
    Failed,
    Done,
}

/// What becomes of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    Nothing,
    Put(Record, Duration),
    /// As with `KEEPTTL`: it expires when what was there before would have.
    PutKeepingExpiry(Record, Duration),
    Delete,
}

impl Change {
    pub(crate) fn keeping_expiry(self) -> Self {
        match self {
            Self::Put(record, otherwise) => Self::PutKeepingExpiry(record, otherwise),
            other => other,
        }
    }

    pub(crate) fn with(self, change: impl FnOnce(&mut Record)) -> Self {
        match self {
            Self::Put(mut record, expiry) => {
                change(&mut record);
                Self::Put(record, expiry)
            }
            other => other,
        }
    }
}

impl Database {
    /// Reads and writes at once.
    pub(crate) async fn script<T>(
        &self,
        key: EventKey,
        script: impl FnOnce(Option<Record>, Instant) -> (Change, T),
    ) -> T {
        self.command(&key.to_string(), script).await
    }

    pub(crate) async fn get(&self, key: EventKey) -> Option<Record> {
        self.script(key, |record, _| (Change::Nothing, record)).await
    }

    pub(crate) async fn write(&self, key: EventKey, change: Change) {
        self.script(key, |_, _| (change, ())).await;
    }

    /// Writes if there is no record, and says whether it has: `SET … NX`.
    pub(crate) async fn write_if_new(&self, key: EventKey, change: Change) -> bool {
        let write = |record: Option<Record>, _| match record {
            None => (change, true),
            Some(_) => (Change::Nothing, false),
        };
        self.script(key, write).await
    }

    /// Takes a lock that is let go when its time has passed, and not before.
    pub(crate) async fn lock(&self, name: &str, time: Duration) -> bool {
        let lock = Record { state: State::Running, attempt: 0, holder: None, lapses: None };
        let take = |held: Option<Record>, _| match held {
            None => (Change::Put(lock, time), true),
            Some(_) => (Change::Nothing, false),
        };
        self.command(name, take).await
    }

    pub(crate) async fn unlock(&self, name: &str) {
        self.command(name, |_, _| (Change::Delete, ())).await;
    }

    async fn command<T>(
        &self,
        name: &str,
        command: impl FnOnce(Option<Record>, Instant) -> (Change, T),
    ) -> T {
        yield_now().await;
        let answer = self.execute(name, command);
        yield_now().await;
        answer
    }

    fn execute<T>(&self, name: &str, command: impl FnOnce(Option<Record>, Instant) -> (Change, T)) -> T {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let row = rows.get(name).copied().filter(|row| row.expires > now);
        let (change, answer) = command(row.map(|row| row.record), now);
        let row = match change {
            Change::Nothing => row,
            Change::Put(record, expiry) => Some(Row { record, expires: now + expiry }),
            Change::PutKeepingExpiry(record, otherwise) => {
                Some(Row { record, expires: row.map_or(now + otherwise, |row| row.expires) })
            }
            Change::Delete => None,
        };
        match row {
            Some(row) => _ = rows.insert(name.to_owned(), row),
            None => _ = rows.remove(name),
        }
        answer
    }
}
