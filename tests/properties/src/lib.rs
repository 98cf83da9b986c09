//! What the core promises for every input, so that the fuzzer and `cargo test` hold it to the same.
//!
//! Each property takes bytes, of which it makes what it needs, and panics where the core does not keep its
//! promise. What the core ought to do is computed a second time, slowly and without the core's means: no
//! `serde_json`, no `jiff`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc, reason = "only tests use it")]

mod begin;
mod content;
mod envelope;
mod event_key;
mod json;
mod random;
mod receiver;
mod timestamp;

pub use begin::begin;
pub use envelope::envelope;
pub use event_key::event_key;
pub use timestamp::timestamp;
