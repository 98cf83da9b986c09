//! Claimers, the store, and the network between them.

use std::cmp::Reverse;
use std::fmt;

use crate::claimer::{Act, Claimer, Phase, Reply};
use crate::promise::Promise;
use crate::store::{Answer, Call, Record, Store, Token};
use crate::witness::Witness;

/// How many claimers there can be.
pub const MOST_CLAIMERS: usize = 5;

const TOKENS: [Token; MOST_CLAIMERS] = [Token(0), Token(1), Token(2), Token(3), Token(4)];

/// One event, and how much may befall it.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// How many claimers there are, at most [`MOST_CLAIMERS`]: the holders, and what comes after them.
    pub claimers: u8,
    /// How many attempts are granted. Without a bound, calls that arrive again could make it ever more.
    pub attempts: u8,
    /// How often the store loses its records.
    pub flushes: u8,
    /// How often the store restarts with its records.
    pub restarts: u8,
    /// Whether claimers who cannot ask the store go on without it.
    pub fail_open: bool,
    /// The store.
    pub store: Store,
    /// The promise that is watched; all if none is named.
    pub only: Option<Promise>,
}

/// Everything at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// By their tokens.
    pub claimers: [Claimer; MOST_CLAIMERS],
    /// What the store keeps.
    pub record: Option<Record>,
    /// What the store has said.
    pub witness: Witness,
    /// How often the store may still lose its records.
    pub flushes: u8,
    /// How often the store may still restart.
    pub restarts: u8,
}

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A delivery comes, and the event is claimed for it.
    Comes(Token),
    /// A call arrives at the store, in time or late, for the first time or again.
    Arrives {
        /// Whose it is.
        token: Token,
        /// Which it is.
        call: Call,
        /// What the store says.
        answer: Answer,
        /// What becomes of that.
        reply: Reply,
    },
    /// A claimer does something of itself.
    Acts(Token, Act),
    /// Time passes.
    Ticks,
    /// The store loses its records, but not the calls that are under way.
    Forgets,
    /// The store loses the calls that are under way, but not its records.
    Restarts,
}

impl Scenario {
    /// Whether the store can lose what it knows, or claimers do without it.
    pub fn is_lossy(&self) -> bool {
        self.flushes > 0 || self.store.forgets() || self.fail_open
    }
}

impl World {
    /// Where everything begins.
    pub(crate) fn start(scenario: &Scenario) -> Self {
        Self {
            claimers: [Claimer::UNBORN; MOST_CLAIMERS],
            record: None,
            witness: Witness::NEW,
            flushes: scenario.flushes,
            restarts: scenario.restarts,
        }
    }

    /// Tells everything that can happen next, and what it leads to.
    pub(crate) fn steps(&self, scenario: &Scenario, each: &mut dyn FnMut(Step, Self)) {
        for token in (0..scenario.claimers).map(Token) {
            match self.claimer(token).phase {
                // All that are unborn are the same.
                Phase::Unborn => return self.common_steps(Some(token), scenario, each),
                _ => self.steps_of(token, scenario, each),
            }
        }
        self.common_steps(None, scenario, each);
    }

    /// One of the claimers.
    pub fn claimer(&self, token: Token) -> &Claimer {
        &self.claimers[usize::from(token.0)]
    }

    pub(crate) fn with(mut self, token: Token, claimer: Claimer) -> Self {
        self.claimers[usize::from(token.0)] = claimer.without_what_does_not_matter();
        self
    }

    fn common_steps(&self, unborn: Option<Token>, scenario: &Scenario, each: &mut dyn FnMut(Step, Self)) {
        if let Some(token) = unborn {
            each(Step::Comes(token), self.with(token, Claimer::NEW));
        }
        each(Step::Ticks, self.after_tick(&scenario.store));
        if self.flushes > 0 {
            each(Step::Forgets, self.after_flush());
        }
        if self.restarts > 0 {
            each(Step::Restarts, self.after_restart());
        }
    }

    fn steps_of(&self, token: Token, scenario: &Scenario, each: &mut dyn FnMut(Step, Self)) {
        let claimer = self.claimer(token);
        for call in claimer.calls() {
            self.arrival(token, call, scenario, each);
        }
        claimer.acts(scenario.fail_open, |act, next| each(Step::Acts(token, act), self.with(token, next)));
    }

    fn arrival(&self, token: Token, call: Call, scenario: &Scenario, each: &mut dyn FnMut(Step, Self)) {
        let (record, answer) = scenario.store.call(self.record, token, call);
        let mut after = Self { record, ..*self };
        after.hear(token, call, answer, &scenario.store);
        if after.witness.attempts <= scenario.attempts {
            after.claimer(token).hears(answer, |reply, next| {
                each(Step::Arrives { token, call, answer, reply }, after.with(token, next));
            });
        }
    }

    fn after_tick(mut self, store: &Store) -> Self {
        self.record = store.tick(self.record);
        self.hear_tick();
        self
    }

    fn after_flush(mut self) -> Self {
        self.flushes -= 1;
        self.record = None;
        self.hear_nothing_is_known();
        self
    }

    fn after_restart(mut self) -> Self {
        self.restarts -= 1;
        self.claimers =
            self.claimers.map(|claimer| claimer.after_losing_its_calls().without_what_does_not_matter());
        self
    }

    /// One of the worlds that differ in names only: tokens are random, so it makes no difference which claimer has
    /// which. Gives the first token to whom the record names, the next to whom the witness names, the last to the unborn.
    pub(crate) fn sorted(mut self) -> Self {
        let on_record = self.record.and_then(|record| record.token());
        let mut tokens = TOKENS;
        tokens.sort_unstable_by_key(|&token| {
            let (is_on_record, is_holder) = (on_record == Some(token), self.witness.holder == Some(token));
            Reverse((is_on_record, is_holder, self.claimer(token)))
        });
        let renamed = |token: Token| {
            let place = tokens.iter().position(|other| *other == token);
            place.map_or(token, |place| TOKENS[place])
        };
        self.record = self.record.map(|record| record.renamed(renamed));
        self.witness.holder = self.witness.holder.map(renamed);
        self.claimers = tokens.map(|token| *self.claimer(token));
        self
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Comes(token) => write!(formatter, "{token} comes, and claims"),
            Self::Arrives { token, call, answer, reply } => {
                write!(formatter, "{token}'s {call:?} arrives, is answered {answer:?}, and that is {reply:?}")
            }
            Self::Acts(token, act) => write!(formatter, "{token}{act}"),
            Self::Ticks => formatter.write_str("a tick passes"),
            Self::Forgets => formatter.write_str("the store loses its records"),
            Self::Restarts => formatter.write_str("the store restarts"),
        }
    }
}
