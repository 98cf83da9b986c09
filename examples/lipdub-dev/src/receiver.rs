//! The receiver that is delivered to, as the command line names it.

use std::fmt;
use std::time::Duration;

use clap::Args;
use lipdub_core::testing::{HttpTarget, InvalidUrl, LipDub, LipDubBuilder, Outcome, Request, Target as _};
use tokio::time::{Instant, timeout};

use crate::address::Address;
use crate::redaction::Secrets;

/// With which key.
#[derive(Clone, Debug, Args)]
pub(crate) struct Credentials {
    /// The webhook API key that the receiver expects
    #[arg(long, value_name = "KEY", env = "LIPDUB_WEBHOOK_API_KEY", hide_env_values = true, value_parser = ApiKey::parse)]
    pub(crate) api_key: Option<ApiKey>,
    /// Send the key as `X-Api-Key`, as for older tenants, and not as `Authorization: Bearer`
    #[arg(long, requires = "api_key")]
    pub(crate) x_api_key: bool,
}

impl Credentials {
    /// The key, and what is secret of this address.
    pub(crate) fn secrets(&self, address: Option<&Address>) -> Secrets {
        Secrets::of(self.api_key.as_ref().map(ApiKey::as_str), address.map(Address::url))
    }
}

/// A key that can be sent in a header.
#[derive(Clone)]
pub(crate) struct ApiKey(String);

impl ApiKey {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("it is empty; give the key, or unset LIPDUB_WEBHOOK_API_KEY to send none");
        }
        if text.chars().any(char::is_control) {
            return Err("it holds a line break or another control character; give the key alone");
        }
        // A header loses them on the way.
        if text.trim() != text {
            return Err("it begins or ends with a space; give the key alone");
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey([REDACTED])")
    }
}

/// A receiver and how it is delivered to.
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    target: HttpTarget,
    credentials: Credentials,
    /// How long its answers may take.
    patience: Duration,
}

impl Receiver {
    pub(crate) fn new(
        address: &Address,
        credentials: Credentials,
        patience: Duration,
    ) -> Result<Self, InvalidUrl> {
        Ok(Self { target: HttpTarget::new(address.as_str())?, credentials, patience })
    }

    /// A LipDub that tries once.
    pub(crate) fn lipdub(&self) -> LipDub {
        let lipdub = self.stranger();
        let lipdub = match &self.credentials {
            Credentials { api_key: None, .. } => lipdub,
            Credentials { api_key: Some(key), x_api_key: false } => lipdub.api_key(key.as_str()),
            Credentials { api_key: Some(key), x_api_key: true } => lipdub.x_api_key(key.as_str()),
        };
        lipdub.build()
    }

    /// The same with the key in the older header, if there is a key.
    pub(crate) fn lipdub_of_older_tenants(&self) -> Option<LipDub> {
        let key = self.credentials.api_key.as_ref()?;
        Some(self.stranger().x_api_key(key.as_str()).build())
    }

    /// The same without a key, to be given one.
    pub(crate) fn stranger(&self) -> LipDubBuilder {
        LipDub::builder(self.target.clone()).cut_off(self.patience).tries(1)
    }

    /// Delivers what is made by hand, once, and waits no longer than it is patient.
    pub(crate) async fn try_once(&self, request: Request) -> (Outcome, Duration) {
        let began = Instant::now();
        let outcome = match timeout(self.patience, self.target.deliver(request)).await {
            Ok(Ok(reply)) => Outcome::Answered(reply),
            Ok(Err(error)) => Outcome::NoAnswer(error.to_string()),
            Err(_) => Outcome::CutOff,
        };
        (outcome, began.elapsed())
    }

    /// Adds the key to a delivery that is made by hand.
    pub(crate) fn authorize(&self, request: Request) -> Request {
        match &self.credentials {
            Credentials { api_key: None, .. } => request,
            Credentials { api_key: Some(key), x_api_key: false } => {
                request.header("authorization", format!("Bearer {}", key.as_str()))
            }
            Credentials { api_key: Some(key), x_api_key: true } => request.header("x-api-key", key.as_str()),
        }
    }
}
