use std::fmt;

use crate::callback::CallbackUrlError;

/// What is wrong with the configuration of a [`Webhook`](crate::Webhook).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// No credential was given.
    NoCredential,
    /// An API key is empty.
    EmptyApiKey,
    /// An API key cannot come through an HTTP header as it is.
    UnusableApiKey,
    /// Two of `api_key`, `api_keys` and `allow_unauthenticated` were used, or the latter and an enforced `signature`.
    AmbiguousCredentials,
    /// A key for signing links is shorter than 32 bytes.
    ShortSigningKey,
    /// LipDub would not call links below this URL, for the reason in here.
    UnusableLinkBase(CallbackUrlError),
    /// A secret for signatures is none, for the reason in here.
    UnusableSecret(&'static str),
    /// Both an inbox and a dedupe store, or `fail_open`, were given.
    AmbiguousStore,
    /// A worker was to run without an inbox.
    NoInbox,
    /// A receiver without handlers was given an inbox.
    UnusedInbox,
    /// No handler was given.
    NoHandler,
    /// A receiver without handlers was given one.
    UnusedHandler,
    /// A type has two handlers; its name is in here.
    DoubleHandler(String),
    /// A setting has a value that it cannot have, for the reason in here.
    UnusableSetting(&'static str),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCredential => formatter.write_str(
                "no credential was given: add `.api_key(…)`, or `.job_links(…)`, or enforce a `.signature(…)`, or `.allow_unauthenticated()` if anybody may deliver",
            ),
            Self::EmptyApiKey => formatter
                .write_str("an API key is empty: is the environment variable that it comes from set?"),
            Self::UnusableApiKey => formatter.write_str(
                "an API key begins or ends with white space or holds a control character, which no HTTP header can carry: trim it",
            ),
            Self::AmbiguousCredentials => formatter.write_str(
                "use only one of `.api_key(…)`, `.api_keys(…)` and `.allow_unauthenticated()`, and not the last with an enforced `.signature(…)`",
            ),
            Self::ShortSigningKey => formatter.write_str(
                "a signing key is shorter than 32 bytes, so that it could be guessed: make one with `openssl rand -base64 32`",
            ),
            Self::UnusableLinkBase(error) => write!(formatter, "LipDub would not call the base URL of job links: {error}"),
            Self::UnusableSecret(reason) => write!(formatter, "a secret for signatures cannot be used: {reason}"),
            Self::AmbiguousStore => formatter.write_str(
                "an inbox remembers what was handled: use it without `.dedupe(…)` and `.fail_open()`",
            ),
            Self::NoInbox => formatter.write_str(
                "there is no inbox that a worker could work on: add `.inbox(…)` to the webhook",
            ),
            Self::UnusedInbox => formatter.write_str(
                "events in an inbox are handled by a worker with closures: use `.build()`, or leave out `.inbox(…)`",
            ),
            Self::NoHandler => formatter.write_str(
                "there is no handler: add `.on_render_complete(…)` or another, or a `.fallback(…)`",
            ),
            Self::UnusedHandler => formatter.write_str(
                "`.build_receiver()` makes a receiver for handlers of your own, and would call none that it was given: use `.build()`, or leave them out",
            ),
            Self::DoubleHandler(event_type) => {
                write!(formatter, "{event_type} has two handlers: join them into one")
            }
            Self::UnusableSetting(reason) => formatter.write_str(reason),
        }
    }
}

impl std::error::Error for ConfigError {}
