//! Inboxes that are right as long as there is one process, or one clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lipdub_core::async_trait;
use lipdub_core::dedupe::Transition;
use lipdub_core::inbox::{LeaseRequest, Leased};
use lipdub_core::testing::inbox::Handles;
use tokio::sync::Mutex;

use crate::inbox::{Broken, Call, Right, Steps, right};
use crate::table::Database;

/// Makes reading and writing one by a lock, which the other processes do not see.
#[derive(Debug, Default)]
struct LocksInItsProcess {
    lock: Mutex<()>,
}

#[async_trait]
impl Steps for LocksInItsProcess {
    async fn lease(&self, database: &Database, request: &LeaseRequest) -> Vec<Leased> {
        let _locked = self.lock.lock().await;
        let mut table = database.read().await;
        let leased = right::leased(self, &mut table, request, Instant::now());
        database.write_leased(table, &leased).await;
        leased
    }

    async fn tell(&self, database: &Database, call: &Call) -> Transition {
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
    Handles::new(steps.map(|steps| Broken::on(&database, steps)))
}

broken! {
    a_right_inbox_in_two_processes: two_processes([Right, Right]), breaks;

    a_lock_in_the_process_in_one: Broken::new(LocksInItsProcess::default()), breaks;

    a_lock_in_the_process_in_two: two_processes([(); 2].map(|()| LocksInItsProcess::default())), breaks
        an_event_is_leased_by_one_of_many_workers,
        many_workers_handle_each_job_in_order
        and more of 3, 4, 10;

    the_callers_clock_in_one: Broken::new(CallersClock { ahead: HOUR }), breaks;

    the_callers_clock_in_two: two_processes([Duration::ZERO, HOUR].map(|ahead| CallersClock { ahead })), breaks
        an_event_stays_leased_until_its_lease_has_lapsed
        and more of 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14;
}
