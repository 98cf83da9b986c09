//! What the processes share, and what can go wrong with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lipdub_core::{Inbox, RedisInbox, SqliteInbox};
use rusqlite::Connection;
use tokio::task::spawn_blocking;

use crate::BoxError;
use crate::redis::Redis;
use crate::relay::Relay;

#[derive(Clone)]
pub(crate) enum Store {
    /// A server, and the way to it.
    Redis(Arc<Redis>, Arc<Relay>),
    /// A file.
    Sqlite(PathBuf),
}

impl Store {
    /// A server that is started for it.
    pub(crate) async fn redis(directory: &Path) -> Result<(Self, Arc<Relay>), BoxError> {
        let redis = Redis::start(directory).await?;
        let relay = Arc::new(Relay::start(redis.socket()).await?);
        Ok((Self::Redis(Arc::new(redis), Arc::clone(&relay)), relay))
    }

    /// What a process is told to use it as an inbox.
    pub(crate) fn inbox_arguments(&self) -> Vec<String> {
        match self {
            Self::Redis(_, relay) => vec!["--inbox-redis".to_owned(), relay.url()],
            Self::Sqlite(file) => vec!["--inbox-sqlite".to_owned(), file.display().to_string()],
        }
    }

    pub(crate) async fn open_inbox(&self) -> Result<Arc<dyn Inbox>, BoxError> {
        Ok(match self {
            Self::Redis(_, relay) => Arc::new(RedisInbox::connect(relay.url()).await?),
            Self::Sqlite(file) => Arc::new(SqliteInbox::open(file).await?),
        })
    }
}

/// Has the file locked for a while, as another process that writes to it.
pub(crate) async fn lock_file(file: &Path, time: Duration) -> Result<(), BoxError> {
    let file = file.to_owned();
    let locked = spawn_blocking(move || -> rusqlite::Result<()> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(30))?;
        connection.execute_batch("BEGIN EXCLUSIVE")?;
        std::thread::sleep(time);
        connection.execute_batch("ROLLBACK")
    });
    Ok(locked.await??)
}
