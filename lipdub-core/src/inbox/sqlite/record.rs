//! Events as rows: what is written, and how it is read back.

use bytes::Bytes;
use rusqlite::Row;

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

/// What the holder of the token is told of an event that it has leased. Nothing if it cannot be read.
pub(super) fn leased(ledger: &Ledger<'_>, seq: i64, token: ClaimToken) -> rusqlite::Result<Option<Leased>> {
    let read = |row: &Row<'_>| {
        let Some(event) = event(row)? else { return Ok(None) };
        let holder = Holder { key: event.key, token };
        let age = ledger.since(row.get("accepted")?);
        let leased = Leased::new(holder, event, number(row, "attempt")?, number(row, "tries")?, age);
        Ok(Some(leased.why(reason(row)?)))
    };
    Ok(ledger.row(LEASED, [seq], read)?.flatten())
}

/// A dead letter, as far as it can be read. Nothing if it has no key by which it could be named.
pub(super) fn dead_letter(ledger: &Ledger<'_>, row: &Row<'_>) -> rusqlite::Result<Option<DeadLetter>> {
    let Some(key) = text(row, "key")?.and_then(|key| key.parse().ok()) else { return Ok(None) };
    Ok(Some(DeadLetter {
        key,
        event_type: EventType::from(lossy(row, "event_type")?.unwrap_or_default()),
        job: Job::new(lossy(row, "job")?.unwrap_or_default()),
        attempt: number(row, "attempt")?,
        why: reason(row)?.unwrap_or_default(),
        age: ledger.since(row.get("accepted")?),
        dead_for: ledger.since(row.get("ended")?),
    }))
}

pub(super) fn inbox_record(ledger: &Ledger<'_>, row: &Row<'_>) -> rusqlite::Result<InboxRecord> {
    let state = match row.get_ref("state")?.as_str()? {
        "leased" => InboxState::Leased,
        "done" => InboxState::Done,
        "dead" => InboxState::Dead,
        _ => InboxState::Queued,
    };
    Ok(InboxRecord {
        event: if state == InboxState::Done { None } else { event(row)? },
        state,
        attempt: number(row, "attempt")?,
        why: reason(row)?,
        age: ledger.since(row.get("accepted")?),
    })
}

/// Nothing if somebody has edited it, or a part of it is gone, so that it cannot be read.
fn event(row: &Row<'_>) -> rusqlite::Result<Option<InboxEvent>> {
    let (key, event_type, job) = (text(row, "key")?, text(row, "event_type")?, text(row, "job")?);
    let (source, body) = (text(row, "source")?, text(row, "body")?);
    let event = || {
        Some(InboxEvent {
            key: key?.parse().ok()?,
            event_type: EventType::from(event_type?),
            job: Job::new(job?),
            source: serde_json::from_str(source?).ok()?,
            body: Bytes::copy_from_slice(body?.as_bytes()),
        })
    };
    Ok(event())
}

fn reason(row: &Row<'_>) -> rusqlite::Result<Option<String>> {
    lossy(row, "why")
}

fn text<'a>(row: &'a Row<'_>, column: &str) -> rusqlite::Result<Option<&'a str>> {
    Ok(row.get_ref(column)?.as_str().ok())
}

fn lossy(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<String>> {
    let bytes = row.get_ref(column)?.as_bytes_or_null().ok().flatten();
    Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
}

fn number(row: &Row<'_>, column: &str) -> rusqlite::Result<u32> {
    let number: i64 = row.get(column)?;
    Ok(u32::try_from(number.max(0)).unwrap_or(u32::MAX))
}
