//! Callback URLs: where LipDub is to deliver the events of one render, checked, and signed for a job.

mod host;
mod job_links;
mod signing_key;
mod url;

pub use self::host::NonPublicHost;
pub(crate) use self::job_links::Link;
pub use self::job_links::{JobLinks, KeyWithLink, LinkError};
pub use self::signing_key::SigningKey;
pub use self::url::{CallbackUrl, CallbackUrlError};
