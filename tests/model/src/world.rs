//! Claimers, the store, and the network between them.

use std::cmp::Reverse;
use std::fmt;

use crate::claimer::{Claimer, Phase};
use crate::promise::Promise;
use crate::store::{Answer, Call, FOREVER, Record, State, Store, Token};

/// How many claimers there can be at most.
pub(crate) const MOST_CLAIMERS: usize = 5;

/// One event, and how much may befall it.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How many claimers there are, each with a token of its own: holders, and what comes after them.
    pub claimers: usize,
    /// How many attempts are granted at most. Without a bound they would grow for ever.
    pub attempts: u8,
    /// How often the store loses its records.
    pub flushes: u8,
    /// How often the store restarts with its records, but without the calls that were under way.
    pub restarts: u8,
    /// The store.
    pub store: Store,
    /// What shall hold; everything if nothing is named.
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
    /// What was broken on the way here. Nothing happens after that.
    pub broken: Option<Promise>,
    flushes: u8,
    restarts: u8,
}

/// What the store has said, as one knows who hears every call and every answer but does not see the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Witness {
    /// What the last transition left.
    pub standing: Standing,
    /// Whose transition it was; nobody's after a release.
    pub holder: Option<Token>,
    /// How many claims were granted since the event was unknown, without repetitions and what was given back.
    pub attempts: u8,
    /// Until the event may be forgotten.
    pub kept_for: u8,
}

/// What the last transition left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The event is unknown.
    Unknown,
    /// A claim that was neither settled nor given back.
    Held,
    /// A failure.
    Failed,
    /// A success.
    Done,
}

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A delivery of the event comes, and is claimed for.
    Comes(Token),
    /// A call arrives at the store.
    Arrives {
        /// Whose.
        token: Token,
        /// Which.
        call: Call,
        /// What the store says.
        answer: Answer,
        /// What becomes of that.
        reply: Reply,
    },
    /// Neither of two claims was answered: what they may have been granted is given back.
    GivesUp(Token),
    /// The handler has its effect.
    Succeeds(Token),
    /// The success is marked, from now on until the store has heard.
    Marks(Token),
    /// The handler fails, or is stopped, and that is marked.
    Fails(Token),
    /// It crashes, or goes away.
    Crashes(Token),
    /// Time passes.
    Ticks,
    /// The store loses its records. Calls that are under way arrive all the same.
    Forgets,
    /// The store loses the calls that are under way, and keeps its records. Who still speaks asks again.
    Restarts,
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It is lost, or nobody waits for it.
    Lost,
    /// It arrives.
    Heard,
    /// It arrives at a process that is shutting down.
    HeardTooLate,
}

impl World {
    pub(crate) fn start(bounds: &Bounds) -> Self {
        Self {
            claimers: [Claimer::UNBORN; MOST_CLAIMERS],
            record: None,
            witness: Witness::NEW,
            broken: None,
            flushes: bounds.flushes,
            restarts: bounds.restarts,
        }
    }

    /// Tells everything that can happen next, and what it leads to.
    pub(crate) fn steps(&self, bounds: &Bounds, each: &mut dyn FnMut(Step, Self)) {
        if let Some(token) = self.next_token(bounds.claimers) {
            each(Step::Comes(token), self.with(token, Claimer::comes));
        }
        for token in self.tokens() {
            self.own_steps(token, each);
            self.arrivals(token, bounds, each);
        }
        each(Step::Ticks, self.after_tick(&bounds.store));
        if self.flushes > 0 {
            each(Step::Forgets, self.after_flush());
        }
        if self.restarts > 0 {
            each(Step::Restarts, self.after_restart());
        }
    }

    pub(crate) fn having_broken(self, broken: Option<Promise>) -> Self {
        Self { broken, ..self }
    }

    /// Those whose delivery has come.
    pub fn tokens(&self) -> impl Iterator<Item = Token> + use<> {
        let claimers = self.claimers;
        let is_born = move |token: &Token| claimers[usize::from(token.0)].phase != Phase::Unborn;
        (0..).take(MOST_CLAIMERS).map(Token).filter(is_born)
    }

