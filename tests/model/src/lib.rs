//! A model of the claim, checked exhaustively: what is promised holds in every world that can be reached, not only
//! in those that a test happens to visit.
//!
//! # What can happen
//!
//! One event, one store, and claimers, each with a token of its own. A [`Claimer`](claimer::Claimer) may do all that
//! `lipdub-core/src/attempt.rs` does, and more: it claims, and claims again if it hears nothing; its handler succeeds
//! or fails; it renews meanwhile; it marks a success until the store has heard; it gives back what it may have been
//! granted; or, if that is configured, it goes on without a store that does not answer. At any point
//!
//! - a call or its answer is lost, or arrives late, or once more (a network retry), also long after its caller is
//!   gone;
//! - a tick passes, so that a lease lapses while its holder lives, and a zombie goes on speaking;
//! - a claimer crashes, also between the effect and the mark;
//! - the store restarts: calls under way are lost and records are kept; or it loses all records.
//!
//! # What shall hold
//!
//! See [`Promise`], where each is said exactly. They are checked by a witness who hears each call and each answer
//! but does not see the record, so they are promises about what the store *says*. After a loss of all records the
//! witness starts anew, as the documentation of the stores does: then, and only then, an event that was done can run
//! again.
//!
//! # Why to believe it
//!
//! - The model's [`Store`](store::Store) is lipdub's: for every record that can come about, every call that anybody
//!   could make has the same answer from a `MemoryStore` (`tests/memory_store.rs`).
//! - The model's claimers are lipdub's: in 7,290 ways in which a delivery may go, with calls lost before or after they
//!   are made, an attempt says nothing that a claimer may not say (`tests/attempts.rs`).
//! - Each promise is broken by a store with a [`Fault`], and what must be possible for them to mean anything, such as a
//!   zombie that has a success to mark, does come about (`tests/promises.rs`).
//!
//! # How much
//!
//! Each run of the tests visits 820,045 worlds (without those that differ in names only) by 8,035,129 steps, in some ten
//! seconds. `cargo run --release -p lipdub-model --example longer` visits 6,206,004 by 72,025,481, in a minute.
//!
//! In a counterexample, tokens are named anew at each step: the one on the record is A.

mod check;
pub mod claimer;
mod fault;
mod promise;
pub mod scenarios;
pub mod store;
pub mod witness;
pub mod world;

pub use self::check::{Checked, check};
pub use self::fault::Fault;
pub use self::promise::Promise;
pub use self::world::Scenario;
