//! Has nothing but tests: see its manifest.
