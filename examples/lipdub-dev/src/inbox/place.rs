//! Where an inbox is, as the command line names it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use lipdub_core::Inbox;
use lipdub_core::inbox::{RedisInbox, RedisInboxBuilder, SqliteInbox};
use url::Url;

use crate::BoxError;
use crate::redaction::Secrets;

/// How long the inbox may take to answer, which others use at the same time.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct Place {
    #[command(flatten)]
    storage: Storage,
    /// Say that a single --redis is a node of a Redis Cluster
    #[arg(long, conflicts_with = "sqlite")]
    cluster: bool,
    /// What its keys in Redis begin with, if the application has set that [default: lipdub:inbox]
    #[arg(long, value_name = "PREFIX", conflicts_with = "sqlite")]
    prefix: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Storage {
    /// The inbox in this file
    #[arg(long, value_name = "FILE")]
    sqlite: Option<PathBuf>,
    /// The inbox on the Redis server at this URL; or, given several times, on the Redis Cluster of these nodes
    #[arg(
        long,
        value_name = "URL",
        env = "LIPDUB_INBOX_REDIS_URL",
        hide_env_values = true,
        value_delimiter = ' ',
        value_parser = RedisUrl::parse,
    )]
    redis: Vec<RedisUrl>,
}

impl Place {
    pub(super) fn secrets(&self) -> Secrets {
        self.storage.redis.iter().map(|RedisUrl(url)| Secrets::of(None, Some(url))).collect()
    }

    /// Opens the inbox that is there, and makes none.
    pub(super) async fn open(&self) -> Result<Box<dyn Inbox>, BoxError> {
        match (&self.storage.sqlite, self.storage.redis.as_slice()) {
            (Some(file), _) => open_file(file).await,
            (None, [RedisUrl(url)]) if !self.cluster => self.connect(RedisInbox::builder(url.as_str())).await,
            (None, nodes) => {
                self.connect(RedisInbox::cluster(nodes.iter().map(|RedisUrl(url)| url.as_str()))).await
            }
        }
    }

    /// Whether the server is durable is the application's concern: here nothing is stored.
    async fn connect(&self, builder: RedisInboxBuilder) -> Result<Box<dyn Inbox>, BoxError> {
        let builder = builder.must_exist().allow_volatile().timeout(PATIENCE);
        let builder = match &self.prefix {
            Some(prefix) => builder.prefix(prefix),
            None => builder,
        };
        let inbox = builder.connect().await;
        Ok(Box::new(inbox.map_err(|error| format!("the inbox cannot be opened: {error}"))?))
    }
}

async fn open_file(file: &Path) -> Result<Box<dyn Inbox>, BoxError> {
    // Not by its name, which may be a key in a wrong place.
    if !file.is_file() {
        return Err("there is no file where --sqlite says: name the one that the application opens".into());
    }
    let inbox = SqliteInbox::builder(file).must_exist().lock_timeout(PATIENCE).open().await;
    Ok(Box::new(inbox.map_err(|error| format!("the inbox cannot be opened: {error}"))?))
}

/// The URL of a Redis server, which may hold a password.
#[derive(Clone)]
struct RedisUrl(Url);

impl RedisUrl {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let is_one = |url: &Url| SCHEMES.contains(&url.scheme());
        Url::parse(text)
            .ok()
            .filter(is_one)
            .map(Self)
            .ok_or("it is no URL of a Redis server; write it as redis://host:6379 or rediss://user:password@host:6379")
    }
}

/// Those that the client takes. <https://docs.rs/redis/latest/redis/#connection-parameters>
const SCHEMES: [&str; 7] = ["redis", "rediss", "valkey", "valkeys", "redis+unix", "valkey+unix", "unix"];

impl fmt::Debug for RedisUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RedisUrl([REDACTED])")
    }
}
