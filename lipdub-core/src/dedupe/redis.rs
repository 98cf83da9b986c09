use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redis::Value;

use super::{Claim, ClaimRequest, DedupeStore, StoreError, Transition};
use crate::redis::{Script, Server, Target, strange_answer, texts};

/// Remembers events in Redis, or Valkey, for several processes or across restarts.
///
/// Any server from 6.2 on will do: a single one, one behind a failover, a Redis Cluster (feature
/// `redis-cluster`), and any of these through TLS (feature `redis-tls`). Clones are cheap and share one
/// connection.
///
/// Make it where the application starts, not once for each worker. It is well again as soon as Redis is: a
/// connection that failed, did not answer, or leads to a server that has become read-only is replaced at the
/// next call.
///
/// # What can be lost
///
/// Redis acknowledges a write before its replicas have it ([replication]), and before it is on disk unless
/// `appendfsync always` is set ([persistence]). After a crash or a failover it can have forgotten the last
/// claims and successes. What follows is that an event may run **again**, if it is delivered again; none is
/// lost. Give the store a server with persistence and with `maxmemory-policy noeviction`: a server that
/// evicts keys ([eviction]) forgets events. There is a warning in the log at connect if it may.
///
/// [replication]: https://redis.io/docs/latest/operate/oss_and_stack/management/replication/
/// [persistence]: https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
/// [eviction]: https://redis.io/docs/latest/develop/reference/eviction/
///
/// Leases are measured by the server's clock, so a failover to a server whose clock differs shortens or
/// prolongs those that run by as much.
///
/// # What is stored
///
/// One key for each event, such as `lipdub:v1-9f86d0…`, whose value is a line of text: `R:1:1767225600000:<token>`
/// for attempt 1 that runs under a lease until that time, `F:1:<token>` after it failed, `D:<token>` when it
/// is done. Nothing of the event can be read from it. The key expires when the retention has passed.
///
/// An event costs about 230 bytes of the server's memory, measured in Redis 7.0 with 200,000 of them that are
/// done (`MEMORY USAGE` says 168 for the key alone, and 184 while it runs).
///
/// A user (ACL) needs the keys `~lipdub:*` and the commands `PING`, `EVALSHA`, `EVAL`, `GET`, `SET`, `DEL` and
/// `TIME`, and for a cluster `CLUSTER|SLOTS`.
///
/// # Examples
///
/// ```no_run
/// use lipdub_core::{RedisStore, Webhook};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisStore::connect("redis://127.0.0.1:6379").await?;
/// let webhook = Webhook::builder()
///     .api_key("whk_123")
///     .fallback(|_event| async { Ok(()) })
///     .dedupe(store)
///     .build()?;
/// # let _ = webhook;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
}

struct Inner {
    server: Server,
    prefix: String,
}

static CLAIM: Script = Script::new(include_str!("redis/claim.lua"));
static RENEW: Script = Script::new(include_str!("redis/renew.lua"));
static DONE: Script = Script::new(include_str!("redis/done.lua"));
static FAIL: Script = Script::new(include_str!("redis/fail.lua"));
static RELEASE: Script = Script::new(include_str!("redis/release.lua"));

/// A word, and the number that goes with it.
type Reply = (String, u64);

impl RedisStore {
    /// Connects to the server at a URL such as `redis://user:password@host:6379/0`, with the defaults.
    ///
    /// # Errors
    ///
    /// As for [`RedisStoreBuilder::connect`].
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn connect(url: impl Into<String>) -> Result<Self, StoreError> {
        Self::builder(url).connect().await
    }

    /// Starts with the defaults, for the server at this URL.
    pub fn builder(url: impl Into<String>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(Target::server(url.into()))
    }

    /// Starts with the defaults, for the Redis Cluster that these nodes belong to.
    ///
    /// The others are found through them. Give several: after a failure, one that lives must be among them.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use lipdub_core::RedisStore;
    ///
    /// # async fn example() -> Result<(), lipdub_core::StoreError> {
    /// let store = RedisStore::cluster(["redis://10.0.0.1:6379", "redis://10.0.0.2:6379"]).connect().await?;
    /// # let _ = store;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "redis-cluster")]
    pub fn cluster(urls: impl IntoIterator<Item = impl Into<String>>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(Target::cluster(urls))
    }

    async fn call(&self, script: &Script, request: &ClaimRequest, attempt: u32) -> Result<Reply, StoreError> {
        let key = format!("{}{}", self.inner.prefix, request.key);
        let times = [millis(request.lease), millis(request.retention)].map(|time| time.to_string());
        let [lease, retention] = times;
        let arguments = [request.token.to_string(), lease, retention, attempt.max(1).to_string()];
        self.inner.server.call(script, &key, &arguments).await
    }

