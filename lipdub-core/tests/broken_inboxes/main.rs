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
    verdict::are_all_broken(PROMISES, &trials());
}

#[test]
fn every_promise_is_in_the_list_under_its_rule() {
    verdict::are_all_listed(
        PROMISES,
        &[
            include_str!("../../src/testing/inbox/accepting.rs"),
            include_str!("../../src/testing/inbox/racing.rs"),
            include_str!("../../src/testing/inbox/leasing.rs"),
            include_str!("../../src/testing/inbox/settling.rs"),
            include_str!("../../src/testing/inbox/ordering.rs"),
            include_str!("../../src/testing/inbox/keeping.rs"),
        ],
    );
}
