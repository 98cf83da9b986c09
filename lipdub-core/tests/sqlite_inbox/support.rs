#![allow(clippy::needless_pass_by_value, reason = "so that tests can name events by numbers")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use lipdub_core::dedupe::Transition;
use lipdub_core::inbox::{Holder, InboxEvent, Job, LeaseRequest, Leased, Order};
use lipdub_core::{EventKey, EventType, Inbox, Source, SqliteInbox};
use rusqlite::Connection;
use tempfile::TempDir;

/// Longer than any test.
pub(crate) const LEASE: Duration = Duration::from_secs(600);
/// What a busy machine may take on top of a limit.
pub(crate) const SLACK: Duration = Duration::from_millis(1500);

/// A file of its own for an inbox, in a directory that goes away with it.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory().join("inbox.db")
    }

    pub(crate) async fn open(&self) -> SqliteInbox {
        SqliteInbox::open(self.path()).await.unwrap()
    }

    /// A connection of somebody else.
    pub(crate) fn connect(&self) -> Connection {
        let connection = Connection::open(self.path()).unwrap();
        connection.busy_timeout(Duration::from_secs(5)).unwrap();
        connection
    }
}

pub(crate) fn key(name: impl ToString) -> EventKey {
    EventKey::custom(&EventType::RenderComplete, &name.to_string())
}

pub(crate) fn event(name: impl ToString, job: &str) -> InboxEvent {
    let name = name.to_string();
    let body = format!(r#"{{"event_type": "VIDEO_RENDER_COMPLETE", "data": {{"name": "{name}"}}}}"#);
    InboxEvent {
        key: key(&name),
        event_type: EventType::RenderComplete,
        job: Job::new(job),
        source: Source::Tenant,
        body: body.into(),
    }
}

pub(crate) fn request(limit: usize) -> LeaseRequest {
    LeaseRequest::new(LEASE).unwrap().limit(limit)
}

pub(crate) fn per_job(limit: usize) -> LeaseRequest {
    request(limit).order(Order::PerJob { behind_dead: false })
}

pub(crate) fn behind_dead(limit: usize) -> LeaseRequest {
    request(limit).order(Order::PerJob { behind_dead: true })
}

pub(crate) async fn lease(inbox: &SqliteInbox, request: LeaseRequest) -> Vec<Leased> {
    inbox.lease(&request).await.unwrap()
}

pub(crate) async fn lease_one(inbox: &SqliteInbox) -> Holder {
    let leased = lease(inbox, request(1)).await;
    leased[0].holder
}

pub(crate) async fn bury(inbox: &SqliteInbox, holder: Holder) {
    assert_eq!(inbox.bury(&holder, "in a test").await.unwrap(), Transition::Applied);
}

pub(crate) async fn done(inbox: &SqliteInbox, holder: Holder) {
    assert_eq!(inbox.done(&holder).await.unwrap(), Transition::Applied);
}

/// The names of what was leased.
pub(crate) fn names(leased: &[Leased]) -> Vec<String> {
    leased.iter().map(|leased| name(&leased.event)).collect()
}

pub(crate) fn name(event: &InboxEvent) -> String {
    let body: serde_json::Value = serde_json::from_slice(&event.body).unwrap();
    body["data"]["name"].as_str().unwrap().to_owned()
}
