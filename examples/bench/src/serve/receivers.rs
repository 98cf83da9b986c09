//! Receivers that are made with lipdub.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lipdub_core::dedupe::ClaimRequest;
use lipdub_core::{
    DedupeStore as _, EventKey, EventType, MemoryStore, RedisInbox, RedisStore, SqliteInbox, Webhook,
};

use crate::BoxError;
use crate::load::API_KEY;
use crate::options::{Receiver, Serve};

/// With everything on, as a user would have it.
pub(crate) async fn webhook(options: &Serve) -> Result<Option<Webhook>, BoxError> {
    let sum = Arc::new(AtomicU64::new(0));
    let builder = Webhook::builder().api_key(API_KEY).on_render_complete(move |event| {
        let sum = Arc::clone(&sum);
        async move {
            if let Some(number) = event.data.generate_id.and_then(|id| id.as_u64()) {
                sum.fetch_add(number, Ordering::Relaxed);
            }
            Ok(())
        }
    });
    let builder = match options.receiver {
        Receiver::Memory => match options.remembered {
            0 => builder,
            events => builder.dedupe(remembering(events).await?),
        },
        Receiver::Redis => builder.dedupe(RedisStore::connect(&options.redis).await?),
        Receiver::SqliteInbox => builder.inbox(SqliteInbox::open(options.file()?).await?),
        Receiver::RedisInbox => builder.inbox(RedisInbox::connect(&options.redis).await?),
        _ => return Ok(None),
    };
    Ok(Some(builder.build()?))
}

/// A store that has handled so many events.
async fn remembering(events: usize) -> Result<MemoryStore, BoxError> {
    let store = MemoryStore::with_capacity(events + 10_000_000);
    let event_type = EventType::RenderComplete;
    for number in 0..events {
        let key = EventKey::custom(&event_type, &number.to_string());
        let request = ClaimRequest::new(key, Duration::from_secs(15), Duration::from_secs(30 * 86_400))?;
        store.claim(&request).await?;
        let _ = store.done(&request, 1).await?;
    }
    Ok(store)
}
