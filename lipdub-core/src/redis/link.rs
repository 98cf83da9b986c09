use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
#[cfg(feature = "redis-cluster")]
use redis::cluster_async::ClusterConnection;
#[cfg(feature = "redis-cluster")]
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError, RedisResult, Value};
use tokio::time::Instant;

use super::error::says;

/// Where connections come from.
pub(super) enum Source {
    Single(Box<Client>),
    #[cfg(feature = "redis-cluster")]
    Cluster(Box<redis::cluster::ClusterClient>),
}

impl Source {
    async fn connect(&self, timeout: Duration) -> RedisResult<Connection> {
        match self {
            Self::Single(client) => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(timeout))
                    // Whoever calls has a time limit, and a second one would be a second timer for each call.
                    .set_response_timeout(None)
                    .set_pipeline_buffer_size(1_000);
                let connected = client.get_multiplexed_async_connection_with_config(&config).await?;
                Ok(Connection::Single(connected))
            }
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(client) => Ok(Connection::Cluster(client.get_async_connection().await?)),
        }
    }
}

/// Clones share one connection, or one for each node.
#[derive(Clone)]
pub(super) enum Connection {
    Single(MultiplexedConnection),
    #[cfg(feature = "redis-cluster")]
    Cluster(ClusterConnection),
}

impl Connection {
    fn is_single(&self) -> bool {
        matches!(self, Self::Single(_))
    }

    pub(super) async fn query<T: FromRedisValue>(&mut self, command: &Cmd) -> RedisResult<T> {
        match self {
            // What `query_async` does, but for a future on the heap.
            Self::Single(connection) => {
                let answer = connection.send_packed_command(command).await?.extract_error()?;
                Ok(redis::from_redis_value(answer)?)
            }
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }

    /// Asks every master.
    pub(super) async fn query_all(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Single(connection) => command.query_async(connection).await,
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(connection) => {
                let masters = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
                connection.route_command(command.clone(), masters).await
            }
        }
    }
}

/// A connection, made anew by the first call after it was found to be bad.
pub(super) struct Link {
    source: Arc<Source>,
    timeout: Duration,
    current: Mutex<Current>,
    /// Held by the one call that connects. Dropping that call lets the next one try.
    connecting: tokio::sync::Mutex<Option<Failed>>,
}

#[derive(Default)]
struct Current {
    connection: Option<Connection>,
    generation: u64,
    connected_at: Option<Instant>,
    /// When a call to a cluster was answered last.
    answered_at: Option<Instant>,
}

/// The last try to connect that failed.
struct Failed {
    at: Instant,
    error: RedisError,
}

impl Link {
    pub(super) fn new(source: Arc<Source>, timeout: Duration) -> Self {
        let current = Mutex::new(Current::default());
        Self { source, timeout, current, connecting: tokio::sync::Mutex::new(None) }
    }

    /// The connection that there is, or else a new one.
    pub(super) async fn get(self: Arc<Self>) -> RedisResult<Lease> {
        match self.existing() {
            Some(lease) => Ok(lease),
            // On the heap, for a future that connects is large, and every call would be as large.
            None => Box::pin(self.connect()).await,
        }
    }

    async fn connect(self: Arc<Self>) -> RedisResult<Lease> {
        let asked_at = Instant::now();
        let mut last_failure = self.connecting.lock().await;
        if let Some(lease) = self.existing() {
            return Ok(lease);
        }
        // Whoever waited for a try shares its failure: a crowd must not try one after the other.
        if let Some(failed) = last_failure.as_ref().filter(|failed| failed.at >= asked_at) {
            return Err(failed.error.clone());
        }
        match self.source.connect(self.timeout).await {
            Ok(connection) => Ok(self.replace(connection)),
            Err(error) => {
                *last_failure = Some(Failed { at: Instant::now(), error: error.clone() });
                Err(error)
            }
        }
    }

    fn existing(self: &Arc<Self>) -> Option<Lease> {
        let current = self.current();
        let connection = current.connection.clone()?;
        Some(self.lease(connection, current.generation))
    }

    fn replace(self: &Arc<Self>, connection: Connection) -> Lease {
        let mut current = self.current();
        current.generation += 1;
        current.connection = Some(connection.clone());
        current.connected_at = Some(Instant::now());
        self.lease(connection, current.generation)
    }

    fn lease(self: &Arc<Self>, connection: Connection, generation: u64) -> Lease {
        let begun_at = (!connection.is_single()).then(Instant::now);
        Lease { link: Arc::clone(self), connection, generation, begun_at, is_answered: false }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        // Nothing can panic between two changes.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection for one call.
///
/// If it is dropped before the answer has come, the connection is given up, for it may be half open: callers
/// who lose patience sooner than the store would otherwise meet it again and again.
pub(super) struct Lease {
    link: Arc<Link>,
    pub(super) connection: Connection,
    generation: u64,
    /// Of a call to a cluster.
    begun_at: Option<Instant>,
    is_answered: bool,
}

impl Lease {
    pub(super) fn answered<T>(mut self, answer: RedisResult<T>) -> RedisResult<T> {
        self.is_answered = !answer.as_ref().is_err_and(is_fatal);
        answer
    }

    /// Whether a call without an answer says that the connection is bad.
    ///
    /// In a cluster it may be one node of many, and to connect anew takes time from the others. While they
    /// answer it is done seldom, for the one that may be half open.
    fn is_bad(&self, current: &Current) -> bool {
        let is_silent = current.answered_at < self.begun_at;
        let is_old = current.connected_at.is_none_or(|then| then.elapsed() > self.link.timeout * 10);
        self.connection.is_single() || is_silent || is_old
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.is_answered && self.connection.is_single() {
            return;
        }
        let mut current = self.link.current();
        if current.generation != self.generation {
            // It has been replaced already.
            return;
        }
        if self.is_answered {
            current.answered_at = Some(Instant::now());
        } else if self.is_bad(&current) {
            current.connection = None;
        }
    }
}

/// Whether another connection may do better.
fn is_fatal(error: &RedisError) -> bool {
    let is_demoted = says(error, "READONLY") || says(error, "MASTERDOWN");
    error.is_io_error() || error.is_unrecoverable_error() || is_demoted
}
