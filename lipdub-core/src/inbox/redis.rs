mod dead;
mod durability;
mod lease;
mod partitions;
mod reply;
mod script;
mod turns;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use self::partitions::{Argument, Partitions};
use self::reply::{RecordRow, StatsRow};
use self::script::{
    ACCEPT, ADOPT, BURY, DISCARD, DONE, FIND, GIVE_BACK, PRUNE, RENEW, REPLAY, RETRY, REVIVE, STATS,
};
use super::{
    Accepted, DeadFilter, DeadLetter, Holder, Inbox, InboxEvent, InboxRecord, InboxStats, Job, LeaseRequest,
    Leased,
};
use crate::dedupe::{StoreError, Transition, in_time};
use crate::event::{EventKey, Source};
use crate::redis::{Script, Target, strange_answer};

/// An inbox in Redis, or Valkey, for receivers and workers on several machines.
///
/// Any server from 6.2 on will do that keeps an append-only file: a single one, one behind a failover, a Redis
/// Cluster (feature `redis-cluster`), and any of these through TLS (feature `redis-tls`). Clones are cheap and share
/// one connection for each tokio runtime that they are used in, which is replaced at the next call if it failed, did
/// not answer, or leads to a server that has become read-only.
///
/// # What can be lost
///
/// An event that was accepted is answered with 200, and LipDub will not send it again. So the server must keep it:
/// [`connect`](RedisInboxBuilder::connect) refuses one without an append-only file (`appendonly yes`) and one that may
/// evict it (`maxmemory-policy allkeys-…`), unless [`allow_volatile`](RedisInboxBuilder::allow_volatile) says that
/// this may be so.
///
/// | with `appendfsync` | the process is killed | the machine fails |
/// |---|---|---|
/// | `always` | nothing is lost | nothing is lost |
/// | `everysec`, the server's default | up to two seconds, if the disk was busy | the last two seconds |
/// | `no` (there is a warning) | nothing is lost | the last half minute or so |
///
/// **Set `appendfsync always`**: what LipDub sends is seldom so much that a disk could not follow. With `everysec` the
/// server puts off not only the flush but the write itself, for up to two seconds while the flush before is still
/// running ([persistence], [latency], and `flushAppendOnlyFile` in Redis' `aof.c`).
///
/// A failover to a replica is another matter: Redis acknowledges a write before its replicas have it, and what they
/// have not is lost ([replication]). `min-replicas-to-write` bounds it. Give the replicas an append-only file, too,
/// for only masters are asked for theirs. Where nothing at all may be lost, keep the inbox in an SQL database.
///
/// [persistence]: https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
/// [latency]: https://redis.io/docs/latest/operate/oss_and_stack/management/optimization/latency/
/// [replication]: https://redis.io/docs/latest/operate/oss_and_stack/management/replication/
///
/// A server that is out of memory accepts no more events, and lets those that it has be handled.
///
/// Times are the server's: a failover to one whose clock differs shortens or prolongs leases and delays by as much.
///
/// # What is stored
///
/// Keys that begin with the [prefix](RedisInboxBuilder::prefix) and the number of a partition, such as
/// `lipdub:inbox:{0}:event:v1-9f86d0…`: a hash for each event, with its body as it came, until it is done. Then its
/// key, its times and the token of its last holder are left, until it is pruned: about 310 bytes of the server's
/// memory, measured in Redis 7.0 with 60,000 of them. There is no credential in any of it, but a body may well be
/// confidential.
///
/// A user (ACL) needs the keys `~lipdub:inbox:*` and, after `-@all`,
/// `+@read +@write +@scripting +ping +time +info +cluster|slots -@dangerous`. With `INFO`, or `CONFIG|GET` in its
/// place, the server can tell whether it keeps a file.
///
/// An event that cannot be read, because somebody has edited its hash or a part of it is gone, is a dead letter as soon as
/// it is to be leased; the others are handled.
///
/// # How much it takes
///
/// No script touches more than 150 events, however many there are: leasing and pruning go by batches of 50, and so
/// does letting in those whose time has come. With a backlog of 100,000 events, on two slow cores, to lease 50 took
/// 5 ms, and to accept or settle one a quarter of a millisecond, with the way to the server.
///
/// # Examples
///
/// ```no_run
/// use lipdub_core::{Inbox as _, RedisInbox};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let inbox = RedisInbox::connect("redis://127.0.0.1:6379").await?;
/// println!("{} events wait", inbox.stats().await?.due);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisInbox {
    partitions: Arc<Partitions>,
}

