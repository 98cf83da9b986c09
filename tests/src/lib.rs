//! What the tests of the adapters share: the receiver under test, servers for it, and a client that sends bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc, reason = "only tests use it")]

mod client;
mod own_handlers;
mod receiver;
mod server;

pub use client::{Connection, Reply, post, send};
pub use receiver::{Attempts, KEY, OwnHandler, Setup, event, receiver};
pub use server::{Framework, Server};

/// Makes a test of the same name for each framework.
#[macro_export]
macro_rules! on_each_framework {
    ($($tests:tt)*) => { $crate::on_each!([axum Axum, actix Actix, tower Tower] $($tests)*); };
}

/// The same also where a handler of one's own is deduped by a layer.
#[macro_export]
macro_rules! on_each_that_dedupes {
    ($($tests:tt)*) => { $crate::on_each!([
            axum Axum, actix Actix, tower Tower, axum_layer AxumLayer, tower_layer TowerLayer
        ] $($tests)*); };
}

/// The same also where a handler of one's own gets the event, deduped or not.
#[macro_export]
macro_rules! on_each_way_in {
    ($($tests:tt)*) => {
        $crate::on_each!([
            axum Axum, actix Actix, tower Tower, axum_layer AxumLayer, tower_layer TowerLayer,
            axum_extractor AxumExtractor, actix_extractor ActixExtractor
        ] $($tests)*);
    };
}

/// Makes a test of the same name for each of these.
#[macro_export]
macro_rules! on_each {
    ($frameworks:tt $(async fn $name:ident($framework:ident: Framework) $body:block)*) => {
        $(
            mod $name {
                use super::*;

                async fn test($framework: Framework) $body

                $crate::on_each!(@each $frameworks);
            }
        )*
    };
    (@each [$($test:ident $variant:ident),*]) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() { test(Framework::$variant).await }
        )*
    };
}
