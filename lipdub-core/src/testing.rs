//! For tests: LipDub in a box, and the conformance suites that dedupe stores and inboxes are held to.
//!
//! [`LipDub`] delivers the events of [`sample`] to your handlers as LipDub does, with whatever shall go wrong on
//! the way, and its assertions tell the story of an event that did not fare as it should.
//!
//! [`dedupe_store_conformance!`](crate::dedupe_store_conformance) holds a store to its contract; the functions in
//! [`dedupe`] are its promises one by one. [`inbox_conformance!`](crate::inbox_conformance) and [`inbox`] are the
//! same for an inbox, and [`MemoryInbox`] is one for your tests.

mod conformance;
pub mod dedupe;
mod fault;
#[cfg(feature = "testing-http")]
mod http;
pub mod inbox;
mod memory_inbox;
mod promise;
mod provider;
mod record;
pub mod sample;
mod spelling;
mod target;

pub use self::fault::{Fault, Faults};
#[cfg(feature = "testing-http")]
pub use self::http::{HttpTarget, InvalidUrl};
pub use self::memory_inbox::MemoryInbox;
pub use self::promise::Promise;
pub use self::provider::{LipDub, LipDubBuilder};
pub use self::record::{Fate, Outcome, Story, Try};
pub use self::target::{NoAnswer, Reply, Request, Target};
