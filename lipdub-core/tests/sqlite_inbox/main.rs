//! `SqliteInbox` on real files: killed, locked, full, damaged, shared, and with a long backlog.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod bookkeeping;
mod commits;
mod file;
mod order;
mod processes;
mod support;
mod trouble;
mod unreadable;
