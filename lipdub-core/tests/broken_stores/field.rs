//! What was wrong with the best-known idempotency layer over Redis, piece by piece and as a whole.
//!
//! It claims with `SET … NX`; if that fails it reads the record with `GET`, and a record that it takes for an
//! orphan it replaces with `SET` under a lock. It completes with `SET` and fails with `DEL`. Each command by itself
//! is atomic, and no record has an owner.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lipdub_core::dedupe::{Claim, ClaimRequest, Transition};
use lipdub_core::{StoreError, async_trait};
use tokio::time::sleep;

use crate::database::{Change, Database, Record, State};
use crate::store::{Call, Kind, Right, Steps, Store, right};

/// The whole of it.
#[derive(Debug)]
pub(crate) struct WholeLayer;

#[async_trait]
impl Steps for WholeLayer {
    async fn claim(&self, database: &Database, request: &ClaimRequest) -> Result<Claim, StoreError> {
        Ok(claim_in_steps(database, request).await)
    }

    fn told(&self, _: Option<Record>, call: &Call, _: Instant) -> (Change, Transition) {
        let done = Record { state: State::Done, attempt: call.attempt, holder: None, lapses: None };
        let change = match call.kind {
            Kind::Renew => Change::Nothing,
            Kind::Done => Change::Put(done, call.request.retention),
            Kind::Fail | Kind::Release => Change::Delete,
        };
        (change, Transition::Applied)
    }
}

/// 1. A live holder that has not said for how long it will be is taken for an orphan.
///
/// Only a function with a deadline of its own wrote one into the record. Here a holder does so when it renews.
#[derive(Debug)]
pub(crate) struct NoLeaseUntilRenewed;

impl Steps for NoLeaseUntilRenewed {
    fn claimed(&self, record: Option<Record>, request: &ClaimRequest, now: Instant) -> (Change, Claim) {
        let (change, claim) = right::claimed(record, request, now);
        (change.with(|record| record.lapses = None), claim)
    }
}

/// 2. Completing writes a new record and not all that was in the old: there a digest, here the holder.
///
/// What was done is said again because an answer was lost, and is refused.
#[derive(Debug)]
pub(crate) struct DoneDropsAPart;

impl Steps for DoneDropsAPart {
    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        let (change, transition) = right::told(record, call, now);
        match call.kind {
            Kind::Done => (change.with(|record| record.holder = None), transition),
            _ => (change, transition),
        }
    }
}

/// 3. A holder that fails deletes the record, whoever's it is by then.
#[derive(Debug)]
pub(crate) struct FailDeletesAnybodysRecord;

impl Steps for FailDeletesAnybodysRecord {
    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        match call.kind {
            Kind::Fail => (Change::Delete, Transition::Applied),
            _ => right::told(record, call, now),
        }
    }
}

/// 4. A zombie's success is written over its successor's claim, and erased when the successor fails.
#[derive(Debug)]
pub(crate) struct AnybodySettles;

impl Steps for AnybodySettles {
    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        match call.kind {
            Kind::Done => right::applied(record, call, now),
            Kind::Fail => (Change::Delete, Transition::Applied),
            _ => right::told(record, call, now),
        }
    }
}

/// 5. Whether a record is an orphan is decided on what was read before the lock was taken.
///
/// The lock is there for those who read at the same time. It is let go when its time has passed and not before,
/// and what was read longer ago than that is not read again.
#[derive(Debug)]
pub(crate) struct OrphanByAStaleRead {
    locked_for: Duration,
    reads: AtomicU32,
}

impl OrphanByAStaleRead {
    /// How long the answer to every fourth read takes, as from another continent.
    const SLOW: Duration = Duration::from_millis(60);

    pub(crate) fn locked_for(locked_for: Duration) -> Self {
        Self { locked_for, reads: AtomicU32::new(0) }
    }
}

#[async_trait]
impl Steps for OrphanByAStaleRead {
    async fn claim(&self, database: &Database, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let record = database.get(request.key).await;
        if !record.is_some_and(|known| is_orphan(&known, request)) {
            return Ok(database
                .script(request.key, |record, now| claimed_unless_orphan(record, request, now))
                .await);
        }
        if self.reads.fetch_add(1, Ordering::Relaxed) % 4 == 3 {
            sleep(Self::SLOW).await;
        }
        Ok(replace(database, record, request, self.locked_for).await)
    }
}

/// Compares the end of a lease with a clock that only has the milliseconds of the present second: nothing lapses.
#[derive(Debug)]
pub(crate) struct DeadBranch;

impl Steps for DeadBranch {
    fn claimed(&self, record: Option<Record>, request: &ClaimRequest, now: Instant) -> (Change, Claim) {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is set");
        match record {
            Some(Record { state: State::Running, lapses: Some(lapses), holder, .. })
                if holder != Some(request.token) =>
            {
                let lapses_in = lapses.saturating_duration_since(now);
                if (since_1970 + lapses_in).as_millis() <= since_1970.subsec_millis().into() {
                    return right::claimed(record, request, now);
                }
                (Change::Nothing, Claim::Busy { lapses_in })
            }
            _ => right::claimed(record, request, now),
        }
    }
}

/// Gives whole seconds to `EX`, which 0 is not good enough for.
#[derive(Debug)]
pub(crate) struct ExpiresInZeroSeconds;

