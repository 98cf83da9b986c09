//! What befalls the receivers and Redis while LipDub delivers.

use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::BoxError;
use crate::receivers::Receivers;
use crate::redis::Redis;
use crate::relay::Relay;

/// How long it goes well with the receivers, in milliseconds.
const BETWEEN_KILLS: Range<u64> = 1_500..4_000;
/// How long it goes well with Redis: two thirds of a lease and more, so that each holder has renewed its own.
const BETWEEN_OUTAGES: Range<u64> = 5_500..8_500;
/// How long an outage is, far less than what is left of a lease at its beginning.
const OUTAGE: Range<u64> = 300..2_000;

/// Two things go wrong beside each other: now and then a receiver is killed, and now and then Redis fails.
pub(crate) struct Havoc {
    is_over: watch::Sender<bool>,
    on_receivers: JoinHandle<Result<Misfortunes, BoxError>>,
    on_redis: JoinHandle<Result<Misfortunes, BoxError>>,
}

/// How often what happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Misfortunes {
    pub(crate) receivers_killed: u32,
    pub(crate) redis_killed: u32,
    pub(crate) redis_paused: u32,
    pub(crate) redis_cut_off: u32,
}

impl Havoc {
    /// Writes down what it does in a file of the directory.
    pub(crate) fn begin(
        seed: u64,
        directory: &Path,
        receivers: &Arc<Receivers>,
        redis: &Arc<Redis>,
        relay: &Arc<Relay>,
    ) -> Result<Self, BoxError> {
        let is_over = watch::Sender::new(false);
        let diary = Arc::new(File::create(directory.join("misfortunes"))?);
        let chance = |salt: u64| Chance {
            random: fastrand::Rng::with_seed(seed.wrapping_add(salt)),
            is_over: is_over.subscribe(),
            began: Instant::now(),
            diary: Arc::clone(&diary),
        };
        let on_receivers = tokio::spawn(kill_receivers(chance(1), Arc::clone(receivers)));
        let on_redis = tokio::spawn(trouble_redis(chance(2), Arc::clone(redis), Arc::clone(relay)));
        Ok(Self { is_over, on_receivers, on_redis })
    }

    /// Lets everything recover.
    pub(crate) async fn end(self) -> Result<Misfortunes, BoxError> {
        self.is_over.send_replace(true);
        let receivers_killed = self.on_receivers.await??.receivers_killed;
        Ok(Misfortunes { receivers_killed, ..self.on_redis.await?? })
    }
}

async fn kill_receivers(mut chance: Chance, receivers: Arc<Receivers>) -> Result<Misfortunes, BoxError> {
    let mut misfortunes = Misfortunes::default();
    while chance.comes_after(BETWEEN_KILLS).await {
        let (which, down_for) = (chance.random.usize(..2), chance.time(0..1_500));
        chance.note(format_args!("receiver {which} is killed, and down for {down_for:?}"))?;
        receivers.crash(which, down_for).await?;
        chance.note(format_args!("receiver {which} is up again"))?;
        misfortunes.receivers_killed += 1;
    }
    Ok(misfortunes)
}

async fn trouble_redis(
    mut chance: Chance,
    redis: Arc<Redis>,
    relay: Arc<Relay>,
) -> Result<Misfortunes, BoxError> {
    let mut misfortunes = Misfortunes::default();
    while chance.comes_after(BETWEEN_OUTAGES).await {
        match chance.random.u32(..3) {
            0 => {
                // It takes a while to come up as well.
                let time = chance.time(0..1_000);
                chance.note(format_args!("Redis is killed, and down for {time:?}"))?;
                redis.crash(time).await?;
                misfortunes.redis_killed += 1;
            }
            1 => {
                let time = chance.time(OUTAGE);
                chance.note(format_args!("Redis is paused for {time:?}"))?;
                redis.pause(time).await?;
                misfortunes.redis_paused += 1;
            }
            _ => {
                let time = chance.time(OUTAGE);
                chance.note(format_args!("Redis is cut off for {time:?}"))?;
                relay.cut();
                sleep(time).await;
                relay.heal();
                misfortunes.redis_cut_off += 1;
            }
        }
        chance.note(format_args!("Redis is well again"))?;
    }
    Ok(misfortunes)
}

struct Chance {
    random: fastrand::Rng,
    is_over: watch::Receiver<bool>,
    began: Instant,
    diary: Arc<File>,
}

impl Chance {
    fn time(&mut self, millis: Range<u64>) -> Duration {
        Duration::from_millis(self.random.u64(millis))
    }

    /// Waits for the next misfortune; false if there shall be no more.
    async fn comes_after(&mut self, millis: Range<u64>) -> bool {
        let time = self.time(millis);
        timeout(time, self.is_over.wait_for(|is_over| *is_over)).await.is_err()
    }

    fn note(&self, what: fmt::Arguments<'_>) -> io::Result<()> {
        writeln!(&*self.diary, "{:>9.3} s  {what}", self.began.elapsed().as_secs_f64())
    }
}
