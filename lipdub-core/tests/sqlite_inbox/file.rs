//! The file: whose it is, what it says, and what it is taken for.

use std::error::Error as _;
use std::path::Path;

use lipdub_core::inbox::{DeadFilter, InboxState};
use lipdub_core::{Inbox, SqliteInbox};

use crate::support::*;

async fn refusal(path: &Path) -> String {
    SqliteInbox::open(path).await.unwrap_err().to_string()
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_and_its_log_are_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = Place::new();
    let inbox = place.open().await;
    inbox.accept(&event(1, "job")).await.unwrap();
    let mut files = 0;
    for file in std::fs::read_dir(place.directory()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
        files += 1;
    }
    assert_eq!(files, 3, "the file, -wal and -shm");
}

#[tokio::test]
async fn what_was_there_is_there_when_it_is_opened_again() {
    let place = Place::new();
    let holder = {
        let inbox = place.open().await;
        for number in 0..4 {
            inbox.accept(&event(number, "job")).await.unwrap();
        }
        done(&inbox, lease_one(&inbox).await).await;
        bury(&inbox, lease_one(&inbox).await).await;
        lease_one(&inbox).await
    };
    let inbox = place.open().await;
    let stats = inbox.stats().await.unwrap();
    assert_eq!((stats.done, stats.dead, stats.leased, stats.due), (1, 1, 1, 1));
    done(&inbox, holder).await;
    let dead = inbox.find(key(1)).await.unwrap().unwrap();
    assert_eq!((dead.state, dead.event), (InboxState::Dead, Some(event(1, "job"))));
}

#[tokio::test]
async fn a_done_event_leaves_nothing_of_its_body_in_the_file() {
    let place = Place::new();
    let contains = |needle: &str| {
        let file = std::fs::read(place.path()).unwrap();
        file.windows(needle.len()).any(|window| window == needle.as_bytes())
    };
    let moved = |place: &Place| {
        let busy =
            place.connect().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        assert_eq!(busy.unwrap(), 0, "the log has moved into the file");
    };
    let inbox = place.open().await;
    // Longer than a page, so that it has pages of its own.
    let name = format!("a-link-{}", "of-a-customer-".repeat(1000));
    inbox.accept(&event(&name, "a-job-of-a-customer")).await.unwrap();
    inbox.accept(&event("another", "another")).await.unwrap();
    moved(&place);
    assert!(contains("of-a-customer"));
    done(&inbox, lease_one(&inbox).await).await;
    moved(&place);
    assert!(!contains("of-a-customer"));
}

#[tokio::test]
async fn a_person_can_read_it() {
    let place = Place::new();
    let inbox = place.open().await;
    inbox.accept(&event("lost", "render 7")).await.unwrap();
    inbox.accept(&event("waiting", "render 8")).await.unwrap();
    bury(&inbox, lease_one(&inbox).await).await;

    let shell = place.connect();
    let sql =
        "SELECT key, event_type, job, source, attempt, why, accepted, body FROM inbox WHERE state = 'dead'";
    let columns = |row: &rusqlite::Row<'_>| {
        (0..8).map(|column| Ok(row.get_ref(column)?.as_str()?.to_owned())).collect()
    };
    let sql = sql.replace("attempt", "CAST(attempt AS TEXT)");
    let row: Vec<String> = shell.query_row(&sql, [], columns).unwrap();
    let body = String::from_utf8(event("lost", "").body.to_vec()).unwrap();
    let expected =
        [&key("lost").to_string(), "VIDEO_RENDER_COMPLETE", "render 7", "\"tenant\"", "1", "in a test"];
    assert_eq!(row[..6], expected);
    assert_eq!(row[6].len(), "2026-01-02 03:04:05.678".len(), "{}", row[6]);
    let dated: bool =
        shell.query_row("SELECT abs(unixepoch(?1) - unixepoch()) < 60", [&row[6]], |row| row.get(0)).unwrap();
    assert!(dated, "{} is not now, in UTC", row[6]);
    assert_eq!(row[7], body);
    let states = "SELECT group_concat(state || ' ' || n) FROM \
                  (SELECT state, count(*) AS n FROM event GROUP BY state ORDER BY state)";
    let states: String = shell.query_row(states, [], |row| row.get(0)).unwrap();
    assert_eq!(states, "dead 1,queued 1");
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let place = Place::new();
    drop(place.open().await);
    place.connect().pragma_update(None, "user_version", 1000).unwrap();
    assert!(refusal(&place.path()).await.contains("newer version"));
    let version: i64 = place.connect().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 1000);
}