    /// One of the claimers.
    pub fn claimer(&self, token: Token) -> &Claimer {
        &self.claimers[usize::from(token.0)]
    }

    /// The calls of a claimer that can arrive now.
    pub(crate) fn calls(&self, token: Token) -> impl Iterator<Item = Call> + use<> {
        self.claimer(token).calls()
    }

    fn next_token(&self, claimers: usize) -> Option<Token> {
        let is_unborn = |token: &Token| self.claimer(*token).phase == Phase::Unborn;
        (0..).take(claimers).map(Token).find(is_unborn)
    }

    fn with(mut self, token: Token, change: impl FnOnce(&mut Claimer)) -> Self {
        let claimer = &mut self.claimers[usize::from(token.0)];
        change(claimer);
        claimer.forget_what_does_not_matter();
        self
    }

    fn own_steps(&self, token: Token, each: &mut dyn FnMut(Step, Self)) {
        match self.claimer(token).phase {
            Phase::Claiming => each(Step::GivesUp(token), self.with(token, |claimer| claimer.gives_back(0))),
            Phase::Running => {
                each(Step::Succeeds(token), self.with(token, Claimer::succeeds));
                each(Step::Fails(token), self.with(token, Claimer::fails));
            }
            Phase::Succeeded => each(Step::Marks(token), self.with(token, Claimer::marks)),
            Phase::Unborn | Phase::Over => return,
        }
        each(Step::Crashes(token), self.with(token, Claimer::is_over));
    }

    fn arrivals(&self, token: Token, bounds: &Bounds, each: &mut dyn FnMut(Step, Self)) {
        for call in self.calls(token) {
            let (record, answer) = bounds.store.call(self.record, token, call);
            let mut after = Self { record, ..*self };
            after.hear(token, call, answer, &bounds.store);
            if after.witness.attempts > bounds.attempts {
                continue;
            }
            let mut arrives = |reply, after| each(Step::Arrives { token, call, answer, reply }, after);
            arrives(Reply::Lost, after);
            if self.claimer(token).phase != Phase::Claiming {
                continue;
            }
            match answer {
                Answer::Granted(attempt) => {
                    arrives(Reply::Heard, after.with(token, |claimer| claimer.runs(attempt)));
                    arrives(Reply::HeardTooLate, after.with(token, |claimer| claimer.gives_back(attempt)));
                }
                Answer::AlreadyDone => arrives(Reply::Heard, after.with(token, Claimer::is_over)),
                // It asks again.
                _ => {}
            }
        }
    }

    /// The witness hears a call and its answer.
    fn hear(&mut self, token: Token, call: Call, answer: Answer, store: &Store) {
        let is_known = self.witness.standing != Standing::Unknown;
        let standing = match (answer, call) {
            (Answer::Granted(attempt), _) => {
                self.hear_grant(token, attempt);
                Standing::Held
            }
            (Answer::Applied, Call::Renew(attempt) | Call::Fail(attempt)) => {
                if !is_known {
                    self.witness.attempts = attempt;
                    self.claimers[usize::from(token.0)].is_replaced = false;
                }
                if matches!(call, Call::Fail(_)) { Standing::Failed } else { Standing::Held }
            }
            (Answer::Applied, Call::Done(_)) => Standing::Done,
            (Answer::Applied, Call::Release(_)) => {
                self.witness.attempts = self.witness.attempts.saturating_sub(1);
                if self.witness.attempts == 0 { Standing::Unknown } else { Standing::Failed }
            }
            _ => return,
        };
        let holder = if matches!(call, Call::Release(_)) { None } else { Some(token) };
        let kept_for = if standing == Standing::Unknown { 0 } else { store.retention };
        self.witness = Witness { standing, holder, kept_for, ..self.witness };
        *self = self
            .with(token, |claimer| claimer.lease = if standing == Standing::Held { store.lease } else { 0 });
    }

