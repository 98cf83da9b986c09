use rusqlite::{Connection, Row};

use super::error::store_error;
use crate::dedupe::StoreError;

/// The newest schema, which is the sum of all migrations.
pub(super) const SCHEMA: &str = include_str!("schema.sql");

/// The step at index n leads from version n to version n + 1. Steps are added and never changed. They leave
/// what is there to the statements of the versions before: a process of such a one may still be at work.
const MIGRATIONS: &[&str] = &[SCHEMA];

/// Marks a file as an inbox, in its header: the letters `LDIB`.
const APPLICATION_ID: i32 = 0x4c44_4942;

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Recognised {
    Empty,
    Inbox,
}

/// Refuses a file that is not an inbox, or that this version cannot read. Changes nothing.
pub(super) fn recognise(connection: &Connection) -> Result<Recognised, StoreError> {
    let header = Header::read(connection)?;
    header.missing_migrations()?;
    Ok(if header.is_empty { Recognised::Empty } else { Recognised::Inbox })
}

/// Brings the file to the newest schema, unless it is there.
///
/// The look and the change are one transaction: of two processes that start at once, the second finds the
/// work done.
pub(super) fn migrate(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch("BEGIN IMMEDIATE").map_err(store_error)?;
    let outcome = migrate_locked(connection);
    let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
    outcome.and(connection.execute_batch(end).map_err(store_error))
}

fn migrate_locked(connection: &Connection) -> Result<(), StoreError> {
    let missing = Header::read(connection)?.missing_migrations()?;
    if missing.is_empty() {
        return Ok(());
    }
    let header =
        format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {}", MIGRATIONS.len());
    let mut steps = missing.iter().copied().chain([header.as_str()]);
    steps.try_for_each(|step| connection.execute_batch(step)).map_err(store_error)
}

struct Header {
    application_id: i32,
    version: i32,
    is_empty: bool,
}

impl Header {
    fn read(connection: &Connection) -> Result<Self, StoreError> {
        const SQL: &str = "SELECT application_id, user_version, NOT EXISTS (SELECT 1 FROM sqlite_schema) \
                           FROM pragma_application_id, pragma_user_version";
        let header = |row: &Row<'_>| {
            Ok(Self { application_id: row.get(0)?, version: row.get(1)?, is_empty: row.get(2)? })
        };
        connection.query_row(SQL, [], header).map_err(store_error)
    }

    fn missing_migrations(&self) -> Result<&'static [&'static str], StoreError> {
        if self.is_empty && self.version == 0 {
            return Ok(MIGRATIONS);
        }
        if self.application_id != APPLICATION_ID {
            return Err(StoreError::bare(
                "the file is a database of something else: give the inbox a file of its own",
            ));
        }
        let version = usize::try_from(self.version).ok();
        version.and_then(|version| MIGRATIONS.get(version..)).ok_or_else(|| {
            StoreError::bare(
                "the file was written by a newer version of lipdub: run that version, or give this one another file",
            )
        })
    }
}
