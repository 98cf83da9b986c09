#![doc = include_str!("../README.md")]

mod deliver;
mod extract;
mod routes;

pub use lipdub_core::*;

pub use self::extract::{LipDub, LipDubRejection};
pub use self::routes::{DEFAULT_PATH, Routes, routes};
