//! What an application takes on with lipdub.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

use std::collections::BTreeSet;
use std::process::Command;

/// The names of all crates that a package is built of.
fn crates(package: &str) -> BTreeSet<String> {
    let arguments = ["tree", "--locked", "--package", package, "--edges", "normal", "--prefix", "none"];
    let tree = Command::new(env!("CARGO")).args(arguments).output().expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let lines = String::from_utf8(tree.stdout).expect("text");
    lines
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn lipdub_adds_at_most_25_crates_to_an_application_with_axum() {
    let (with, without) = (crates("lipdub-axum"), crates("axum"));
    let added: Vec<_> = with.difference(&without).collect();
    assert!(added.iter().any(|name| *name == "lipdub-core"), "{added:?}");
    assert!(added.len() <= 25, "{} crates: {added:?}", added.len());
}