#[tokio::test]
async fn a_database_of_something_else_is_refused_and_left_alone() {
    for version in [0, 1] {
        let place = Place::new();
        let theirs = place.connect();
        theirs.execute_batch("CREATE TABLE orders (id INTEGER)").unwrap();
        theirs.pragma_update(None, "user_version", version).unwrap();
        let before = std::fs::read(place.path()).unwrap();
        assert!(refusal(&place.path()).await.contains("a database of something else"));
        assert_eq!(std::fs::read(place.path()).unwrap(), before);
    }
}

#[tokio::test]
async fn an_empty_file_becomes_an_inbox() {
    let place = Place::new();
    std::fs::write(place.path(), []).unwrap();
    place.open().await.accept(&event(1, "job")).await.unwrap();
    let shell = place.connect();
    let pragma = |name: &str| {
        shell.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0)).unwrap()
    };
    assert_eq!(pragma("user_version"), 1.into());
    assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
    assert_eq!(pragma("auto_vacuum"), 2.into(), "incremental");
}

#[tokio::test]
async fn any_number_can_make_the_file_at_once() {
    for _ in 0..30 {
        let place = Place::new();
        let opened: Vec<_> = (0..8).map(|_| tokio::spawn(SqliteInbox::open(place.path()))).collect();
        for (number, opened) in opened.into_iter().enumerate() {
            opened.await.unwrap().unwrap().accept(&event(number, "job")).await.unwrap();
        }
        assert_eq!(place.open().await.stats().await.unwrap().due, 8);
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let place = Place::new();
    let text = "this is a letter to my grandmother\n".repeat(1000);
    std::fs::write(place.path(), &text).unwrap();
    assert!(refusal(&place.path()).await.contains("not an SQLite database"));
    assert_eq!(std::fs::read_to_string(place.path()).unwrap(), text);
}

#[tokio::test]
async fn a_file_in_a_directory_that_is_not_there_is_refused() {
    let place = Place::new();
    let error = SqliteInbox::open(place.directory().join("missing/inbox.db")).await.unwrap_err();
    assert_eq!(error.to_string(), "the store failed: the file cannot be created");
    assert!(error.source().is_some());
}

#[tokio::test]
async fn a_damaged_file_gives_errors_and_does_no_more_harm() {
    let place = Place::new();
    let inbox = place.open().await;
    for number in 0..400 {
        inbox.accept(&event(number, "job")).await.unwrap();
    }
    drop(inbox);
    place.connect().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let mut bytes = std::fs::read(place.path()).unwrap();
    // The tables are described in the beginning, without which it cannot be opened at all.
    let last_third = bytes.len() / 3 * 2;
    bytes[last_third..].fill(0xa5);
    std::fs::write(place.path(), &bytes).unwrap();

    let inbox = place.open().await;
    for number in 1000..1003 {
        let error = inbox.accept(&event(number, "job")).await.unwrap_err();
        assert!(error.to_string().contains("the file is damaged"), "{error}");
    }
}

#[tokio::test]
async fn a_file_gives_room_back_when_its_events_are_forgotten() {
    let place = Place::new();
    let inbox = place.open().await;
    let long = "x".repeat(20_000);
    for number in 0..200 {
        inbox.accept(&event(format!("{number}{long}"), "job")).await.unwrap();
    }
    let pages =
        || -> i64 { place.connect().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap() };
    let before = pages();
    for leased in lease(&inbox, request(1000)).await {
        done(&inbox, leased.holder).await;
    }
    for _ in 0..20 {
        inbox.prune(std::time::Duration::ZERO).await.unwrap();
    }
    assert!(pages() < before / 5, "{} of {before} pages", pages());
}

#[tokio::test]
async fn dead_letters_are_listed_page_by_page_also_while_they_are_replayed() {
    let place = Place::new();
    let inbox = place.open().await;
    for number in 0..7 {
        inbox.accept(&event(number, "job")).await.unwrap();
        bury(&inbox, lease_one(&inbox).await).await;
    }
    let mut filter = DeadFilter::default();
    filter.limit = 3;
    let mut listed = Vec::new();
    loop {
        let page = inbox.dead(&filter).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.after = Some(last.key);
        for letter in page {
            let _ = inbox.replay(letter.key).await.unwrap();
            listed.push(letter.key);
        }
    }
    assert_eq!(listed, (0..7).rev().map(key).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_inbox_that_must_exist_is_not_made() {
    let place = Place::new();
    let must_exist = || SqliteInbox::builder(place.path()).must_exist().open();
    must_exist().await.unwrap_err();
    assert!(!place.path().exists());

    std::fs::write(place.path(), "").unwrap();
    let error = must_exist().await.unwrap_err().to_string();
    assert_eq!(error, "the store failed: the file is empty: no inbox has been made in it");
    assert_eq!(std::fs::read(place.path()).unwrap(), b"");

    place.open().await.accept(&event(1, "job")).await.unwrap();
    assert_eq!(must_exist().await.unwrap().stats().await.unwrap().due, 1);
}
