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
    for comparison in comparisons(&redis)? {
        if rounds.includes(&comparison.name) {
            save("http", &comparison.name, &comparison.run(rounds)?)?;
        }
    }
    Ok(())
}

fn comparisons(redis: &RedisServer) -> Result<Vec<Comparison>, BoxError> {
    use Framework::{Actix, Axum, Hyper};
    use Receiver::{Bare, Memory, Naive, NaiveRedis, Redis, Refuse};
    let memory = [("bare", Bare), ("by hand", Naive), ("lipdub", Memory)];
    let in_redis = [("bare", Bare), ("by hand, one SET NX", NaiveRedis), ("lipdub", Redis)];
    let pair = [("bare", Bare), ("lipdub", Memory)];
    let refusing = [("bare", Bare), ("by hand", Refuse), ("lipdub", Memory)];
    let unique = Load::new(CONNECTIONS, Events::Unique);
    let same = Load::new(CONNECTIONS, Events::Same).awake();
    let strangers = Load::new(CONNECTIONS, Events::Strangers).bytes(64 << 10).awake();
    let awake = unique.awake();
    let compare = |name: &str, goal, load, framework, receivers: &[(&'static str, Receiver)]| {
        let contender = |(name, receiver): &(&'static str, Receiver)| {
            let contender = Contender::new(name, framework, *receiver)?;
            Ok(contender.on_core(SERVER_CORE).redis(&redis.url()))
        };
        let contenders = receivers.iter().map(contender).collect::<Result<_, BoxError>>()?;
        Ok(Comparison { name: name.to_owned(), load, contenders, goal: Some(goal) })
    };
    let comparisons = [
        compare("axum, memory, unique events", 1.20, awake, Axum, &memory),
        compare("actix, memory, unique events", 1.20, awake, Actix, &memory),
        compare("axum, memory, duplicates", 1.10, same, Axum, &memory),
        compare("actix, memory, duplicates", 1.10, same, Actix, &memory),
        compare("tower on hyper, memory, unique events", 1.20, awake, Hyper, &pair),
        compare("axum, Redis, unique events", 2.20, unique, Axum, &in_redis),
        compare("actix, Redis, unique events", 2.20, unique, Actix, &in_redis),
        compare("axum, refused, 64 KiB", 0.60, strangers, Axum, &refusing),
        compare("actix, refused, 64 KiB", 0.60, strangers, Actix, &refusing),
    ];
    comparisons.into_iter().collect()
}
