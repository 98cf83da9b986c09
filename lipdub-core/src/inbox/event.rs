use std::fmt;

use bytes::Bytes;

use crate::event::{EventKey, EventType, NotAnEvent, Received, RenderComplete, Source};

/// An event as it is stored: what came, and what is needed to find it again. It holds no credential.
///
/// Its `Debug` leaves the body out: that is your customers', and a download link is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct InboxEvent {
    /// What makes it this event.
    pub key: EventKey,
    /// What kind of thing happened.
    pub event_type: EventType,
    /// What it belongs to.
    pub job: Job,
    /// How it came.
    pub source: Source,
    /// The body as it was received, always UTF-8.
    pub body: Bytes,
}

/// What an event belongs to: events of one job can be handled one after the other, and jobs take turns.
///
/// By default that is the render, else the shot, the video, or your reference, as the event's data say; else the job of the
/// link over which it came; and an event without any of these is a job of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Job(String);

impl Job {
    /// Takes any text.
    pub fn new(job: impl Into<String>) -> Self {
        Self(job.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn of(received: &Received) -> Self {
        let data = received.event_leniently::<RenderComplete>().data;
        let ids = [("generate", data.generate_id), ("shot", data.shot_id), ("video", data.video_id)];
        if let Some((what, id)) = ids.into_iter().find_map(|(what, id)| Some((what, id?))) {
            return Self(format!("{what} {id}"));
        }
        if let Some(reference) = data.tracking_id {
            return Self(format!("tracking {reference}"));
        }
        match received.source() {
            Source::Job(job) => Self(format!("job {job}")),
            Source::Tenant => Self(received.key().to_string()),
        }
    }
}

impl InboxEvent {
    pub(crate) fn new(received: &Received, job: Job) -> Self {
        Self {
            key: received.key(),
            event_type: received.event_type().clone(),
            job,
            source: received.source().clone(),
            body: received.raw().clone(),
        }
    }

    /// The event to be handled, which was one when it was accepted.
    pub(crate) fn received(&self, attempt: u32) -> Result<Received, NotAnEvent> {
        let received = Received::parse(self.body.clone(), self.source.clone())?;
        Ok(received.with_key(self.key).in_attempt(attempt))
    }
}

impl fmt::Debug for InboxEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("InboxEvent")
            .field("key", &self.key)
            .field("event_type", &self.event_type)
            .field("job", &self.job)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}
