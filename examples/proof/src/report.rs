use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use lipdub_core::testing::Story;

/// What happened, as a table.
pub(crate) struct Report {
    pub(crate) rows: Vec<(&'static str, usize)>,
    /// What is not as promised, event by event.
    pub(crate) violations: Vec<String>,
    pub(crate) seed: u64,
    pub(crate) took: Duration,
}

/// What LipDub was answered, or would have been had it waited, and how often.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    counts: HashMap<String, usize>,
}

const MOST_VIOLATIONS: usize = 10;

impl Report {
    pub(crate) fn is_proven(&self) -> bool {
        self.violations.is_empty()
    }
}

impl Answers {
    pub(crate) fn count(&mut self, story: &Story) {
        for tried in story.tries() {
            let answer = match tried.outcome.reply() {
                Some(reply) => reply.to_string(),
                None => "no answer".to_owned(),
            };
            *self.counts.entry(answer).or_default() += 1;
        }
    }

    pub(crate) fn total(&self) -> usize {
        self.counts.values().sum()
    }

    /// How many began like this.
    pub(crate) fn like(&self, what: &str) -> usize {
        let meant = self.counts.iter().filter(|(answer, _)| answer.starts_with(what));
        meant.map(|(_, count)| count).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in self.violations.iter().take(MOST_VIOLATIONS) {
            writeln!(formatter, "NOT as promised: {violation}\n")?;
        }
        for (what, count) in &self.rows {
            writeln!(formatter, "{what:<54}{count:>6}")?;
        }
        writeln!(formatter, "{:<54}{:>6}", "not as promised", self.violations.len())?;
        write!(formatter, "seed {}, {:.0?}", self.seed, self.took)
    }
}
