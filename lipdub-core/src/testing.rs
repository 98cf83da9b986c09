//! For tests: the conformance suite that a dedupe store is held to.
//!
//! [`dedupe_store_conformance!`](crate::dedupe_store_conformance) runs all of it on a store; the functions in
//! [`dedupe`] are its promises one by one.

pub mod dedupe;
