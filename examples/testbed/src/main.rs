//! Run with `cargo run -p testbed -- --framework axum --bind 127.0.0.1:0 --api-key whk_123`.
//!
//! A receiver for checks from outside. The first line that it prints is `listening on URL`; its handlers do
//! what `data.testbed` says (see `orders.rs`) and write what they did to the file `--effects`.

mod effects;
mod handlers;
mod options;
mod orders;
mod serve;
mod stop;

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use lipdub_core::{Drained, RedisStore, Webhook};
use tokio::net::TcpListener;

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
    let listener = TcpListener::bind(&options.bind).await?;
    let asked_to_stop = stop::asked()?;
    announce(&listener)?;
    match options.framework {
        Framework::Axum => serve::axum::until(asked_to_stop, listener, &webhook).await?,
        Framework::Actix => serve::actix::until(asked_to_stop, listener, &webhook).await?,
        Framework::Tower => serve::tower::until(asked_to_stop, listener, &webhook).await?,
    }
    if webhook.drain(DRAIN_GRACE).await != Drained::Finished {
        eprintln!("testbed: some handlers had to be stopped");
    }
    Ok(())
}

async fn webhook(options: &Options) -> Result<Webhook, BoxError> {
    let effects = options.effects.as_deref().map(Effects::append_to).transpose()?;
    let mut builder = handlers::register(Webhook::builder(), effects.as_ref());
    for key in &options.api_keys {
        builder = builder.api_key(key);
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
    Ok(builder.build()?)
}

fn announce(listener: &TcpListener) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "listening on http://{}{}", listener.local_addr()?, lipdub_tower::DEFAULT_PATH)?;
    stdout.flush()
}
