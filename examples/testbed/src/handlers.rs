//! A handler for each documented type and one for the rest, all of which do what the event says.

use std::pin::Pin;

use lipdub_core::{Event, HandlerError, RenderComplete, RenderFailed, StageEvent, WebhookBuilder};
use serde_json::Value;

use crate::effects::Effects;
use crate::orders::Orders;

type HandlerFuture = Pin<Box<dyn Future<Output = Result<(), HandlerError>> + Send>>;

pub(crate) fn register(builder: WebhookBuilder, effects: Option<&Effects>) -> WebhookBuilder {
    builder
        .on_render_complete(obedient(effects))
        .on_render_failed(obedient(effects))
        .on_preprocessing_complete(obedient(effects))
        .on_training_complete(obedient(effects))
        .on_file_upload_complete(obedient(effects))
        .on_file_upload_failed(obedient(effects))
        .on_video_validation_complete(obedient(effects))
        .on_video_validation_failed(obedient(effects))
        .on_begin_training_failure(obedient(effects))
        .fallback(obedient(effects))
        .on_failure(|failure| {
            eprintln!("attempt {} on {}: {}", failure.attempt, failure.event_type, failure.error.inner());
        })
}

fn obedient<T: Fields>(
    effects: Option<&Effects>,
) -> impl Fn(Event<T>) -> HandlerFuture + Send + Sync + 'static + use<T> {
    let effects = effects.cloned();
    move |event| Box::pin(handle(effects.clone(), event))
}

async fn handle<T: Fields>(effects: Option<Effects>, event: Event<T>) -> Result<(), HandlerError> {
    let record = |phase| match &effects {
        Some(effects) => effects.record(phase, &event, event.data.field("id")),
        None => Ok(()),
    };
    record("start")?;
    Orders::read(event.data.field("testbed"))?.obey(event.attempt).await?;
    record("done")?;
    Ok(())
}

/// Data of any type, by the names of its fields.
trait Fields: Send + Sync + 'static {
    fn field(&self, name: &str) -> Option<&Value>;
}

impl Fields for Value {
    fn field(&self, name: &str) -> Option<&Value> {
        self.get(name)
    }
}

impl Fields for RenderComplete {
    fn field(&self, name: &str) -> Option<&Value> {
        self.extra.get(name)
    }
}

impl Fields for RenderFailed {
    fn field(&self, name: &str) -> Option<&Value> {
        self.extra.get(name)
    }
}

impl Fields for StageEvent {
    fn field(&self, name: &str) -> Option<&Value> {
        self.extra.get(name)
    }
}
