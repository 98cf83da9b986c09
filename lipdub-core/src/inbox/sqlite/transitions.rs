//! The transitions of the inbox.
//!
//! How jobs take turns: the first event in line of each job (and of each type in a job, for those who take
//! only some types) carries the job's *turn*, a number. The least turn is taken, and what the job has left
//! moves to one turn after the greatest that was taken so far, to where the first event of a job that had
//! none begins, too. So a job waits for at most two events of any other job, and to find who is next is to
//! look at the end of an index.

use std::time::Duration;

use rusqlite::Row;

use super::ledger::Ledger;
use super::record::{body_text, leased, source_text};
use super::statements::*;
use super::word::Word;
use crate::dedupe::{ClaimToken, Transition};
use crate::event::EventKey;
use crate::inbox::{Accepted, Holder, InboxEvent, LeaseRequest, Leased, Order};

/// How many events that have become due are put in line at least before some are leased.
const DUE_BATCH: usize = 100;
/// How many events that cannot be read are set aside at a time.
const SET_ASIDE_BATCH: usize = 100;
const UNREADABLE: &str =
    "what is stored of it cannot be read: somebody has edited it, or a part of it is gone";
/// How many events are forgotten at a time.
const PRUNE_BATCH: i64 = 500;

/// An event, and where it stands in line.
struct Place {
    seq: i64,
    event_type: Word,
    job: Word,
}

impl Place {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { seq: row.get("seq")?, event_type: row.get("event_type")?, job: row.get("job")? })
    }
}