    fn hear_grant(&mut self, token: Token, attempt: u8) {
        self.witness.attempts = attempt;
        if self.witness.is_held_by(token) {
            return;
        }
        if let Some(before) = self.witness.holder.filter(|_| self.witness.standing == Standing::Held) {
            let before = &mut self.claimers[usize::from(before.0)];
            before.is_replaced |= before.lease == 0;
            before.forget_what_does_not_matter();
        }
        self.claimers[usize::from(token.0)].is_replaced = false;
    }

    fn after_tick(mut self, store: &Store) -> Self {
        self.record = store.tick(self.record);
        for claimer in &mut self.claimers {
            claimer.lease = claimer.lease.saturating_sub(1);
        }
        let witness = &mut self.witness;
        if witness.standing != Standing::Unknown && witness.kept_for != FOREVER {
            witness.kept_for -= 1;
            if witness.kept_for == 0 {
                self.forget();
            }
        }
        self
    }

    fn after_flush(mut self) -> Self {
        self.flushes -= 1;
        self.record = None;
        self.forget();
        self
    }

    fn after_restart(mut self) -> Self {
        self.restarts -= 1;
        for claimer in &mut self.claimers {
            claimer.under_way = claimer.repeats();
            claimer.forget_what_does_not_matter();
        }
        self
    }

    /// From now on the store need not know anything.
    fn forget(&mut self) {
        self.witness = Witness::NEW;
        for claimer in &mut self.claimers {
            claimer.lease = 0;
            claimer.is_replaced = true;
            claimer.forget_what_does_not_matter();
        }
    }

    /// One of the worlds that differ in names only. Tokens are random, so it does not matter which claimer has which.
    pub(crate) fn sorted(mut self) -> Self {
        let mut order: [usize; MOST_CLAIMERS] = std::array::from_fn(|index| index);
        let holds =
            |index: usize, token: Option<Token>| token.is_some_and(|token| usize::from(token.0) == index);
        let (holder, on_record) = (self.witness.holder, self.record.and_then(|record| record.token()));
        order.sort_unstable_by_key(|&index| {
            (Reverse((holds(index, on_record), holds(index, holder))), Reverse(self.claimers[index]))
        });
        let renamed = |token: Token| {
            let place = (0..).zip(order).find(|(_, index)| *index == usize::from(token.0));
            place.map_or(token, |(place, _)| Token(place))
        };
        self.claimers = order.map(|index| self.claimers[index]);
        self.witness.holder = holder.map(renamed);
        self.record = self.record.map(|record| record.renamed(renamed));
        self
    }
}

impl Witness {
    const NEW: Self = Self { standing: Standing::Unknown, holder: None, attempts: 0, kept_for: 0 };

    /// Whether the claim is this claimer's, lapsed or not.
    pub fn is_held_by(&self, token: Token) -> bool {
        self.standing == Standing::Held && self.holder == Some(token)
    }
}

impl Record {
    pub(crate) fn token(&self) -> Option<Token> {
        match self.state {
            State::Running { token, .. } | State::Done { token } => Some(token),
            State::Failed { token, .. } => token,
        }
    }

    fn renamed(mut self, rename: impl Fn(Token) -> Token) -> Self {
        match &mut self.state {
            State::Running { token, .. } | State::Done { token } => *token = rename(*token),
            State::Failed { token, .. } => *token = token.map(rename),
        }
        self
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Comes(token) => write!(formatter, "{token} comes and claims"),
            Self::Arrives { token, call, answer, reply } => {
                write!(formatter, "{token}'s {call:?} arrives: {answer:?}, {reply:?}")
            }
            Self::GivesUp(token) => write!(formatter, "{token} hears nothing, and gives back"),
            Self::Succeeds(token) => write!(formatter, "{token}'s handler succeeds"),
            Self::Marks(token) => write!(formatter, "{token} says that it is done"),
            Self::Fails(token) => write!(formatter, "{token}'s handler fails"),
            Self::Crashes(token) => write!(formatter, "{token} crashes"),
            Self::Ticks => formatter.write_str("a tick passes"),
            Self::Forgets => formatter.write_str("the store forgets everything"),
            Self::Restarts => formatter.write_str("the store restarts"),
        }
    }
}
