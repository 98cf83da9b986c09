//! Several processes on one file, and processes that are killed.

use std::collections::HashSet;
use std::env;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use lipdub_core::inbox::{Accepted, InboxState};
use lipdub_core::{Inbox, SqliteInbox};
use tokio::task::JoinSet;

use crate::support::*;

const FILE: &str = "LIPDUB_TEST_INBOX";
const EVENTS: usize = 200;

/// This program again, for the other part of a test.
fn part(test: &str, file: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(FILE, file).stdout(Stdio::piped());
    command
}

/// Whether this is such another process, which plays the other part of its test.
fn is_another_process() -> bool {
    env::var_os(FILE).is_some()
}

fn spawn(name: &str, file: &Path) -> (Child, BufReader<ChildStdout>) {
    let mut child = part(name, file).spawn().unwrap();
    let said = BufReader::new(child.stdout.take().unwrap());
    (child, said)
}

/// What a part said with `tell`.
fn told(line: std::io::Result<String>) -> Option<String> {
    line.unwrap().split_once("told: ").map(|(_, what)| what.to_owned())
}

/// One write, so that nothing comes in between.
fn tell(what: &str) {
    use std::io::Write as _;
    std::io::stdout().write_all(format!("told: {what}\n").as_bytes()).unwrap();
}

/// Patient, for the machine may be busy.
async fn open_from_environment() -> SqliteInbox {
    let path = PathBuf::from(env::var_os(FILE).unwrap());
    SqliteInbox::builder(path).lock_timeout(Duration::from_secs(60)).open().await.unwrap()
}

#[tokio::test]
async fn of_processes_on_one_file_each_event_is_new_to_one_and_handled_by_one() {
    if is_another_process() {
        return accept_and_handle().await;
    }
    let place = Place::new();
    let test = "processes::of_processes_on_one_file_each_event_is_new_to_one_and_handled_by_one";
    let mut processes: Vec<_> = (0..3).map(|_| spawn(test, &place.path())).collect();
    let said = processes.iter_mut().flat_map(|(_, said)| said.lines().filter_map(told).collect::<Vec<_>>());
    let mut said: Vec<String> = said.collect();
    for (child, _) in &mut processes {
        assert!(child.wait().unwrap().success());
    }
    said.sort();
    let mut expected: Vec<_> =
        (0..EVENTS).flat_map(|number| [format!("new {number}"), format!("handled {number}")]).collect();
    expected.sort();
    assert_eq!(said, expected);
}

async fn accept_and_handle() {
    let inbox = open_from_environment().await;
    let mut callers = JoinSet::new();
    for number in 0..EVENTS {
        let inbox = inbox.clone();
        callers.spawn(async move {
            if inbox.accept(&event(number, &format!("job {}", number % 7))).await.unwrap() == Accepted::New {
                tell(&format!("new {number}"));
            }
        });
    }
    while inbox.stats().await.unwrap().done < u64::try_from(EVENTS).unwrap() {
        for leased in lease(&inbox, per_job(3)).await {
            tell(&format!("handled {}", name(&leased.event)));
            done(&inbox, leased.holder).await;
        }
        tokio::task::yield_now().await;
    }
    callers.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_survives_that_the_process_is_killed() {
    if is_another_process() {
        return accept_until_killed().await;
    }
    let place = Place::new();
    let mut known = HashSet::new();
    for round in 0..5 {
        let (mut child, said) =
            spawn("processes::what_was_accepted_survives_that_the_process_is_killed", &place.path());
        let mut said = said.lines().filter_map(told);
        known.extend(said.by_ref().take(50 + round * 10));
        child.kill().unwrap();
        known.extend(said);
        child.wait().unwrap();
    }
    let inbox = place.open().await;
    for name in &known {
        let record = inbox.find(key(name)).await.unwrap();
        assert_eq!(record.map(|record| record.state), Some(InboxState::Queued), "{name}");
    }
    assert!(known.len() >= 350);
    let integrity: String =
        place.connect().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok");
}

async fn accept_until_killed() {
    let inbox = open_from_environment().await;
    let mut callers = JoinSet::new();
    for caller in 0..8 {
        let inbox = inbox.clone();
        callers.spawn(async move {
            for number in 0.. {
                let name = format!("{} {caller} {number}", std::process::id());
                inbox.accept(&event(&name, &format!("job {caller}"))).await.unwrap();
                tell(&name);
            }
        });
    }
    callers.join_all().await;
}

#[tokio::test]
async fn what_a_killed_process_had_leased_is_leased_when_the_lease_has_lapsed() {
    if is_another_process() {
        return lease_until_killed().await;
    }
    let place = Place::new();
    let inbox = place.open().await;
    inbox.accept(&event("lost", "job")).await.unwrap();
    let test = "processes::what_a_killed_process_had_leased_is_leased_when_the_lease_has_lapsed";
    let (mut child, said) = spawn(test, &place.path());
    assert_eq!(said.lines().find_map(told).unwrap(), "leased lost");
    child.kill().unwrap();
    child.wait().unwrap();
    let leased_again = async {
        loop {
            match lease(&inbox, request(1)).await.pop() {
                Some(leased) => break leased,
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    let leased = tokio::time::timeout(SLACK, leased_again).await.unwrap();
    assert_eq!((leased.attempt, leased.tries, name(&leased.event)), (2, 2, "lost".to_owned()));
}

async fn lease_until_killed() {
    let inbox = open_from_environment().await;
    let mut request = request(1);
    request.lease = Duration::from_millis(500);
    for leased in lease(&inbox, request).await {
        tell(&format!("leased {}", name(&leased.event)));
    }
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_name_that_sqlite_would_take_for_memory_is_a_file() {
    if is_another_process() {
        return open_from_here().await;
    }
    let place = Place::new();
    let test = "processes::a_name_that_sqlite_would_take_for_memory_is_a_file";
    let mut command = part(test, Path::new(":memory:"));
    assert!(command.current_dir(place.directory()).status().unwrap().success());
    assert!(place.directory().join(":memory:").metadata().unwrap().len() > 0);
}

async fn open_from_here() {
    open_from_environment().await.accept(&event(1, "job")).await.unwrap();
}

/// A root user may do everything, and becomes one who may not.
#[cfg(unix)]
#[tokio::test]
async fn a_directory_that_must_not_be_written_is_an_error() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
    use std::os::unix::process::CommandExt as _;

    const NOBODY: u32 = 65534;
    if is_another_process() {
        return open_in_vain().await;
    }
    let place = Place::new();
    let test = place.directory().join("test");
    std::fs::copy(env::current_exe().unwrap(), &test).unwrap();
    drop(rusqlite::Connection::open(place.path()).unwrap());
    std::fs::set_permissions(place.directory(), PermissionsExt::from_mode(0o555)).unwrap();

    let mut command = Command::new(&test);
    let name = "processes::a_directory_that_must_not_be_written_is_an_error";
    command.args(["--exact", name, "--nocapture"]).env(FILE, place.path());
    if place.directory().metadata().unwrap().uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    std::fs::set_permissions(place.directory(), PermissionsExt::from_mode(0o755)).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

async fn open_in_vain() {
    let path = PathBuf::from(env::var_os(FILE).unwrap());
    let error = SqliteInbox::open(&path).await.unwrap_err().to_string();
    assert!(error.contains("must be allowed to write"), "{error}");
    let error = SqliteInbox::open(path.with_file_name("new.db")).await.unwrap_err().to_string();
    assert!(error.contains("cannot be created"), "{error}");
}
