//! What it costs to store an event before the answer, and how fast stored events are handled.

pub(crate) mod handling;

use std::path::Path;

use crate::BoxError;
use crate::comparison::Comparison;
use crate::contender::Contender;
use crate::document::{results_directory, save};
use crate::load::{Events, Load};
use crate::options::{Framework, Receiver, Rounds};
use crate::redis_server::{Persistence, RedisServer};

pub(crate) fn run(rounds: &Rounds) -> Result<(), BoxError> {
    let directory = tempfile::TempDir::new_in(results_directory()?)?;
    for connections in [1, 16, 128] {
        accept(rounds, connections, "SQLite", sqlite(directory.path(), connections)?)?;
    }
    for fsync in ["always", "everysec"] {
        for connections in [1, 16, 128] {
            let redis = RedisServer::start(&results_directory()?, Persistence::AppendOnly { fsync }, None)?;
            accept(rounds, connections, &format!("Redis, appendfsync {fsync}"), streams(&redis)?)?;
        }
    }
    handling::run(rounds)
}

fn accept(
    rounds: &Rounds,
    connections: usize,
    what: &str,
    contenders: Vec<Contender>,
) -> Result<(), BoxError> {
    let name = format!("accept, {what}, {connections} connections");
    if !rounds.includes(&name) {
        return Ok(());
    }
    let load = Load::new(connections, Events::Unique);
    let compared = Comparison { name, load, contenders, goal: None }.run(rounds)?;
    save("inbox", &compared.name, &compared)
}

fn sqlite(directory: &Path, connections: usize) -> Result<Vec<Contender>, BoxError> {
    let file = |what| directory.join(format!("{what}-{connections}.db"));
    Ok(vec![
        Contender::new("bare INSERT", Framework::Axum, Receiver::SqliteInsert)?.file(&file("bare")),
        Contender::new("SqliteInbox", Framework::Axum, Receiver::SqliteInbox)?.file(&file("inbox")),
    ])
}

fn streams(redis: &RedisServer) -> Result<Vec<Contender>, BoxError> {
    Ok(vec![
        Contender::new("bare XADD", Framework::Axum, Receiver::Xadd)?.redis(&redis.url()),
        Contender::new("RedisInbox", Framework::Axum, Receiver::RedisInbox)?.redis(&redis.url()),
    ])
}
