//! What LipDub was answered, beside what the handlers did.

use std::path::Path;
use std::time::SystemTime;

use lipdub_core::RedisStore;
use lipdub_core::testing::{Fate, LipDub, Story, Try};

use super::journal::{Journal, Record};
use crate::effects::{self, Run, successes};
use crate::events::can_succeed;
use crate::report::Answers;
use crate::testbeds::Kill;
use crate::{BoxError, CLOCKS};

/// Every event with everything that is known of it.
pub(crate) struct Ledger {
    events: Vec<(Story, Vec<Run>)>,
    journal: Journal,
    began: SystemTime,
}

/// What an audit found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) events: usize,
    pub(crate) answers: Answers,
    pub(crate) runs: usize,
    pub(crate) succeeded_once: usize,
    pub(crate) succeeded_twice: usize,
    pub(crate) dead: usize,
    pub(crate) lost: usize,
    /// What is not as promised, event by event.
    pub(crate) violations: Vec<String>,
}

impl Ledger {
    pub(crate) fn read(directory: &Path, lipdub: &LipDub, began: SystemTime) -> Result<Self, BoxError> {
        let mut runs = effects::read(directory)?;
        let with_runs = |story: Story| {
            let mut runs = runs.remove(&story.event().key()).unwrap_or_default();
            runs.sort_by_key(|run| run.started);
            (story, runs)
        };
        let events = lipdub.stories().into_iter().map(with_runs).collect();
        Ok(Self { events, journal: Journal::read(directory)?, began })
    }

    /// Holds every event to what is promised, and those that were replayed in calm to having succeeded.
    pub(crate) fn audit(&self, killed: &[Kill], is_replayed: bool) -> Findings {
        let mut findings = Findings { events: self.events.len(), ..Findings::default() };
        for (story, runs) in &self.events {
            findings.count(story, runs);
            let records = self.journal.of(&RedisStore::name_of(&story.event().key()));
            let case = Case { story, runs, records, killed, is_replayed, began: self.began };
            findings.violations.extend(case.violations().map(|what| format!("{what}\n{case}")));
        }
        findings
    }
}

impl Findings {
    fn count(&mut self, story: &Story, runs: &[Run]) {
        self.answers.count(story);
        self.runs += runs.len();
        match (successes(runs).count(), story.fate()) {
            (0, Some(Fate::Dead)) => self.dead += 1,
            (0, _) => self.lost += 1,
            (1, _) => self.succeeded_once += 1,
            _ => self.succeeded_twice += 1,
        }
    }
}

/// One event before the auditor.
struct Case<'a> {
    story: &'a Story,
    runs: &'a [Run],
    records: &'a [Record],
    killed: &'a [Kill],
    is_replayed: bool,
    began: SystemTime,
}

