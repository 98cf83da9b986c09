//! The model as `stateright` checks it.

use std::fmt;

use stateright::{Checker, HasDiscoveries, Model, Property};

use crate::promise::{Promise, broken_by_call, broken_in};
use crate::world::{Bounds, Standing, Step, World};

/// What a check came to.
#[derive(Debug)]
pub struct Checked {
    /// How many worlds there are, without those that differ in names only.
    pub worlds: usize,
    /// How many steps lead from one to another.
    pub steps: usize,
    /// How many steps it takes to the farthest.
    pub depth: usize,
    /// How the promises were broken that were, with a shortest way each.
    pub broken: Vec<(&'static str, String)>,
    /// What can come about, and did not.
    pub unseen: Vec<&'static str>,
}

/// Visits every world that can be reached, breadth first.
pub fn check(bounds: Bounds) -> Checked {
    let finish = if bounds.store.fault.is_none() { HasDiscoveries::All } else { HasDiscoveries::AnyFailures };
    let checker = bounds.checker().threads(2).finish_when(finish).spawn_bfs().join();
    let found = checker.discoveries();
    let is_always = |name: &&str| PROMISES.iter().any(|(_, promise, _)| promise == name);
    let broken = found.iter().filter(|(name, _)| is_always(name));
    let told = |path: &stateright::Path<World, Happening>| {
        path.clone().into_actions().iter().map(|happening| format!("\n  {happening:?}")).collect()
    };
    Checked {
        worlds: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        broken: broken.map(|(name, path)| (*name, told(path))).collect(),
        unseen: CHANCES.iter().map(|(name, _)| *name).filter(|name| !found.contains_key(name)).collect(),
    }
}

impl Model for Bounds {
    type State = World;
    type Action = Happening;

    fn init_states(&self) -> Vec<World> {
        vec![World::start(self)]
    }

    fn actions(&self, from: &World, happenings: &mut Vec<Happening>) {
        if from.broken.is_some() {
            return;
        }
        from.steps(self, &mut |step, to| {
            let by_call = match step {
                Step::Arrives { token, call, answer, .. } => {
                    broken_by_call(from, token, call, answer, &to, self.only)
                }
                _ => None,
            };
            let broken = by_call.or_else(|| broken_in(&to, &self.store, self.only));
            happenings.push(Happening { step, to: to.sorted().having_broken(broken) });
        });
    }

    fn next_state(&self, _from: &World, happening: Happening) -> Option<World> {
        Some(happening.to)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let promises = PROMISES.iter().map(|(_, name, holds)| Property::always(name, *holds));
        promises.chain(CHANCES.iter().map(|(name, is_so)| Property::sometimes(name, *is_so))).collect()
    }
}

/// A step, with the world that it leads to: it is made to see what can happen, and need not be made again.
#[derive(Clone, PartialEq)]
pub struct Happening {
    step: Step,
    to: World,
}

impl fmt::Debug for Happening {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.step)
    }
}

type Condition = fn(&Bounds, &World) -> bool;

macro_rules! promises {
    ($($promise:ident => $name:literal,)*) => {
        const PROMISES: &[(Promise, &str, Condition)] =
            &[$((Promise::$promise, $name, |_, world| world.broken != Some(Promise::$promise)),)*];
    };
}

promises! {
    NeverTwoLiveHolders => "never two live holders",
    AZombieChangesNothing => "a zombie changes nothing",
    ADoneEventNeverRunsAgain => "a done event never runs again",
    AMarkedSuccessIsRemembered => "a marked success is remembered",
    OnlyASuccessIsDone => "only a success is done",
    WhatIsNotDoneCanRunAgain => "what is not done can run again",
    AttemptsOnlyGrow => "attempts only grow",
    AHolderIsHeard => "a holder is heard",
    OneSuccessAtMostKeepsItsClaim => "of several successes, all but one had lost their claim",
}

/// What must be possible in the model, so that the promises are not kept for want of trouble.
const CHANCES: &[(&str, Condition)] = &[
    ("three claimers are at work", |_, world| {
        world.claimers.iter().filter(|one| one.is_at_work()).count() == 3
    }),
    ("a handler succeeds twice", |_, world| {
        world.claimers.iter().filter(|one| one.has_succeeded).count() == 2
    }),
    ("a zombie has something to say", |_, world| {
        world.tokens().any(|token| world.witness.holder != Some(token) && world.calls(token).next().is_some())
    }),
    ("it fails at the last attempt", |bounds, world| {
        world.witness.standing == Standing::Failed && world.witness.attempts == bounds.attempts
    }),
    ("it is done at the last attempt", |bounds, world| {
        world.witness.standing == Standing::Done && world.witness.attempts == bounds.attempts
    }),
];

impl Promise {
    /// What it says.
    pub fn name(self) -> &'static str {
        PROMISES.iter().find(|(promise, ..)| *promise == self).map_or("", |(_, name, _)| name)
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        PROMISES.iter().map(|(promise, ..)| *promise)
    }
}
