//! Every promise holds in every world that can be reached, and each can be broken.
//!
//! What was checked is shown by `cargo test -p lipdub-model --test promises -- --nocapture`.

#![allow(clippy::print_stdout, reason = "with --nocapture it tells what was checked")]

use std::time::Instant;

use lipdub_model::store::Store;
use lipdub_model::{Fault, Promise, Scenario, check, scenarios};

#[test]
fn every_promise_is_kept_when_holders_crash() {
    everything_holds(scenarios::HOLDERS_CRASH);
}

#[test]
fn every_promise_is_kept_when_the_store_restarts() {
    everything_holds(scenarios::STORE_RESTARTS);
}

#[test]
fn every_promise_is_kept_when_the_store_forgets() {
    everything_holds(scenarios::STORE_FORGETS);
}

#[test]
fn every_promise_is_kept_when_the_retention_passes() {
    everything_holds(scenarios::RETENTION_PASSES);
}

#[test]
fn every_promise_is_kept_when_claimers_go_on_without_the_store() {
    everything_holds(scenarios::CLAIMERS_GO_ON);
}

#[track_caller]
fn everything_holds(scenario: Scenario) {
    let begun = Instant::now();
    let checked = check(scenario);
    println!("{scenario:?}: {checked:?}, in {:.1?}", begun.elapsed());
    for (promise, way) in &checked.broken {
        println!("{promise:?} is broken:{way}");
    }
    assert!(checked.broken.is_empty(), "a promise is broken");
    assert_eq!(checked.unseen, [""; 0], "what ought to be possible does not come about");
}

/// Each with a promise that it breaks, if that alone is watched.
const BREAKAGES: [(Fault, Promise); 20] = [
    (Fault::LeaseDoesNotCount, Promise::NeverTwoLiveHolders),
    (Fault::LeaseDoesNotCount, Promise::ASecondSuccessHasACause),
    (Fault::AnybodyRenews, Promise::AZombieChangesNothing),
    (Fault::AnybodyFinishes, Promise::AZombieChangesNothing),
    (Fault::AnybodyFails, Promise::AZombieChangesNothing),
    (Fault::AnybodyReleases, Promise::AZombieChangesNothing),
    (Fault::DoneIsDeleted, Promise::ADoneEventNeverRunsAgain),
    (Fault::DoneIsDeleted, Promise::ASecondSuccessHasACause),
    (Fault::DoneIsGranted, Promise::ADoneEventNeverRunsAgain),
    (Fault::DoneIsGranted, Promise::AMarkedSuccessIsRemembered),
    (Fault::DoneIsNotWritten, Promise::AMarkedSuccessIsRemembered),
    (Fault::LapsedIsRefused, Promise::AHolderIsHeard),
    (Fault::FailureIsFinal, Promise::OnlyASuccessIsDone),
    (Fault::FailureIsFinal, Promise::WhatIsNotDoneCanRunAgain),
    (Fault::LapsedStands, Promise::WhatIsNotDoneCanRunAgain),
    (Fault::TakeoverIsNotCounted, Promise::AttemptsOnlyGrow),
    (Fault::TakeoverIsNotCounted, Promise::NoTwoHandlersShareAnAttempt),
    (Fault::RepetitionIsCounted, Promise::AttemptsOnlyGrow),
    (Fault::CallersAttemptCounts, Promise::AttemptsOnlyGrow),
    (Fault::CallersAttemptCounts, Promise::NoTwoHandlersShareAnAttempt),
];

#[test]
fn each_promise_is_broken_by_a_store_that_is_wrong() {
    for (fault, promise) in BREAKAGES {
        let store = Store { fault: Some(fault), ..Store::SOUND };
        let checked = check(Scenario { store, only: Some(promise), ..scenarios::STORE_RESTARTS });
        let names: Vec<_> = checked.broken.iter().map(|(broken, _)| *broken).collect();
        assert_eq!(names, [promise], "by {fault:?}");
        println!("{fault:?} breaks {promise:?}:{}\n", checked.broken[0].1);
    }
}

#[test]
fn no_promise_and_no_fault_is_left_out() {
    for promise in Promise::ALL {
        assert!(BREAKAGES.iter().any(|(_, broken)| *broken == promise), "nothing breaks {promise:?}");
    }
    for fault in Fault::ALL {
        assert!(BREAKAGES.iter().any(|(noticed, _)| *noticed == fault), "{fault:?} breaks nothing");
    }
}