impl Case<'_> {
    fn violations(&self) -> impl Iterator<Item = &'static str> {
        let held = [
            (self.is_kept(), "it is lost: it neither succeeded nor is it in the dead letter queue"),
            (self.is_answered_truly(), "it was answered 2xx before it had succeeded"),
            (self.rests_once_answered(), "it ran again though LipDub had the answer `processed`"),
            (self.succeeds_once(), "it succeeded twice, and no process was killed between effect and mark"),
            (self.is_marked(), "its success was never marked, and no process was killed before it could be"),
            (self.stays_done(), "it was claimed again though Redis had it as done"),
            (self.has_one_holder(), "it ran twice at the same time"),
            (self.counts_up(), "an attempt had no greater number than the one before it"),
            (self.obeys(), "it succeeded though its handler cannot"),
            (self.recovers(), "it was replayed in calm and has not succeeded"),
        ];
        held.into_iter().filter(|(holds, _)| !holds).map(|(_, what)| what)
    }

    fn is_kept(&self) -> bool {
        successes(self.runs).next().is_some() || self.story.fate() == Some(Fate::Dead)
    }

    fn is_answered_truly(&self) -> bool {
        let had_succeeded = |at| successes(self.runs).any(|success| success <= at + CLOCKS);
        self.answers("").all(|(_, at)| had_succeeded(at))
    }

    fn rests_once_answered(&self) -> bool {
        let seen = self.answers("processed").filter(|(tried, _)| tried.outcome.is_accepted());
        seen.map(|(_, at)| at).all(|at| self.runs.iter().all(|run| run.started <= at))
    }

    /// Each success but the last was that of a process which was killed before it could mark it.
    fn succeeds_once(&self) -> bool {
        self.runs.windows(2).all(|pair| match pair[0].succeeded {
            None => true,
            Some(success) => self.killed.iter().any(|kill| {
                kill.process == pair[0].process && (success..=pair[1].started).contains(&kill.at)
            }),
        })
    }

    fn is_marked(&self) -> bool {
        let is_lost = |run: &Run| {
            let died =
                self.killed.iter().any(|kill| kill.process == run.process && Some(kill.at) >= run.succeeded);
            run.succeeded.is_none() || died
        };
        self.records.contains(&Record::Done) || self.runs.iter().all(is_lost)
    }

    fn stays_done(&self) -> bool {
        !self.records.windows(2).any(|pair| pair[0] == Record::Done && pair[1] != Record::Done)
    }

    fn has_one_holder(&self) -> bool {
        self.runs.windows(2).all(|pair| pair[0].succeeded.is_none_or(|success| success <= pair[1].started))
    }

    fn counts_up(&self) -> bool {
        self.runs.windows(2).all(|pair| pair[0].attempt < pair[1].attempt)
    }

    fn obeys(&self) -> bool {
        can_succeed(self.story.event()) || successes(self.runs).next().is_none()
    }

    fn recovers(&self) -> bool {
        let has_succeeded = successes(self.runs).next().is_some();
        has_succeeded || !self.is_replayed || !can_succeed(self.story.event())
    }

    /// The answers of 2xx with this status, or any if it is empty, and when they were given.
    fn answers(&self, status: &str) -> impl Iterator<Item = (&Try, SystemTime)> {
        let is_meant = move |tried: &&Try| {
            let reply = tried.outcome.reply().filter(|reply| reply.is_success());
            reply.is_some_and(|reply| status.is_empty() || reply.status().as_deref() == Some(status))
        };
        self.story.tries().filter(is_meant).map(|tried| (tried, self.began + tried.at + tried.took))
    }
}

