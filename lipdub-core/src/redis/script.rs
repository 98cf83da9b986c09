use std::sync::OnceLock;

use redis::{Cmd, ErrorKind, FromRedisValue, RedisResult, ServerErrorKind, ToRedisArgs};

use super::link::Connection;

/// A transition, as the server runs it: in one piece, and by its own clock.
pub(crate) struct Script {
    source: &'static str,
    hash: OnceLock<String>,
}

impl Script {
    pub(crate) const fn new(source: &'static str) -> Self {
        Self { source, hash: OnceLock::new() }
    }

    pub(super) async fn run<T: FromRedisValue>(
        &self,
        connection: &mut Connection,
        key: &str,
        arguments: impl ToRedisArgs + Copy,
    ) -> RedisResult<T> {
        let by_hash = command("EVALSHA", self.hash(), key, arguments);
        match connection.query(&by_hash).await {
            // Not SCRIPT LOAD: in a cluster that goes to all nodes, and fails if one of them is down.
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                Box::pin(connection.query(&command("EVAL", self.source, key, arguments))).await
            }
            reply => reply,
        }
    }

    fn hash(&self) -> &str {
        self.hash.get_or_init(|| redis::Script::new(self.source).get_hash().to_owned())
    }
}

fn command(name: &str, script: &str, key: &str, arguments: impl ToRedisArgs) -> Cmd {
    // Room for most.
    let mut command = Cmd::with_capacity(8, 256);
    command.arg(name).arg(script).arg(1).arg(key).arg(arguments);
    command
}
