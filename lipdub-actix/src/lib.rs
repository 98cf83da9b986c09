#![doc = include_str!("../README.md")]

mod deliver;
mod routes;

pub use lipdub_core::*;

pub use self::routes::{DEFAULT_PATH, Routes, routes};
