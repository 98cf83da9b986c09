//! What LipDub was answered, beside what the handlers did and what the inbox says.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::time::SystemTime;

use lipdub_core::inbox::InboxState;
use lipdub_core::testing::{Fate, LipDub, Story};
use lipdub_core::{EventKey, Inbox};

use super::journal::{self, Hold, Outcome};
use super::{TRIES, dead};
use crate::effects::{self, Run, successes};
use crate::events::can_succeed;
use crate::report::Answers;
use crate::testbeds::Kill;
use crate::{BoxError, CLOCKS};

/// Every event with everything that is known of it.
pub(super) struct Ledger {
    events: Vec<Entry>,
    /// What is in the inbox and neither done nor dead, of whatever event.
    unfinished: u64,
    began: SystemTime,
}

#[derive(Debug)]
struct Entry {
    story: Story,
    runs: Vec<Run>,
    holds: Vec<Hold>,
    state: Option<InboxState>,
}

/// What an audit found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) events: usize,
    pub(super) answers: Answers,
    pub(super) leases: usize,
    /// Leases that lapsed with the process of their holder.
    pub(super) lapsed_by_kill: usize,
    /// Leases that lapsed though their holder lived: it was stalled, or could not renew them.
    pub(super) lapsed_alive: usize,
    /// What the holders of these had to tell, and was not taken.
    pub(super) refused: usize,
    pub(super) succeeded_once: usize,
    pub(super) twice_by_kill: usize,
    pub(super) twice_by_lapse: usize,
    pub(super) dead: usize,
    /// What LipDub has given up on, and was never stored.
    pub(super) given_up: usize,
    pub(super) lost: usize,
    /// What is not as promised, event by event.
    pub(super) violations: Vec<String>,
}

impl Ledger {
    pub(super) async fn read(
        directory: &Path,
        lipdub: &LipDub,
        inbox: &dyn Inbox,
        began: SystemTime,
    ) -> Result<Self, BoxError> {
        let (mut runs, mut holds) = (effects::read(directory)?, journal::read(directory)?);
        let stats = inbox.stats().await?;
        let mut events = Vec::new();
        for story in lipdub.stories() {
            let key = story.event().key();
            let mut runs = runs.remove(&key).unwrap_or_default();
            runs.sort_by_key(|run| run.attempt);
            let holds = holds.remove(&key).unwrap_or_default();
            let state = inbox.find(key).await?.map(|record| record.state);
            events.push(Entry { story, runs, holds, state });
        }
        check_listing(&events, &dead(inbox).await?)?;
        Ok(Self { events, unfinished: stats.due + stats.delayed + stats.leased, began })
    }

    /// Holds every event to what is promised, and after replays in calm to having succeeded.
    pub(super) fn audit(&self, killed: &[Kill], is_replayed: bool) -> Findings {
        let mut findings = Findings { events: self.events.len(), ..Findings::default() };
        for entry in &self.events {
            let case = Case { entry, killed, is_replayed, began: self.began };
            findings.count(&case);
            findings.violations.extend(case.violations().map(|what| format!("{what}\n{case}")));
        }
        if self.unfinished > 0 {
            findings.violations.push(format!("{} events are still queued or leased", self.unfinished));
        }
        findings
    }
}

/// The two ways in which an inbox tells what is dead must agree.
fn check_listing(events: &[Entry], listed: &[EventKey]) -> Result<(), BoxError> {
    let by_key: HashMap<_, _> = events.iter().map(|entry| (entry.story.event().key(), entry.state)).collect();
    let is_found = |key: &EventKey| by_key.get(key).is_none_or(|state| *state == Some(InboxState::Dead));
    let are_listed = events
        .iter()
        .filter(|entry| entry.state == Some(InboxState::Dead))
        .all(|entry| listed.contains(&entry.story.event().key()));
    match listed.iter().all(is_found) && are_listed {
        true => Ok(()),
        false => Err("`dead` lists other events than `find` finds to be dead".into()),
    }
}

impl Findings {
    fn count(&mut self, case: &Case<'_>) {
        let Entry { story, runs, holds, state } = case.entry;
        self.answers.count(story);
        self.leases += holds.len();
        for (hold, next) in case.handovers() {
            if hold.results().any(|result| result.outcome == Outcome::Applied) {
                continue;
            }
            match case.was_killed(hold, next) {
                true => self.lapsed_by_kill += 1,
                false => self.lapsed_alive += 1,
            }
            let late = hold.late_calls(next).filter(|call| call.is_result());
            self.refused += late.filter(|result| result.outcome == Outcome::Refused).count();
        }
        match (successes(runs).count(), state) {
            (0 | 1, Some(InboxState::Dead)) => self.dead += 1,
            (0, None) if case.is_in_lipdubs_queue() => self.given_up += 1,
            (0, _) => self.lost += 1,
            (1, _) => self.succeeded_once += 1,
            _ if case.first_success_was_killed() => self.twice_by_kill += 1,
            _ => self.twice_by_lapse += 1,
        }
    }
}

