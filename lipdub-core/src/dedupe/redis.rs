mod record;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use redis::{Cmd, FromRedisValue, ToRedisArgs, Value};

use self::record::{Holder, Running, is_done};
use super::fingerprint::Fingerprint;
use super::{Claim, ClaimRequest, DedupeStore, StoreError, Transition};
use crate::event::EventKey;
use crate::redis::{Script, Server, Target, is_syntax_error, strange_answer, texts};

/// Remembers events in Redis, or Valkey, for several processes or across restarts.
///
/// Any server from 6.2 on will do: a single one, one behind a failover, a Redis Cluster (feature
/// `redis-cluster`), and any of these through TLS (feature `redis-tls`). Clones are cheap and share one
/// connection for each tokio runtime that they are used in: one with axum, one for each worker with actix-web.
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
/// One key for each event, such as `lipdub:n4bQgYhMfWWaL-qgxVrQFa` ([`name_of`](Self::name_of)), whose value is
/// a line of text: `R:1:2591985000:<holder>` for attempt 1 that runs, under a lease that lapses when so many
/// milliseconds are left until the key expires; `F:1:<holder>` after it failed; and `<holder>` alone when it is
/// done. A holder is a number of 19 digits, made of a claim's token. Nothing of the event can be read from it.
/// The key expires when the retention has passed.
///
/// An event that is done costs 113 bytes of the server's memory, measured with a million of them in Redis 6.2 and
/// 7.2 with the allocator that comes with it. Debian's Redis 7.0 has another, and takes 129. A longer prefix than
/// the default costs more.
///
/// # What it takes
///
/// Two round trips for an event that is new, one to claim it and one to settle it, and one for a duplicate. They
/// take the server about one and a half times the work of two plain `SET key value NX PX`, if its version is 7.0 or
/// later. `cargo bench -p lipdub-core --all-features --bench redis_store` measures it.
///
/// A user (ACL) needs the keys `~lipdub:*` and the commands `PING`, `EVALSHA`, `EVAL`, `GET`, `SET`, `DEL` and
/// `PTTL`, and for a cluster `CLUSTER|SLOTS`.
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
    /// Whether the server is older than Redis 7.0, and claims take a script.
    is_old: AtomicBool,
}

static CLAIM: Script = Script::new(include_str!("redis/claim.lua"));
static RENEW: Script = Script::new(include_str!("redis/renew.lua"));
static DONE: Script = Script::new(include_str!("redis/done.lua"));
static FAIL: Script = Script::new(include_str!("redis/fail.lua"));
static RELEASE: Script = Script::new(include_str!("redis/release.lua"));

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

    /// What the key of an event's record ends with, after the [`prefix`](RedisStoreBuilder::prefix): 22 letters,
    /// digits, `-` and `_`.
    ///
    /// It is for those who look into the server. It is made of all of the event's key, which it is shorter than.
    ///
    /// # Examples
    ///
    /// ```
    /// use lipdub_core::{EventKey, EventType, RedisStore};
    ///
    /// let key = EventKey::custom(&EventType::RenderComplete, "job 7");
    /// println!("GET lipdub:{}", RedisStore::name_of(&key));
    /// # assert_eq!(RedisStore::name_of(&key).len(), 22);
    /// ```
    pub fn name_of(event: &EventKey) -> String {
        Fingerprint::of(event).name("")
    }

    /// Claims an event of which there is no record, as there is of few; else tells the record, and leaves it.
    ///
    /// One command does it since Redis 7.0: <https://redis.io/docs/latest/commands/set/#history>
    async fn claim_if_new(&self, request: &ClaimRequest) -> Result<Option<Vec<u8>>, StoreError> {
        let mut command = Cmd::with_capacity(7, 128);
        command.arg("SET").arg(self.key(request)).arg(running(request, 1)).arg("NX").arg("GET");
        command.arg("PX").arg(millis(request.retention));
        self.inner.server.query(&command).await
    }

    async fn claim_by_script(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let (answer, number): (String, u64) = self.call(&CLAIM, request, left_when_lapsed(request)).await?;
        match answer.as_str() {
            "granted" => Ok(Claim::Granted { attempt: u32::try_from(number).unwrap_or(u32::MAX) }),
            "done" => Ok(Claim::Done),
            "busy" => Ok(Claim::Busy { lapses_in: Duration::from_millis(number) }),
            _ => Err(strange_answer()),
        }
    }

    async fn transition(
        &self,
        script: &Script,
        request: &ClaimRequest,
        arguments: impl ToRedisArgs + Copy,
    ) -> Result<Transition, StoreError> {
        match self.call(script, request, arguments).await? {
            1 => Ok(Transition::Applied),
            0 => Ok(Transition::Refused),
            _ => Err(strange_answer()),
        }
    }

    /// Runs a script with the holder, the retention, and what it needs besides.
    async fn call<T: FromRedisValue>(
        &self,
        script: &Script,
        request: &ClaimRequest,
        arguments: impl ToRedisArgs + Copy,
    ) -> Result<T, StoreError> {
        let arguments = (Holder::of(request.token), millis(request.retention), arguments);
        self.inner.server.call(script, &self.key(request), arguments).await
    }

    fn key(&self, request: &ClaimRequest) -> String {
        Fingerprint::of(&request.key).name(&self.inner.prefix)
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

fn running(request: &ClaimRequest, attempt: u32) -> Running {
    Running { attempt, left_when_lapsed: left_when_lapsed(request), holder: Holder::of(request.token) }
}

/// How much is left of a record's life, in ms, when the lease of its claim lapses. So the server's clock is the only
/// one, and a claim can be written without knowing what that says. Below 0 if the record expires sooner.
fn left_when_lapsed(request: &ClaimRequest) -> i64 {
    millis(request.retention) - millis(request.lease)
}

/// At least 1, as there is no attempt 0.
fn known(attempt: u32) -> u32 {
    attempt.max(1)
}

/// At least 1, the least that `PX` takes, and at most what Lua's numbers hold exactly when added to the time.
fn millis(duration: Duration) -> i64 {
    const MOST: i64 = 1 << 50;
    i64::try_from(duration.as_millis()).unwrap_or(MOST).clamp(1, MOST)
}

/// # Cancel safety
///
/// A call that is dropped may have been made or not, and its connection is replaced at the next call.
#[async_trait]
impl DedupeStore for RedisStore {
    async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        if !self.inner.is_old.load(Ordering::Relaxed) {
            match self.claim_if_new(request).await {
                Ok(None) => return Ok(Claim::Granted { attempt: 1 }),
                Ok(Some(record)) if is_done(&record) => return Ok(Claim::Done),
                Ok(Some(_)) => {}
                Err(error) if is_syntax_error(&error) => self.inner.is_old.store(true, Ordering::Relaxed),
                Err(error) => return Err(error),
            }
        }
        // Boxed, for most claims do not come here, and need no room for it.
        Box::pin(self.claim_by_script(request)).await
    }

    async fn renew(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.transition(&RENEW, request, (left_when_lapsed(request), known(attempt))).await
    }

    async fn done(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.transition(&DONE, request, running(request, attempt)).await
    }

    async fn fail(&self, request: &ClaimRequest, attempt: u32) -> Result<Transition, StoreError> {
        self.transition(&FAIL, request, known(attempt)).await
    }

    async fn release(&self, request: &ClaimRequest, _attempt: u32) -> Result<Transition, StoreError> {
        self.transition(&RELEASE, request, None::<u32>).await
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
        let server = self.target.connect().await?;
        let inner = Inner { server, prefix: self.prefix, is_old: AtomicBool::new(false) };
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
