//! What a delivery costs as work grows: with more connections, more events that are remembered, and larger bodies.

use serde::{Deserialize, Serialize};

use crate::BoxError;
use crate::comparison::{Compared, Comparison};
use crate::contender::{Contender, stay_on_core};
use crate::document::save;
use crate::http::{CONNECTIONS, LOAD_CORE, SERVER_CORE};
use crate::load::{EVENT_BYTES, Events, Load};
use crate::options::{Framework, Receiver, Rounds};

/// One way to grow, and what it comes to at some points.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Growth {
    pub(crate) name: String,
    pub(crate) axis: String,
    pub(crate) points: Vec<Point>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Point {
    pub(crate) at: usize,
    pub(crate) compared: Compared,
}

pub(crate) fn run(rounds: &Rounds) -> Result<(), BoxError> {
    stay_on_core(LOAD_CORE)?;
    let usual = Load::new(CONNECTIONS, Events::Unique).awake();
    let connections = |connections| (usual.connections(connections), 0);
    let remembered = |events| (usual, events);
    let bytes = |bytes| (usual.bytes(bytes), 0);
    measure(rounds, "connections", "connections", &[1, 32, 256], connections)?;
    measure(rounds, "remembered events", "remembered events", &[0, 100_000, 10_000_000], remembered)?;
    measure(rounds, "bodies", "bytes of a body", &[EVENT_BYTES, 4 << 10, 64 << 10, 256_000], bytes)
}

fn measure(
    rounds: &Rounds,
    name: &str,
    axis: &str,
    at: &[usize],
    situation: impl Fn(usize) -> (Load, usize),
) -> Result<(), BoxError> {
    if !rounds.includes(name) {
        return Ok(());
    }
    let mut points = Vec::new();
    for &at in at {
        let (load, remembered) = situation(at);
        let contenders = [("axum, bare", Receiver::Bare), ("lipdub-axum", Receiver::Memory)];
        let contenders = contenders.into_iter().map(|(name, receiver)| {
            let contender = Contender::new(name, Framework::Axum, receiver)?;
            Ok(contender.on_core(SERVER_CORE).remembered(remembered))
        });
        let contenders = contenders.collect::<Result<_, BoxError>>()?;
        let comparison = Comparison { name: format!("{name}, {at}"), load, contenders, goal: None };
        points.push(Point { at, compared: comparison.run(rounds)? });
    }
    save("growth", name, &Growth { name: name.to_owned(), axis: axis.to_owned(), points })
}
