mod error;
mod link;
mod script;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redis::io::tcp::TcpSettings;
use redis::{Client, Cmd, FromRedisValue, IntoConnectionInfo as _, RedisResult, Value};
use tokio::time::timeout;

use self::error::store_error;
use self::link::{Link, Source};
use self::script::{CLAIM, DONE, FAIL, RELEASE, RENEW, Reply, Script};
use super::{Claim, ClaimRequest, DedupeStore, StoreError, Transition};

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
    link: Link,
    prefix: String,
    timeout: Duration,
}

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
        RedisStoreBuilder::new(vec![url.into()])
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
        let urls = urls.into_iter().map(Into::into).collect();
        RedisStoreBuilder { is_cluster: true, ..RedisStoreBuilder::new(urls) }
    }

    async fn call(&self, script: &Script, request: &ClaimRequest, attempt: u32) -> Result<Reply, StoreError> {
        let key = format!("{}{}", self.inner.prefix, request.key);
        let call = async {
            let mut lease = self.inner.link.get().await?;
            let answer = script.run(&mut lease.connection, &key, request, attempt).await;
            lease.answered(answer)
        };
        self.inner.in_time(call).await
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
    async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let call = async {
            let mut lease = self.link.get().await?;
            let answer = lease.connection.query(command).await;
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

    async fn warn_of_eviction(&self) {
        let mut command = redis::cmd("CONFIG");
        command.arg("GET").arg("maxmemory-policy");
        match self.query::<Value>(&command).await {
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
    let evicts = |text: &[u8]| text.starts_with(b"allkeys-") || text.starts_with(b"volatile-");
    match answer {
        Value::BulkString(text) => evicts(text),
        Value::SimpleString(text) => evicts(text.as_bytes()),
        Value::Array(values) => values.iter().any(may_evict),
        Value::Map(pairs) => pairs.iter().any(|(_, value)| may_evict(value)),
        _ => false,
    }
}

fn strange_answer() -> StoreError {
    StoreError { what: "the server gave an answer that is none of the script's", source: None }
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
            .field("timeout", &self.inner.timeout)
            .finish_non_exhaustive()
    }
}

/// The settings of a [`RedisStore`].
#[must_use]
pub struct RedisStoreBuilder {
    urls: Vec<String>,
    #[cfg(feature = "redis-cluster")]
    is_cluster: bool,
    #[cfg(feature = "redis-tls")]
    root_certificate: Option<Vec<u8>>,
    prefix: String,
    timeout: Duration,
}

impl RedisStoreBuilder {
    fn new(urls: Vec<String>) -> Self {
        Self {
            urls,
            #[cfg(feature = "redis-cluster")]
            is_cluster: false,
            #[cfg(feature = "redis-tls")]
            root_certificate: None,
            prefix: "lipdub:".to_owned(),
            timeout: Duration::from_secs(1),
        }
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
        self.timeout = timeout;
        self
    }

    /// Trusts the certificate authorities in this PEM text, and no others. Defaults to the public ones.
    ///
    /// The URLs must begin with `rediss://`.
    #[cfg(feature = "redis-tls")]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificate = Some(pem.into());
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
        #[cfg(feature = "redis-tls")]
        self.choose_crypto();
        let link = Link::new(self.source().map_err(store_error)?, self.timeout);
        let inner = Inner { link, prefix: self.prefix, timeout: self.timeout };
        inner.query::<Value>(&redis::cmd("PING")).await?;
        inner.warn_of_eviction().await;
        Ok(RedisStore { inner: Arc::new(inner) })
    }

    /// rustls panics if there is no provider.
    #[cfg(feature = "redis-tls")]
    fn choose_crypto(&self) {
        if self.urls.iter().any(|url| is_tls(url)) && rustls::crypto::CryptoProvider::get_default().is_none()
        {
            // If it fails, another thread has been faster.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
    }

    fn source(&self) -> RedisResult<Source> {
        #[cfg(feature = "redis-cluster")]
        if self.is_cluster {
            return self.cluster_source();
        }
        let url = self.urls.first().map(String::as_str).unwrap_or_default();
        let target = url.into_connection_info()?.set_tcp_settings(tcp_settings());
        #[cfg(feature = "redis-tls")]
        if let Some(certificates) = self.certificates()? {
            return Ok(Source::Single(Box::new(Client::build_with_tls(target, certificates)?)));
        }
        Ok(Source::Single(Box::new(Client::open(target)?)))
    }

    #[cfg(feature = "redis-cluster")]
    fn cluster_source(&self) -> RedisResult<Source> {
        let builder = redis::cluster::ClusterClient::builder(self.urls.iter().map(String::as_str))
            // A node that is down must leave time to connect to the others and to ask one of them.
            .connection_timeout(self.timeout / 4)
            .response_timeout(self.timeout)
            .overall_response_timeout(Some(self.timeout))
            .tcp_settings(tcp_settings())
            .retries(3)
            .min_retry_wait(10)
            .max_retry_wait(100);
        #[cfg(feature = "redis-tls")]
        let builder = match self.certificates()? {
            Some(certificates) => builder.certs(certificates),
            None => builder,
        };
        Ok(Source::Cluster(Box::new(builder.build()?)))
    }

    #[cfg(feature = "redis-tls")]
    fn certificates(&self) -> RedisResult<Option<redis::TlsCertificates>> {
        let Some(pem) = &self.root_certificate else { return Ok(None) };
        // A PEM text without one is read as no authority, and no server would be trusted.
        if !pem.windows(CERTIFICATE.len()).any(|window| window == CERTIFICATE) {
            return Err((redis::ErrorKind::InvalidClientConfig, "the root certificate is none").into());
        }
        Ok(Some(redis::TlsCertificates { client_tls: None, root_cert: Some(pem.clone()) }))
    }
}

#[cfg(feature = "redis-tls")]
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

#[cfg(feature = "redis-tls")]
fn is_tls(url: &str) -> bool {
    let scheme = url.split(':').next().unwrap_or_default();
    ["rediss", "valkeys"].iter().any(|tls| scheme.eq_ignore_ascii_case(tls))
}

/// A call must not wait until the server has acknowledged the one before it on the connection that they share.
fn tcp_settings() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

impl fmt::Debug for RedisStoreBuilder {
    /// Leaves the URLs out, for they carry the credentials.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RedisStoreBuilder")
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