impl Ledger<'_> {
    pub(super) fn accept(&mut self, event: &InboxEvent) -> rusqlite::Result<Accepted> {
        let key = event.key.to_string();
        let known = self.row(STATE, [&key], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
        let Some((seq, state)) = known else {
            self.insert(&key, event)?;
            return Ok(Accepted::New);
        };
        match state.as_str() {
            "done" => Ok(Accepted::Done),
            "dead" => self.revive(seq, &key, event).map(|()| Accepted::Revived),
            _ => Ok(Accepted::Waiting),
        }
    }

    fn insert(&mut self, key: &str, event: &InboxEvent) -> rusqlite::Result<()> {
        let (event_type, job) = (event.event_type.as_str(), event.job.as_str());
        self.execute(INSERT, (key, event_type, job, source_text(&event.source)?, self.now))?;
        let seq = self.last_seq();
        self.execute(INSERT_BODY, (seq, body_text(event)?))?;
        self.line_up(&event_type.into(), &job.into())
    }

    /// It came again, with links that are fresher than those it died with.
    fn revive(&mut self, seq: i64, key: &str, event: &InboxEvent) -> rusqlite::Result<()> {
        let Some(place) = self.row(ROW, [key], Place::read)? else { return Ok(()) };
        self.execute(REVIVE, (seq, source_text(&event.source)?, self.now))?;
        self.execute(REPLACE_BODY, (seq, body_text(event)?))?;
        self.line_up(&place.event_type, &place.job)
    }

    pub(super) fn lease(&mut self, request: &LeaseRequest) -> rusqlite::Result<Vec<Leased>> {
        let until = self.after(request.lease);
        let mut given = Vec::new();
        for place in self.hold(request, until)? {
            given.extend(self.give(&place, request.token)?);
        }
        self.line_up_what_is_due(request.limit)?;
        let most = request.limit.saturating_add(SET_ASIDE_BATCH);
        for _ in given.len()..most {
            if given.len() >= request.limit {
                break;
            }
            let Some((turn, place)) = self.next(request)? else { break };
            self.turn = self.turn.max(turn);
            self.take(&place, request.token, until)?;
            given.extend(self.give(&place, request.token)?);
        }
        Ok(given)
    }

    /// Reads what was leased. What cannot be read is set aside, or it would stop the whole inbox.
    fn give(&mut self, place: &Place, token: ClaimToken) -> rusqlite::Result<Option<Leased>> {
        let leased = leased(self, place.seq, token)?;
        if leased.is_none() {
            tracing::error!(
                seq = place.seq,
                "what is stored of an event cannot be read: it is a dead letter"
            );
            self.execute(BURY, (place.seq, self.now, UNREADABLE))?;
            self.line_up(&place.event_type, &place.job)?;
        }
        Ok(leased)
    }

    /// Renews what the token holds already.
    fn hold(&mut self, request: &LeaseRequest, until: i64) -> rusqlite::Result<Vec<Place>> {
        let limit = i64::try_from(request.limit).unwrap_or(i64::MAX);
        let held = self.rows(HELD, (request.token.to_string(), limit), Place::read)?;
        for place in &held {
            self.execute(HOLD, (place.seq, until))?;
            self.line_up(&place.event_type, &place.job)?;
        }
        Ok(held)
    }

    /// Puts events in line whose time has come, and those whose lease has lapsed.
    fn line_up_what_is_due(&mut self, limit: usize) -> rusqlite::Result<()> {
        let limit = i64::try_from(limit.max(DUE_BATCH)).unwrap_or(i64::MAX);
        for state in ["delayed", "leased"] {
            for place in self.rows(DUE, (state, self.now, limit), Place::read)? {
                self.execute(STAND_IN_LINE, [place.seq])?;
                self.line_up(&place.event_type, &place.job)?;
            }
        }
        Ok(())
    }

    /// The event whose turn it is: of those with the least turn, the one that arrived first.
    fn next(&self, request: &LeaseRequest) -> rusqlite::Result<Option<(i64, Place)>> {
        let aheads = match request.order {
            Order::Any => 0..=2,
            Order::PerJob { behind_dead: false } => 0..=1,
            Order::PerJob { behind_dead: true } => 0..=0,
        };
        let turn_and_place = |row: &Row<'_>| Ok((row.get("turn")?, Place::read(row)?));
        let mut candidates: Vec<(i64, Place)> = Vec::new();
        for ahead in aheads {
            match &request.event_types {
                None => candidates.extend(self.row(NEXT, [ahead], turn_and_place)?),
                Some(types) => {
                    for event_type in types.iter() {
                        let which = (ahead, event_type.as_str());
                        candidates.extend(self.row(NEXT_OF_TYPE, which, turn_and_place)?);
                    }
                }
            }
        }
        Ok(candidates.into_iter().min_by_key(|(turn, place)| (*turn, place.seq)))
    }

    fn next_turn(&self) -> i64 {
        self.turn.saturating_add(1)
    }

    fn take(&mut self, place: &Place, token: ClaimToken, until: i64) -> rusqlite::Result<()> {
        self.execute(TAKE, (place.seq, until, token.to_string()))?;
        self.execute(SET_TURN_OF_JOB, (&place.job, self.next_turn()))?;
        self.line_up(&place.event_type, &place.job)
    }

    pub(super) fn renew(&mut self, holder: &Holder, lease: Duration) -> rusqlite::Result<Transition> {
        let until = self.after(lease);
        self.settle(holder, None, |ledger, seq| ledger.execute(HOLD, (seq, until)))
    }

    pub(super) fn done(&mut self, holder: &Holder) -> rusqlite::Result<Transition> {
        self.settle(holder, Some("done"), |ledger, seq| {
            ledger.execute(DELETE_BODY, [seq])?;
            ledger.execute(DONE, (seq, ledger.now))
        })
    }

    pub(super) fn retry(
        &mut self,
        holder: &Holder,
        delay: Duration,
        why: &str,
    ) -> rusqlite::Result<Transition> {
        let due = self.after(delay);
        self.settle(holder, Some("retry"), |ledger, seq| match delay {
            Duration::ZERO => ledger.execute(RETRY, (seq, why)),
            _ => ledger.execute(DELAY, (seq, due, why)),
        })
    }

    pub(super) fn bury(&mut self, holder: &Holder, why: &str) -> rusqlite::Result<Transition> {
        self.settle(holder, Some("bury"), |ledger, seq| ledger.execute(BURY, (seq, ledger.now, why)))
    }

    pub(super) fn give_back(&mut self, holder: &Holder) -> rusqlite::Result<Transition> {
        self.settle(holder, Some("give_back"), |ledger, seq| ledger.execute(GIVE_BACK, [seq]))
    }

    /// Lets the holder change its event, once. Said again, the same is granted, and nothing changes.
    fn settle(
        &mut self,
        holder: &Holder,
        how: Option<&str>,
        change: impl FnOnce(&Self, i64) -> rusqlite::Result<usize>,
    ) -> rusqlite::Result<Transition> {
        let key = holder.key.to_string();
        let words = |row: &Row<'_>| Ok((row.get("token")?, row.get("settled")?));
        let Some((token, settled)): Option<(Word, Option<String>)> = self.row(ROW, [&key], words)? else {
            return Ok(Transition::Refused);
        };
        if token != holder.token.to_string().as_str().into() {
            return Ok(Transition::Refused);
        }
        if settled.is_some() {
            return Ok(if settled.as_deref() == how { Transition::Applied } else { Transition::Refused });
        }
        let Some(place) = self.row(ROW, [&key], Place::read)? else { return Ok(Transition::Refused) };
        change(self, place.seq)?;
        self.line_up(&place.event_type, &place.job)?;
        Ok(Transition::Applied)
    }

    pub(super) fn replay(&mut self, key: EventKey) -> rusqlite::Result<Transition> {
        self.change_dead(key, |ledger, seq| ledger.execute(REPLAY, [seq]))
    }

    pub(super) fn discard(&mut self, key: EventKey) -> rusqlite::Result<Transition> {
        self.change_dead(key, |ledger, seq| {
            ledger.execute(DELETE_BODY, [seq])?;
            ledger.execute(DISCARD, (seq, ledger.now))
        })
    }

    fn change_dead(
        &mut self,
        key: EventKey,
        change: impl FnOnce(&Self, i64) -> rusqlite::Result<usize>,
    ) -> rusqlite::Result<Transition> {
        let key = key.to_string();
        let state = self.row(STATE, [&key], |row| row.get::<_, String>(1))?;
        let Some(place) =
            state.filter(|state| state == "dead").and(self.row(ROW, [&key], Place::read).transpose())
        else {
            return Ok(Transition::Refused);
        };
        let place = place?;
        change(self, place.seq)?;
        self.line_up(&place.event_type, &place.job)?;
        Ok(Transition::Applied)
    }

    pub(super) fn prune(&mut self, age: Duration) -> rusqlite::Result<u64> {
        let before = self.before(age);
        let done = self.rows(OLD_DONE, (before, PRUNE_BATCH), |row| row.get::<_, i64>(0))?;
        for seq in &done {
            self.execute(DELETE, [seq])?;
        }
        let dead = self.rows(OLD_DEAD, (before, PRUNE_BATCH), Place::read)?;
        for place in &dead {
            self.execute(DELETE_BODY, [place.seq])?;
            self.execute(DELETE, [place.seq])?;
            self.line_up(&place.event_type, &place.job)?;
        }
        self.give_room_back(PRUNE_BATCH)?;
        Ok((done.len() + dead.len()) as u64)
    }

    /// Sees to it that the first events of a job are marked as such, after one of this type has changed.
    fn line_up(&mut self, event_type: &Word, job: &Word) -> rusqlite::Result<()> {
        self.mark_first(job)?;
        self.mark_front(event_type, job)
    }

    /// The first event of a job that is not finished is the one that may be handled if one is at a time.
    fn mark_first(&mut self, job: &Word) -> rusqlite::Result<()> {
        let marked =
            self.row(MARKED_FIRST, [job], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
        let first = self.first_unfinished(job)?;
        if let Some((seq, _)) = marked.filter(|(seq, _)| Some(*seq) != first) {
            self.execute(SET_AHEAD, (seq, 2))?;
        }
        let Some(first) = first else { return Ok(()) };
        let dead = self.first_in(job, "dead")?.is_some_and(|dead| dead < first);
        let ahead = i64::from(dead);
        if marked != Some((first, ahead)) {
            self.execute(SET_AHEAD, (first, ahead))?;
        }
        Ok(())
    }

    fn first_unfinished(&self, job: &Word) -> rusqlite::Result<Option<i64>> {
        let mut first = None;
        for state in ["queued", "delayed", "leased"] {
            let candidate = self.first_in(job, state)?;
            first = first.into_iter().chain(candidate).min();
        }
        Ok(first)
    }

    fn first_in(&self, job: &Word, state: &str) -> rusqlite::Result<Option<i64>> {
        self.row(FIRST_IN_STATE, (job, state), |row| row.get(0))
    }

    /// The first event in line of each type in a job carries the job's turn.
    fn mark_front(&mut self, event_type: &Word, job: &Word) -> rusqlite::Result<()> {
        let marked = self.row(MARKED_FRONT, (job, event_type), |row| row.get::<_, i64>(0))?;
        let front = self.row(FIRST_OF_KIND, (job, event_type), |row| row.get::<_, i64>(0))?;
        if marked == front {
            return Ok(());
        }
        let turn = self.row(TURN_OF_JOB, [job], |row| row.get(0))?.unwrap_or(self.next_turn());
        if let Some(marked) = marked {
            self.execute(SET_TURN, (marked, None::<i64>))?;
        }
        if let Some(front) = front {
            self.execute(SET_TURN, (front, turn))?;
        }
        Ok(())
    }
}
