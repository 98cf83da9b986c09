//! Events as rows: what is written, and how it is read back.

use std::error::Error;
use std::str::FromStr;

use bytes::Bytes;
use rusqlite::Row;
use rusqlite::types::Type;

use super::ledger::Ledger;
use super::statements::LEASED;
use crate::dedupe::ClaimToken;
use crate::event::{EventType, Source};
use crate::inbox::{DeadLetter, Holder, InboxEvent, InboxRecord, InboxState, Job, Leased};

pub(super) fn source_text(source: &Source) -> rusqlite::Result<String> {
    serde_json::to_string(source).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

pub(super) fn body_text(event: &InboxEvent) -> rusqlite::Result<&str> {
    std::str::from_utf8(&event.body).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// What the holder of the token is told of an event that it has leased.
pub(super) fn leased(ledger: &Ledger<'_>, seq: i64, token: ClaimToken) -> rusqlite::Result<Leased> {
    let read = |row: &Row<'_>| {
        let event = event(row)?;
        let holder = Holder { key: event.key, token };
        let age = ledger.since(row.get("accepted")?);
        Ok(Leased::new(holder, event, row.get("attempt")?, row.get("tries")?, age).why(row.get("why")?))
    };
    ledger.row(LEASED, [seq], read)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

pub(super) fn dead_letter(ledger: &Ledger<'_>, row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter {
        key: parsed(row, "key")?,
        event_type: event_type(row)?,
        job: Job::new(row.get::<_, String>("job")?),
        attempt: row.get("attempt")?,
        why: row.get("why")?,
        age: ledger.since(row.get("accepted")?),
        dead_for: ledger.since(row.get("ended")?),
    })
}

pub(super) fn inbox_record(ledger: &Ledger<'_>, row: &Row<'_>) -> rusqlite::Result<InboxRecord> {
    let state = match row.get_ref("state")?.as_str()? {
        "leased" => InboxState::Leased,
        "done" => InboxState::Done,
        "dead" => InboxState::Dead,
        _ => InboxState::Queued,
    };
    Ok(InboxRecord {
        event: if state == InboxState::Done { None } else { Some(event(row)?) },
        state,
        attempt: row.get("attempt")?,
        why: row.get("why")?,
        age: ledger.since(row.get("accepted")?),
    })
}

fn event(row: &Row<'_>) -> rusqlite::Result<InboxEvent> {
    Ok(InboxEvent {
        key: parsed(row, "key")?,
        event_type: event_type(row)?,
        job: Job::new(row.get::<_, String>("job")?),
        source: source(row)?,
        body: Bytes::from(row.get::<_, String>("body")?),
    })
}

fn event_type(row: &Row<'_>) -> rusqlite::Result<EventType> {
    row.get::<_, String>("event_type").map(EventType::from)
}

fn source(row: &Row<'_>) -> rusqlite::Result<Source> {
    serde_json::from_str(row.get_ref("source")?.as_str()?).map_err(unreadable)
}

fn parsed<T: FromStr<Err: Error + Send + Sync + 'static>>(
    row: &Row<'_>,
    column: &str,
) -> rusqlite::Result<T> {
    row.get_ref(column)?.as_str()?.parse().map_err(unreadable)
}

fn unreadable(error: impl Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error))
}
