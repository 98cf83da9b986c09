//! The same small application on each framework: `/healthz`, the webhook, and 404 for the rest.

pub(crate) mod actix;
pub(crate) mod axum;
pub(crate) mod tower;
