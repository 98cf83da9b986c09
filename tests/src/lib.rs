//! What the tests of the adapters share: the receiver under test, servers for it, and a client that sends bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc, reason = "only tests use it")]

mod client;
mod receiver;
mod server;

pub use client::{Connection, Reply, post, send};
pub use receiver::{Attempts, KEY, event, receiver};
pub use server::{Framework, Server};

/// Makes a test of the same name for each framework.
#[macro_export]
macro_rules! on_each_framework {
    ($(async fn $name:ident($framework:ident: Framework) $body:block)*) => {
        $(
            mod $name {
                use super::*;

                async fn test($framework: Framework) $body

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn axum() { test(Framework::Axum).await }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn actix() { test(Framework::Actix).await }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn tower() { test(Framework::Tower).await }
            }
        )*
    };
}
