//! Run with `cargo run --release -p lipdub-model --example longer`: the model with more of everything.

#![allow(clippy::print_stdout, reason = "printing is what this program is for")]

use std::process::ExitCode;
use std::time::Instant;

use lipdub_model::{check, scenarios};

fn main() -> ExitCode {
    let mut is_sound = true;
    for (name, scenario) in scenarios::LONGER {
        let begun = Instant::now();
        let checked = check(scenario);
        println!("{name}: {checked:?}, in {:.0?}", begun.elapsed());
        is_sound &= checked.broken.is_empty() && checked.unseen.is_empty();
    }
    if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
