use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use lipdub_core::testing::{HttpTarget, NoAnswer, Reply, Request, Target};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::{ANSWER_DEADLINE, BoxError, KEY, LEASE};

/// Two processes that receive webhooks, one on axum and one on actix-web, both on one Redis.
pub(crate) struct Receivers {
    both: [Receiver; 2],
    targets: Arc<[Mutex<HttpTarget>; 2]>,
    deliveries: Arc<AtomicUsize>,
    killed: Mutex<Vec<Kill>>,
}

/// A process that was killed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kill {
    pub(crate) process: u32,
    pub(crate) at: SystemTime,
}

struct Receiver {
    program: PathBuf,
    framework: &'static str,
    directory: PathBuf,
    redis: String,
    process: tokio::sync::Mutex<Child>,
}

impl Receivers {
    pub(crate) async fn start(program: PathBuf, directory: &Path, redis: &str) -> Result<Self, BoxError> {
        let (axum, at_axum) = Receiver::start(program.clone(), "axum", directory, redis).await?;
        let (actix, at_actix) = Receiver::start(program, "actix", directory, redis).await?;
        Ok(Self {
            both: [axum, actix],
            targets: Arc::new([at_axum, at_actix].map(Mutex::new)),
            deliveries: Arc::default(),
            killed: Mutex::default(),
        })
    }

    /// Sends deliveries to the two in turn, whether they are there or not.
    pub(crate) fn balancer(&self) -> impl Target + use<> {
        Balancer { targets: Arc::clone(&self.targets), deliveries: Arc::clone(&self.deliveries) }
    }

    /// How many deliveries were made so far.
    pub(crate) fn deliveries(&self) -> usize {
        self.deliveries.load(Ordering::Relaxed)
    }

    /// Kills one as a crash would, and starts it again.
    pub(crate) async fn crash(&self, which: usize, down_for: Duration) -> Result<(), BoxError> {
        let receiver = &self.both[which];
        let mut process = receiver.process.lock().await;
        let id = process.id().ok_or("a receiver has ended by itself")?;
        process.kill().await?;
        lock(&self.killed).push(Kill { process: id, at: SystemTime::now() });
        sleep(down_for).await;
        let (again, target) = receiver.spawn().await?;
        *process = again;
        *lock(&self.targets[which]) = target;
        Ok(())
    }

    /// Whether neither has ended by itself.
    pub(crate) async fn are_up(&self) -> Result<bool, BoxError> {
        let mut ended = 0;
        for receiver in &self.both {
            ended += usize::from(receiver.process.lock().await.try_wait()?.is_some());
        }
        Ok(ended == 0)
    }

    pub(crate) fn killed(&self) -> Vec<Kill> {
        lock(&self.killed).clone()
    }
}

impl Receiver {
    async fn start(
        program: PathBuf,
        framework: &'static str,
        directory: &Path,
        redis: &str,
    ) -> Result<(Self, HttpTarget), BoxError> {
        let (directory, redis) = (directory.to_owned(), redis.to_owned());
        let (process, target) = spawn(&program, framework, &directory, &redis).await?;
        Ok((Self { program, framework, directory, redis, process: process.into() }, target))
    }

    /// Tries until it comes up, for it does not while Redis is away.
    async fn spawn(&self) -> Result<(Child, HttpTarget), BoxError> {
        let comes_up = async {
            loop {
                match spawn(&self.program, self.framework, &self.directory, &self.redis).await {
                    Ok(up) => return up,
                    Err(_) => sleep(Duration::from_millis(100)).await,
                }
            }
        };
        timeout(Duration::from_secs(30), comes_up)
            .await
            .map_err(|_| "a receiver does not come up again".into())
    }
}

async fn spawn(
    program: &Path,
    framework: &str,
    directory: &Path,
    redis: &str,
) -> Result<(Child, HttpTarget), BoxError> {
    let log = directory.join(format!("{framework}.log"));
    let log = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
    let mut process = Command::new(program)
        .args(["--framework", framework, "--bind", "127.0.0.1:0", "--api-key", KEY, "--redis", redis])
        .args(["--answer-deadline-ms", &ANSWER_DEADLINE.as_millis().to_string()])
        .args(["--lease-ms", &LEASE.as_millis().to_string()])
        .arg("--effects")
        .arg(directory.join("effects"))
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?;
    let stdout = process.stdout.take().ok_or("a receiver without output")?;
    let line = BufReader::new(stdout).lines().next_line().await?;
    let url =
        line.as_deref().and_then(|line| line.strip_prefix("listening on ")).ok_or("it does not listen")?;
    Ok((process, HttpTarget::new(url)?))
}

struct Balancer {
    targets: Arc<[Mutex<HttpTarget>; 2]>,
    deliveries: Arc<AtomicUsize>,
}

#[async_trait]
impl Target for Balancer {
    async fn deliver(&self, request: Request) -> Result<Reply, NoAnswer> {
        let turn = self.deliveries.fetch_add(1, Ordering::Relaxed);
        let target = lock(&self.targets[turn % self.targets.len()]).clone();
        target.deliver(request).await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
