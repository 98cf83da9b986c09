//! What the benches of the core print, kept as it is.

use std::fs;
use std::process::{Command, Stdio};

use crate::BoxError;
use crate::document::{results_directory, root};

const BENCHES: [&str; 3] = ["key", "memory_store", "redis_store"];

pub(crate) fn run() -> Result<(), BoxError> {
    let directory = results_directory()?.join("parts");
    fs::create_dir_all(&directory)?;
    for bench in BENCHES {
        eprintln!("measuring {bench}");
        let measured = Command::new("cargo")
            .args(["bench", "--quiet", "--package", "lipdub-core", "--all-features", "--bench", bench])
            .current_dir(root())
            .stderr(Stdio::inherit())
            .output()?;
        if !measured.status.success() {
            return Err(format!("the bench {bench} failed").into());
        }
        fs::write(directory.join(bench), measured.stdout)?;
    }
    Ok(())
}

/// All that they printed. Nothing of those that have not run.
pub(crate) fn printed() -> Result<String, BoxError> {
    let directory = results_directory()?.join("parts");
    let printed = BENCHES.map(|bench| fs::read_to_string(directory.join(bench)).unwrap_or_default());
    Ok(printed.map(|text| text.trim().to_owned()).join("\n"))
}
