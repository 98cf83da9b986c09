//! What the inboxes are kept in: a server that does one command at a time, each a round trip away.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use lipdub_core::EventKey;
use lipdub_core::dedupe::ClaimToken;
use lipdub_core::inbox::{InboxEvent, InboxState, Job, Leased};
use tokio::task::yield_now;

use crate::inbox::Kind;

#[derive(Debug, Default)]
pub(crate) struct Database {
    table: Mutex<Table>,
}

/// One row for each event, in the order of their arrival.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    /// How far the turns of all jobs have come.
    pub(crate) turn: u64,
    /// Of the last transition that needed one.
    pub(crate) number: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) event: InboxEvent,
    pub(crate) has_body: bool,
    pub(crate) state: InboxState,
    /// Who holds it, or settled it last, and how.
    pub(crate) token: Option<ClaimToken>,
    pub(crate) said: Option<Kind>,
    /// When it is due, or lapses.
    pub(crate) until: Instant,
    /// When it was done or died.
    pub(crate) since: Instant,
    pub(crate) accepted: Instant,
    pub(crate) attempt: u32,
    pub(crate) tries: u32,
    pub(crate) why: Option<String>,
    /// More than that of every event that arrived before.
    pub(crate) number: u64,
    pub(crate) turn: u64,
    /// More than that of every event that died before.
    pub(crate) died: u64,
}

impl Row {
    pub(crate) fn is_held_by(&self, token: ClaimToken) -> bool {
        self.state == InboxState::Leased && self.token == Some(token)
    }
}

impl Table {
    pub(crate) fn row(&mut self, key: EventKey) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.event.key == key)
    }

    pub(crate) fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    pub(crate) fn last_turn(&self, job: &Job) -> u64 {
        self.rows.iter().filter(|row| row.event.job == *job).map(|row| row.turn).max().unwrap_or(0)
    }
}

impl Database {
    /// Reads and writes at once.
    pub(crate) async fn script<T>(&self, script: impl FnOnce(&mut Table, Instant) -> T) -> T {
        yield_now().await;
        let answer = script(&mut self.table.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        yield_now().await;
        answer
    }

    pub(crate) async fn read(&self) -> Table {
        self.script(|table, _| table.clone()).await
    }

    /// Writes what was leased in a table that was read, over whatever has become of it.
    pub(crate) async fn write_leased(&self, mut read: Table, leased: &[Leased]) {
        for leased in leased {
            self.write(read.row(leased.event.key).cloned()).await;
        }
        self.script(|table, _| table.turn = table.turn.max(read.turn)).await;
    }

    /// Writes a row over whatever has become of it.
    pub(crate) async fn write(&self, row: Option<Row>) {
        let write = |table: &mut Table, _| {
            let Some(new) = row else { return };
            match table.row(new.event.key) {
                Some(row) => *row = new,
                None => table.rows.push(new),
            }
        };
        self.script(write).await;
    }
}