impl ExpiresInZeroSeconds {
    fn check(request: &ClaimRequest) -> Result<(), StoreError> {
        match request.retention.as_secs() {
            0 => Err(StoreError::new("the server refused", "invalid expire time in 'set' command")),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Steps for ExpiresInZeroSeconds {
    async fn claim(&self, database: &Database, request: &ClaimRequest) -> Result<Claim, StoreError> {
        Self::check(request)?;
        Right.claim(database, request).await
    }

    async fn tell(&self, database: &Database, call: &Call) -> Result<Transition, StoreError> {
        Self::check(&call.request)?;
        Right.tell(database, call).await
    }
}

async fn claim_in_steps(database: &Database, request: &ClaimRequest) -> Claim {
    let (change, granted) = right::granted(request, 1, Instant::now());
    if database.write_if_new(request.key, change).await {
        return granted;
    }
    let record = database.get(request.key).await;
    match right::claimed(record, request, Instant::now()) {
        (_, Claim::Granted { .. }) => replace(database, record, request, Duration::from_secs(10)).await,
        (_, other) => other,
    }
}

fn claimed_unless_orphan(record: Option<Record>, request: &ClaimRequest, now: Instant) -> (Change, Claim) {
    match record {
        // Since it was read: whoever asks next sees it.
        Some(known) if is_orphan(&known, request) => {
            (Change::Nothing, Claim::Busy { lapses_in: Duration::ZERO })
        }
        _ => right::claimed(record, request, now),
    }
}

fn is_orphan(record: &Record, request: &ClaimRequest) -> bool {
    let has_lapsed = record.lapses.is_some_and(|lapses| lapses <= Instant::now());
    record.state == State::Running && has_lapsed && record.holder != Some(request.token)
}

/// Writes over what was read, whatever has become of it.
async fn replace(
    database: &Database,
    record: Option<Record>,
    request: &ClaimRequest,
    locked_for: Duration,
) -> Claim {
    if !database.lock(&format!("{}:lock", request.key), locked_for).await {
        return Claim::Busy { lapses_in: request.lease };
    }
    let (change, claim) = right::claimed(record, request, Instant::now());
    database.write(request.key, change).await;
    claim
}

broken! {
    the_whole_layer: Store::new(WholeLayer), breaks
        one_of_many_claims_on_a_failed_event_is_granted,
        a_failed_event_is_granted_with_the_next_attempt,
        a_lapsed_claim_is_taken_over_with_the_next_attempt,
        a_repeated_claim_is_granted_the_same_attempt,
        a_replaced_holder_changes_nothing_while_its_successor_runs,
        a_replaced_holder_changes_nothing_after_its_successor_finished,
        fail_after_done_is_refused
        and more of 1, 2, 3, 4, 5, 6, 7, 8, 10;

    a_live_holder_taken_for_an_orphan: Store::new(NoLeaseUntilRenewed), breaks
        one_of_many_claims_on_a_new_event_is_granted,
        a_claim_stands_until_its_lease_has_lapsed,
        a_repeated_claim_renews_the_lease,
        a_running_event_is_busy_for_no_longer_than_its_lease
        and more of 1, 2, 3, 4, 10;

    done_drops_a_part_of_the_record: Store::new(DoneDropsAPart), breaks
        done_said_again_is_applied_again,
        done_that_was_dropped_half_way_is_applied_when_said_again;

    a_zombie_that_fails_late: Store::new(FailDeletesAnybodysRecord), breaks
        a_replaced_holder_changes_nothing_while_its_successor_runs,
        a_replaced_holder_changes_nothing_after_its_successor_finished,
        a_lapsed_holder_that_fails_takes_nothing_from_its_successor,
        a_failed_event_is_granted_with_the_next_attempt,
        fail_after_done_is_refused
        and more of 1, 2, 3, 4, 5, 6, 7, 8, 10;

    a_zombie_that_succeeds_late: Store::new(AnybodySettles), breaks
        a_lapsed_holder_that_finishes_and_its_successor_do_not_both_win,
        a_replaced_holder_changes_nothing_while_its_successor_runs,
        a_replaced_holder_changes_nothing_after_its_successor_failed,
        a_failed_event_is_granted_with_the_next_attempt,
        fail_after_done_is_refused
        and more of 1, 2, 3, 4, 5, 6, 7, 8, 10;

    an_orphan_by_a_stale_read: Store::new(OrphanByAStaleRead::locked_for(Duration::from_millis(10))), breaks
        one_of_many_claims_on_a_lapsed_claim_is_granted,
        a_lapsed_holder_that_finishes_and_its_successor_do_not_both_win,
        a_lapsed_holder_that_renews_and_its_successor_do_not_both_win,
        a_lapsed_holder_that_claims_again_and_its_successor_do_not_both_win,
        a_lapsed_holder_that_releases_takes_nothing_from_its_successor;

    an_orphan_under_a_lock_that_is_not_let_go:
        Store::new(OrphanByAStaleRead::locked_for(Duration::from_secs(10))), breaks
        a_lapsed_claim_is_taken_over_with_the_next_attempt,
        a_lapsed_holder_that_finishes_and_its_successor_do_not_both_win,
        a_lapsed_holder_that_renews_and_its_successor_do_not_both_win,
        a_lapsed_holder_that_claims_again_and_its_successor_do_not_both_win,
        a_lapsed_holder_that_releases_takes_nothing_from_its_successor;

    a_lease_compared_with_another_unit: Store::new(DeadBranch), breaks
        one_of_many_claims_on_a_lapsed_claim_is_granted,
        a_lapsed_claim_is_taken_over_with_the_next_attempt,
        a_renewed_lease_counts_from_now,
        attempts_only_grow
        and more of 1, 2, 4;

    an_expiry_of_zero_seconds: Store::new(ExpiresInZeroSeconds), breaks
        a_record_is_kept_from_its_last_transition,
        a_record_is_kept_from_its_last_claim,
        a_done_event_is_forgotten_after_its_retention,
        a_failed_event_is_forgotten_after_its_retention,
        a_running_event_is_forgotten_after_its_retention;
}
