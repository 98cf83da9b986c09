//! What all that is kept in Redis needs: the way to the server, time limits, scripts, and words for errors.

mod error;
mod link;
mod script;
mod target;

use std::future::Future;
use std::time::Duration;

use redis::{Cmd, FromRedisValue, RedisResult, ToRedisArgs};
use tokio::time::timeout;

use self::error::store_error;
use self::link::Link;
pub(crate) use self::script::Script;
pub(crate) use self::target::Target;
use crate::dedupe::StoreError;

/// A server or a cluster that can be called.
pub(crate) struct Server {
    link: Link,
    pub(crate) timeout: Duration,
}

impl Server {
    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let call = async {
            let mut lease = self.link.get().await?;
            let answer = lease.connection.query(command).await;
            lease.answered(answer)
        };
        self.in_time(call).await
    }

    pub(crate) async fn call<T: FromRedisValue>(
        &self,
        script: &Script,
        key: &str,
        arguments: &[impl ToRedisArgs],
    ) -> Result<T, StoreError> {
        let call = async {
            let mut lease = self.link.get().await?;
            let answer = script.run(&mut lease.connection, key, arguments).await;
            lease.answered(answer)
        };
        self.in_time(call).await
    }

    /// Dropping a call gives its connection up: see [`Lease`](self::link::Lease).
    async fn in_time<T>(&self, call: impl Future<Output = RedisResult<T>>) -> Result<T, StoreError> {
        match timeout(self.timeout, call).await {
            Ok(answer) => answer.map_err(store_error),
            Err(_) => Err(StoreError::timed_out()),
        }
    }
}

pub(crate) fn strange_answer() -> StoreError {
    StoreError::bare("the server gave an answer that is none of the script's")
}
