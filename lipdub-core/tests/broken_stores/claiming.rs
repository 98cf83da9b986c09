//! Stores that are wrong about who is granted a claim.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use lipdub_core::dedupe::{Claim, ClaimRequest, ClaimToken, Transition};
use lipdub_core::{EventKey, StoreError, async_trait};

use crate::database::{Change, Database, Record, State};
use crate::store::{Call, Kind, Right, Steps, Store, right};

/// Reads, decides, and writes what it has decided.
#[derive(Debug)]
pub(crate) struct ClaimsByReadingThenWriting;

#[async_trait]
impl Steps for ClaimsByReadingThenWriting {
    async fn claim(&self, database: &Database, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let record = database.get(request.key).await;
        let (change, claim) = right::claimed(record, request, Instant::now());
        database.write(request.key, change).await;
        Ok(claim)
    }
}

/// Inserts a first claim atomically, and thinks that enough.
#[derive(Debug)]
pub(crate) struct InsertsThenUpdates;

#[async_trait]
impl Steps for InsertsThenUpdates {
    async fn claim(&self, database: &Database, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let (change, granted) = right::granted(request, 1, Instant::now());
        if database.write_if_new(request.key, change).await {
            return Ok(granted);
        }
        ClaimsByReadingThenWriting.claim(database, request).await
    }
}

/// Reads whether a call is its caller's to make, and then makes it.
#[derive(Debug)]
pub(crate) struct ReadsThenWrites(pub(crate) Kind);

#[async_trait]
impl Steps for ReadsThenWrites {
    async fn tell(&self, database: &Database, call: &Call) -> Result<Transition, StoreError> {
        if call.kind != self.0 {
            return Right.tell(database, call).await;
        }
        let record = database.get(call.request.key).await;
        let (change, transition) = right::told(record, call, Instant::now());
        database.write(call.request.key, change).await;
        Ok(transition)
    }
}

/// Sees that the claim is the caller's own, and then renews it.
#[derive(Debug)]
pub(crate) struct RepeatsByReadingThenWriting;

#[async_trait]
impl Steps for RepeatsByReadingThenWriting {
    async fn claim(&self, database: &Database, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let record = database.get(request.key).await;
        if record.is_some_and(|known| known.state == State::Running && known.holder == Some(request.token)) {
            return ClaimsByReadingThenWriting.claim(database, request).await;
        }
        Right.claim(database, request).await
    }
}

/// Makes reading and writing one by a lock in the database, which nobody lets go if the call is dropped.
#[derive(Debug)]
pub(crate) struct LocksInTheDatabase;

#[async_trait]
impl Steps for LocksInTheDatabase {
    async fn claim(&self, database: &Database, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let lock = format!("{}:lock", request.key);
        if !database.lock(&lock, request.lease).await {
            return Ok(Claim::Busy { lapses_in: request.lease });
        }
        let claim = ClaimsByReadingThenWriting.claim(database, request).await;
        database.unlock(&lock).await;
        claim
    }
}

/// Has one record for all events.
#[derive(Debug)]
pub(crate) struct OneRecordForAll;

impl Steps for OneRecordForAll {
    fn understood(&self, request: &ClaimRequest) -> ClaimRequest {
        with_key(request, |_| "v1-".to_owned() + &"0".repeat(64))
    }
}

/// Has a column of 32 characters for the key.
#[derive(Debug)]
pub(crate) struct KeyCutShort;

impl Steps for KeyCutShort {
    fn understood(&self, request: &ClaimRequest) -> ClaimRequest {
        with_key(request, |key| key[..32].to_owned() + &"0".repeat(35))
    }
}

fn with_key(request: &ClaimRequest, change: impl FnOnce(&str) -> String) -> ClaimRequest {
    let mut request = request.clone();
    let key: EventKey = change(&request.key.to_string()).parse().expect("a key");
    request.key = key;
    request
}

/// Dedupes on *seen*: an event that failed counts as handled.
#[derive(Debug)]
pub(crate) struct DedupesOnSeen;

impl Steps for DedupesOnSeen {
    fn claimed(&self, record: Option<Record>, request: &ClaimRequest, now: Instant) -> (Change, Claim) {
        match record {
            None => right::granted(request, 1, now),
            Some(_) => (Change::Nothing, Claim::Done),
        }
    }
}

/// Lets a failure stand until the lease of its attempt has lapsed.
#[derive(Debug)]
pub(crate) struct FailedWaitsForItsLease;

impl Steps for FailedWaitsForItsLease {
    fn claimed(&self, record: Option<Record>, request: &ClaimRequest, now: Instant) -> (Change, Claim) {
        match record {
            Some(Record { state: State::Failed, lapses: Some(lapses), .. }) if lapses > now => {
                (Change::Nothing, Claim::Busy { lapses_in: lapses - now })
            }
            _ => right::claimed(record, request, now),
        }
    }

    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        let (change, transition) = right::told(record, call, now);
        let lapses = record.and_then(|known| known.lapses);
        (change.with(|changed| changed.lapses = changed.lapses.or(lapses)), transition)
    }
}

