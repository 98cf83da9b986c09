//! A model of the claim, checked exhaustively: what is promised holds in every world that can be reached, not only
//! in those that a test happens to visit.
//!
//! # What can happen
//!
//! One event, one store, and claimers that behave as `lipdub-core/src/attempt.rs` does, each with a token of its
//! own: it claims, and claims again if it hears nothing; its handler succeeds or fails; it renews meanwhile; it
//! marks a success until the store has heard; it gives back what it may have been granted. At any point
//!
//! - a call or its answer is lost, or arrives late, or once more (a network retry), also long after its caller is
//!   gone;
//! - a tick passes, so that a lease lapses while its holder lives, and a zombie goes on speaking;
//! - a claimer crashes, also between the effect and the mark;
//! - the store restarts: calls under way are lost and records are kept; or it loses all records.
//!
//! # What shall hold
//!
//! See [`Promise`]. They are checked by a witness who hears each call and each answer but does not see the record, so
//! they are promises about what the store *says*. After a loss of all records the witness starts anew, as the
//! documentation of the stores does: then, and only then, an event that was done can run again.
//!
//! That the model's [`Store`](store::Store) is lipdub's is checked, too: every record that can come about, and every
//! call that anybody could make on it, has the same answer from a `MemoryStore` (`tests/memory_store.rs`). And that the
//! model could tell: each promise is broken by a store with a [`Fault`], and what must be possible for the promises
//! to mean anything, such as a second success or a zombie that speaks, does come about.
//!
//! # How much
//!
//! With three claimers and three attempts, 29,541 worlds (without those that differ in names only) and 217,357
//! steps; 269,532 and 2,218,699 with a loss of records; 67,076 and 649,847 with a retention that passes: less than
//! a second in all, in each run of the tests. `cargo run --release -p lipdub-model --example longer` checks
//! 7,498,210 worlds and 79,218,464 steps with four claimers and four attempts, and 3,713,154 worlds and 33,710,792
//! steps with a retention that passes, in a minute and a half.
//!
//! In a counterexample, tokens are named anew at each step: the one on the record is A.

mod check;
mod claimer;
mod fault;
mod promise;
pub mod store;
mod world;

pub use self::check::{Checked, check};
pub use self::fault::Fault;
pub use self::promise::Promise;
pub use self::world::Bounds;
