//! What happens when the file cannot be written, or not now.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lipdub_core::dedupe::Transition;
use lipdub_core::inbox::Accepted;
use lipdub_core::{Inbox, SqliteInbox};
use rusqlite::Connection;
use tokio::task::JoinSet;

use crate::support::*;

const SHORT: Duration = Duration::from_millis(300);

async fn impatient(place: &Place) -> SqliteInbox {
    SqliteInbox::builder(place.path()).lock_timeout(SHORT).open().await.unwrap()
}

fn lock(place: &Place) -> Connection {
    let other = place.connect();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    other
}

#[tokio::test]
async fn a_file_that_is_locked_for_too_long_is_an_error_in_time_and_works_again_after() {
    let place = Place::new();
    let inbox = impatient(&place).await;
    let other = lock(&place);
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for number in 0..600 {
        let inbox = inbox.clone();
        callers.spawn(async move { inbox.accept(&event(number, "job")).await.unwrap_err().to_string() });
    }
    let errors = tokio::time::timeout(SHORT + SLACK, callers.join_all()).await.unwrap();
    for error in errors {
        assert_eq!(error, "the store failed: the file was locked by another process for too long");
    }
    assert!(begun.elapsed() >= SHORT && begun.elapsed() < SHORT + SLACK, "{:?}", begun.elapsed());
    assert_eq!(inbox.stats().await.unwrap().due, 0, "readers need not wait");

    other.execute_batch("COMMIT").unwrap();
    assert_eq!(inbox.accept(&event(1, "job")).await.unwrap(), Accepted::New);
    assert_eq!(inbox.stats().await.unwrap().due, 1);
}

#[tokio::test]
async fn a_file_that_is_locked_for_a_while_is_waited_for() {
    let place = Place::new();
    let inbox = SqliteInbox::builder(place.path()).lock_timeout(LEASE).open().await.unwrap();
    let other = lock(&place);
    let event = event(1, "job");
    let accepted = inbox.accept(&event);
    let unlocked = async {
        tokio::time::sleep(SHORT).await;
        other.execute_batch("COMMIT").unwrap();
    };
    assert_eq!(tokio::join!(accepted, unlocked).0.unwrap(), Accepted::New);
}

#[tokio::test]
async fn a_call_that_came_later_goes_on_waiting_when_another_gives_up() {
    let place = Place::new();
    let patience = Duration::from_secs(2);
    let inbox = SqliteInbox::builder(place.path()).lock_timeout(patience).open().await.unwrap();
    let other = lock(&place);
    let accept_after = async |delay: Duration, name: &str| {
        tokio::time::sleep(delay).await;
        inbox.accept(&event(name, "job")).await
    };
    // While the first is waited for, the other two come to wait together.
    let first = accept_after(Duration::ZERO, "first");
    let second = async {
        accept_after(patience / 4, "second").await.unwrap_err();
        other.execute_batch("COMMIT").unwrap();
    };
    let third = accept_after(patience * 3 / 4, "third");
    let (first, (), third) = tokio::join!(first, second, third);
    first.unwrap_err();
    assert_eq!(third.unwrap(), Accepted::New);
}

#[tokio::test]
async fn a_file_that_is_locked_when_it_is_opened_is_an_error_in_time() {
    let place = Place::new();
    let other = place.connect();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let begun = Instant::now();
    let error = SqliteInbox::builder(place.path()).lock_timeout(SHORT).open().await.unwrap_err();
    assert!(error.to_string().contains("locked by another process"), "{error}");
    assert!(begun.elapsed() < SHORT * 3 + SLACK);
    drop(other);
    place.open().await;
}

#[tokio::test]
async fn a_call_that_was_dropped_while_it_waited_is_not_made() {
    let place = Place::new();
    let inbox = SqliteInbox::builder(place.path()).lock_timeout(LEASE).open().await.unwrap();
    let other = lock(&place);
    let first = tokio::spawn({
        let inbox = inbox.clone();
        async move { inbox.accept(&event("first", "job")).await.unwrap() }
    });
    let dropped = event("dropped", "job");
    tokio::time::timeout(SHORT, inbox.accept(&dropped)).await.unwrap_err();
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(first.await.unwrap(), Accepted::New);
    inbox.accept(&event("last", "job")).await.unwrap();
    assert!(inbox.find(dropped.key).await.unwrap().is_none());
}

