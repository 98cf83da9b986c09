//! The inboxes that come with the crate, held to the conformance suite.

mod memory {
    lipdub_core::inbox_conformance!(lipdub_core::testing::MemoryInbox::new());
}
