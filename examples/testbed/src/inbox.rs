//! The inbox, and what it was asked and said.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use async_trait::async_trait;
use lipdub_core::dedupe::{StoreError, Transition};
use lipdub_core::inbox::{
    Accepted, DeadFilter, DeadLetter, Holder, InboxEvent, InboxRecord, InboxStats, LeaseRequest, Leased,
};
use lipdub_core::{EventKey, Inbox, RedisInbox, SqliteInbox};
use serde_json::{Value, json};

use crate::BoxError;
use crate::lines::{Lines, micros_since_1970};
use crate::options::InboxOptions;

/// The one that was asked for, if any.
pub(crate) async fn open(options: &InboxOptions) -> Result<Option<Arc<dyn Inbox>>, BoxError> {
    let inbox: Arc<dyn Inbox> = match options {
        InboxOptions { inbox_sqlite: Some(file), .. } => Arc::new(SqliteInbox::open(file).await?),
        InboxOptions { inbox_redis: Some(url), .. } => Arc::new(RedisInbox::connect(url).await?),
        _ => return Ok(None),
    };
    Ok(Some(match &options.inbox_journal {
        Some(path) => Arc::new(Witnessed { inbox, journal: Journal::append_to(path)? }),
        None => inbox,
    }))
}

/// An inbox whose transitions are written down.
#[derive(Debug)]
struct Witnessed {
    inbox: Arc<dyn Inbox>,
    journal: Journal,
}

#[async_trait]
impl Inbox for Witnessed {
    async fn accept(&self, event: &InboxEvent) -> Result<Accepted, StoreError> {
        let call = self.journal.begin("accept", event.key, &"");
        let accepted = self.inbox.accept(event).await?;
        call.append(&accepted);
        Ok(accepted)
    }

    async fn lease(&self, request: &LeaseRequest) -> Result<Vec<Leased>, StoreError> {
        let began = micros_since_1970();
        let leased = self.inbox.lease(request).await?;
        for leased in &leased {
            self.journal.leased(leased, began);
        }
        Ok(leased)
    }

    async fn renew(&self, holder: &Holder, lease: Duration) -> Result<Transition, StoreError> {
        self.transition("renew", holder, self.inbox.renew(holder, lease)).await
    }

    async fn done(&self, holder: &Holder) -> Result<Transition, StoreError> {
        self.transition("done", holder, self.inbox.done(holder)).await
    }

    async fn retry(&self, holder: &Holder, delay: Duration, why: &str) -> Result<Transition, StoreError> {
        self.transition("retry", holder, self.inbox.retry(holder, delay, why)).await
    }

    async fn bury(&self, holder: &Holder, why: &str) -> Result<Transition, StoreError> {
        self.transition("bury", holder, self.inbox.bury(holder, why)).await
    }

    async fn give_back(&self, holder: &Holder) -> Result<Transition, StoreError> {
        self.transition("give_back", holder, self.inbox.give_back(holder)).await
    }

    async fn dead(&self, filter: &DeadFilter) -> Result<Vec<DeadLetter>, StoreError> {
        self.inbox.dead(filter).await
    }

    async fn find(&self, key: EventKey) -> Result<Option<InboxRecord>, StoreError> {
        self.inbox.find(key).await
    }

    async fn replay(&self, key: EventKey) -> Result<Transition, StoreError> {
        self.inbox.replay(key).await
    }

    async fn discard(&self, key: EventKey) -> Result<Transition, StoreError> {
        self.inbox.discard(key).await
    }

    async fn stats(&self) -> Result<InboxStats, StoreError> {
        self.inbox.stats().await
    }

    async fn prune(&self, age: Duration) -> Result<u64, StoreError> {
        self.inbox.prune(age).await
    }
}

impl Witnessed {
    async fn transition(
        &self,
        what: &'static str,
        holder: &Holder,
        transition: impl Future<Output = Result<Transition, StoreError>>,
    ) -> Result<Transition, StoreError> {
        let call = self.journal.begin(what, holder.key, &holder.token);
        let transition = transition.await?;
        call.append(&transition);
        Ok(transition)
    }
}

#[derive(Clone, Debug)]
struct Journal {
    lines: Lines,
}

impl Journal {
    fn append_to(path: &Path) -> io::Result<Self> {
        Ok(Self { lines: Lines::append_to(path)? })
    }

    /// Writes down what is asked: whoever is killed before the answer may have been heard all the same.
    fn begin(&self, what: &'static str, key: EventKey, token: &impl ToString) -> Call<'_> {
        let call = Call { journal: self, what, key, token: token.to_string(), began: micros_since_1970() };
        call.append(&"asked");
        call
    }

    fn leased(&self, leased: &Leased, began: u64) {
        self.append(&json!({
            "call": "lease",
            "key": leased.holder.key.to_string(),
            "token": leased.holder.token.to_string(),
            "attempt": leased.attempt,
            "outcome": "applied",
            "began": began,
            "ended": micros_since_1970(),
            "process": std::process::id(),
        }));
    }

    fn append(&self, line: &Value) {
        if let Err(error) = self.lines.append(line) {
            eprintln!("testbed: the journal cannot be written: {error}");
        }
    }
}

struct Call<'a> {
    journal: &'a Journal,
    what: &'static str,
    key: EventKey,
    token: String,
    began: u64,
}

impl Call<'_> {
    fn append(&self, outcome: &impl fmt::Debug) {
        self.journal.append(&json!({
            "call": self.what,
            "key": self.key.to_string(),
            "token": self.token,
            "outcome": format!("{outcome:?}").to_lowercase().trim_matches('"'),
            "began": self.began,
            "ended": micros_since_1970(),
            "process": std::process::id(),
        }));
    }
}
