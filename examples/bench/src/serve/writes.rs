//! The durable writes of an inbox, by hand and with nothing around them.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use rusqlite::Connection;

use crate::BoxError;
use crate::options::{Receiver, Serve};

/// Where bodies are written to.
#[derive(Clone)]
pub(crate) enum Writes {
    Sqlite(Arc<Mutex<Connection>>),
    Stream(MultiplexedConnection),
}

impl Writes {
    pub(crate) async fn new(options: &Serve) -> Result<Option<Self>, BoxError> {
        Ok(match options.receiver {
            Receiver::SqliteInsert => Some(Self::Sqlite(Arc::new(Mutex::new(table(options.file()?)?)))),
            Receiver::Xadd => {
                let client = redis::Client::open(options.redis.as_str())?;
                Some(Self::Stream(client.get_multiplexed_async_connection().await?))
            }
            _ => None,
        })
    }

    /// The status to answer with.
    pub(crate) async fn receive(&self, body: Bytes) -> u16 {
        let written = match self {
            Self::Sqlite(connection) => {
                let connection = Arc::clone(connection);
                let inserted = tokio::task::spawn_blocking(move || insert(&connection, &body)).await;
                inserted.is_ok_and(|inserted| inserted.is_ok())
            }
            Self::Stream(connection) => {
                let mut add = redis::cmd("XADD");
                add.arg("events").arg("*").arg("body").arg(&body[..]);
                let answer: redis::RedisResult<String> = add.query_async(&mut connection.clone()).await;
                answer.is_ok()
            }
        };
        if written { 200 } else { 503 }
    }
}

/// With the pragmas of `SqliteInbox`.
fn table(file: &Path) -> Result<Connection, BoxError> {
    let connection = Connection::open(file)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.execute_batch("CREATE TABLE event (seq INTEGER PRIMARY KEY, body BLOB)")?;
    Ok(connection)
}

fn insert(connection: &Mutex<Connection>, body: &[u8]) -> rusqlite::Result<usize> {
    let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
    connection.prepare_cached("INSERT INTO event (body) VALUES (?1)")?.execute([body])
}
