//! How many stored events are handled in a second.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use lipdub_core::inbox::{InboxEvent, Job};
use lipdub_core::testing::sample;
use lipdub_core::{EventType, Inbox, RedisInbox, Source, SqliteInbox, Webhook};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::BoxError;
use crate::document::{results_directory, save};
use crate::options::Rounds;
use crate::redis_server::{Persistence, RedisServer};
use crate::statistics::Spread;

const EVENTS: u64 = 5_000;
/// So many events are stored at the same time.
const ACCEPTED_AT_A_TIME: usize = 250;

/// What came of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Handled {
    pub(crate) name: String,
    /// Events in a second.
    pub(crate) one: Spread,
    pub(crate) four: Spread,
    /// Four workers against one, in the same round.
    pub(crate) ratio: Spread,
}

pub(crate) fn run(rounds: &Rounds) -> Result<(), BoxError> {
    for place in [Place::Sqlite, Place::Redis { fsync: "always" }, Place::Redis { fsync: "everysec" }] {
        let name = format!("handle, {}", place.name());
        if !rounds.includes(&name) {
            continue;
        }
        let mut rates = Vec::new();
        for round in 1..=rounds.rounds {
            eprint!("\r{name}: round {round} of {}  ", rounds.rounds);
            rates.push((place.rate(1)?, place.rate(4)?));
        }
        eprintln!();
        let handled = Handled {
            name,
            one: Spread::of(rates.iter().map(|rate| rate.0)),
            four: Spread::of(rates.iter().map(|rate| rate.1)),
            ratio: Spread::of(rates.iter().map(|rate| rate.1 / rate.0)),
        };
        save("handling", &handled.name, &handled)?;
    }
    Ok(())
}

/// Where the events are stored.
#[derive(Clone, Copy, Debug)]
enum Place {
    Sqlite,
    Redis { fsync: &'static str },
}

impl Place {
    fn name(self) -> String {
        match self {
            Self::Sqlite => "SQLite".to_owned(),
            Self::Redis { fsync } => format!("Redis, appendfsync {fsync}"),
        }
    }

    /// Events that so many workers handle in a second.
    fn rate(self, workers: usize) -> Result<f64, BoxError> {
        let directory = TempDir::new_in(results_directory()?)?;
        let (_redis, inbox) = match self {
            Self::Sqlite => (None, Opening::Sqlite(directory.path().join("inbox.db"))),
            Self::Redis { fsync } => {
                let redis = RedisServer::start(directory.path(), Persistence::AppendOnly { fsync }, None)?;
                let url = redis.url();
                (Some(redis), Opening::Redis(url))
            }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            fill(&inbox.open().await?).await?;
            let seconds = handle_all(&inbox, workers).await?;
            Ok(EVENTS as f64 / seconds)
        })
    }
}

/// How to come to an inbox. Each worker opens it for itself, as if it were a process of its own.
enum Opening {
    Sqlite(PathBuf),
    Redis(String),
}

impl Opening {
    async fn open(&self) -> Result<Arc<dyn Inbox>, BoxError> {
        Ok(match self {
            Self::Sqlite(file) => Arc::new(SqliteInbox::open(file).await?),
            Self::Redis(url) => Arc::new(RedisInbox::connect(url).await?),
        })
    }
}

async fn fill(inbox: &Arc<dyn Inbox>) -> Result<(), BoxError> {
    let mut callers = JoinSet::new();
    for _ in 0..EVENTS {
        let (inbox, event) = (Arc::clone(inbox), event());
        callers.spawn(async move { inbox.accept(&event).await });
        if callers.len() >= ACCEPTED_AT_A_TIME
            && let Some(accepted) = callers.join_next().await
        {
            accepted??;
        }
    }
    while let Some(accepted) = callers.join_next().await {
        accepted??;
    }
    Ok(())
}

fn event() -> InboxEvent {
    let sample = sample::render_complete().set("data.note", "a".repeat(150));
    let key = sample.key();
    InboxEvent {
        key,
        event_type: EventType::RenderComplete,
        job: Job::new(key.to_string()),
        source: Source::Tenant,
        body: sample.body(),
    }
}

/// The seconds in which so many workers handle all events.
async fn handle_all(inbox: &Opening, workers: usize) -> Result<f64, BoxError> {
    let handled = Arc::new(AtomicU64::new(0));
    let (all, mut all_handled) = watch::channel(());
    let all = Arc::new(all);
    let mut webhooks = Vec::new();
    for _ in 0..workers {
        webhooks.push(webhook(inbox.open().await?, &handled, &all)?);
    }
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for webhook in webhooks {
        let mut stopped = all_handled.clone();
        running.spawn(webhook.worker().run_until(async move { drop(stopped.changed().await) }));
    }
    all_handled.changed().await?;
    let seconds = begun.elapsed().as_secs_f64();
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(seconds)
}

/// Its handler only counts.
fn webhook(
    inbox: Arc<dyn Inbox>,
    handled: &Arc<AtomicU64>,
    all: &Arc<watch::Sender<()>>,
) -> Result<Webhook, BoxError> {
    let (handled, all) = (Arc::clone(handled), Arc::clone(all));
    let builder = Webhook::builder().allow_unauthenticated().inbox(inbox).on_render_complete(move |_event| {
        if handled.fetch_add(1, Ordering::Relaxed) + 1 == EVENTS {
            all.send_replace(());
        }
        async { Ok(()) }
    });
    Ok(builder.build()?)
}
