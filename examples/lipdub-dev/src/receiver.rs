//! The receiver that is delivered to, as the command line names it.

use std::time::Duration;

use clap::Args;
use lipdub_core::testing::{HttpTarget, InvalidUrl, LipDub, LipDubBuilder, Request};

/// With which key.
#[derive(Clone, Args)]
pub(crate) struct Credentials {
    /// The webhook API key that the receiver expects
    #[arg(long, value_name = "KEY", env = "LIPDUB_WEBHOOK_API_KEY", hide_env_values = true)]
    pub(crate) api_key: Option<String>,
    /// Send the key as `X-Api-Key`, as for older tenants, and not as `Authorization: Bearer`
    #[arg(long, requires = "api_key")]
    pub(crate) x_api_key: bool,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Credentials([REDACTED])")
    }
}

/// A receiver and how it is delivered to.
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    pub(crate) target: HttpTarget,
    credentials: Credentials,
    /// How long its answers may take.
    pub(crate) patience: Duration,
}

impl Receiver {
    pub(crate) fn new(url: &str, credentials: Credentials, patience: Duration) -> Result<Self, InvalidUrl> {
        Ok(Self { target: HttpTarget::new(url)?, credentials, patience })
    }

    /// A LipDub that tries once.
    pub(crate) fn lipdub(&self) -> LipDub {
        let lipdub = self.stranger();
        let lipdub = match &self.credentials {
            Credentials { api_key: None, .. } => lipdub,
            Credentials { api_key: Some(key), x_api_key: false } => lipdub.api_key(key),
            Credentials { api_key: Some(key), x_api_key: true } => lipdub.x_api_key(key),
        };
        lipdub.build()
    }

    /// The same with the key in the older header, if there is a key.
    pub(crate) fn lipdub_of_older_tenants(&self) -> Option<LipDub> {
        let key = self.credentials.api_key.as_deref()?;
        Some(self.stranger().x_api_key(key).build())
    }

    /// The same without a key, to be given one.
    pub(crate) fn stranger(&self) -> LipDubBuilder {
        LipDub::builder(self.target.clone()).cut_off(self.patience).tries(1)
    }

    /// Adds the key to a delivery that is made by hand.
    pub(crate) fn authorize(&self, request: Request) -> Request {
        match &self.credentials {
            Credentials { api_key: None, .. } => request,
            Credentials { api_key: Some(key), x_api_key: false } => {
                request.header("authorization", format!("Bearer {key}"))
            }
            Credentials { api_key: Some(key), x_api_key: true } => request.header("x-api-key", key),
        }
    }
}
