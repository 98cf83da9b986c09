//! An inbox in a file on a disk that is full for a while.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lipdub_core::testing::LipDub;
use lipdub_core::testing::sample::Sample;
use rusqlite::Connection;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::ledger::Ledger;
use super::{QUICK, deliver_at_rate, replay_all, roles, rows, until_empty};
use crate::options::Options;
use crate::report::{Answers, Report};
use crate::store::Store;
use crate::testbeds::Testbeds;
use crate::{BoxError, CUT_OFF, KEY, events};

/// LipDub tries three times while the disk is full.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Delivers a third of the events, a third with the disk full and a worker and a receiver killed, and a third when there is room
/// again, and replays what LipDub has given up on.
pub(crate) async fn prove(
    options: &Options,
    disk: &Path,
    seed: u64,
    directory: &Path,
) -> Result<Report, BoxError> {
    let file = disk.join("inbox.db");
    let store = Store::Sqlite(file.clone());
    let testbeds = Arc::new(Testbeds::start(options.testbed()?, directory, roles(&store, directory)).await?);
    let began = SystemTime::now();
    let lipdub = LipDub::builder(testbeds.balancer())
        .api_key(KEY)
        .cut_off(CUT_OFF)
        .retry_delay(RETRY_DELAY)
        .consumers(options.consumers)
        .build();
    let mut before = events::plan(seed, options.events(), QUICK);
    let third = before.len() / 3 / events::OF_A_JOB * events::OF_A_JOB;
    let mut meanwhile = before.split_off(third);
    let afterwards = meanwhile.split_off(third);

    deliver_at_rate(&lipdub, before, options.rate).await;
    let filler = Filler::fill(disk, &file)?;
    let killing = tokio::spawn(kill_both(Arc::clone(&testbeds)));
    deliver_at_rate(&lipdub, meanwhile.clone(), options.rate).await;
    let while_full = answers(&lipdub, &meanwhile);
    filler.remove().await?;
    killing.await??;
    deliver_at_rate(&lipdub, afterwards.clone(), options.rate).await;
    let with_room = answers(&lipdub, &afterwards);

    let inbox = store.open_inbox().await?;
    until_empty(&*inbox).await?;
    let killed = testbeds.killed();
    let delivered = Ledger::read(directory, &lipdub, &*inbox, began).await?.audit(&killed, false);
    replay_all(&lipdub, &*inbox).await?;
    let replayed = Ledger::read(directory, &lipdub, &*inbox, began).await?.audit(&killed, true);
    testbeds.check_all_are_up().await?;

    let mut table = vec![
        ("worker and receiver killed (SIGKILL) while it was full", killed.len()),
        ("answers while the disk was full", while_full.total()),
        ("  503 unavailable", while_full.like("503 unavailable")),
        ("  200 accepted (there was room in the log)", while_full.like("200 accepted")),
        ("  none, by the receiver that was killed", while_full.like("no answer")),
        ("answers when there was room again", with_room.total()),
        ("  200 accepted", with_room.like("200 accepted")),
    ];
    table.extend(rows(&delivered, &replayed));
    let mut violations = [delivered.violations, replayed.violations].concat();
    violations.extend(wrong_answers(&while_full, &with_room));
    Ok(Report { rows: table, violations, seed, took: began.elapsed()? })
}

fn wrong_answers(while_full: &Answers, with_room: &Answers) -> Vec<String> {
    let expected = ["503 unavailable", "200 accepted", "no answer"].map(|what| while_full.like(what));
    let mut wrong = Vec::new();
    if expected.iter().sum::<usize>() != while_full.total() {
        wrong.push(format!("there were other answers while the disk was full: {while_full:?}"));
    }
    if expected[0] == 0 || expected[1] > expected[0] {
        wrong.push(format!("the disk was not full enough to prove anything: {while_full:?}"));
    }
    if with_room.like("200 accepted") != with_room.total() {
        wrong.push(format!("not all was accepted when there was room again: {with_room:?}"));
    }
    wrong
}

/// They come up again when there is room, or before.
async fn kill_both(testbeds: Arc<Testbeds>) -> Result<(), BoxError> {
    let (receiver, worker) = (0, testbeds.workers()[0]);
    sleep(Duration::from_secs(2)).await;
    let down_for = Duration::from_millis(500);
    tokio::try_join!(testbeds.crash(receiver, down_for), testbeds.crash(worker, down_for)).map(|((), ())| ())
}

fn answers(lipdub: &LipDub, events: &[Sample]) -> Answers {
    let mut answers = Answers::default();
    for event in events {
        answers.count(&lipdub.story(event));
    }
    answers
}

/// A file that takes all room that there is.
struct Filler {
    path: PathBuf,
    filling: JoinHandle<std::io::Error>,
}

impl Filler {
    /// Takes the room, and what becomes free for a while.
    fn fill(disk: &Path, inbox: &Path) -> Result<Self, BoxError> {
        // The log has room for new events, which is given back, and taken, too.
        Connection::open(inbox)?.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        let path = disk.join("filler");
        let mut file = File::create(&path)?;
        take_room(&mut file)?;
        let filling = tokio::spawn(async move {
            loop {
                if let Err(error) = take_room(&mut file) {
                    return error;
                }
                sleep(Duration::from_millis(5)).await;
            }
        });
        Ok(Self { path, filling })
    }

    async fn remove(self) -> Result<(), BoxError> {
        if self.filling.is_finished() {
            return Err(self.filling.await?.into());
        }
        self.filling.abort();
        let _ = self.filling.await;
        Ok(std::fs::remove_file(self.path)?)
    }
}

fn take_room(file: &mut File) -> std::io::Result<()> {
    loop {
        match file.write_all(&[0; 1024]) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
