//! See [`lipdub_properties::event_key`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lipdub_properties::event_key(bytes));
