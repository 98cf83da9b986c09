#![doc = include_str!("../README.md")]

mod body;
pub mod future;
mod layer;
mod service;

pub use lipdub_core::*;

pub use self::body::{LayerBody, WebhookBody};
pub use self::layer::{WebhookLayer, WithWebhook};
pub use self::service::WebhookService;

/// The path at which LipDub's webhooks are received unless another is chosen.
pub const DEFAULT_PATH: &str = "/webhooks/lipdub";
