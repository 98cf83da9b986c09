//! What only looks.

use rusqlite::Row;

use super::ledger::Ledger;
use super::record::{dead_letter, inbox_record};
use super::statements::*;
use crate::event::{EventKey, EventType};
use crate::inbox::{DeadFilter, DeadLetter, InboxRecord, InboxStats, Job};

/// When an event died, and its place among those that died then.
type End = (i64, i64);

impl Ledger<'_> {
    pub(super) fn find(&self, key: EventKey) -> rusqlite::Result<Option<InboxRecord>> {
        self.row(FIND, [key.to_string()], |row| inbox_record(self, row))
    }

    pub(super) fn dead(&self, filter: &DeadFilter) -> rusqlite::Result<Vec<DeadLetter>> {
        let Some(mut end) = self.end_of_page(filter.after)? else { return Ok(Vec::new()) };
        let mut letters = Vec::new();
        // Those that cannot be named take up no room.
        while letters.len() < filter.limit {
            let missing = filter.limit - letters.len();
            let rows = self.dead_before(end, missing, filter)?;
            let is_last = rows.len() < missing;
            end = rows.last().map_or(end, |(end, _)| *end);
            letters.extend(rows.into_iter().filter_map(|(_, letter)| letter));
            if is_last {
                break;
            }
        }
        Ok(letters)
    }

    fn dead_before(
        &self,
        (ended, seq): End,
        limit: usize,
        filter: &DeadFilter,
    ) -> rusqlite::Result<Vec<(End, Option<DeadLetter>)>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let event_type = filter.event_type.as_ref().map(EventType::as_str);
        let job = filter.job.as_ref().map(Job::as_str);
        let letter = |row: &Row<'_>| Ok(((row.get("ended")?, row.get("seq")?), dead_letter(self, row)?));
        match (event_type, job) {
            (None, None) => self.rows(DEAD, (ended, seq, limit), letter),
            (Some(event_type), None) => self.rows(DEAD_OF_TYPE, (ended, seq, limit, event_type), letter),
            (None, Some(job)) => self.rows(DEAD_OF_JOB, (ended, seq, limit, job), letter),
            (Some(event_type), Some(job)) => {
                self.rows(DEAD_OF_TYPE_AND_JOB, (ended, seq, limit, job, event_type), letter)
            }
        }
    }

    /// Where the next page of dead letters begins. Nowhere if the last one of the page before is forgotten.
    fn end_of_page(&self, after: Option<EventKey>) -> rusqlite::Result<Option<End>> {
        match after {
            None => Ok(Some((i64::MAX, i64::MAX))),
            Some(key) => self.row(DIED, [key.to_string()], |row| Ok((row.get(0)?, row.get(1)?))),
        }
    }

    pub(super) fn stats(&self) -> rusqlite::Result<InboxStats> {
        // Those whose time has come count as due, whether or not somebody has queued them.
        let (overdue, oldest_overdue): (i64, Option<i64>) =
            self.row(DELAYED_AND_DUE, [self.now], |row| Ok((row.get(0)?, row.get(1)?)))?.unwrap_or_default();
        let oldest_queued = self.row(OLDEST_QUEUED, [], |row| row.get::<_, i64>(0))?;
        let oldest = oldest_queued.into_iter().chain(oldest_overdue).min();
        Ok(InboxStats {
            due: count(self.tally("queued")? + overdue),
            delayed: count(self.tally("delayed")? - overdue),
            leased: count(self.tally("leased")?),
            dead: count(self.tally("dead")?),
            done: count(self.tally("done")?),
            oldest_due: oldest.map(|accepted| self.since(accepted)),
        })
    }

    fn tally(&self, state: &str) -> rusqlite::Result<i64> {
        Ok(self.row(TALLY, [state], |row| row.get(0))?.unwrap_or(0))
    }
}

fn count(events: i64) -> u64 {
    u64::try_from(events).unwrap_or(0)
}
