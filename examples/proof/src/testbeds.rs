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

use crate::signal::signal;
use crate::{ANSWER_DEADLINE, BoxError, KEY};

/// Processes that receive webhooks or work on what is in the inbox, all on one store.
pub(crate) struct Testbeds {
    all: Vec<Testbed>,
    deliveries: Arc<AtomicUsize>,
    killed: Mutex<Vec<Kill>>,
}

/// What a process is to do.
pub(crate) struct Role {
    pub(crate) name: &'static str,
    pub(crate) arguments: Vec<String>,
}

/// A process that was killed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kill {
    pub(crate) process: u32,
    pub(crate) at: SystemTime,
}

struct Testbed {
    program: PathBuf,
    directory: PathBuf,
    role: Role,
    process: tokio::sync::Mutex<Child>,
    /// Where a receiver listens.
    target: Option<Arc<Mutex<HttpTarget>>>,
}

impl Role {
    /// Receives on this framework.
    pub(crate) fn receiver(framework: &'static str, store: &[String]) -> Self {
        let deadline = ANSWER_DEADLINE.as_millis().to_string();
        let own = ["--framework", framework, "--bind", "127.0.0.1:0", "--api-key", KEY];
        let own = own.into_iter().chain(["--answer-deadline-ms", &deadline]).map(str::to_owned);
        Self { name: framework, arguments: own.chain(store.iter().cloned()).collect() }
    }

    /// Works on the inbox.
    pub(crate) fn worker(name: &'static str, store: &[String]) -> Self {
        let own = ["--worker".to_owned()];
        Self { name, arguments: own.into_iter().chain(store.iter().cloned()).collect() }
    }
}

impl Testbeds {
    /// The first makes in the store what the others need.
    pub(crate) async fn start(
        program: PathBuf,
        directory: &Path,
        roles: impl IntoIterator<Item = Role>,
    ) -> Result<Self, BoxError> {
        let mut all = Vec::new();
        for role in roles {
            let (process, target) = spawn(&program, directory, &role).await?;
            all.push(Testbed {
                program: program.clone(),
                directory: directory.to_owned(),
                role,
                process: process.into(),
                target: target.map(|target| Arc::new(Mutex::new(target))),
            });
        }
        Ok(Self { all, deliveries: Arc::default(), killed: Mutex::default() })
    }

    /// Sends deliveries to the receivers in turn, whether they are there or not.
    pub(crate) fn balancer(&self) -> impl Target + use<> {
        let targets = self.all.iter().filter_map(|testbed| testbed.target.clone()).collect();
        Balancer { targets, deliveries: Arc::clone(&self.deliveries) }
    }

    /// How many deliveries were made so far.
    pub(crate) fn deliveries(&self) -> usize {
        self.deliveries.load(Ordering::Relaxed)
    }

    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn name(&self, which: usize) -> &'static str {
        self.all[which].role.name
    }

    pub(crate) fn workers(&self) -> Vec<usize> {
        (0..self.all.len()).filter(|which| self.is_worker(*which)).collect()
    }

    pub(crate) fn is_worker(&self, which: usize) -> bool {
        self.all[which].target.is_none()
    }

    /// Kills one as a crash would, and starts it again.
    pub(crate) async fn crash(&self, which: usize, down_for: Duration) -> Result<(), BoxError> {
        let testbed = &self.all[which];
        let mut process = testbed.process.lock().await;
        let id = process.id().ok_or("a process has ended by itself")?;
        process.kill().await?;
        lock(&self.killed).push(Kill { process: id, at: SystemTime::now() });
        sleep(down_for).await;
        let (again, target) = testbed.spawn_again().await?;
        *process = again;
        if let (Some(old), Some(target)) = (&testbed.target, target) {
            *lock(old) = target;
        }
        Ok(())
    }

    /// Stops one where it is for a while. It may be killed meanwhile.
    pub(crate) async fn stall(&self, which: usize, time: Duration) -> Result<(), BoxError> {
        let id = self.all[which].process.lock().await.id().ok_or("a process has ended by itself")?;
        signal("-STOP", id).await?;
        sleep(time).await;
        let _ = signal("-CONT", id).await;
        Ok(())
    }

    /// An error if one has ended by itself.
    pub(crate) async fn check_all_are_up(&self) -> Result<(), BoxError> {
        for testbed in &self.all {
            if let Some(status) = testbed.process.lock().await.try_wait()? {
                return Err(format!("{} has ended by itself: {status}", testbed.role.name).into());
            }
        }
        Ok(())
    }

    pub(crate) fn killed(&self) -> Vec<Kill> {
        lock(&self.killed).clone()
    }
}

impl Testbed {
    /// Tries until it comes up, for it does not while the store is away.
    async fn spawn_again(&self) -> Result<(Child, Option<HttpTarget>), BoxError> {
        let comes_up = async {
            loop {
                match spawn(&self.program, &self.directory, &self.role).await {
                    Ok(up) => return up,
                    Err(_) => sleep(Duration::from_millis(100)).await,
                }
            }
        };
        timeout(Duration::from_secs(30), comes_up)
            .await
            .map_err(|_| format!("{} does not come up again", self.role.name).into())
    }
}

async fn spawn(
    program: &Path,
    directory: &Path,
    role: &Role,
) -> Result<(Child, Option<HttpTarget>), BoxError> {
    let log = directory.join(format!("{}.log", role.name));
    let log = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
    let mut process = Command::new(program)
        .args(&role.arguments)
        .arg("--effects")
        .arg(directory.join("effects"))
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?;
    let stdout = process.stdout.take().ok_or("a process without output")?;
    let line = BufReader::new(stdout).lines().next_line().await?.ok_or("it says nothing")?;
    let target = line.strip_prefix("listening on ").map(HttpTarget::new).transpose()?;
    if target.is_none() && line != "working" {
        return Err("it neither listens nor works".into());
    }
    Ok((process, target))
}

struct Balancer {
    targets: Vec<Arc<Mutex<HttpTarget>>>,
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