impl RedisInbox {
    /// Connects to the server at a URL such as `redis://user:password@host:6379/0`, with the defaults.
    ///
    /// # Errors
    ///
    /// As for [`RedisInboxBuilder::connect`].
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn connect(url: impl Into<String>) -> Result<Self, StoreError> {
        Self::builder(url).connect().await
    }

    /// Starts with the defaults, for the server at this URL.
    pub fn builder(url: impl Into<String>) -> RedisInboxBuilder {
        RedisInboxBuilder::new(Target::server(url.into()))
    }

    /// Starts with the defaults, for the Redis Cluster that these nodes belong to.
    ///
    /// The others are found through them. Give several: after a failure, one that lives must be among them.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use lipdub_core::RedisInbox;
    ///
    /// # async fn example() -> Result<(), lipdub_core::StoreError> {
    /// let nodes = ["redis://10.0.0.1:6379", "redis://10.0.0.2:6379"];
    /// let inbox = RedisInbox::cluster(nodes).partitions(6).connect().await?;
    /// # let _ = inbox;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "redis-cluster")]
    pub fn cluster(urls: impl IntoIterator<Item = impl Into<String>>) -> RedisInboxBuilder {
        RedisInboxBuilder::new(Target::cluster(urls))
    }

    async fn in_time<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        in_time(self.partitions.server.timeout, call).await
    }

    /// Makes a transition of an event, in whichever partition it is.
    async fn transition(&self, script: &Script, arguments: &[Argument]) -> Result<Transition, StoreError> {
        let known = |answer: String| (answer != "unknown").then_some(answer);
        let answer = self.in_time(self.partitions.whoever_knows(script, arguments, known)).await?;
        match answer.as_deref() {
            Some("applied") => Ok(Transition::Applied),
            Some("refused") | None => Ok(Transition::Refused),
            Some(_) => Err(strange_answer()),
        }
    }

    /// Accepts it in the one partition that there is.
    async fn accept_alone(&self, event: &InboxEvent) -> Result<Accepted, StoreError> {
        let answer: String = self.partitions.call(0, &ACCEPT, &stored(event, &event.job)).await?;
        accepted(&answer)
    }

    /// Accepts it where it is known, or else in the partition of its job.
    ///
    /// One event can come under two jobs, if it comes by two ways and its data name none. Whoever is the first to
    /// accept it says for all of them which one it is.
    async fn accept_somewhere(&self, event: &InboxEvent) -> Result<Accepted, StoreError> {
        let longer_than_a_call = self.partitions.server.timeout * 10 + Duration::from_secs(60);
        let adoption = [text(event.key), text(event.job.as_str()), text(longer_than_a_call.as_millis())];
        let home = self.partitions.of_key(event.key);
        let job: String = self.partitions.call(home, &ADOPT, &adoption).await?;
        let job = Job::new(job);

        let known = |answer: String| (answer != "unknown").then_some(answer);
        let mut answer = self.partitions.whoever_knows(&ACCEPT, &[text(event.key)], known).await?;
        if answer.as_deref() == Some("dead") {
            // Only now does its body go to all of them.
            answer = self.partitions.whoever_knows(&REVIVE, &stored(event, &job), known).await?;
        }
        if let Some(answer) = answer {
            return accepted(&answer);
        }
        let answer: String =
            self.partitions.call(self.partitions.of_job(&job), &ACCEPT, &stored(event, &job)).await?;
        accepted(&answer)
    }
}

