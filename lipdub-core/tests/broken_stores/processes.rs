//! Stores that are right as long as there is one process, or one clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lipdub_core::dedupe::{Claim, ClaimRequest, Transition};
use lipdub_core::testing::dedupe::Handles;
use lipdub_core::{StoreError, async_trait};
use tokio::sync::Mutex;

use crate::database::Database;
use crate::store::{Call, Right, Steps, Store, right};

/// Makes reading and writing one by a lock, which the other processes do not see.
#[derive(Debug, Default)]
struct LocksInItsProcess {
    lock: Mutex<()>,
}

#[async_trait]
impl Steps for LocksInItsProcess {
    async fn claim(&self, database: &Database, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let _locked = self.lock.lock().await;
        let record = database.get(request.key).await;
        let (change, claim) = right::claimed(record, request, Instant::now());
        database.write(request.key, change).await;
        Ok(claim)
    }

    async fn tell(&self, database: &Database, call: &Call) -> Result<Transition, StoreError> {
        let _locked = self.lock.lock().await;
        Right.tell(database, call).await
    }
}

/// Goes by its process's clock, which may be ahead of the others'.
#[derive(Debug)]
struct CallersClock {
    ahead: Duration,
}

impl Steps for CallersClock {
    fn clock(&self, now: Instant) -> Instant {
        now + self.ahead
    }
}

const HOUR: Duration = Duration::from_secs(3600);

fn two_processes<S: Steps>(steps: [S; 2]) -> Handles {
    let database = Arc::default();
    Handles::new(steps.map(|steps| Store::on(&database, steps)))
}

broken! {
    a_right_store_in_two_processes: two_processes([Right, Right]), breaks;

    a_lock_in_the_process_in_one: Store::new(LocksInItsProcess::default()), breaks;

    a_lock_in_the_process_in_two: two_processes([(); 2].map(|()| LocksInItsProcess::default())), breaks
        one_of_many_claims_on_a_new_event_is_granted,
        one_of_many_claims_on_a_failed_event_is_granted,
        one_of_many_claims_on_a_lapsed_claim_is_granted
        and more of 1;

    the_callers_clock_in_one: Store::new(CallersClock { ahead: HOUR }), breaks;

    the_callers_clock_in_two: two_processes([Duration::ZERO, HOUR].map(|ahead| CallersClock { ahead })), breaks
        a_claim_stands_until_its_lease_has_lapsed,
        a_running_event_is_busy_for_no_longer_than_its_lease
        and more of 1, 2, 3, 4, 5, 7, 8, 10;
}
