//! See [`lipdub_properties::envelope`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lipdub_properties::envelope(bytes));
