//! What is checked: a part that is quick enough for every run of the tests, and the same at greater length.

use crate::store::Store;
use crate::world::Scenario;

/// Three holders, and another that comes after one has crashed, failed or gone.
pub const HOLDERS_CRASH: Scenario = Scenario {
    claimers: 4,
    attempts: 4,
    flushes: 0,
    restarts: 0,
    fail_open: false,
    store: Store::SOUND,
    only: None,
};
/// The store restarts once with its records.
pub const STORE_RESTARTS: Scenario = Scenario { restarts: 1, ..THREE_HOLDERS };
/// The store loses its records once.
pub const STORE_FORGETS: Scenario = Scenario { flushes: 1, ..THREE_HOLDERS };
/// The event is forgotten again and again, because its retention passes.
pub const RETENTION_PASSES: Scenario =
    Scenario { store: Store { retention: 5, ..Store::SOUND }, ..THREE_HOLDERS };
/// Claimers do without a store that does not answer, and that loses its records once.
pub const CLAIMERS_GO_ON: Scenario = Scenario { flushes: 1, fail_open: true, ..THREE_HOLDERS };

/// The same at greater length, and all of it at once.
pub const LONGER: [(&str, Scenario); 6] = [
    ("holders crash", Scenario { claimers: 5, attempts: 5, ..HOLDERS_CRASH }),
    ("the store restarts", Scenario { claimers: 4, restarts: 2, ..STORE_RESTARTS }),
    ("the store forgets", Scenario { claimers: 4, ..STORE_FORGETS }),
    ("the retention passes", Scenario { claimers: 4, attempts: 3, ..RETENTION_PASSES }),
    ("claimers go on", Scenario { claimers: 4, ..CLAIMERS_GO_ON }),
    (
        "everything",
        Scenario {
            attempts: 3,
            flushes: 1,
            restarts: 1,
            fail_open: true,
            store: Store { retention: 4, ..Store::SOUND },
            ..THREE_HOLDERS
        },
    ),
];

const THREE_HOLDERS: Scenario = Scenario { claimers: 3, ..HOLDERS_CRASH };
