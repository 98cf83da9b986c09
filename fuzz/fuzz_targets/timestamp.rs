//! See [`lipdub_properties::timestamp`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lipdub_properties::timestamp(bytes));
