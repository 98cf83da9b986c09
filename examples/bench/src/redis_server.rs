use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::BoxError;
use crate::contender::on_core;

/// How a server keeps what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// In memory alone.
    None,
    /// In a file that is synced at each write, or once a second.
    AppendOnly { fsync: &'static str },
}

/// A Redis of our own, at a socket of its own. It is killed when this is dropped.
pub(crate) struct RedisServer {
    process: Child,
    directory: TempDir,
}

impl RedisServer {
    /// Starts it under `directory`, on that processor or on any.
    pub(crate) fn start(
        directory: &Path,
        persistence: Persistence,
        core: Option<usize>,
    ) -> Result<Self, BoxError> {
        let directory = TempDir::new_in(directory)?;
        let mut command = on_core(core, Path::new("redis-server"));
        command.args(["--port", "0", "--unixsocket", "redis.sock", "--save", "", "--dir", "."]);
        if let Persistence::AppendOnly { fsync } = persistence {
            command.args(["--appendonly", "yes", "--appendfsync", fsync]);
        }
        let server = Self { process: spawn(&mut command, directory.path())?, directory };
        server.until_ready()?;
        Ok(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("redis.sock")
    }

    fn until_ready(&self) -> Result<(), BoxError> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::os::unix::net::UnixStream::connect(self.socket()).is_err() {
            if Instant::now() > deadline {
                return Err("redis-server does not answer".into());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

fn spawn(command: &mut Command, directory: &Path) -> Result<Child, BoxError> {
    command.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null()).spawn().map_err(|error| {
        format!("redis-server does not start ({error}); ./scripts/install-redis installs it").into()
    })
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
