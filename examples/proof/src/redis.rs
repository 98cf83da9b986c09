use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use crate::BoxError;
use crate::signal::signal;

/// A Redis that has everything on disk before it answers, at a socket of its own. It is killed when this is dropped.
pub(crate) struct Redis {
    process: Mutex<Child>,
    directory: PathBuf,
}

impl Redis {
    pub(crate) async fn start(directory: &Path) -> Result<Self, BoxError> {
        let directory = directory.to_owned();
        let redis = Self { process: spawn(&directory)?.into(), directory };
        redis.until_ready().await?;
        Ok(redis)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.join("redis.sock")
    }

    /// Kills it as a crash would, and starts it again.
    pub(crate) async fn crash(&self, down_for: Duration) -> Result<(), BoxError> {
        let mut process = self.process.lock().await;
        process.kill().await?;
        sleep(down_for).await;
        *process = spawn(&self.directory)?;
        self.until_ready().await
    }

    /// Stops it for a while without closing its connections.
    pub(crate) async fn pause(&self, time: Duration) -> Result<(), BoxError> {
        let process = self.process.lock().await.id().ok_or("redis-server has ended")?;
        signal("-STOP", process).await?;
        sleep(time).await;
        signal("-CONT", process).await
    }

    async fn until_ready(&self) -> Result<(), BoxError> {
        let answers = async {
            while ping(&self.socket()).await.is_none_or(|answer| answer != *b"+PONG\r\n") {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(30), answers).await.map_err(|_| "redis-server does not answer".into())
    }
}

fn spawn(directory: &Path) -> Result<Child, BoxError> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(directory.join("redis.log"))?;
    Command::new("redis-server")
        .args(["--port", "0", "--unixsocket", "redis.sock", "--save", ""])
        .args(["--appendonly", "yes", "--appendfsync", "always", "--dir", "."])
        // So that the auditor can read all of it.
        .args(["--auto-aof-rewrite-percentage", "0"])
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(log)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("redis-server does not start ({error}); ./scripts/proof installs it").into())
}

async fn ping(socket: &Path) -> Option<[u8; 7]> {
    let mut connection = UnixStream::connect(socket).await.ok()?;
    connection.write_all(b"PING\r\n").await.ok()?;
    let mut answer = [0; 7];
    connection.read_exact(&mut answer).await.ok()?;
    Some(answer)
}