/// What is stored of an event.
fn stored(event: &InboxEvent, job: &Job) -> Vec<Argument> {
    let mut arguments =
        vec![text(event.key), text(&event.event_type), text(job.as_str()), event.body.to_vec()];
    if let Source::Job(link) = &event.source {
        arguments.push(text(link));
    }
    arguments
}

fn accepted(answer: &str) -> Result<Accepted, StoreError> {
    match answer {
        "new" => Ok(Accepted::New),
        "waiting" => Ok(Accepted::Waiting),
        "revived" => Ok(Accepted::Revived),
        "done" => Ok(Accepted::Done),
        _ => Err(strange_answer()),
    }
}

fn text(value: impl fmt::Display) -> Argument {
    value.to_string().into_bytes()
}

/// At most what Lua's numbers hold exactly when added to the time, which is 35 years.
fn micros(duration: Duration) -> u64 {
    const MOST: u64 = 1 << 50;
    u64::try_from(duration.as_micros()).unwrap_or(MOST).min(MOST)
}

/// # Cancel safety
///
/// A call that is dropped may have been made or not, and its connection is replaced at the next call.
#[async_trait]
impl Inbox for RedisInbox {
    async fn accept(&self, event: &InboxEvent) -> Result<Accepted, StoreError> {
        if self.partitions.count == 1 {
            return self.in_time(self.accept_alone(event)).await;
        }
        self.in_time(self.accept_somewhere(event)).await
    }

    async fn lease(&self, request: &LeaseRequest) -> Result<Vec<Leased>, StoreError> {
        self.in_time(self.partitions.lease(request)).await
    }

    async fn renew(&self, holder: &Holder, lease: Duration) -> Result<Transition, StoreError> {
        let [key, token] = held_by(holder);
        self.transition(&RENEW, &[key, token, text(micros(lease))]).await
    }

    async fn done(&self, holder: &Holder) -> Result<Transition, StoreError> {
        self.transition(&DONE, &held_by(holder)).await
    }

    async fn retry(&self, holder: &Holder, delay: Duration, why: &str) -> Result<Transition, StoreError> {
        let [key, token] = held_by(holder);
        self.transition(&RETRY, &[key, token, text(micros(delay)), text(why)]).await
    }

    async fn bury(&self, holder: &Holder, why: &str) -> Result<Transition, StoreError> {
        let [key, token] = held_by(holder);
        self.transition(&BURY, &[key, token, text(why)]).await
    }

    async fn give_back(&self, holder: &Holder) -> Result<Transition, StoreError> {
        self.transition(&GIVE_BACK, &held_by(holder)).await
    }

    async fn dead(&self, filter: &DeadFilter) -> Result<Vec<DeadLetter>, StoreError> {
        self.in_time(self.partitions.dead(filter)).await
    }

    async fn find(&self, key: EventKey) -> Result<Option<InboxRecord>, StoreError> {
        let known = |row: Option<RecordRow>| row;
        let row = self.in_time(self.partitions.whoever_knows(&FIND, &[text(key)], known)).await?;
        row.map(|row| reply::record(row, key)).transpose()
    }

    async fn replay(&self, key: EventKey) -> Result<Transition, StoreError> {
        self.transition(&REPLAY, &[text(key)]).await
    }

    async fn discard(&self, key: EventKey) -> Result<Transition, StoreError> {
        self.transition(&DISCARD, &[text(key)]).await
    }

    async fn stats(&self) -> Result<InboxStats, StoreError> {
        let partitions = async { Ok(self.partitions.everywhere::<StatsRow>(&STATS, &[]).await) };
        let mut stats = InboxStats::default();
        for row in self.in_time(partitions).await? {
            stats = reply::add(stats, row?);
        }
        Ok(stats)
    }

    async fn prune(&self, age: Duration) -> Result<u64, StoreError> {
        let age = [text(micros(age))];
        let partitions = async { Ok(self.partitions.everywhere::<u64>(&PRUNE, &age).await) };
        self.in_time(partitions).await?.into_iter().sum()
    }
}

