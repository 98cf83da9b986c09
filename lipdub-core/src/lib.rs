#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod attempt;
mod auth;
mod callback;
mod deadline;
pub mod dedupe;
mod delivery;
mod event;
mod handler;
mod horizon;
pub mod inbox;
mod lease;
#[cfg(feature = "redis")]
mod redis;
mod rejection;
#[cfg(feature = "testing")]
pub mod testing;
mod webhook;
mod worker;

pub use async_trait::async_trait;

pub use self::auth::{
    ApiKey, ApiKeys, HmacSha256, KeySourceError, KeyUsage, SignatureCounts, SignatureEncoding,
    SignatureError, SignatureMode, Signed, StandardWebhooks, Verifier,
};
pub use self::callback::{
    CallbackUrl, CallbackUrlError, JobLinks, KeyWithLink, LinkError, NonPublicHost, SigningKey,
};
#[cfg(feature = "redis")]
#[doc(inline)]
pub use self::dedupe::RedisStore;
#[doc(inline)]
pub use self::dedupe::{DedupeStore, MemoryStore, StoreError};
pub use self::delivery::{Answer, Head, Headers, Status};
pub use self::event::{
    CreatedAt, DecodeError, DownloadUrl, Event, EventKey, EventType, Extra, Id, ParseEventKeyError, Received,
    RenderComplete, RenderFailed, Source, StageEvent,
};
pub use self::handler::{Failure, Handler, HandlerError, HandlerErrorKind};
#[doc(inline)]
pub use self::inbox::Inbox;
#[cfg(feature = "redis")]
#[doc(inline)]
pub use self::inbox::RedisInbox;
#[cfg(feature = "sqlite")]
#[doc(inline)]
pub use self::inbox::SqliteInbox;
pub use self::rejection::Rejection;
pub use self::webhook::{ConfigError, Delivery, Drained, Inbound, Receiver, Task, Webhook, WebhookBuilder};
pub use self::worker::{UnknownTypes, Worker};