/// One event before the auditor.
struct Case<'a> {
    entry: &'a Entry,
    killed: &'a [Kill],
    is_replayed: bool,
    began: SystemTime,
}

impl Case<'_> {
    fn violations(&self) -> impl Iterator<Item = &'static str> {
        let held = [
            (self.is_kept(), "it is lost: it was answered 200, and is neither handled nor a dead letter"),
            (self.is_somewhere(), "it is lost: it was not stored, and LipDub has not got it either"),
            (self.is_finished(), "it is still queued or leased"),
            (self.is_done_truly(), "the inbox has it as done, and no handler has succeeded"),
            (self.is_marked_truly(), "it was marked as done before its handler had succeeded"),
            (self.is_answered_truly(), "it was answered `duplicate` before it had succeeded"),
            (self.rests_once_done(), "it ran again though it was marked as done"),
            (self.succeeds_once(), "it succeeded twice, and there was neither a kill nor a lapse in between"),
            (self.has_one_holder(), "it was given to another though the lease had not lapsed"),
            (self.refuses_late_calls(), "the call of a holder was applied though another had taken over"),
            (self.runs_apart(), "it ran twice at the same time, and the lease had not lapsed"),
            (self.runs_under_a_lease(), "it ran without a lease"),
            (self.counts_up(), "two attempts have one number"),
            (self.obeys(), "it succeeded though its handler cannot"),
            (self.dies_late(), "it is a dead letter though not all its tries were used up"),
            (self.recovers(), "it was replayed in calm and has not succeeded"),
        ];
        held.into_iter().filter(|(holds, _)| !holds).map(|(_, what)| what)
    }

    fn is_kept(&self) -> bool {
        let is_handled = self.has_succeeded() && self.is(InboxState::Done);
        self.answers("").next().is_none() || is_handled || self.is(InboxState::Dead)
    }

    fn is_somewhere(&self) -> bool {
        let is_answered = self.answers("").next().is_some();
        self.entry.state.is_some() || is_answered || self.is_in_lipdubs_queue()
    }

    fn is_finished(&self) -> bool {
        !self.is(InboxState::Queued) && !self.is(InboxState::Leased)
    }

    fn is_done_truly(&self) -> bool {
        !self.is(InboxState::Done) || self.has_succeeded()
    }

    fn is_marked_truly(&self) -> bool {
        self.entry.holds.iter().filter_map(|hold| Some((hold, hold.done()?))).all(|(hold, done)| {
            self.run_of(hold).and_then(|run| run.succeeded).is_some_and(|at| at <= done.ended)
        })
    }

    fn is_answered_truly(&self) -> bool {
        let had_succeeded = |at| successes(&self.entry.runs).any(|success| success <= at + CLOCKS);
        self.answers("duplicate").all(had_succeeded)
    }

    fn rests_once_done(&self) -> bool {
        let done = self.entry.holds.iter().find(|hold| hold.done().is_some());
        done.is_none_or(|done| self.entry.holds.iter().all(|hold| hold.attempt <= done.attempt))
    }

    /// Each success but the last was not marked, for its process was killed before, or for its lease had lapsed.
    fn succeeds_once(&self) -> bool {
        self.handovers().all(|(hold, next)| match self.run_of(hold).and_then(|run| run.succeeded) {
            None => true,
            Some(success) => self.was_killed_after(success, hold, next) || hold.had_lapsed(next),
        })
    }

    /// A holder that told a result may have been heard, though it got no answer.
    fn has_one_holder(&self) -> bool {
        self.handovers().all(|(hold, next)| {
            let told = hold.results().any(|result| result.began <= next.leased().ended);
            told || hold.had_lapsed(next)
        })
    }

    fn refuses_late_calls(&self) -> bool {
        self.handovers()
            .all(|(hold, next)| hold.late_calls(next).all(|call| call.outcome != Outcome::Applied))
    }

    fn runs_apart(&self) -> bool {
        self.handovers().all(|(hold, next)| match (self.run_of(hold), self.run_of(next)) {
            (Some(run), Some(later)) => {
                let is_over = run.succeeded.is_none_or(|success| success <= later.started);
                (is_over && run.started <= later.started) || hold.had_lapsed(next)
            }
            _ => true,
        })
    }

    fn runs_under_a_lease(&self) -> bool {
        let is_held = |run: &Run| {
            let mut holds = self.entry.holds.iter();
            holds.any(|hold| hold.attempt == run.attempt && hold.leased().began <= run.started + CLOCKS)
        };
        self.entry.runs.iter().all(is_held)
    }

    fn counts_up(&self) -> bool {
        let are_apart = self.handovers().all(|(hold, next)| hold.attempt < next.attempt);
        are_apart && self.entry.runs.windows(2).all(|pair| pair[0].attempt < pair[1].attempt)
    }

    fn obeys(&self) -> bool {
        can_succeed(self.entry.story.event()) || !self.has_succeeded()
    }

    fn dies_late(&self) -> bool {
        let attempts = self.entry.holds.last().map_or(0, |hold| hold.attempt);
        !self.is(InboxState::Dead) || attempts >= TRIES
    }

    fn recovers(&self) -> bool {
        let is_right = match can_succeed(self.entry.story.event()) {
            true => self.has_succeeded() && self.is(InboxState::Done),
            false => self.is(InboxState::Dead),
        };
        is_right || !self.is_replayed
    }

    fn is(&self, state: InboxState) -> bool {
        self.entry.state == Some(state)
    }

    fn has_succeeded(&self) -> bool {
        successes(&self.entry.runs).next().is_some()
    }

    fn is_in_lipdubs_queue(&self) -> bool {
        self.entry.story.fate() == Some(Fate::Dead) && self.answers("").next().is_none()
    }

    /// Each holder with the one that came after it.
    fn handovers(&self) -> impl Iterator<Item = (&Hold, &Hold)> {
        self.entry.holds.windows(2).map(|pair| (&pair[0], &pair[1]))
    }

    fn run_of(&self, hold: &Hold) -> Option<&Run> {
        self.entry.runs.iter().find(|run| (run.attempt, run.process) == (hold.attempt, hold.process))
    }

    fn was_killed(&self, hold: &Hold, next: &Hold) -> bool {
        self.was_killed_after(hold.leased().began, hold, next)
    }

    fn was_killed_after(&self, from: SystemTime, hold: &Hold, next: &Hold) -> bool {
        let span = from..=next.leased().ended;
        self.killed.iter().any(|kill| kill.process == hold.process && span.contains(&kill.at))
    }

    fn first_success_was_killed(&self) -> bool {
        let first = self.handovers().find_map(|(hold, next)| {
            let success = self.run_of(hold)?.succeeded?;
            Some(self.was_killed_after(success, hold, next))
        });
        first.unwrap_or(false)
    }

    /// When answers of 2xx with this status were given, or any if it is empty, whether LipDub saw them or not.
    fn answers(&self, status: &str) -> impl Iterator<Item = SystemTime> {
        let is_meant = move |reply: &lipdub_core::testing::Reply| {
            reply.is_success() && (status.is_empty() || reply.status().as_deref() == Some(status))
        };
        let meant = self.entry.story.tries().filter(move |tried| tried.outcome.reply().is_some_and(is_meant));
        meant.map(|tried| self.began + tried.at + tried.took)
    }
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { story, runs, holds, state } = self.entry;
        write!(formatter, "{story}\n  in the inbox: {state:?}")?;
        let since = |at: SystemTime| at.duration_since(self.began).unwrap_or_default();
        for hold in holds {
            write!(formatter, "\n  attempt {} in process {}", hold.attempt, hold.process)?;
            for call in hold.calls() {
                write!(formatter, "\n    {:.3?} {:?} {:?}", since(call.began), call.what, call.outcome)?;
                write!(formatter, " at {:.3?}", since(call.ended))?;
            }
            for run in runs.iter().filter(|run| run.attempt == hold.attempt) {
                write!(formatter, "\n    ran from {:.3?}", since(run.started))?;
                if let Some(succeeded) = run.succeeded {
                    write!(formatter, ", succeeded at {:.3?}", since(succeeded))?;
                }
            }
            for kill in self.killed.iter().filter(|kill| kill.process == hold.process) {
                write!(formatter, "\n    killed at {:.3?}", since(kill.at))?;
            }
        }
        Ok(())
    }
}

