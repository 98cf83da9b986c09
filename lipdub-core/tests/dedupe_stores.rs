//! The stores that come with the crate and with its docs, held to the conformance suite.

#[path = "../examples/custom_store.rs"]
pub mod custom_store;

mod memory {
    lipdub_core::dedupe_store_conformance!(lipdub_core::MemoryStore::new());
}

mod custom {
    lipdub_core::dedupe_store_conformance!(crate::custom_store::CustomStore::default(), without_expiry);
}