fn held_by(holder: &Holder) -> [Argument; 2] {
    [text(holder.key), text(holder.token)]
}

impl fmt::Debug for RedisInbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RedisInbox")
            .field("prefix", &self.partitions.prefix)
            .field("partitions", &self.partitions.count)
            .field("timeout", &self.partitions.server.timeout)
            .finish_non_exhaustive()
    }
}

/// The settings of a [`RedisInbox`].
#[must_use]
pub struct RedisInboxBuilder {
    target: Target,
    prefix: String,
    partitions: u8,
    may_be_volatile: bool,
    must_exist: bool,
}

impl RedisInboxBuilder {
    fn new(target: Target) -> Self {
        let prefix = "lipdub:inbox".to_owned();
        Self { target, prefix, partitions: 1, may_be_volatile: false, must_exist: false }
    }

    /// What the keys begin with. Defaults to `lipdub:inbox`.
    ///
    /// Applications that share a server but not their events need different ones.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// In how many parts the inbox is divided, at least 1. Defaults to 1, which one server, or one node of a
    /// cluster, keeps.
    ///
    /// Several let the nodes of a cluster share the work: twice as many as there are nodes is a good number. All
    /// events of a job are in one partition, which keeps their order; partitions take turns, and within each its
    /// jobs do. All of them are asked for an event of which only the key is known, so one node that is down is an
    /// error for every new event, but the events of the others are handled.
    ///
    /// The inbox remembers how many there are, and refuses to connect with fewer: events in the others would not be
    /// found. Raise the number while no process uses the inbox; the order of the events of a job is not
    /// kept between those from before and those from after.
    pub fn partitions(mut self, count: u8) -> Self {
        self.partitions = count.max(1);
        self
    }

    /// How long a call may take, with connecting if that is needed. Defaults to 1 s.
    ///
    /// With `appendfsync always` a call waits for the disk, and with `everysec` it does if that is slow.
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

    /// Takes a server that may lose events which were accepted: for tests, and for one that is durable in a way of
    /// its own.
    ///
    /// Whether it keeps an append-only file and may evict keys is not looked at.
    pub fn allow_volatile(mut self) -> Self {
        self.may_be_volatile = true;
        self
    }

    /// Connects to an inbox that is there, and makes none: for tools that look at the inbox of somebody else.
    ///
    /// [`connect`](Self::connect) then refuses a server that has no inbox under the prefix, and leaves it so. The number of
    /// [`partitions`](Self::partitions) is the one that the inbox has.
    pub fn must_exist(mut self) -> Self {
        self.must_exist = true;
        self
    }

    /// Connects, and looks whether the server answers, takes writes and keeps what it is given.
    ///
    /// A server that does not tell, because `CONFIG` and `INFO` are forbidden, is taken with a warning in the log.
    ///
    /// With TLS, if the application has not chosen a cryptography provider for rustls, ring becomes that of
    /// the process.
    ///
    /// # Errors
    ///
    /// If the URL is not valid, the server cannot be reached in time, refuses the credentials, is not ready, may lose
    /// events (see [above](RedisInbox#what-can-be-lost)), or has the inbox in more partitions. A server that becomes
    /// unreachable or is not ready later on is got over by itself.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn connect(self) -> Result<RedisInbox, StoreError> {
        let server = self.target.connect().await?;
        if !self.may_be_volatile {
            durability::check(&server).await?;
        }
        let mut partitions = Partitions::new(server, self.prefix, self.partitions);
        if self.must_exist {
            partitions.take_all_there_are().await?;
        } else {
            partitions.check().await?;
        }
        Ok(RedisInbox { partitions: Arc::new(partitions) })
    }
}

impl fmt::Debug for RedisInboxBuilder {
    /// Leaves the URLs out, for they carry the credentials.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RedisInboxBuilder")
            .field("prefix", &self.prefix)
            .field("partitions", &self.partitions)
            .field("timeout", &self.target.timeout)
            .field("may_be_volatile", &self.may_be_volatile)
            .field("must_exist", &self.must_exist)
            .finish_non_exhaustive()
    }
}
