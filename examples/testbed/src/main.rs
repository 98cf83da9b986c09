//! Run with `cargo run -p testbed -- --framework axum --bind 127.0.0.1:0 --api-key whk_123`.
//!
//! A receiver for checks from outside. The first line that it prints is `listening on URL`; its handlers do
//! what `data.testbed` says (see `orders.rs`) and write what they did to the file `--effects`.
//!
//! With `--inbox-sqlite FILE` or `--inbox-redis URL` it stores events, and with `--worker` it handles those that are
//! stored; without a framework it does nothing else, and the first line is `working`.

mod effects;
mod handlers;
mod inbox;
mod lines;
mod options;
mod orders;
mod serve;
mod stop;

use std::error::Error;
use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use lipdub_core::{Drained, RedisStore, Webhook};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use self::effects::Effects;
use self::options::{Framework, Options};

type BoxError = Box<dyn Error + Send + Sync>;

/// How long connections may take to finish on shutdown: more than the default answer deadline.
const SERVER_GRACE: Duration = Duration::from_secs(6);
/// How long handlers may then still take.
const DRAIN_GRACE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("testbed: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), BoxError> {
    let webhook = webhook(&options).await?;
    let asked_to_stop = stop::asked()?;
    match options.framework {
        None => {
            announce("working")?;
            work_until(asked_to_stop, &webhook, &options).await
        }
        Some(framework) if options.worker => {
            let (stop, stopped) = oneshot::channel::<()>();
            let serving = async {
                serve_until(asked_to_stop, framework, &webhook, &options).await?;
                drop(stop);
                Ok(())
            };
            let working = work_until(async { drop(stopped.await) }, &webhook, &options);
            tokio::try_join!(working, serving).map(|((), ())| ())
        }
        Some(framework) => serve_until(asked_to_stop, framework, &webhook, &options).await,
    }
}

async fn serve_until(
    asked_to_stop: impl Future<Output = ()>,
    framework: Framework,
    webhook: &Webhook,
    options: &Options,
) -> Result<(), BoxError> {
    let listener = TcpListener::bind(&options.bind).await?;
    let url = format!("http://{}{}", listener.local_addr()?, lipdub_tower::DEFAULT_PATH);
    announce(format_args!("listening on {url}"))?;
    match framework {
        Framework::Axum => serve::axum::until(asked_to_stop, listener, webhook).await?,
        Framework::Actix => serve::actix::until(asked_to_stop, listener, webhook).await?,
        Framework::Tower => serve::tower::until(asked_to_stop, listener, webhook).await?,
    }
    if webhook.drain(DRAIN_GRACE).await != Drained::Finished {
        eprintln!("testbed: some handlers had to be stopped");
    }
    Ok(())
}

async fn work_until(
    asked_to_stop: impl Future<Output = ()>,
    webhook: &Webhook,
    options: &Options,
) -> Result<(), BoxError> {
    let worker = options.work.set(webhook.worker(), options.lease_ms).grace(DRAIN_GRACE);
    Ok(worker.run_until(asked_to_stop).await?)
}

async fn webhook(options: &Options) -> Result<Webhook, BoxError> {
    let effects = options.effects.as_deref().map(Effects::append_to).transpose()?;
    let mut builder = handlers::register(Webhook::builder(), effects.as_ref());
    for key in &options.api_keys {
        builder = builder.api_key(key);
    }
    if options.framework.is_none() && options.api_keys.is_empty() {
        // Nobody can deliver to it.
        builder = builder.allow_unauthenticated();
    }
    if let Some(deadline) = options.answer_deadline_ms {
        builder = builder.answer_deadline(Duration::from_millis(deadline));
    }
    if let Some(lease) = options.lease_ms {
        builder = builder.lease(Duration::from_millis(lease));
    }
    if let Some(bytes) = options.body_limit {
        builder = builder.body_limit(bytes);
    }
    if let Some(url) = &options.redis {
        builder = builder.dedupe(RedisStore::connect(url).await?);
    }
    if let Some(inbox) = inbox::open(&options.inbox).await? {
        builder = builder.inbox(inbox);
    }
    Ok(builder.build()?)
}

fn announce(line: impl fmt::Display) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}
