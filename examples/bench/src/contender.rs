//! A server to measure, in a process of its own.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::BoxError;
use crate::load::Dialect;
use crate::options::{Framework, Receiver};

/// What a server is, and on which processor.
#[derive(Clone, Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    program: PathBuf,
    arguments: Vec<OsString>,
    dialect: Dialect,
    core: Option<usize>,
}

impl Contender {
    /// A server that is part of this program.
    pub(crate) fn new(
        name: &'static str,
        framework: Framework,
        receiver: Receiver,
    ) -> Result<Self, BoxError> {
        let words = ["serve".to_owned(), word(&framework), word(&receiver)];
        Ok(Self::program(name, std::env::current_exe()?, Dialect::LipDub, words))
    }

    /// One that is not. The first line that it prints must be its address.
    pub(crate) fn program(
        name: &'static str,
        program: PathBuf,
        dialect: Dialect,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        Self {
            name,
            program,
            arguments: arguments.into_iter().map(Into::into).collect(),
            dialect,
            core: None,
        }
    }

    pub(crate) fn on_core(mut self, core: usize) -> Self {
        self.core = Some(core);
        self
    }

    pub(crate) fn redis(self, url: &str) -> Self {
        self.with("--redis", url)
    }

    pub(crate) fn file(self, file: &Path) -> Self {
        self.with("--file", file)
    }

    pub(crate) fn remembered(self, events: usize) -> Self {
        self.with("--remembered", events.to_string())
    }

    fn with(mut self, option: &str, value: impl Into<OsString>) -> Self {
        self.arguments.extend([option.into(), value.into()]);
        self
    }

    pub(crate) fn start(&self) -> Result<Running, BoxError> {
        let mut command = on_core(self.core, &self.program);
        command.args(&self.arguments);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut first_line = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut first_line)?;
        }
        let running = |address| Running { process, address, dialect: self.dialect };
        first_line.trim().parse().map(running).map_err(|_| format!("{} does not start", self.name).into())
    }
}

/// As it is on the command line.
fn word(value: &impl clap::ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// The program, on that processor or on any.
pub(crate) fn on_core(core: Option<usize>, program: &Path) -> Command {
    let Some(core) = core else { return Command::new(program) };
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &core.to_string()]).arg(program);
    command
}

/// Keeps this process on that processor. It must not have started other threads yet.
pub(crate) fn stay_on_core(core: usize) -> Result<(), BoxError> {
    let this = std::process::id().to_string();
    let taskset = Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", &core.to_string(), &this])
        .stdout(Stdio::null())
        .status()?;
    if taskset.success() { Ok(()) } else { Err("taskset failed".into()) }
}

/// A server that runs. It is killed when this is dropped.
pub(crate) struct Running {
    process: Child,
    pub(crate) address: SocketAddr,
    pub(crate) dialect: Dialect,
}

impl Running {
    /// What processor time it has used, user and system.
    pub(crate) fn processor_time(&self) -> Result<Duration, BoxError> {
        processor_time(self.process.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Of all threads that live. From `/proc`, in nanoseconds.
pub(crate) fn processor_time(process: u32) -> Result<Duration, BoxError> {
    let mut nanoseconds = 0;
    for task in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let statistics = std::fs::read_to_string(task?.path().join("schedstat"))?;
        nanoseconds += statistics.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}
