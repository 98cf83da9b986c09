//! What all that is kept in Redis needs: the way to the server, time limits, scripts, and words for errors.

mod error;
mod link;
mod links;
mod script;
mod target;

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ToRedisArgs, Value};

pub(crate) use self::error::is_syntax_error;
use self::error::store_error;
use self::links::Links;
pub(crate) use self::script::Script;
pub(crate) use self::target::Target;
use crate::dedupe::{StoreError, in_time};

/// A server or a cluster that can be called.
pub(crate) struct Server {
    links: Links,
    pub(crate) timeout: Duration,
}

impl Server {
    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let call = pin!(async {
            let mut lease = self.links.get().await?;
            let answer = lease.connection.query(command).await;
            lease.answered(answer)
        });
        self.in_time(call).await
    }

    /// The texts in what every master answers; nothing if one of them refuses the command.
    pub(crate) async fn query_all(&self, command: &Cmd) -> Result<Option<Vec<String>>, StoreError> {
        let call = pin!(async {
            let mut lease = self.links.get().await?;
            let answer = lease.connection.query_all(command).await;
            match lease.answered(answer) {
                Ok(answer) => Ok(Some(texts(&answer))),
                Err(error) if is_refusal(&error) => Ok(None),
                Err(error) => Err(error),
            }
        });
        self.in_time(call).await
    }

    pub(crate) async fn call<T: FromRedisValue>(
        &self,
        script: &Script,
        key: &str,
        arguments: impl ToRedisArgs + Copy,
    ) -> Result<T, StoreError> {
        let call = pin!(async {
            let mut lease = self.links.get().await?;
            let answer = script.run(&mut lease.connection, key, arguments).await;
            lease.answered(answer)
        });
        self.in_time(call).await
    }

    /// Dropping a call gives its connection up: see [`Lease`](self::link::Lease).
    ///
    /// It stays where it is: a future that is moved is copied, and one that another takes in is there twice.
    async fn in_time<T>(
        &self,
        call: Pin<&mut impl Future<Output = RedisResult<T>>>,
    ) -> Result<T, StoreError> {
        in_time(self.timeout, async { call.await.map_err(store_error) }).await
    }
}

/// Whatever the protocol wraps them in.
pub(crate) fn texts(answer: &Value) -> Vec<String> {
    match answer {
        Value::BulkString(text) => vec![String::from_utf8_lossy(text).into_owned()],
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Map(pairs) => {
            pairs.iter().flat_map(|(name, value)| [texts(name), texts(value)].concat()).collect()
        }
        _ => Vec::new(),
    }
}

fn is_refusal(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

pub(crate) fn strange_answer() -> StoreError {
    StoreError::bare("the server gave an answer that is none of the script's")
}
