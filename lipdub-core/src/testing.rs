//! For tests: the conformance suite that a dedupe store is held to.
