use std::fmt;
use std::time::Duration;

use crate::havoc::Misfortunes;
use crate::ledger::Findings;

/// What happened, as a table.
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) took: Duration,
    pub(crate) misfortunes: Misfortunes,
    /// After everything had gone wrong.
    pub(crate) delivered: Findings,
    /// After support had replayed the dead letters in calm.
    pub(crate) replayed: Findings,
}

const MOST_VIOLATIONS: usize = 10;

impl Report {
    pub(crate) fn violations(&self) -> impl Iterator<Item = &String> {
        self.delivered.violations.iter().chain(&self.replayed.violations)
    }

    fn rows(&self) -> Vec<(&'static str, usize)> {
        let Self { misfortunes, delivered, replayed, .. } = self;
        let answered = |what: &str| {
            let of = delivered.answers.iter().filter(|(answer, _)| answer.starts_with(what));
            of.map(|(_, count)| count).sum()
        };
        vec![
            ("events", delivered.events),
            ("receivers killed (SIGKILL) and restarted", misfortunes.receivers_killed as usize),
            ("Redis killed and restarted", misfortunes.redis_killed as usize),
            ("Redis paused", misfortunes.redis_paused as usize),
            ("Redis cut off", misfortunes.redis_cut_off as usize),
            ("tries of LipDub", delivered.tries),
            ("  answered 200 processed", answered("200 processed")),
            ("  answered 200 duplicate", answered("200 duplicate")),
            ("  answered 401 (an old key)", answered("401")),
            ("  answered 500 failed", answered("500")),
            ("  answered 503 pending", answered("503 pending")),
            ("  answered 503 unavailable", answered("503 unavailable")),
            ("  without an answer", answered("no answer")),
            ("attempts (runs of a handler)", delivered.runs),
            ("succeeded once", delivered.succeeded_once),
            ("succeeded twice (killed between effect and mark)", delivered.succeeded_twice),
            ("in the dead letter queue, an error at each try", delivered.dead),
            ("  still there after replays: handlers that always fail", replayed.dead),
            ("lost", delivered.lost + replayed.lost),
            ("not as promised", self.violations().count()),
        ]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in self.violations().take(MOST_VIOLATIONS) {
            writeln!(formatter, "NOT as promised: {violation}\n")?;
        }
        for (what, count) in self.rows() {
            writeln!(formatter, "{what:<54}{count:>6}")?;
        }
        write!(formatter, "seed {}, {:.0?}", self.seed, self.took)
    }
}
