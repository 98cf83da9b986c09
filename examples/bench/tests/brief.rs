//! Each contender starts and answers, if only for moments. What it comes to means nothing here.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

#[test]
fn http_can_be_measured() {
    let results = measure(&["http"]);
    assert_eq!(files(&results.path().join("http")), 9);
}

#[test]
fn inboxes_can_be_measured() {
    let results = measure(&["inbox", "--only", "accept"]);
    assert_eq!(files(&results.path().join("inbox")), 9);
}

fn measure(arguments: &[&str]) -> TempDir {
    let results = TempDir::new().unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(arguments)
        .args(["--rounds", "1", "--turn-ms", "20"])
        .env("LIPDUB_BENCH_RESULTS", results.path())
        .status()
        .unwrap();
    assert!(status.success());
    results
}

fn files(directory: &Path) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}
