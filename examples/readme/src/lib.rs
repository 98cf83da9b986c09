//! Run with `cargo test -p example-readme`: compiles the snippets of the front page, `README.md`.

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod front_page {}