/// Deletes what failed, so that the next attempt is the first again.
#[derive(Debug)]
pub(crate) struct FailDeletes;

impl Steps for FailDeletes {
    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        match right::told(record, call, now) {
            (_, Transition::Applied) if call.kind == Kind::Fail => (Change::Delete, Transition::Applied),
            answer => answer,
        }
    }
}

/// Refuses a claim that is there already, also to the token that made it.
#[derive(Debug)]
pub(crate) struct RepeatedClaimIsRefused;

impl Steps for RepeatedClaimIsRefused {
    fn claimed(&self, record: Option<Record>, request: &ClaimRequest, now: Instant) -> (Change, Claim) {
        right::claimed(record.map(of_nobody), request, now)
    }
}

fn of_nobody(record: Record) -> Record {
    Record { holder: None, ..record }
}

/// Grants a repeated claim as one more attempt.
#[derive(Debug)]
pub(crate) struct RepeatedClaimCounts;

impl Steps for RepeatedClaimCounts {
    fn claimed(&self, record: Option<Record>, request: &ClaimRequest, now: Instant) -> (Change, Claim) {
        match record {
            Some(Record { state: State::Running, attempt, holder, .. }) if holder == Some(request.token) => {
                right::granted(request, attempt + 1, now)
            }
            _ => right::claimed(record, request, now),
        }
    }
}

/// Grants a repeated claim, and leaves the lease as it was.
#[derive(Debug)]
pub(crate) struct RepeatedClaimKeepsItsLease;

impl Steps for RepeatedClaimKeepsItsLease {
    fn claimed(&self, record: Option<Record>, request: &ClaimRequest, now: Instant) -> (Change, Claim) {
        match record {
            Some(Record { state: State::Running, attempt, holder, .. }) if holder == Some(request.token) => {
                (Change::Nothing, Claim::Granted { attempt })
            }
            _ => right::claimed(record, request, now),
        }
    }
}

/// Looks at the lease before it looks at the token: the holder takes itself over.
#[derive(Debug)]
pub(crate) struct LapsedClaimIsTakenOverByItsHolder;

impl Steps for LapsedClaimIsTakenOverByItsHolder {
    fn claimed(&self, record: Option<Record>, request: &ClaimRequest, now: Instant) -> (Change, Claim) {
        match record {
            Some(known) if known.lapses.is_some_and(|lapses| lapses <= now) => {
                right::claimed(Some(of_nobody(known)), request, now)
            }
            _ => right::claimed(record, request, now),
        }
    }
}

/// Knows every token that was ever granted the event, and grants it again.
#[derive(Debug, Default)]
pub(crate) struct ZombieClaimsAgain {
    granted: Mutex<HashSet<(EventKey, ClaimToken)>>,
}

impl Steps for ZombieClaimsAgain {
    fn claimed(&self, record: Option<Record>, request: &ClaimRequest, now: Instant) -> (Change, Claim) {
        let mut granted = self.granted.lock().expect("no panic");
        let is_known = granted.contains(&(request.key, request.token));
        let (change, claim) = match record {
            Some(known) if known.state == State::Running && is_known => {
                right::granted(request, known.attempt, now)
            }
            _ => right::claimed(record, request, now),
        };
        if matches!(claim, Claim::Granted { .. }) {
            granted.insert((request.key, request.token));
        }
        (change, claim)
    }
}

/// Counts from 0.
#[derive(Debug)]
pub(crate) struct FirstIsAttempt0;

impl Steps for FirstIsAttempt0 {
    fn claimed(&self, record: Option<Record>, request: &ClaimRequest, now: Instant) -> (Change, Claim) {
        match record {
            None => right::granted(request, 0, now),
            Some(_) => right::claimed(record, request, now),
        }
    }
}

/// Takes over, and lets the attempt be: the zombie and its successor have the same.
#[derive(Debug)]
pub(crate) struct TakeoverDoesNotCount;

impl Steps for TakeoverDoesNotCount {
    fn claimed(&self, record: Option<Record>, request: &ClaimRequest, now: Instant) -> (Change, Claim) {
        match (record, right::claimed(record, request, now)) {
            (Some(Record { state: State::Running, attempt, .. }), (_, Claim::Granted { .. })) => {
                right::granted(request, attempt, now)
            }
            (_, answer) => answer,
        }
    }
}

/// Makes a claim in one command and counts its attempt in the next.
#[derive(Debug)]
pub(crate) struct CountsInASecondCommand;

