//! The claim keeps its promises in every world that can be reached, and each promise can be broken.

#![allow(clippy::print_stdout, reason = "with --nocapture it tells how much was checked")]

use lipdub_model::store::{FOREVER, Store};
use lipdub_model::{Bounds, Fault, Promise, check};

/// Three holders, a lease of two ticks, and a retention beyond all of it.
const BOUNDS: Bounds = Bounds {
    claimers: 3,
    attempts: 3,
    flushes: 0,
    restarts: 1,
    store: Store { lease: 2, retention: FOREVER, fault: None },
    only: None,
};

#[track_caller]
fn keeps_all_promises(bounds: Bounds) {
    let checked = check(bounds);
    println!("{} worlds, {} steps, at most {} deep", checked.worlds, checked.steps, checked.depth);
    for (promise, way) in &checked.broken {
        println!("{promise}, but:{way}");
    }
    assert!(checked.broken.is_empty(), "a promise is broken");
    assert_eq!(checked.unseen, [""; 0], "what shall be possible does not come about");
}

#[test]
fn every_promise_is_kept_through_lapses_crashes_retries_and_restarts() {
    keeps_all_promises(BOUNDS);
}

#[test]
fn every_promise_is_kept_from_a_loss_of_all_records_on() {
    keeps_all_promises(Bounds { flushes: 1, ..BOUNDS });
}

#[test]
fn every_promise_is_kept_when_the_retention_passes() {
    keeps_all_promises(Bounds { restarts: 0, store: Store { retention: 3, ..BOUNDS.store }, ..BOUNDS });
}

#[test]
fn each_promise_is_broken_by_a_store_that_is_wrong() {
    let broken_by = [
        (Fault::LeaseDoesNotCount, Promise::NeverTwoLiveHolders),
        (Fault::AnybodyRenews, Promise::AZombieChangesNothing),
        (Fault::AnybodyFinishes, Promise::AZombieChangesNothing),
        (Fault::AnybodyFails, Promise::AZombieChangesNothing),
        (Fault::AnybodyReleases, Promise::AZombieChangesNothing),
        (Fault::DoneIsDeleted, Promise::ADoneEventNeverRunsAgain),
        (Fault::DoneIsGranted, Promise::ADoneEventNeverRunsAgain),
        (Fault::DoneIsNotWritten, Promise::AMarkedSuccessIsRemembered),
        (Fault::LapsedIsRefused, Promise::AHolderIsHeard),
        (Fault::FailureIsFinal, Promise::OnlyASuccessIsDone),
        (Fault::FailureIsFinal, Promise::WhatIsNotDoneCanRunAgain),
        (Fault::LapsedStands, Promise::WhatIsNotDoneCanRunAgain),
        (Fault::TakeoverIsNotCounted, Promise::AttemptsOnlyGrow),
        (Fault::RepetitionIsCounted, Promise::AttemptsOnlyGrow),
        (Fault::CallersAttemptCounts, Promise::AttemptsOnlyGrow),
        (Fault::LeaseDoesNotCount, Promise::OneSuccessAtMostKeepsItsClaim),
    ];
    for (fault, promise) in broken_by {
        let store = Store { fault: Some(fault), ..BOUNDS.store };
        let checked = check(Bounds { store, only: Some(promise), ..BOUNDS });
        let names: Vec<_> = checked.broken.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, [promise.name()], "by {fault:?}");
        println!("{fault:?} breaks that {}:{}\n", promise.name(), checked.broken[0].1);
    }
    for promise in Promise::all() {
        assert!(broken_by.iter().any(|(_, broken)| *broken == promise), "nothing breaks {promise:?}");
    }
}
