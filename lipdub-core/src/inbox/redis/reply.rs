//! What the scripts answer, as an inbox tells it.

use std::time::Duration;

use crate::dedupe::{ClaimToken, StoreError};
use crate::event::{EventKey, EventType, Source};
use crate::inbox::{DeadLetter, Holder, InboxEvent, InboxRecord, InboxState, InboxStats, Job, Leased};
use crate::redis::strange_answer;

/// Microseconds, below 0 if the server's clock went back.
type Micros = i64;

/// A text, unless somebody has edited it.
type Words = Vec<u8>;

/// Whether there may be more, an event in each row, and the keys of those that were set aside.
pub(super) type LeaseReply = (String, Vec<LeasedRow>, Vec<Words>);

/// Key, type, job, body, link, attempt, tries, age, reason.
pub(super) type LeasedRow = (Words, Words, Words, Vec<u8>, Option<Words>, u64, u64, Micros, Option<Words>);

/// What was leased, or the key of what cannot be read.
pub(super) fn leased(row: LeasedRow, token: ClaimToken) -> Result<Leased, Words> {
    let (key_words, event_type, job, body, link, attempt, tries, age, why) = row;
    let event = parsed(&key_words).and_then(|key| event(key, event_type, job, body, link));
    let Some(event) = event else { return Err(key_words) };
    let holder = Holder { key: event.key, token };
    let leased = Leased::new(holder, event, small(attempt), small(tries), duration(age));
    Ok(leased.why(why.as_deref().map(lossy)))
}

/// State, attempt, age, reason; and type, job, body and link of one that is not done.
pub(super) type RecordRow =
    (String, u64, Micros, Option<Words>, Option<Words>, Option<Words>, Option<Vec<u8>>, Option<Words>);

pub(super) fn record(row: RecordRow, key: EventKey) -> Result<InboxRecord, StoreError> {
    let (state, attempt, age, why, event_type, job, body, link) = row;
    let state = match state.as_str() {
        "queued" => InboxState::Queued,
        "leased" => InboxState::Leased,
        "dead" => InboxState::Dead,
        "done" => InboxState::Done,
        _ => return Err(strange_answer()),
    };
    let event = event_type.zip(job).zip(body);
    let event = event.and_then(|((event_type, job), body)| self::event(key, event_type, job, body, link));
    let why = why.as_deref().map(lossy);
    Ok(InboxRecord { event, state, attempt: small(attempt), why, age: duration(age) })
}

/// Nothing if somebody has made of it what is no text.
fn event(
    key: EventKey,
    event_type: Words,
    job: Words,
    body: Vec<u8>,
    link: Option<Words>,
) -> Option<InboxEvent> {
    Some(InboxEvent {
        key,
        event_type: EventType::from(String::from_utf8(event_type).ok()?),
        job: Job::new(String::from_utf8(job).ok()?),
        source: match link {
            Some(link) => Source::Job(String::from_utf8(link).ok()?),
            None => Source::Tenant,
        },
        body: body.into(),
    })
}

pub(super) fn parsed(key: &[u8]) -> Option<EventKey> {
    std::str::from_utf8(key).ok()?.parse().ok()
}

fn lossy(words: &[u8]) -> String {
    String::from_utf8_lossy(words).into_owned()
}

/// Where it stands, its key, type, job, attempt, reason, age, how long it has been dead, and since when.
pub(super) type DeadRow = (Words, Option<Words>, Words, Words, u64, Words, Micros, Micros, u64);

/// A dead letter, as far as it can be read. Nothing if it has no key by which it could be named.
pub(super) fn dead_letter(row: &DeadRow) -> Option<DeadLetter> {
    let (_, key, event_type, job, attempt, why, age, dead_for, _) = row;
    Some(DeadLetter {
        key: parsed(key.as_deref()?)?,
        event_type: EventType::from(lossy(event_type)),
        job: Job::new(lossy(job)),
        attempt: small(*attempt),
        why: lossy(why),
        age: duration(*age),
        dead_for: duration(*dead_for),
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
