//! How often it commits, by the log, in which a commit leaves a mark.
//!
//! The format: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::path::PathBuf;
use std::time::Duration;

use lipdub_core::Inbox;
use lipdub_core::inbox::Accepted;
use tokio::task::JoinSet;

use crate::support::*;

/// Fewer than a log holds before it starts over.
const EVENTS: usize = 300;
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

#[tokio::test]
async fn events_that_come_at_once_share_commits() {
    let place = Place::new();
    let inbox = place.open().await;
    let before = commits(&place);
    let mut callers = JoinSet::new();
    for number in 0..EVENTS {
        let inbox = inbox.clone();
        callers.spawn(async move { inbox.accept(&event(number, "job")).await.unwrap() });
    }
    assert!(callers.join_all().await.into_iter().all(|accepted| accepted == Accepted::New));
    let commits = commits(&place) - before;
    assert!((1..=EVENTS / 10).contains(&commits), "{commits} commits for {EVENTS} events");
}

#[tokio::test]
async fn events_that_come_one_by_one_are_committed_one_by_one() {
    let place = Place::new();
    let inbox = place.open().await;
    let before = commits(&place);
    for number in 0..10 {
        inbox.accept(&event(number, "job")).await.unwrap();
    }
    assert_eq!(commits(&place) - before, 10);
}

#[tokio::test]
async fn to_look_for_work_in_vain_commits_nothing() {
    let place = Place::new();
    let inbox = place.open().await;
    inbox.accept(&event(1, "job")).await.unwrap();
    lease_one(&inbox).await;
    let before = commits(&place);
    for _ in 0..10 {
        assert!(lease(&inbox, request(10)).await.is_empty());
        assert_eq!(inbox.prune(Duration::ZERO).await.unwrap(), 0);
        assert_eq!(inbox.accept(&event(1, "job")).await.unwrap(), Accepted::Waiting);
    }
    assert_eq!(commits(&place), before);
}

#[tokio::test]
async fn the_log_stays_small() {
    let place = Place::new();
    let inbox = place.open().await;
    for round in 0..20 {
        let mut callers = JoinSet::new();
        for number in 0..200 {
            let inbox = inbox.clone();
            callers.spawn(async move { inbox.accept(&event(round * 200 + number, "job")).await.unwrap() });
        }
        callers.join_all().await;
        inbox.stats().await.unwrap();
    }
    let bytes = std::fs::metadata(log(&place)).unwrap().len();
    assert!(bytes < 16 << 20, "{bytes} bytes");
}

/// The frames that end a commit, of those that were written since the log started over.
fn commits(place: &Place) -> usize {
    let log = std::fs::read(log(place)).unwrap();
    let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
    let page = usize::try_from(number(8)).unwrap();
    let salts = &log[16..24];
    let frames = log[LOG_HEADER..].chunks_exact(FRAME_HEADER + page);
    let current = frames.take_while(|frame| &frame[8..16] == salts);
    current.filter(|frame| frame[4..8] != [0; 4]).count()
}

fn log(place: &Place) -> PathBuf {
    place.directory().join("inbox.db-wal")
}
