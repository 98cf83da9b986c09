//! What a delivery costs a server, in processor time, against a handler that reads the body and answers.

use crate::BoxError;
use crate::comparison::Comparison;
use crate::contender::{Contender, stay_on_core};
use crate::document::{results_directory, save};
use crate::load::{Events, Load};
use crate::options::{Framework, Receiver, Rounds};
use crate::redis_server::{Persistence, RedisServer};

/// Where servers run. Everything else runs on the other.
pub(crate) const SERVER_CORE: usize = 0;
pub(crate) const LOAD_CORE: usize = 1;
pub(crate) const CONNECTIONS: usize = 32;

pub(crate) fn run(rounds: &Rounds) -> Result<(), BoxError> {
    stay_on_core(LOAD_CORE)?;
    let redis = RedisServer::start(&results_directory()?, Persistence::None, Some(LOAD_CORE))?;
    for comparison in comparisons(&redis) {
        if rounds.includes(&comparison.name) {
            save("http", &comparison.name, &comparison.run(rounds)?)?;
        }
    }
    Ok(())
}

fn comparisons(redis: &RedisServer) -> Vec<Comparison> {
    use Framework::{Actix, Axum, Hyper};
    use Receiver::{Bare, Memory, Naive, NaiveRedis, Redis};
    let on = |framework, receivers: &[(&'static str, Receiver)]| {
        let contender = |(name, receiver): &(&'static str, Receiver)| {
            Contender::new(name, framework, *receiver).on_core(SERVER_CORE).redis(redis.url())
        };
        receivers.iter().map(contender).collect::<Vec<_>>()
    };
    let memory = [("bare", Bare), ("by hand", Naive), ("lipdub", Memory)];
    let in_redis = [("bare", Bare), ("by hand, one SET NX", NaiveRedis), ("lipdub", Redis)];
    let pair = [("bare", Bare), ("lipdub", Memory)];
    let unique = Load::new(CONNECTIONS, Events::Unique);
    let same = Load::new(CONNECTIONS, Events::Same);
    let strangers = Load::new(CONNECTIONS, Events::Strangers).bytes(64 << 10);
    let comparison = |name: &str, goal, load, contenders| Comparison {
        name: name.to_owned(),
        load,
        contenders,
        goal: Some(goal),
    };
    vec![
        comparison("axum, memory, unique events", 1.20, unique, on(Axum, &memory)),
        comparison("actix, memory, unique events", 1.20, unique, on(Actix, &memory)),
        comparison("axum, memory, duplicates", 1.10, same, on(Axum, &memory)),
        comparison("actix, memory, duplicates", 1.10, same, on(Actix, &memory)),
        comparison("tower on hyper, memory, unique events", 1.20, unique, on(Hyper, &pair)),
        comparison("axum, Redis, unique events", 2.20, unique, on(Axum, &in_redis)),
        comparison("actix, Redis, unique events", 2.20, unique, on(Actix, &in_redis)),
        comparison("axum, refused, 64 KiB", 0.60, strangers, on(Axum, &pair)),
        comparison("actix, refused, 64 KiB", 0.60, strangers, on(Actix, &pair)),
    ]
}
