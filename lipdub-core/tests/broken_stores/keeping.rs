//! Stores that are wrong about attempts, about time, and for how long they remember.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use lipdub_core::dedupe::{Claim, ClaimRequest, Transition};

use crate::database::{Change, Record, State};
use crate::store::{Call, Kind, Steps, Store, right};

/// Counts anew with each takeover.
#[derive(Debug)]
pub(crate) struct TakeoverIsAttempt1;

impl Steps for TakeoverIsAttempt1 {
    fn claimed(&self, record: Option<Record>, request: &ClaimRequest, now: Instant) -> (Change, Claim) {
        match (record, right::claimed(record, request, now)) {
            (Some(Record { state: State::Running, holder, .. }), (_, Claim::Granted { .. }))
                if holder != Some(request.token) =>
            {
                right::granted(request, 1, now)
            }
            (_, answer) => answer,
        }
    }
}

/// Writes the attempt that the caller speaks of over the one that was granted.
#[derive(Debug)]
pub(crate) struct AttemptIsTheCallers(pub(crate) Kind);

impl Steps for AttemptIsTheCallers {
    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        let (change, transition) = right::told(record, call, now);
        if call.kind != self.0 {
            return (change, transition);
        }
        (change.with(|changed| changed.attempt = call.attempt), transition)
    }
}

/// Has leases of whole seconds.
#[derive(Debug)]
pub(crate) struct LeaseOfWholeSeconds;

impl Steps for LeaseOfWholeSeconds {
    fn understood(&self, request: &ClaimRequest) -> ClaimRequest {
        let mut request = request.clone();
        request.lease = Duration::from_secs(request.lease.as_secs());
        request
    }
}

/// Has a clock of whole seconds: a lease may lapse up to a second too soon.
#[derive(Debug)]
pub(crate) struct ClockOfWholeSeconds;

impl Steps for ClockOfWholeSeconds {
    fn clock(&self, now: Instant) -> Instant {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        *START + Duration::from_secs(now.saturating_duration_since(*START).as_secs())
    }
}

/// Has leases of milliseconds, and takes the number for seconds.
#[derive(Debug)]
pub(crate) struct LeaseInTheWrongUnit;

impl Steps for LeaseInTheWrongUnit {
    fn understood(&self, request: &ClaimRequest) -> ClaimRequest {
        let mut request = request.clone();
        request.lease *= 1000;
        request
    }
}

/// For how long a record is kept.
#[derive(Debug)]
pub(crate) enum Retention {
    /// Until the lease lapses: one expiry serves for both.
    IsTheLease,
    /// Which is none at all if it is less than one.
    IsWholeSeconds,
    /// `PEXPIRE` of a number of seconds.
    IsInTheWrongUnit,
    /// As it happens to a number of milliseconds in a column of 32 bits.
    Overflows,
    /// Which rule 10 allows, if the store says so.
    IsForEver,
}

impl Steps for Retention {
    fn understood(&self, request: &ClaimRequest) -> ClaimRequest {
        let mut request = request.clone();
        request.retention = match self {
            Self::IsTheLease => request.lease,
            Self::IsWholeSeconds => Duration::from_secs(request.retention.as_secs()),
            Self::IsInTheWrongUnit => request.retention / 1000,
            Self::Overflows => with_32_bits(request.retention),
            Self::IsForEver => Duration::from_secs(1_000_000),
        };
        request
    }
}

fn with_32_bits(retention: Duration) -> Duration {
    let low = (retention.as_millis() & 0xffff_ffff).try_into().expect("32 bits");
    Duration::from_millis(u32::cast_signed(low).try_into().unwrap_or(0))
}

/// Counts the retention from the claim.
#[derive(Debug)]
pub(crate) struct RetentionIsNotRenewedBy(pub(crate) Kind);

impl Steps for RetentionIsNotRenewedBy {
    fn told(&self, record: Option<Record>, call: &Call, now: Instant) -> (Change, Transition) {
        let (change, transition) = right::told(record, call, now);
        if call.kind == self.0 { (change.keeping_expiry(), transition) } else { (change, transition) }
    }
}

