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

fn trials() -> [&'static LazyLock<Trials>; 6] {
    [&TRIALS, &field::TRIALS, &claiming::TRIALS, &settling::TRIALS, &keeping::TRIALS, &processes::TRIALS]
}

#[test]
fn every_promise_is_broken_by_some_store() {
    verdict::are_all_broken(PROMISES, &trials());
}

#[test]
fn every_promise_is_in_the_list_under_its_rule() {
    verdict::are_all_listed(
        PROMISES,
        &[
            include_str!("../../src/testing/dedupe/claiming.rs"),
            include_str!("../../src/testing/dedupe/settling.rs"),
            include_str!("../../src/testing/dedupe/keeping.rs"),
        ],
    );
}
