//! What the scripts answer, as an inbox tells it.

use std::time::Duration;

use crate::dedupe::{ClaimToken, StoreError};
use crate::event::{EventKey, EventType, Source};
use crate::inbox::{DeadLetter, Holder, InboxEvent, InboxRecord, InboxState, InboxStats, Job, Leased};
use crate::redis::strange_answer;

/// Microseconds, below 0 if the server's clock went back.
type Micros = i64;

/// Whether there may be more, and an event in each row.
pub(super) type LeaseReply = (String, Vec<LeasedRow>);

/// Key, type, job, body, link, attempt, tries, age, reason.
pub(super) type LeasedRow =
    (String, String, String, Vec<u8>, Option<String>, u64, u64, Micros, Option<String>);

pub(super) fn leased(row: LeasedRow, token: ClaimToken) -> Result<Leased, StoreError> {
    let (key, event_type, job, body, link, attempt, tries, age, why) = row;
    let key = key.parse().map_err(|_| strange_answer())?;
    let event = InboxEvent {
        key,
        event_type: EventType::from(event_type),
        job: Job::new(job),
        source: link.map_or(Source::Tenant, Source::Job),
        body: body.into(),
    };
    Ok(Leased::new(Holder { key, token }, event, small(attempt), small(tries), duration(age)).why(why))
}

/// State, attempt, age, reason; and type, job, body and link of one that is not done.
pub(super) type RecordRow =
    (String, u64, Micros, Option<String>, Option<String>, Option<String>, Option<Vec<u8>>, Option<String>);

pub(super) fn record(row: RecordRow, key: EventKey) -> Result<InboxRecord, StoreError> {
    let (state, attempt, age, why, event_type, job, body, link) = row;
    let state = match state.as_str() {
        "queued" => InboxState::Queued,
        "leased" => InboxState::Leased,
        "dead" => InboxState::Dead,
        "done" => InboxState::Done,
        _ => return Err(strange_answer()),
    };
    let event = event_type.zip(job).zip(body).map(|((event_type, job), body)| InboxEvent {
        key,
        event_type: EventType::from(event_type),
        job: Job::new(job),
        source: link.map_or(Source::Tenant, Source::Job),
        body: body.into(),
    });
    Ok(InboxRecord { event, state, attempt: small(attempt), why, age: duration(age) })
}

/// Key, type, job, attempt, reason, age, how long it has been dead, and since when.
pub(super) type DeadRow = (String, String, String, u64, String, Micros, Micros, u64);

pub(super) fn dead_letter(row: DeadRow) -> Result<DeadLetter, StoreError> {
    let (key, event_type, job, attempt, why, age, dead_for, _) = row;
    Ok(DeadLetter {
        key: key.parse().map_err(|_| strange_answer())?,
        event_type: EventType::from(event_type),
        job: Job::new(job),
        attempt: small(attempt),
        why,
        age: duration(age),
        dead_for: duration(dead_for),
    })
}

/// Due, delayed, leased, dead, done, and the age of the oldest that is due.
pub(super) type StatsRow = (u64, u64, u64, u64, u64, Option<Micros>);

pub(super) fn add(sum: InboxStats, row: StatsRow) -> InboxStats {
    let (due, delayed, leased, dead, done, oldest_due) = row;
    InboxStats {
        due: sum.due + due,
        delayed: sum.delayed + delayed,
        leased: sum.leased + leased,
        dead: sum.dead + dead,
        done: sum.done + done,
        oldest_due: sum.oldest_due.max(oldest_due.map(duration)),
    }
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn duration(micros: Micros) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
