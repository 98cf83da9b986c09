use std::path::PathBuf;

use clap::Parser;

use crate::BoxError;

#[derive(Parser)]
#[command(about = "Proves that no event is lost, and that none that had succeeded runs again")]
pub(crate) struct Options {
    /// How many events LipDub delivers
    #[arg(long, default_value_t = 800)]
    pub(crate) events: u32,
    /// Repeats what went wrong in an earlier run; at random if it is not given
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// How many jobs LipDub delivers at the same time
    #[arg(long, default_value_t = 50)]
    pub(crate) consumers: usize,
    /// Keep what the processes wrote even if all is as promised
    #[arg(long)]
    pub(crate) keep: bool,
    /// The receiver's program; it is looked for beside this one if it is not given
    #[arg(long, value_name = "PROGRAM")]
    testbed: Option<PathBuf>,
}

impl Options {
    pub(crate) fn testbed(&self) -> Result<PathBuf, BoxError> {
        let path = match &self.testbed {
            Some(path) => path.clone(),
            None => std::env::current_exe()?.with_file_name("testbed"),
        };
        if path.is_file() {
            return Ok(path);
        }
        Err(format!("there is no {}; build it with `cargo build -p testbed`", path.display()).into())
    }
}
