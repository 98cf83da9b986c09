use std::sync::OnceLock;
use std::time::Duration;

use redis::{Cmd, ErrorKind, RedisResult, ServerErrorKind};

use super::link::Connection;
use crate::dedupe::ClaimRequest;

/// A transition, as the server runs it: in one piece, and by its own clock.
pub(super) struct Script {
    source: &'static str,
    hash: OnceLock<String>,
}

pub(super) static CLAIM: Script = Script::new(include_str!("claim.lua"));
pub(super) static RENEW: Script = Script::new(include_str!("renew.lua"));
pub(super) static DONE: Script = Script::new(include_str!("done.lua"));
pub(super) static FAIL: Script = Script::new(include_str!("fail.lua"));
pub(super) static RELEASE: Script = Script::new(include_str!("release.lua"));

/// A word, and the number that goes with it.
pub(super) type Reply = (String, u64);

impl Script {
    const fn new(source: &'static str) -> Self {
        Self { source, hash: OnceLock::new() }
    }

    pub(super) async fn run(
        &self,
        connection: &mut Connection,
        key: &str,
        request: &ClaimRequest,
        attempt: u32,
    ) -> RedisResult<Reply> {
        let by_hash = command("EVALSHA", self.hash(), key, request, attempt);
        match connection.query(&by_hash).await {
            // Not SCRIPT LOAD: in a cluster that goes to all nodes, and fails if one of them is down.
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                connection.query(&command("EVAL", self.source, key, request, attempt)).await
            }
            reply => reply,
        }
    }

    fn hash(&self) -> &str {
        self.hash.get_or_init(|| redis::Script::new(self.source).get_hash().to_owned())
    }
}

fn command(name: &str, script: &str, key: &str, request: &ClaimRequest, attempt: u32) -> Cmd {
    let mut command = redis::cmd(name);
    command
        .arg(script)
        .arg(1)
        .arg(key)
        .arg(request.token.to_string())
        .arg(millis(request.lease))
        .arg(millis(request.retention))
        .arg(attempt.max(1));
    command
}

/// At least 1, the least that `PX` takes, and at most what Lua's numbers hold exactly when added to the time.
fn millis(duration: Duration) -> u64 {
    const MOST: u64 = 1 << 50;
    u64::try_from(duration.as_millis()).unwrap_or(MOST).clamp(1, MOST)
}