/// Counts the retention from the first claim.
#[derive(Debug)]
pub(crate) struct RetentionIsNotRenewedByClaims;

impl Steps for RetentionIsNotRenewedByClaims {
    fn claimed(&self, record: Option<Record>, request: &ClaimRequest, now: Instant) -> (Change, Claim) {
        let (change, claim) = right::claimed(record, request, now);
        (change.keeping_expiry(), claim)
    }
}

broken! {
    a_takeover_that_counts_anew: Store::new(TakeoverIsAttempt1), breaks
        attempts_only_grow,
        a_lapsed_claim_is_taken_over_with_the_next_attempt,
        one_of_many_claims_on_a_lapsed_claim_is_granted
        and more of 1, 2, 4;

    a_renewal_that_sets_the_attempt: Store::new(AttemptIsTheCallers(Kind::Renew)), breaks
        an_attempt_that_is_told_wrong_lowers_nothing;

    a_failure_that_sets_the_attempt: Store::new(AttemptIsTheCallers(Kind::Fail)), breaks
        an_attempt_that_is_told_wrong_lowers_nothing;

    a_lease_of_whole_seconds: Store::new(LeaseOfWholeSeconds), breaks
        a_claim_stands_until_its_lease_has_lapsed,
        a_renewed_claim_stands_until_its_lease_has_lapsed;

    a_clock_of_whole_seconds: Store::new(ClockOfWholeSeconds), breaks
        a_claim_stands_until_its_lease_has_lapsed,
        a_renewed_claim_stands_until_its_lease_has_lapsed
        and more of 1, 2, 4;

    a_lease_in_another_unit: Store::new(LeaseInTheWrongUnit), breaks
        a_lapsed_claim_is_taken_over_with_the_next_attempt,
        a_running_event_is_busy_for_no_longer_than_its_lease
        and more of 1, 2, 3, 4, 5, 8, 10;

    a_record_kept_for_its_lease: Store::new(Retention::IsTheLease), breaks
        a_record_is_kept_from_its_last_transition,
        a_lapsed_claim_is_taken_over_with_the_next_attempt,
        attempts_only_grow
        and more of 1, 2, 4, 10;

    a_retention_of_whole_seconds: Store::new(Retention::IsWholeSeconds), breaks
        a_record_is_kept_from_its_last_transition,
        a_record_is_kept_from_its_last_claim
        and more of 10;

    a_retention_in_another_unit: Store::new(Retention::IsInTheWrongUnit), breaks
        a_record_is_kept_from_its_last_transition,
        a_record_is_kept_from_its_last_claim
        and more of 1, 2, 3, 4, 5, 6, 7, 8, 10;

    a_retention_in_32_bits: Store::new(Retention::Overflows), breaks
        a_record_with_a_long_retention_is_kept;

    a_retention_without_end: Store::new(Retention::IsForEver), breaks
        a_done_event_is_forgotten_after_its_retention,
        a_failed_event_is_forgotten_after_its_retention,
        a_running_event_is_forgotten_after_its_retention;

    a_retention_not_renewed_by_a_renewal: Store::new(RetentionIsNotRenewedBy(Kind::Renew)), breaks
        a_record_is_kept_from_its_last_transition;

    a_retention_not_renewed_by_a_success: Store::new(RetentionIsNotRenewedBy(Kind::Done)), breaks
        a_record_is_kept_from_its_last_transition
        and more of 10;

    a_retention_not_renewed_by_a_failure: Store::new(RetentionIsNotRenewedBy(Kind::Fail)), breaks
        a_record_is_kept_from_its_last_transition
        and more of 10;

    a_retention_not_renewed_by_a_release: Store::new(RetentionIsNotRenewedBy(Kind::Release)), breaks
        a_record_is_kept_from_its_last_transition;

    a_retention_not_renewed_by_a_claim: Store::new(RetentionIsNotRenewedByClaims), breaks
        a_record_is_kept_from_its_last_claim;
}
