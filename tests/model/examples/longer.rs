//! Run with `cargo run --release -p lipdub-model --example longer`: the model with more of everything.

#![allow(clippy::print_stdout, reason = "printing is what this program is for")]

use std::process::ExitCode;
use std::time::Instant;

use lipdub_model::store::{FOREVER, Store};
use lipdub_model::{Bounds, check};

fn main() -> ExitCode {
    let store = Store { lease: 2, retention: FOREVER, fault: None };
    let many = Bounds { claimers: 4, attempts: 4, flushes: 1, restarts: 1, store, only: None };
    let forgetful = Bounds { claimers: 3, store: Store { retention: 4, ..store }, ..many };
    let mut is_sound = true;
    for bounds in [many, forgetful] {
        let begun = Instant::now();
        let checked = check(bounds);
        println!("{bounds:?}: {:.0?}\n{checked:#?}", begun.elapsed());
        is_sound &= checked.broken.is_empty() && checked.unseen.is_empty();
    }
    if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
