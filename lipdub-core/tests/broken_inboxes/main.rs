//! Inboxes that are wrong in the ways in which inboxes go wrong, to show that the conformance suite notices.
//!
//! Each is the right inbox of [`inbox`] with one step done otherwise, and a test that says which promises it breaks.
//! Who adds a promise to the suite adds an inbox here that breaks it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

#[macro_use]
#[path = "../support/verdict.rs"]
mod verdict;

mod accepting;
mod inbox;
mod keeping;
mod leasing;
mod ordering;
mod processes;
mod racing;
mod settling;
mod table;

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use lipdub_core::Inbox;
use lipdub_core::testing::MemoryInbox;
use lipdub_core::testing::inbox::PROMISES;

use self::inbox::{Broken, Right};
use self::verdict::{Trials, Verdict};

broken! {
    a_right_inbox: Broken::new(Right), breaks;

    the_memory_inbox: MemoryInbox::new(), breaks;
}

async fn on_trial<I: Inbox>(make: impl Fn() -> I) -> Verdict {
    Verdict::on(PROMISES, || Arc::new(make()) as Arc<dyn Inbox>).await
}

/// Whichever test comes first.
fn start_all_trials() {
    for trials in trials() {
        LazyLock::force(trials);
    }
}

fn trials() -> [&'static LazyLock<Trials>; 8] {
    [
        &TRIALS,
        &accepting::TRIALS,
        &racing::TRIALS,
        &leasing::TRIALS,
        &settling::TRIALS,
        &ordering::TRIALS,
        &keeping::TRIALS,
        &processes::TRIALS,
    ]
}

#[test]
fn every_promise_is_broken_by_some_inbox() {
    let broken: BTreeSet<_> = trials().iter().flat_map(|trials| trials.broken).copied().collect();
    let unbroken: Vec<_> = PROMISES.iter().filter(|promise| !broken.contains(promise.name())).collect();
    assert!(unbroken.is_empty(), "nothing shows that these can fail: {unbroken:#?}");
}

/// What the macro and the list are made of does not know what is in the sources.
#[test]
fn every_promise_is_in_the_list_under_its_rule() {
    let sources = [
        include_str!("../../src/testing/inbox/accepting.rs"),
        include_str!("../../src/testing/inbox/racing.rs"),
        include_str!("../../src/testing/inbox/leasing.rs"),
        include_str!("../../src/testing/inbox/settling.rs"),
        include_str!("../../src/testing/inbox/ordering.rs"),
        include_str!("../../src/testing/inbox/keeping.rs"),
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