#[tokio::test]
async fn one_call_that_fails_spoils_no_other() {
    let place = Place::new();
    let inbox = impatient(&place).await;
    let other = lock(&place);
    let bad = lipdub_core::inbox::InboxEvent { body: vec![0xff].into(), ..event("bad", "job") };
    let unlocked = async { other.execute_batch("COMMIT").unwrap() };
    let (before, after) = (event("before", "job"), event("after", "job"));
    let (first, second, third, ()) =
        tokio::join!(inbox.accept(&before), inbox.accept(&bad), inbox.accept(&after), unlocked);
    assert_eq!((first.unwrap(), third.unwrap()), (Accepted::New, Accepted::New));
    assert!(second.unwrap_err().to_string().contains("its body is not UTF-8"));
    assert!(inbox.find(bad.key).await.unwrap().is_none());
    assert_eq!(inbox.stats().await.unwrap().due, 2);
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_is_accepted_into_a_file_that_was_removed_or_replaced() {
    let place = Place::new();
    let inbox = place.open().await;
    inbox.accept(&event(1, "job")).await.unwrap();
    std::fs::rename(place.path(), place.directory().join("elsewhere")).unwrap();
    let error = inbox.accept(&event(2, "job")).await.unwrap_err().to_string();
    assert!(error.contains("removed or replaced"), "{error}");
    std::fs::write(place.path(), []).unwrap();
    inbox.accept(&event(2, "job")).await.unwrap_err();
    std::fs::rename(place.directory().join("elsewhere"), place.path()).unwrap();
    assert_eq!(inbox.accept(&event(2, "job")).await.unwrap(), Accepted::New);
}

#[tokio::test]
async fn what_waits_does_not_wait_longer_because_the_clock_was_set_back() {
    let place = Place::new();
    let inbox = place.open().await;
    inbox.accept(&event("delayed", "job")).await.unwrap();
    let holder = lease_one(&inbox).await;
    assert_eq!(inbox.retry(&holder, SHORT, "in a test").await.unwrap(), Transition::Applied);
    // As if the last call had been made by a clock that was an hour fast.
    let hour = 3_600_000;
    let shell = place.connect();
    shell.execute("UPDATE event SET due = due + ?1", [hour]).unwrap();
    shell.execute("UPDATE progress SET clock = clock + ?1", [hour]).unwrap();

    let begun = Instant::now();
    let leased = loop {
        let leased = lease(&inbox, request(1)).await;
        if !leased.is_empty() || begun.elapsed() > SLACK + SHORT {
            break leased;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(names(&leased), ["delayed"]);
    let clock: u64 = shell
        .query_row("SELECT clock FROM progress", [], |row| row.get::<_, i64>(0))
        .unwrap()
        .try_into()
        .unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    assert!(
        now.abs_diff(Duration::from_millis(clock)) < SLACK,
        "the times in the file are those of the clock"
    );
}

/// On a file system of a few megabytes, which needs a Linux that lets us mount one.
#[cfg(target_os = "linux")]
mod full_disk {
    use std::process::{Command, Stdio};

    use super::*;

    const FULL_DISK: &str = "LIPDUB_TEST_FULL_DISK";

    #[tokio::test]
    async fn a_full_disk_is_an_error_and_what_was_accepted_is_there() {
        if let Some(directory) = std::env::var_os(FULL_DISK) {
            return on_a_small_file_system(directory.into()).await;
        }
        let place = Place::new();
        let mount = place.directory().to_str().unwrap();
        let script = "mount -t tmpfs -o size=3m tmpfs \"$0\" && exec \"$@\"";
        let unshare = |command: &[&str]| {
            let mut unshare = Command::new("unshare");
            unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, mount]).args(command);
            unshare.stdout(Stdio::piped()).stderr(Stdio::piped());
            unshare
        };
        if !unshare(&["true"]).status().is_ok_and(|status| status.success()) {
            eprintln!("skipped: this system does not let us mount a file system");
            return;
        }
        let test = std::env::current_exe().unwrap();
        let name = "trouble::full_disk::a_full_disk_is_an_error_and_what_was_accepted_is_there";
        let child = ["--exact", name, "--nocapture"];
        let output = unshare(&[&[test.to_str().unwrap()], &child[..]].concat())
            .env(FULL_DISK, mount)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }

    async fn on_a_small_file_system(directory: std::path::PathBuf) {
        let filler = directory.join("filler");
        std::fs::write(&filler, vec![1; 300_000]).unwrap();
        let inbox = SqliteInbox::open(directory.join("inbox.db")).await.unwrap();
        let long = "x".repeat(10_000);
        let mut accepted = Vec::new();
        let error = loop {
            let event = event(format!("{}{long}", accepted.len()), "job");
            match inbox.accept(&event).await {
                Ok(_) => accepted.push(event.key),
                Err(error) => break error,
            }
        };
        assert_eq!(error.to_string(), "the store failed: the disk is full");
        assert!(accepted.len() > 10, "{}", accepted.len());
        assert_eq!(inbox.stats().await.unwrap().due, u64::try_from(accepted.len()).unwrap());

        std::fs::remove_file(filler).unwrap();
        inbox.accept(&event("last", "job")).await.unwrap();
        accepted.push(key("last"));
        drop(inbox);
        let inbox = SqliteInbox::open(directory.join("inbox.db")).await.unwrap();
        for key in accepted {
            assert!(inbox.find(key).await.unwrap().is_some_and(|record| record.event.is_some()));
        }
    }
}