impl std::fmt::Display for Case<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}\n  in Redis: {:?}", self.story, self.records)?;
        let since = |at: SystemTime| at.duration_since(self.began).unwrap_or_default();
        for Run { attempt, process, started, succeeded } in self.runs {
            write!(formatter, "\n  attempt {attempt} in process {process} from {:.3?}", since(*started))?;
            if let Some(succeeded) = succeeded {
                write!(formatter, ", succeeded at {:.3?}", since(*succeeded))?;
            }
            for kill in self.killed.iter().filter(|kill| kill.process == *process) {
                write!(formatter, ", killed at {:.3?}", since(kill.at))?;
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

    use lipdub_core::testing::sample::{self, Sample};
    use lipdub_core::testing::{Fault, Reply};

    use super::*;

    /// A run from one second to another, in a process.
    fn run(attempt: u32, process: u32, started: u64, succeeded: Option<u64>) -> Run {
        Run { attempt, process, started: second(started), succeeded: succeeded.map(second) }
    }

    fn second(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(second)
    }

    /// Answers, runs and kills.
    type Row<'a> = (&'a [&'static str], &'a [Run], &'a [Kill]);

    /// What is found of an event that was answered so at the seconds 0, 5 and 10. The answer `lost …` is not seen.
    async fn verdict(
        event: &Sample,
        (answers, runs, killed): Row<'_>,
        records: &[Record],
    ) -> Vec<&'static str> {
        let faults: Vec<_> =
            answers.iter().map(|answer| answer.starts_with("lost").then_some(Fault::LostAnswer)).collect();
        let answers = Mutex::new(VecDeque::from(answers.to_vec()));
        let lipdub = LipDub::builder(move |_request| {
            let answer = answers.lock().unwrap().pop_front().unwrap().trim_start_matches("lost ");
            let (code, status) = answer.split_once(' ').unwrap();
            let reply = Reply::new(code.parse().unwrap()).body(format!(r#"{{"status":"{status}"}}"#));
            async { Ok(reply) }
        });
        let lipdub = lipdub.build();
        lipdub.deliver_with(event, faults).await;
        let story = lipdub.story(event);
        Case { story: &story, runs, records, killed, is_replayed: false, began: second(0) }
            .violations()
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_as_promised_is_found_to_be() {
        let event = sample::render_complete();
        let cases: &[Row<'_>] = &[
            (&["200 processed"], &[run(1, 7, 0, Some(0))], &[]),
            (&["500 failed", "200 processed"], &[run(1, 7, 0, None), run(2, 8, 5, Some(5))], &[]),
            (&["500 failed"; 3], &[run(1, 7, 0, None), run(2, 7, 5, None), run(3, 7, 10, None)], &[]),
            (&["503 unavailable"; 3], &[], &[]),
            (&["lost 200 processed", "200 duplicate"], &[run(1, 7, 0, Some(0))], &[]),
            (&["503 pending"; 3], &[run(1, 7, 0, Some(11))], &[]),
            // Killed between the effect and the mark.
            (
                &["503 pending", "200 processed"],
                &[run(1, 7, 0, Some(1)), run(2, 8, 5, Some(5))],
                &[Kill { process: 7, at: second(2) }],
            ),
        ];
        for row in cases {
            assert_eq!(
                verdict(&event, *row, &[Record::Failed, Record::Done, Record::Done]).await,
                [""; 0],
                "{row:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_as_promised_is_found() {
        let event = sample::render_complete();
        let twice = [run(1, 7, 0, Some(1)), run(2, 8, 5, Some(5))];
        let cases: &[(Row<'_>, &[&str])] = &[
            ((&["200 processed"], &[], &[]), &["it is lost", "it was answered 2xx before"]),
            ((&["200 duplicate"], &[run(1, 7, 0, Some(1))], &[]), &["it was answered 2xx before"]),
            (
                (&["lost 200 processed", "500 failed", "500 failed"], &[], &[]),
                &["it was answered 2xx before"],
            ),
            (
                (&["200 processed"], &[run(1, 7, 0, Some(0)), run(2, 7, 9, None)], &[]),
                &["it ran again though", "it succeeded twice"],
            ),
            ((&["503 pending", "200 processed"], &twice, &[]), &["it succeeded twice"]),
            // Another process was killed, or this one too early.
            ((&["503 pending", "200 processed"], &twice, &[kill(8, 2)]), &["it succeeded twice"]),
            ((&["503 pending", "200 processed"], &twice, &[kill(7, 0)]), &["it succeeded twice"]),
            (
                (&["503 pending", "200 processed"], &[run(1, 7, 0, Some(6)), run(2, 8, 5, Some(5))], &[]),
                &["it succeeded twice", "it ran twice at the same time"],
            ),
            (
                (&["500 failed", "200 processed"], &[run(1, 7, 0, None), run(1, 8, 5, Some(5))], &[]),
                &["an attempt had"],
            ),
        ];
        for (row, expected) in cases {
            let found = verdict(&event, *row, &[Record::Done]).await;
            let is_right = found.len() == expected.len()
                && found.iter().zip(*expected).all(|(found, expected)| found.starts_with(expected));
            assert!(is_right, "{found:?} is not {expected:?} for {row:?}");
        }
        let handled: Row<'_> = (&["200 processed"], &[run(1, 7, 0, Some(0))], &[]);
        let failing = event.clone().set("data.testbed.outcome", "fail");
        let found = verdict(&failing, handled, &[Record::Done]).await;
        assert_eq!(found, ["it succeeded though its handler cannot"]);
        let found = verdict(&event, handled, &[Record::Running { attempt: 1 }]).await;
        assert_eq!(found, ["its success was never marked, and no process was killed before it could be"]);
        for again in [Record::Running { attempt: 2 }, Record::Failed] {
            let found = verdict(&event, handled, &[Record::Done, again]).await;
            assert_eq!(found, ["it was claimed again though Redis had it as done"]);
        }
    }

    fn kill(process: u32, at: u64) -> Kill {
        Kill { process, at: second(at) }
    }
}
