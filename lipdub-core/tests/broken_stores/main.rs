//! Stores that are wrong in the ways in which stores go wrong, to show that the conformance suite notices.
//!
//! Each is the right store of [`store`] with one step done otherwise, and a test that says which promises it breaks.
//! Who adds a promise to the suite adds a store here that breaks it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

#[macro_use]
#[path = "../support/verdict.rs"]
mod verdict;

mod claiming;
mod database;
mod field;
mod keeping;
mod processes;
mod settling;
mod store;

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use lipdub_core::testing::dedupe::PROMISES;
use lipdub_core::{DedupeStore, MemoryStore};

use self::store::{Right, Store};
use self::verdict::{Trials, Verdict};

broken! {
    a_right_store: Store::new(Right), breaks;
    the_memory_store: MemoryStore::new(), breaks;
}

async fn on_trial<S: DedupeStore>(make: impl Fn() -> S) -> Verdict {
    Verdict::on(PROMISES, || Arc::new(make()) as Arc<dyn DedupeStore>).await
}

/// Whichever test comes first.
fn start_all_trials() {
    for trials in trials() {
        LazyLock::force(trials);
    }
}

fn trials() -> [&'static LazyLock<Trials>; 6] {
    [&TRIALS, &field::TRIALS, &claiming::TRIALS, &settling::TRIALS, &keeping::TRIALS, &processes::TRIALS]
}

#[test]
fn every_promise_is_broken_by_some_store() {
    let broken: BTreeSet<_> = trials().iter().flat_map(|trials| trials.broken).copied().collect();
    let unbroken: Vec<_> = PROMISES.iter().filter(|promise| !broken.contains(promise.name())).collect();
    assert!(unbroken.is_empty(), "nothing shows that these can fail: {unbroken:#?}");
}

/// What the macro and the list are made of does not know what is in the sources.
#[test]
fn every_promise_is_in_the_list_under_its_rule() {
    let sources = [
        include_str!("../../src/testing/dedupe/claiming.rs"),
        include_str!("../../src/testing/dedupe/settling.rs"),
        include_str!("../../src/testing/dedupe/keeping.rs"),
    ];
    let written: BTreeSet<_> = sources.into_iter().flat_map(promises_in).collect();
    let listed: BTreeSet<_> = PROMISES.iter().map(|promise| (promise.name(), promise.rule())).collect();
    assert_eq!(written, listed);
}

fn promises_in(source: &str) -> impl Iterator<Item = (&str, u8)> {
    source.split("\n/// Rule ").skip(1).map(|promise| {
        let rule = promise.split(':').next().unwrap().parse().unwrap();
        let signature = promise.split("pub async fn ").nth(1).unwrap();
        (signature.split('(').next().unwrap(), rule)
    })
}