#[async_trait]
impl Steps for CountsInASecondCommand {
    async fn claim(&self, database: &Database, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let is_own = |known: Record| known.state == State::Running && known.holder == Some(request.token);
        let claim = |record: Option<Record>, now| match right::claimed(record, request, now) {
            (change, Claim::Granted { attempt }) if !record.is_some_and(is_own) => {
                (change.with(|new| new.attempt -= 1), (Claim::Granted { attempt }, true))
            }
            (change, claim) => (change, (claim, false)),
        };
        let (claim, is_new) = database.script(request.key, claim).await;
        if is_new {
            let count = |record: Option<Record>, _| match record {
                Some(known) if is_own(known) => {
                    let counted = Record { attempt: known.attempt + 1, ..known };
                    (Change::Put(counted, request.retention), ())
                }
                _ => (Change::Nothing, ()),
            };
            database.script(request.key, count).await;
        }
        Ok(claim)
    }
}

/// Notes when it was claimed, and asks whoever comes how long a lease is.
#[derive(Debug)]
pub(crate) struct LeaseIsTheAskers;

impl Steps for LeaseIsTheAskers {
    fn claimed(&self, record: Option<Record>, request: &ClaimRequest, now: Instant) -> (Change, Claim) {
        let with_lease =
            |known: Record| Record { lapses: known.lapses.map(|claimed| claimed + request.lease), ..known };
        let (change, claim) = right::claimed(record.map(with_lease), request, now);
        (change.with(|new| new.lapses = Some(now)), claim)
    }

    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        let (change, transition) = right::told(record, call, now);
        (change.with(|new| new.lapses = new.lapses.map(|_| now)), transition)
    }
}

/// Knows a done event's token, and grants it what it held.
#[derive(Debug)]
pub(crate) struct DoneIsGrantedToItsToken;

impl Steps for DoneIsGrantedToItsToken {
    fn claimed(&self, record: Option<Record>, request: &ClaimRequest, now: Instant) -> (Change, Claim) {
        match record {
            Some(known) if known.state == State::Done && known.holder == Some(request.token) => {
                right::granted(request, known.attempt, now)
            }
            _ => right::claimed(record, request, now),
        }
    }
}

/// What `Busy` says about the lease.
#[derive(Debug)]
pub(crate) enum BusyFor {
    TheAskersLease,
    TheRetention,
    NoTime,
    FifteenSeconds,
}

impl Steps for BusyFor {
    fn claimed(&self, record: Option<Record>, request: &ClaimRequest, now: Instant) -> (Change, Claim) {
        match right::claimed(record, request, now) {
            (change, Claim::Busy { .. }) => {
                let lapses_in = match self {
                    Self::TheAskersLease => request.lease,
                    Self::TheRetention => request.retention,
                    Self::NoTime => Duration::ZERO,
                    Self::FifteenSeconds => Duration::from_secs(15),
                };
                (change, Claim::Busy { lapses_in })
            }
            answer => answer,
        }
    }
}

