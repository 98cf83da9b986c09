//! Who may deliver.

mod api_key;
mod api_keys;

pub use self::api_key::ApiKey;
pub use self::api_keys::ApiKeys;
use crate::delivery::Head;
use crate::webhook::ConfigError;

/// Who may deliver.
pub(crate) enum Access {
    Keys(ApiKeys),
    Everybody,
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

    pub(crate) fn admits(&self, head: &Head<'_>) -> bool {
        match self {
            Self::Keys(keys) => keys.check(head) == Shown::Right,
            Self::Everybody => true,
        }
    }
}
