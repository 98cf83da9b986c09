//! How late LipDub can still deliver an event.

use std::time::Duration;

pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long LipDub calls a `callback_url`; after that, the tenant's webhook.
pub(crate) const CALLBACK_VALIDITY: Duration = DAY;

/// SQS keeps a message for 14 days at most, and the clock starts again in the dead letter queue.
pub(crate) const LATEST_REPLAY: Duration = DAY.saturating_mul(28);

/// How long an event is remembered unless somebody says otherwise: a little longer than it can be replayed.
pub(crate) const RETENTION: Duration = DAY.saturating_mul(30);
