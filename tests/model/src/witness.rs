//! What one knows who hears every call that arrives and every answer, and cannot see the record.
//!
//! The promises are about this, so that a store cannot keep them by believing itself.

use crate::claimer::Claimer;
use crate::store::{Answer, Call, FOREVER, Store, Token};
use crate::world::World;

/// What the store's answers amount to, together with the `lease` and `is_replaced` of each claimer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Witness {
    /// What the last transition left.
    pub standing: Standing,
    /// Whose transition it was; nobody's if a claim was given back.
    pub holder: Option<Token>,
    /// How many attempts count: those granted since the event was unknown, and not given back.
    pub attempts: u8,
    /// Until the event may be forgotten.
    pub kept_for: u8,
}

/// What the last transition left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The event is unknown.
    Unknown,
    /// A claim, lapsed or not.
    Held,
    /// A failure.
    Failed,
    /// A success.
    Done,
}

impl Witness {
    pub(crate) const NEW: Self = Self { standing: Standing::Unknown, holder: None, attempts: 0, kept_for: 0 };

    /// Whether the event is known to the store.
    pub fn is_known(&self) -> bool {
        self.standing != Standing::Unknown
    }

    /// Whether the claim is this claimer's, lapsed or not.
    pub fn is_held_by(&self, token: Token) -> bool {
        self.standing == Standing::Held && self.holder == Some(token)
    }
}

impl World {
    /// The witness hears a call and its answer.
    pub(crate) fn hear(&mut self, token: Token, call: Call, answer: Answer, store: &Store) {
        match (answer, call) {
            (Answer::Granted(attempt), _) => self.hear_grant(token, attempt),
            (Answer::Applied, Call::Renew(attempt)) => self.hear_of(token, attempt, Standing::Held),
            (Answer::Applied, Call::Fail(attempt)) => self.hear_of(token, attempt, Standing::Failed),
            (Answer::Applied, Call::Done(attempt)) => self.hear_of(token, attempt, Standing::Done),
            (Answer::Applied, Call::Release(_)) => self.hear_release(),
            _ => return,
        }
        self.witness.kept_for = if self.witness.is_known() { store.retention } else { 0 };
        let is_held = self.witness.standing == Standing::Held;
        self.claimer_mut(token).lease = if is_held { store.lease } else { 0 };
    }

    fn hear_grant(&mut self, token: Token, attempt: u8) {
        if !self.witness.is_held_by(token) {
            self.hear_replaced();
            self.claimer_mut(token).is_replaced = false;
        }
        self.witness =
            Witness { standing: Standing::Held, holder: Some(token), attempts: attempt, ..self.witness };
    }

    /// A claim that stands goes to another. If its lease has not lapsed, that is the store's fault.
    fn hear_replaced(&mut self) {
        if let Witness { standing: Standing::Held, holder: Some(holder), .. } = self.witness {
            let before = self.claimer(holder);
            *self = self
                .with(holder, Claimer { is_replaced: before.is_replaced || before.lease == 0, ..*before });
        }
    }

    fn hear_of(&mut self, token: Token, attempt: u8, standing: Standing) {
        if !self.witness.is_known() {
            self.witness.attempts = attempt;
            self.claimer_mut(token).is_replaced = false;
        }
        self.witness = Witness { standing, holder: Some(token), ..self.witness };
    }

    fn hear_release(&mut self) {
        let attempts = self.witness.attempts.saturating_sub(1);
        let standing = if attempts == 0 { Standing::Unknown } else { Standing::Failed };
        self.witness = Witness { standing, holder: None, attempts, ..self.witness };
    }

    /// The witness lets a tick pass.
    pub(crate) fn hear_tick(&mut self) {
        for claimer in &mut self.claimers {
            claimer.lease = claimer.lease.saturating_sub(1);
        }
        if self.witness.is_known() && self.witness.kept_for != FOREVER {
            self.witness.kept_for -= 1;
            if self.witness.kept_for == 0 {
                self.hear_nothing_is_known();
            }
        }
    }

    fn claimer_mut(&mut self, token: Token) -> &mut Claimer {
        &mut self.claimers[usize::from(token.0)]
    }

    /// From now on the store need not know anything, and holds nobody to be anything.
    pub(crate) fn hear_nothing_is_known(&mut self) {
        self.witness = Witness::NEW;
        let unheld = |claimer| Claimer { lease: 0, is_replaced: true, ..claimer };
        self.claimers = self.claimers.map(|claimer| unheld(claimer).without_what_does_not_matter());
    }
}