    async fn transition(
        &self,
        script: &Script,
        request: &ClaimRequest,
        attempt: u32,
    ) -> Result<Transition, StoreError> {
        match self.call(script, request, attempt).await?.0.as_str() {
            "applied" => Ok(Transition::Applied),
            "refused" => Ok(Transition::Refused),
            _ => Err(strange_answer()),
        }
    }
}

impl Inner {
    async fn warn_of_eviction(&self) {
        let mut command = redis::cmd("CONFIG");
        command.arg("GET").arg("maxmemory-policy");
        match self.server.query::<Value>(&command).await {
            Ok(policy) if may_evict(&policy) => tracing::warn!(
                "the Redis server's maxmemory-policy is not noeviction: short of memory, it forgets events, and \
                 those that are delivered again run again"
            ),
            Ok(_) => {}
            // Managed servers forbid CONFIG.
            Err(error) => tracing::debug!(%error, "the Redis server does not tell its maxmemory-policy"),
        }
    }
}

/// Whether there is a policy other than `noeviction` in an answer, whatever the protocol wraps it in.
fn may_evict(answer: &Value) -> bool {
    texts(answer).iter().any(|text| text.starts_with("allkeys-") || text.starts_with("volatile-"))
}

/// At least 1, the least that `PX` takes, and at most what Lua's numbers hold exactly when added to the time.
fn millis(duration: Duration) -> u64 {
    const MOST: u64 = 1 << 50;
    u64::try_from(duration.as_millis()).unwrap_or(MOST).clamp(1, MOST)
}

/// # Cancel safety
///
/// A call that is dropped may have been made or not, and its connection is replaced at the next call.
#[async_trait]
impl DedupeStore for RedisStore {
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let (answer, number) = self.call(&CLAIM, request, 1).await?;
        match answer.as_str() {
            "granted" => Ok(Claim::Granted { attempt: u32::try_from(number).unwrap_or(u32::MAX) }),
            "done" => Ok(Claim::Done),
            "busy" => Ok(Claim::Busy { lapses_in: Duration::from_millis(number) }),
            _ => Err(strange_answer()),
        }
    }

    async fn renew(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.transition(&RENEW, request, attempt).await
    }

    async fn done(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.transition(&DONE, request, attempt).await
    }

    async fn fail(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.transition(&FAIL, request, attempt).await
    }

    async fn release(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.transition(&RELEASE, request, attempt).await
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RedisStore")
            .field("prefix", &self.inner.prefix)
            .field("timeout", &self.inner.server.timeout)
            .finish_non_exhaustive()
    }
}

/// The settings of a [`RedisStore`].
#[must_use]
pub struct RedisStoreBuilder {
    target: Target,
    prefix: String,
}

impl RedisStoreBuilder {
    fn new(target: Target) -> Self {
        Self { target, prefix: "lipdub:".to_owned() }
    }

    /// What the keys begin with. Defaults to `lipdub:`.
    ///
    /// Applications that share a server but not their events need different ones.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a call may take, with connecting if that is needed. Defaults to 1 s.
    ///
    /// [`WebhookBuilder::store_timeout`](crate::WebhookBuilder::store_timeout) should be longer, so that the
    /// log says what the matter was.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.target.timeout = timeout;
        self
    }

    /// Trusts the certificate authorities in this PEM text, and no others. Defaults to the public ones.
    ///
    /// The URLs must begin with `rediss://`.
    #[cfg(feature = "redis-tls")]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.target.root_certificate = Some(pem.into());
        self
    }

    /// Connects, and looks whether the server answers and whether it may evict keys.
    ///
    /// With TLS, if the application has not chosen a cryptography provider for rustls, ring becomes that of
    /// the process.
    ///
    /// # Errors
    ///
    /// If the URL is not valid, the server cannot be reached in time, refuses the credentials, or is not
    /// ready. Later on the store gets over all of that by itself.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn connect(self) -> Result<RedisStore, StoreError> {
        let inner = Inner { server: self.target.connect().await?, prefix: self.prefix };
        inner.warn_of_eviction().await;
        Ok(RedisStore { inner: Arc::new(inner) })
    }
}

impl fmt::Debug for RedisStoreBuilder {
    /// Leaves the URLs out, for they carry the credentials.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RedisStoreBuilder")
            .field("prefix", &self.prefix)
            .field("timeout", &self.target.timeout)
            .finish_non_exhaustive()
    }
}