broken! {
    reads_then_writes: Store::new(ClaimsByReadingThenWriting), breaks
        one_of_many_claims_on_a_new_event_is_granted,
        one_of_many_claims_on_a_failed_event_is_granted,
        one_of_many_claims_on_a_lapsed_claim_is_granted
        and more of 1;

    inserts_and_then_reads_and_writes: Store::new(InsertsThenUpdates), breaks
        one_of_many_claims_on_a_failed_event_is_granted,
        one_of_many_claims_on_a_lapsed_claim_is_granted
        and more of 1;

    renews_by_reading_then_writing: Store::new(ReadsThenWrites(Kind::Renew)), breaks
        a_lapsed_holder_that_renews_and_its_successor_do_not_both_win;

    finishes_by_reading_then_writing: Store::new(ReadsThenWrites(Kind::Done)), breaks
        a_lapsed_holder_that_finishes_and_its_successor_do_not_both_win;

    fails_by_reading_then_writing: Store::new(ReadsThenWrites(Kind::Fail)), breaks
        a_lapsed_holder_that_fails_takes_nothing_from_its_successor;

    releases_by_reading_then_writing: Store::new(ReadsThenWrites(Kind::Release)), breaks
        a_lapsed_holder_that_releases_takes_nothing_from_its_successor;

    repeats_by_reading_then_writing: Store::new(RepeatsByReadingThenWriting), breaks
        a_lapsed_holder_that_claims_again_and_its_successor_do_not_both_win;

    a_lock_record_that_outlives_its_call: Store::new(LocksInTheDatabase), breaks
        a_claim_that_was_dropped_half_way_is_granted_when_repeated,
        a_claim_that_is_asked_for_twice_at_once_is_one_attempt
        and more of 1;

    one_record_for_all_events: Store::new(OneRecordForAll), breaks
        events_are_independent,
        events_with_similar_keys_are_independent
        and more of 1, 2, 4, 6, 7, 10;

    a_key_cut_short: Store::new(KeyCutShort), breaks
        events_with_similar_keys_are_independent;

    dedupes_on_seen: Store::new(DedupesOnSeen), breaks
        a_failed_event_is_granted_with_the_next_attempt,
        a_lapsed_claim_is_taken_over_with_the_next_attempt,
        an_event_that_failed_and_then_was_done_is_never_granted_again,
        a_running_event_is_busy_for_no_longer_than_its_lease
        and more of 1, 2, 3, 4, 5, 6, 7, 8, 10;

    a_failure_that_waits_for_its_lease: Store::new(FailedWaitsForItsLease), breaks
        a_failed_event_is_granted_with_the_next_attempt
        and more of 1, 2, 3, 4, 5, 6, 7, 8, 10;

    a_failure_that_is_deleted: Store::new(FailDeletes), breaks
        a_failed_event_is_granted_with_the_next_attempt,
        fail_said_again_is_applied_again,
        fail_without_a_record_counts_the_attempt,
        attempts_only_grow
        and more of 1, 2, 3, 4, 5, 6, 7, 8, 10;

    a_repeated_claim_that_is_refused: Store::new(RepeatedClaimIsRefused), breaks
        a_repeated_claim_is_granted_the_same_attempt,
        a_claim_that_is_asked_for_twice_at_once_is_one_attempt,
        a_claim_that_was_dropped_half_way_is_granted_when_repeated,
        a_repeated_claim_renews_the_lease
        and more of 1, 2, 4, 5, 8, 10;

    a_repeated_claim_that_counts: Store::new(RepeatedClaimCounts), breaks
        a_repeated_claim_is_granted_the_same_attempt,
        a_claim_that_is_asked_for_twice_at_once_is_one_attempt,
        a_claim_that_was_dropped_half_way_is_granted_when_repeated,
        attempts_only_grow
        and more of 1, 2, 4, 5, 8, 10;

    a_repeated_claim_that_keeps_its_lease: Store::new(RepeatedClaimKeepsItsLease), breaks
        a_repeated_claim_renews_the_lease,
        a_lapsed_claim_that_is_repeated_is_granted_the_same_attempt,
        a_lapsed_holder_that_claims_again_and_its_successor_do_not_both_win,
        a_record_is_kept_from_its_last_claim;

    a_lapsed_claim_taken_over_by_its_holder: Store::new(LapsedClaimIsTakenOverByItsHolder), breaks
        a_lapsed_claim_that_is_repeated_is_granted_the_same_attempt,
        a_lapsed_holder_that_claims_again_and_its_successor_do_not_both_win
        and more of 2, 8, 10;

    a_zombie_that_claims_again: Store::new(ZombieClaimsAgain::default()), breaks
        a_replaced_holder_does_not_get_its_claim_back,
        a_lapsed_holder_that_claims_again_and_its_successor_do_not_both_win;

    attempts_from_0: Store::new(FirstIsAttempt0), breaks
        a_new_event_is_granted_as_attempt_1
        and more of 1, 2, 3, 4, 5, 6, 7, 8, 10;

    a_takeover_that_does_not_count: Store::new(TakeoverDoesNotCount), breaks
        a_lapsed_claim_is_taken_over_with_the_next_attempt,
        one_of_many_claims_on_a_lapsed_claim_is_granted,
        attempts_only_grow
        and more of 1, 2, 4;

    an_attempt_counted_in_a_second_command: Store::new(CountsInASecondCommand), breaks
        a_claim_that_is_asked_for_twice_at_once_is_one_attempt,
        a_claim_that_was_dropped_half_way_is_granted_when_repeated;

    a_lease_of_the_askers_length: Store::new(LeaseIsTheAskers), breaks
        a_running_event_is_busy_for_no_longer_than_its_lease,
        a_running_event_says_when_its_lease_lapses,
        a_lapsed_claim_is_taken_over_with_the_next_attempt
        and more of 1, 2, 4, 8;

    a_done_event_granted_to_its_token: Store::new(DoneIsGrantedToItsToken), breaks
        a_done_event_is_never_granted_again;

    busy_for_the_askers_lease: Store::new(BusyFor::TheAskersLease), breaks
        a_running_event_is_busy_for_no_longer_than_its_lease,
        a_running_event_says_when_its_lease_lapses;

    busy_for_the_retention: Store::new(BusyFor::TheRetention), breaks
        a_running_event_is_busy_for_no_longer_than_its_lease,
        a_running_event_says_when_its_lease_lapses
        and more of 1, 2, 4, 5, 10;

    busy_for_no_time: Store::new(BusyFor::NoTime), breaks
        a_running_event_says_when_its_lease_lapses;

    busy_for_the_usual_lease: Store::new(BusyFor::FifteenSeconds), breaks
        a_running_event_says_when_its_lease_lapses;
}
