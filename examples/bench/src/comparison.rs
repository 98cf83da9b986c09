//! Contenders that take turns.

use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::BoxError;
use crate::contender::{Contender, Running};
use crate::load::{Load, Numbers, deliver};
use crate::options::Rounds;
use crate::statistics::Spread;

/// The first contender is what the others are measured against.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    pub(crate) name: String,
    pub(crate) load: Load,
    pub(crate) contenders: Vec<Contender>,
    /// What processor time the last one may take at most, against the first.
    pub(crate) goal: Option<f64>,
}

/// What came of a comparison.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Compared {
    pub(crate) name: String,
    pub(crate) contenders: Vec<Figures>,
    pub(crate) goal: Option<f64>,
}

/// What a contender came to, and what that is against the first one in the same round.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Figures {
    pub(crate) name: String,
    /// Answers in a second.
    pub(crate) rate: Spread,
    /// Processor time of the server for each, in microseconds.
    pub(crate) processor: Spread,
    /// What 99 of 100 answers took at most, in microseconds.
    pub(crate) p99: Spread,
    pub(crate) rate_ratio: Spread,
    pub(crate) processor_ratio: Spread,
    pub(crate) p99_ratio: Spread,
}

/// One turn of one contender.
#[derive(Clone, Copy, Debug)]
struct Turn {
    rate: f64,
    processor: f64,
    p99: f64,
}

impl Comparison {
    pub(crate) fn run(&self, rounds: &Rounds) -> Result<Compared, BoxError> {
        let numbers = Rc::new(Numbers::new());
        let servers = self.contenders.iter().map(Contender::start).collect::<Result<Vec<_>, _>>()?;
        for server in &servers {
            self.turn(server, &numbers, Duration::from_millis(500))?;
        }
        let mut turns = vec![Vec::new(); servers.len()];
        for round in 1..=rounds.rounds {
            eprint!("\r{}: round {round} of {}  ", self.name, rounds.rounds);
            for (server, turns) in servers.iter().zip(&mut turns) {
                turns.push(self.turn(server, &numbers, rounds.turn())?);
            }
        }
        eprintln!();
        let contenders = self.contenders.iter().zip(&turns);
        let figures = contenders.map(|(contender, these)| Figures::of(contender.name, these, &turns[0]));
        Ok(Compared { name: self.name.clone(), contenders: figures.collect(), goal: self.goal })
    }

    fn turn(&self, server: &Running, numbers: &Rc<Numbers>, time: Duration) -> Result<Turn, BoxError> {
        let before = server.processor_time()?;
        let mut answered = deliver((server.address, server.dialect), self.load, numbers, time)?;
        let used = server.processor_time()? - before;
        Ok(Turn {
            rate: answered.per_second(),
            processor: used.as_secs_f64() * 1e6 / answered.requests as f64,
            p99: answered.percentile(0.99),
        })
    }
}

impl Figures {
    fn of(name: &str, turns: &[Turn], base: &[Turn]) -> Self {
        let all = |what: fn(&Turn) -> f64| Spread::of(turns.iter().map(what));
        let ratio = |what: fn(&Turn) -> f64| {
            Spread::of(turns.iter().zip(base).map(|(turn, base)| what(turn) / what(base)))
        };
        Self {
            name: name.to_owned(),
            rate: all(|turn| turn.rate),
            processor: all(|turn| turn.processor),
            p99: all(|turn| turn.p99),
            rate_ratio: ratio(|turn| turn.rate),
            processor_ratio: ratio(|turn| turn.processor),
            p99_ratio: ratio(|turn| turn.p99),
        }
    }
}
