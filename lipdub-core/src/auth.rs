//! Who may deliver.

mod api_key;
mod api_keys;

pub use self::api_key::ApiKey;
pub use self::api_keys::ApiKeys;
use crate::delivery::Head;
use crate::event::Source;
use crate::webhook::ConfigError;

/// Who may deliver.
pub(crate) enum Access {
    Keys(ApiKeys),
    Everybody,
}

/// A delivery that was let in.
pub(crate) struct Admitted {
    pub(crate) source: Source,
}

/// What a request shows of API keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Nothing,
    Right,
    Wrong,
}

impl Access {
    /// Makes sense of what was configured, which must be exactly one of the three.
    pub(crate) fn new(
        keys: Vec<Result<ApiKey, ConfigError>>,
        shared_keys: Option<ApiKeys>,
        everybody: bool,
    ) -> Result<Self, ConfigError> {
        let keys: Vec<ApiKey> = keys.into_iter().collect::<Result<_, _>>()?;
        match (keys.is_empty(), shared_keys, everybody) {
            (false, None, false) => ApiKeys::new(keys).map(Self::Keys),
            (true, Some(shared_keys), false) => Ok(Self::Keys(shared_keys)),
            (true, None, true) => Ok(Self::Everybody),
            (true, None, false) => Err(ConfigError::NoCredential),
            _ => Err(ConfigError::AmbiguousCredentials),
        }
    }

    pub(crate) fn admit(&self, head: &Head<'_>) -> Result<Admitted, &'static str> {
        match self {
            Self::Keys(keys) if keys.check(head) != Shown::Right => Err("missing or wrong credentials"),
            _ => Ok(Admitted { source: Source::Tenant }),
        }
    }

    pub(crate) fn takes_job_links(&self) -> bool {
        false
    }
}
