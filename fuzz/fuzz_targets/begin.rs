//! See [`lipdub_properties::begin`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lipdub_properties::begin(bytes));
