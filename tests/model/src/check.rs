//! The model as `stateright` checks it.

use std::fmt;

use stateright::{Checker, HasDiscoveries, Model, Path, Property};

use crate::claimer::{Claimer, Phase};
use crate::promise::{Promise, broken_by, broken_in};
use crate::store::Call;
use crate::witness::Standing;
use crate::world::{Scenario, Step, World};

/// What a check came to.
#[derive(Debug)]
pub struct Checked {
    /// How many worlds there are, without those that differ in names only.
    pub worlds: usize,
    /// How many steps lead from one to another.
    pub steps: usize,
    /// How many steps it takes to the farthest.
    pub depth: usize,
    /// The promises that were broken, with a way to break each.
    pub broken: Vec<(Promise, String)>,
    /// What ought to be possible, and did not come about.
    pub unseen: Vec<&'static str>,
}

/// Visits every world that can be reached, breadth first. Of a store with a fault, until a promise is broken.
pub fn check(scenario: Scenario) -> Checked {
    let finish =
        if scenario.store.fault.is_none() { HasDiscoveries::All } else { HasDiscoveries::AnyFailures };
    let checker = scenario.checker().threads(2).finish_when(finish).spawn_bfs().join();
    let found = checker.discoveries();
    let broken =
        Promise::ALL.into_iter().filter_map(|promise| Some((promise, told(found.get(promise.name())?))));
    Checked {
        worlds: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        broken: broken.collect(),
        unseen: CHANCES.iter().map(|(name, _)| *name).filter(|name| !found.contains_key(name)).collect(),
    }
}

fn told(path: &Path<Moment, Happening>) -> String {
    path.clone().into_actions().iter().map(|happening| format!("\n  {happening:?}")).collect()
}

/// A world, and the promise that was broken on the way to it. Nothing happens after that.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Moment {
    world: World,
    broken: Option<Promise>,
}

/// A step with what it leads to: it is made to see what can happen, and need not be made again.
#[derive(Clone, PartialEq)]
pub struct Happening {
    step: Step,
    next: Moment,
}

impl fmt::Debug for Happening {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.step)
    }
}

impl Model for Scenario {
    type State = Moment;
    type Action = Happening;

    fn init_states(&self) -> Vec<Moment> {
        vec![Moment { world: World::start(self), broken: None }]
    }

    fn actions(&self, Moment { world: from, broken }: &Moment, happenings: &mut Vec<Happening>) {
        if broken.is_some() {
            return;
        }
        from.steps(self, &mut |step, to| {
            let broken = broken_by(self, from, step, &to).or_else(|| broken_in(self, &to));
            happenings.push(Happening { step, next: Moment { world: to.sorted(), broken } });
        });
    }

    fn next_state(&self, _from: &Moment, happening: Happening) -> Option<Moment> {
        Some(happening.next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let promises = PROMISES.iter().map(|(promise, holds)| Property::always(promise.name(), *holds));
        promises.chain(CHANCES.iter().map(|(name, is_so)| Property::sometimes(name, *is_so))).collect()
    }
}

type Condition = fn(&Scenario, &Moment) -> bool;

macro_rules! promises {
    ($($promise:ident),* $(,)?) => {
        /// That nothing on the way to a moment broke the promise.
        const PROMISES: &[(Promise, Condition)] =
            &[$((Promise::$promise, |_, moment| moment.broken != Some(Promise::$promise)),)*];

        impl Promise {
            /// Each of them.
            pub const ALL: [Self; PROMISES.len()] = [$(Self::$promise,)*];

            fn name(self) -> &'static str {
                match self {
                    $(Self::$promise => stringify!($promise),)*
                }
            }
        }
    };
}

promises! {
    NeverTwoLiveHolders,
    AZombieChangesNothing,
    ADoneEventNeverRunsAgain,
    AMarkedSuccessIsRemembered,
    OnlyASuccessIsDone,
    WhatIsNotDoneCanRunAgain,
    AttemptsOnlyGrow,
    NoTwoHandlersShareAnAttempt,
    AHolderIsHeard,
    ASecondSuccessHasACause,
}

/// What must be possible, so that the promises are not kept for want of trouble.
const CHANCES: &[(&str, Condition)] = &[
    ("three handlers run at once", |_, Moment { world, .. }| {
        world.claimers.iter().filter(|claimer| claimer.phase == Phase::Running).count() == 3
    }),
    ("an event succeeds twice", |_, Moment { world, .. }| {
        world.claimers.iter().filter(|claimer| claimer.has_succeeded).count() == 2
    }),
    ("a holder crashes between its effect and its mark", |_, Moment { world, .. }| {
        world.claimers.iter().any(|claimer| {
            claimer.phase == Phase::Over
                && claimer.has_succeeded
                && !says(claimer, |call| matches!(call, Call::Done(_)))
        })
    }),
    ("a zombie has a success to mark", |_, Moment { world, .. }| {
        let marks = |claimer: &Claimer| says(claimer, |call| matches!(call, Call::Done(_)));
        world.witness.standing == Standing::Held
            && world.claimers.iter().any(|claimer| claimer.is_replaced && marks(claimer))
    }),
    ("a lease has lapsed and nobody has noticed", |_, Moment { world, .. }| {
        let holder = world.witness.holder.map(|token| world.claimer(token));
        world.witness.standing == Standing::Held && holder.is_some_and(|holder| holder.lease == 0)
    }),
    ("it is done at the last attempt", |scenario, Moment { world, .. }| {
        world.witness.standing == Standing::Done && world.witness.attempts == scenario.attempts
    }),
];

fn says(claimer: &Claimer, is_meant: impl Fn(Call) -> bool) -> bool {
    claimer.calls().any(is_meant)
}
