//! Where LipDub is to deliver the events of one render: its `callback_url`.

mod host;
mod url;

pub use self::host::NonPublicHost;
pub use self::url::{CallbackUrl, CallbackUrlError};
