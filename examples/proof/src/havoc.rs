//! What befalls the processes and their store while LipDub delivers.

use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::redis::Redis;
use crate::relay::Relay;
use crate::store::{Store, lock_file};
use crate::testbeds::Testbeds;
use crate::{ANSWER_DEADLINE, BoxError};

/// How long it goes well with the processes, in milliseconds.
const BETWEEN_KILLS: Range<u64> = 1_500..4_000;
/// How long no worker is stalled.
const BETWEEN_STALLS: Range<u64> = 7_000..12_000;
/// How long it goes well with the store: two thirds of a lease and more, so that each holder has renewed its own.
const BETWEEN_OUTAGES: Range<u64> = 5_500..8_500;
/// How long an outage is, far less than what is left of a lease at its beginning.
const OUTAGE: Range<u64> = 300..2_000;

/// Several things go wrong beside each other: now and then a process is killed, a worker is stalled for longer than its lease,
/// and the store fails.
pub(crate) struct Havoc {
    is_over: watch::Sender<bool>,
    troubles: JoinSet<Result<Misfortunes, BoxError>>,
}

/// How often what happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Misfortunes {
    pub(crate) receivers_killed: usize,
    pub(crate) workers_killed: usize,
    pub(crate) workers_stalled: usize,
    pub(crate) redis_killed: usize,
    pub(crate) redis_paused: usize,
    pub(crate) redis_cut_off: usize,
    pub(crate) file_locked: usize,
}

impl Havoc {
    /// Writes down what it does in a file of the directory. A worker is stalled for a lease and up to 2.5 s more.
    pub(crate) fn begin(
        seed: u64,
        directory: &Path,
        testbeds: &Arc<Testbeds>,
        store: &Store,
        lease: Duration,
    ) -> Result<Self, BoxError> {
        let is_over = watch::Sender::new(false);
        let diary = Arc::new(File::create(directory.join("misfortunes"))?);
        let chance = |salt: u64| Chance {
            random: fastrand::Rng::with_seed(seed.wrapping_add(salt)),
            is_over: is_over.subscribe(),
            began: Instant::now(),
            diary: Arc::clone(&diary),
        };
        let mut troubles = JoinSet::new();
        troubles.spawn(kill_testbeds(chance(1), Arc::clone(testbeds)));
        match store.clone() {
            Store::Redis(redis, relay) => troubles.spawn(trouble_redis(chance(2), redis, relay)),
            Store::Sqlite(file) => troubles.spawn(trouble_file(chance(2), file)),
        };
        if !testbeds.workers().is_empty() {
            troubles.spawn(stall_workers(chance(3), Arc::clone(testbeds), lease));
        }
        Ok(Self { is_over, troubles })
    }

    /// Lets everything recover.
    pub(crate) async fn end(mut self) -> Result<Misfortunes, BoxError> {
        self.is_over.send_replace(true);
        let mut all = Misfortunes::default();
        while let Some(some) = self.troubles.join_next().await {
            all = all.and(some??);
        }
        Ok(all)
    }
}

impl Misfortunes {
    fn and(self, more: Self) -> Self {
        Self {
            receivers_killed: self.receivers_killed + more.receivers_killed,
            workers_killed: self.workers_killed + more.workers_killed,
            workers_stalled: self.workers_stalled + more.workers_stalled,
            redis_killed: self.redis_killed + more.redis_killed,
            redis_paused: self.redis_paused + more.redis_paused,
            redis_cut_off: self.redis_cut_off + more.redis_cut_off,
            file_locked: self.file_locked + more.file_locked,
        }
    }
}

async fn kill_testbeds(mut chance: Chance, testbeds: Arc<Testbeds>) -> Result<Misfortunes, BoxError> {
    let mut misfortunes = Misfortunes::default();
    while chance.comes_after(BETWEEN_KILLS).await {
        let (which, down_for) = (chance.random.usize(..testbeds.count()), chance.time(0..1_500));
        let name = testbeds.name(which);
        chance.note(format_args!("{name} is killed, and down for {down_for:?}"))?;
        testbeds.crash(which, down_for).await?;
        chance.note(format_args!("{name} is up again"))?;
        match testbeds.is_worker(which) {
            true => misfortunes.workers_killed += 1,
            false => misfortunes.receivers_killed += 1,
        }
    }
    Ok(misfortunes)
}

async fn stall_workers(
    mut chance: Chance,
    testbeds: Arc<Testbeds>,
    lease: Duration,
) -> Result<Misfortunes, BoxError> {
    let mut misfortunes = Misfortunes::default();
    let workers = testbeds.workers();
    while chance.comes_after(BETWEEN_STALLS).await {
        let (which, time) = (workers[chance.random.usize(..workers.len())], lease + chance.time(0..2_500));
        let name = testbeds.name(which);
        chance.note(format_args!("{name} is stalled for {time:?}"))?;
        testbeds.stall(which, time).await?;
        chance.note(format_args!("{name} goes on"))?;
        misfortunes.workers_stalled += 1;
    }
    Ok(misfortunes)
}

async fn trouble_file(mut chance: Chance, file: PathBuf) -> Result<Misfortunes, BoxError> {
    let mut misfortunes = Misfortunes::default();
    while chance.comes_after(BETWEEN_OUTAGES).await {
        let time = ANSWER_DEADLINE + chance.time(100..800);
        chance.note(format_args!("the file is locked for {time:?}"))?;
        lock_file(&file, time).await?;
        misfortunes.file_locked += 1;
        chance.note(format_args!("the file is free again"))?;
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
