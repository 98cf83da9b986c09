//! Dead letters one after the other, however many there are.

use std::collections::VecDeque;

use clap::Args;
use lipdub_core::StoreError;
use lipdub_core::inbox::{DeadFilter, DeadLetter, Inbox, Job};

use crate::event::{self, type_named};

const PAGE: usize = 500;

/// Which ones are meant.
#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Only events of this type
    #[arg(long = "type", id = "type", value_name = "TYPE", value_parser = event::name)]
    event_type: Option<String>,
    /// Only events of this job
    #[arg(long, value_name = "JOB")]
    job: Option<String>,
}

impl Filter {
    pub(super) fn dead(&self) -> DeadFilter {
        let mut filter = DeadFilter::default();
        filter.event_type = self.event_type.as_deref().map(type_named);
        filter.job = self.job.as_deref().map(Job::new);
        filter
    }
}

/// Those that a filter names, those that died last first. A page or two of them are in memory.
pub(super) struct DeadLetters<'a> {
    inbox: &'a dyn Inbox,
    filter: DeadFilter,
    read: VecDeque<DeadLetter>,
    has_more: bool,
}

impl<'a> DeadLetters<'a> {
    pub(super) fn new(inbox: &'a dyn Inbox, mut filter: DeadFilter) -> Self {
        filter.limit = PAGE;
        Self { inbox, filter, read: VecDeque::new(), has_more: true }
    }

    pub(super) async fn next(&mut self) -> Result<Option<DeadLetter>, StoreError> {
        // The next page begins after the last letter of this one, which must not have been given out by then: who
        // replays it sees it die anew, perhaps, and the page after it would begin with those that died last.
        if self.read.len() <= 1 && self.has_more {
            self.turn_the_page().await?;
        }
        Ok(self.read.pop_front())
    }

    async fn turn_the_page(&mut self) -> Result<(), StoreError> {
        let page = self.inbox.dead(&self.filter).await?;
        self.has_more = page.len() == self.filter.limit;
        self.filter.after = page.last().map(|letter| letter.key);
        self.read.extend(page);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lipdub_core::dedupe::Transition;
    use lipdub_core::inbox::{InboxEvent, LeaseRequest, SqliteInbox};
    use lipdub_core::{EventKey, EventType, Source};

    use super::*;

    async fn bury(inbox: &SqliteInbox) {
        let request = LeaseRequest::new(Duration::from_secs(600)).unwrap();
        let leased = inbox.lease(&request).await.unwrap();
        assert_eq!(inbox.bury(&leased[0].holder, "it failed").await.unwrap(), Transition::Applied);
    }

    #[tokio::test]
    async fn each_comes_once_though_each_dies_anew_as_soon_as_it_has_come() {
        let directory = tempfile::tempdir().unwrap();
        let inbox = SqliteInbox::open(directory.path().join("inbox.db")).await.unwrap();
        let event_type = EventType::RenderComplete;
        let keys = ["1", "2", "3", "4", "5"].map(|name| EventKey::custom(&event_type, name));
        for key in keys {
            let (event_type, job, source) = (event_type.clone(), Job::new("job"), Source::Tenant);
            inbox.accept(&InboxEvent { key, event_type, job, source, body: "{}".into() }).await.unwrap();
            bury(&inbox).await;
        }
        let mut letters = DeadLetters::new(&inbox, DeadFilter::default());
        letters.filter.limit = 2;
        let mut came = Vec::new();
        while let Some(letter) = letters.next().await.unwrap() {
            came.push(letter.key);
            assert!(came.len() <= keys.len(), "one came twice");
            assert_eq!(inbox.replay(letter.key).await.unwrap(), Transition::Applied);
            bury(&inbox).await;
        }
        came.reverse();
        assert_eq!(came, keys);
    }
}
