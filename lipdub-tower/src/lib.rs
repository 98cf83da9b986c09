#![doc = include_str!("../README.md")]

mod body;
mod dedupe_layer;
pub mod future;
mod layer;
mod service;

pub use lipdub_core::*;

pub use self::body::{LayerBody, WebhookBody};
pub use self::dedupe_layer::{ClientErrors, Dedupe, DedupeLayer};
pub use self::layer::{WebhookLayer, WithWebhook};
pub use self::service::{WebhookService, receive, response};

/// The path at which LipDub's webhooks are received unless another is chosen.
pub const DEFAULT_PATH: &str = "/webhooks/lipdub";