/// The auditor finds each thing that is not as promised, and nothing else.
#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;
    use std::time::Duration;

    use lipdub_core::testing::Reply;
    use lipdub_core::testing::sample::{self, Sample};

    use super::super::journal::{Call, What};
    use super::*;

    const ACCEPTED: &[&str] = &["200 accepted"];
    const UNAVAILABLE: &[&str] = &["503 unavailable"; 3];
    const DONE: Option<InboxState> = Some(InboxState::Done);
    const DEAD: Option<InboxState> = Some(InboxState::Dead);

    fn second(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(second)
    }

    fn run(attempt: u32, process: u32, started: u64, succeeded: Option<u64>) -> Run {
        Run { attempt, process, started: second(started), succeeded: succeeded.map(second) }
    }

    fn kill(process: u32, at: u64) -> Kill {
        Kill { process, at: second(at) }
    }

    /// A hold from a second on, with these calls.
    fn hold(attempt: u32, process: u32, leased: u64, calls: &[(u64, What, Outcome)]) -> Hold {
        let call = |(at, what, outcome): (u64, What, Outcome)| {
            let at = second(at);
            Call { what, outcome, began: at, ended: at }
        };
        let lease = (leased, What::Lease, Outcome::Applied);
        Hold::new(attempt, process, [lease].iter().chain(calls).copied().map(call).collect())
    }

    fn done(at: u64) -> (u64, What, Outcome) {
        (at, What::Done, Outcome::Applied)
    }

    /// What became of an event.
    struct Row {
        answers: Vec<&'static str>,
        state: Option<InboxState>,
        runs: Vec<Run>,
        holds: Vec<Hold>,
        killed: Vec<Kill>,
    }

    fn row(
        answers: &[&'static str],
        state: Option<InboxState>,
        runs: &[Run],
        holds: &[Hold],
        killed: &[Kill],
    ) -> Row {
        let (answers, runs, holds) = (answers.to_vec(), runs.to_vec(), holds.to_vec());
        Row { answers, state, runs, holds, killed: killed.to_vec() }
    }

    async fn verdict(event: &Sample, row: &Row, is_replayed: bool) -> Vec<&'static str> {
        let answers = Mutex::new(VecDeque::from(row.answers.clone()));
        let lipdub = LipDub::builder(move |_request| {
            let answer = answers.lock().unwrap().pop_front().unwrap();
            let (code, status) = answer.split_once(' ').unwrap();
            let reply = Reply::new(code.parse().unwrap()).body(format!(r#"{{"status":"{status}"}}"#));
            async { Ok(reply) }
        });
        let lipdub = lipdub.build();
        lipdub.deliver(event).await;
        let (runs, holds) = (row.runs.clone(), row.holds.clone());
        let entry = Entry { story: lipdub.story(event), runs, holds, state: row.state };
        Case { entry: &entry, killed: &row.killed, is_replayed, began: second(0) }.violations().collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_as_promised_is_found_to_be() {
        let retried = [(3, What::Retry, Outcome::Applied)];
        let refused = [(9, What::Done, Outcome::Refused), (8, What::Renew, Outcome::Refused)];
        let rows = [
            row(ACCEPTED, DONE, &[run(1, 7, 1, Some(2))], &[hold(1, 7, 1, &[done(2)])], &[]),
            row(UNAVAILABLE, None, &[], &[], &[]),
            // It was stored all the same.
            row(UNAVAILABLE, DONE, &[run(1, 7, 1, Some(2))], &[hold(1, 7, 1, &[done(2)])], &[]),
            row(
                ACCEPTED,
                DONE,
                &[run(1, 7, 1, None), run(2, 8, 4, Some(5))],
                &[hold(1, 7, 1, &retried), hold(2, 8, 4, &[done(5)])],
                &[],
            ),
            // Killed between effect and mark.
            row(
                ACCEPTED,
                DONE,
                &[run(1, 7, 1, Some(2)), run(2, 8, 6, Some(7))],
                &[hold(1, 7, 1, &[]), hold(2, 8, 6, &[done(7)])],
                &[kill(7, 3)],
            ),
            // Stalled for longer than the lease.
            row(
                ACCEPTED,
                DONE,
                &[run(1, 7, 1, Some(9)), run(2, 8, 6, Some(7))],
                &[hold(1, 7, 1, &refused), hold(2, 8, 6, &[done(7)])],
                &[],
            ),
            // Killed before the answer to `retry`, which was applied.
            row(
                ACCEPTED,
                DONE,
                &[run(1, 7, 1, None), run(2, 8, 3, Some(4))],
                &[hold(1, 7, 1, &[(2, What::Retry, Outcome::Asked)]), hold(2, 8, 3, &[done(4)])],
                &[kill(7, 2)],
            ),
            row(ACCEPTED, DEAD, &[], &[hold(TRIES, 7, 1, &[])], &[]),
        ];
        for (number, row) in rows.iter().enumerate() {
            assert_eq!(verdict(&sample::render_complete(), row, false).await, [""; 0], "row {number}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_as_promised_is_found() {
        let one = [run(1, 7, 1, Some(2))];
        let two = [run(1, 7, 1, Some(2)), run(2, 8, 4, Some(5))];
        let applied = |at, what| (at, what, Outcome::Applied);
        let rows: &[(Row, &[&str])] = &[
            (row(ACCEPTED, None, &[], &[], &[]), &["it is lost: it was answered"]),
            (row(ACCEPTED, Some(InboxState::Queued), &[], &[], &[]), &["it is lost: it was", "it is still"]),
            (row(UNAVAILABLE, Some(InboxState::Leased), &[], &[], &[]), &["it is still"]),
            (row(ACCEPTED, DONE, &[], &[], &[]), &["it is lost: it was", "the inbox has it as done"]),
            (row(ACCEPTED, DEAD, &[], &[hold(1, 7, 1, &[])], &[]), &["it is a dead letter"]),
            (row(ACCEPTED, DONE, &one, &[], &[]), &["it ran without a lease"]),
            (
                row(&["200 duplicate"], DONE, &one, &[hold(1, 7, 1, &[done(2)])], &[]),
                &["it was answered `duplicate`"],
            ),
            // The mark came first.
            (
                row(ACCEPTED, DONE, &[run(1, 7, 1, Some(3))], &[hold(1, 7, 1, &[done(1)])], &[]),
                &["it was marked as done before"],
            ),
            (
                row(ACCEPTED, DONE, &two, &[hold(1, 7, 1, &[done(2)]), hold(2, 8, 4, &[done(5)])], &[]),
                &["it ran again though", "it succeeded twice"],
            ),
            // Nothing explains the second: another process was killed, or this one too early.
            (
                row(ACCEPTED, DONE, &two, &[hold(1, 7, 1, &[]), hold(2, 8, 4, &[done(5)])], &[kill(8, 3)]),
                &["it succeeded twice", "it was given to another"],
            ),
            (
                row(ACCEPTED, DONE, &two, &[hold(1, 7, 1, &[]), hold(2, 8, 4, &[done(5)])], &[kill(7, 1)]),
                &["it succeeded twice", "it was given to another"],
            ),
            // The lease had been renewed.
            (
                row(
                    ACCEPTED,
                    DONE,
                    &[run(1, 7, 1, Some(9)), run(2, 8, 7, Some(8))],
                    &[hold(1, 7, 1, &[applied(3, What::Renew)]), hold(2, 8, 7, &[done(8)])],
                    &[],
                ),
                &["it succeeded twice", "it was given to another", "it ran twice at the same time"],
            ),
            // The lapsed one was not refused.
            (
                row(
                    ACCEPTED,
                    DONE,
                    &[run(1, 7, 1, None), run(2, 8, 7, Some(8))],
                    &[hold(1, 7, 1, &[applied(9, What::Retry)]), hold(2, 8, 7, &[done(8)])],
                    &[],
                ),
                &["the call of a holder was applied"],
            ),
            (
                row(
                    ACCEPTED,
                    DONE,
                    &[run(1, 7, 1, None), run(1, 8, 7, Some(8))],
                    &[hold(1, 7, 1, &[]), hold(1, 8, 7, &[done(8)])],
                    &[],
                ),
                &["two attempts have one number"],
            ),
        ];
        for (number, (row, expected)) in rows.iter().enumerate() {
            let found = verdict(&sample::render_complete(), row, false).await;
            let is_right = found.len() == expected.len()
                && found.iter().zip(*expected).all(|(found, expected)| found.starts_with(expected));
            assert!(is_right, "{found:?} is not {expected:?} in row {number}");
        }
        let failing = sample::render_complete().set("data.testbed.outcome", "fail");
        let handled = row(ACCEPTED, DONE, &one, &[hold(1, 7, 1, &[done(2)])], &[]);
        assert_eq!(verdict(&failing, &handled, false).await, ["it succeeded though its handler cannot"]);
        let dead = row(ACCEPTED, DEAD, &[], &[hold(TRIES, 7, 1, &[])], &[]);
        let found = verdict(&sample::render_complete(), &dead, true).await;
        assert_eq!(found, ["it was replayed in calm and has not succeeded"]);
    }
}
