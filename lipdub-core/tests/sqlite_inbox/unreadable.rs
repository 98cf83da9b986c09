//! Events that somebody has edited in the file, or of which a part is gone.

use lipdub_core::dedupe::Transition;
use lipdub_core::inbox::{Accepted, DeadFilter, InboxState};
use lipdub_core::{Inbox, SqliteInbox};
use rusqlite::Connection;

use crate::support::*;

/// What is done to the event whose key is ?1.
const DAMAGES: [&str; 5] = [
    "UPDATE event SET source = 'the front door' WHERE key = ?1",
    "UPDATE event SET event_type = CAST(x'ff' AS TEXT) WHERE key = ?1",
    "UPDATE event SET job = CAST(x'ff' AS TEXT) WHERE key = ?1",
    "UPDATE body SET body = CAST(x'ff' AS TEXT) WHERE seq = (SELECT seq FROM event WHERE key = ?1)",
    "DELETE FROM body WHERE seq = (SELECT seq FROM event WHERE key = ?1)",
];

async fn three(place: &Place) -> SqliteInbox {
    let inbox = place.open().await;
    for number in 1..4 {
        inbox.accept(&event(number, &format!("job {number}"))).await.unwrap();
    }
    inbox
}

fn damage(connection: &Connection, sql: &str) {
    assert_eq!(connection.execute(sql, [key(2).to_string()]).unwrap(), 1, "{sql}");
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_a_dead_letter_and_the_others_are_leased() {
    for sql in DAMAGES {
        let place = Place::new();
        let inbox = three(&place).await;
        damage(&place.connect(), sql);
        for number in [1, 3] {
            let leased = lease(&inbox, per_job(1)).await;
            assert_eq!(names(&leased), [number.to_string()], "{sql}");
        }
        assert!(lease(&inbox, request(9)).await.is_empty(), "{sql}");
        let stats = inbox.stats().await.unwrap();
        assert_eq!((stats.due, stats.leased, stats.dead), (0, 2, 1), "{sql}");
        let letters = inbox.dead(&DeadFilter::default()).await.unwrap();
        assert_eq!((letters.len(), letters[0].key), (1, key(2)), "{sql}");
        assert!(letters[0].why.contains("cannot be read"), "{}", letters[0].why);
        let record = inbox.find(key(2)).await.unwrap().unwrap();
        assert_eq!((record.state, record.event), (InboxState::Dead, None), "{sql}");
    }
}

#[tokio::test]
async fn a_dead_letter_that_cannot_be_read_is_listed_replayed_and_discarded() {
    for sql in DAMAGES {
        let place = Place::new();
        let inbox = three(&place).await;
        for leased in lease(&inbox, request(3)).await {
            bury(&inbox, leased.holder).await;
        }
        damage(&place.connect(), sql);
        assert_eq!(inbox.dead(&DeadFilter::default()).await.unwrap().len(), 3, "{sql}");
        assert_eq!(inbox.replay(key(2)).await.unwrap(), Transition::Applied, "{sql}");
        assert!(lease(&inbox, request(9)).await.is_empty(), "{sql}");
        assert_eq!(inbox.discard(key(2)).await.unwrap(), Transition::Applied, "{sql}");
        assert_eq!(inbox.find(key(2)).await.unwrap().unwrap().state, InboxState::Done, "{sql}");
    }
}

#[tokio::test]
async fn an_event_whose_body_or_source_was_lost_is_handled_when_it_comes_again() {
    for sql in [DAMAGES[0], DAMAGES[3], DAMAGES[4]] {
        let place = Place::new();
        let inbox = three(&place).await;
        damage(&place.connect(), sql);
        assert_eq!(lease(&inbox, request(9)).await.len(), 2, "{sql}");
        assert_eq!(inbox.accept(&event(2, "job 2")).await.unwrap(), Accepted::Revived, "{sql}");
        assert_eq!(names(&lease(&inbox, request(9)).await), ["2"], "{sql}");
    }
}

#[tokio::test]
async fn an_event_that_became_unreadable_while_it_was_held_can_be_settled() {
    for sql in DAMAGES {
        let place = Place::new();
        let inbox = three(&place).await;
        let request = request(9);
        let leased = inbox.lease(&request).await.unwrap();
        damage(&place.connect(), sql);
        done(&inbox, leased[1].holder).await;
        let place = Place::new();
        let inbox = three(&place).await;
        let leased = inbox.lease(&request).await.unwrap();
        damage(&place.connect(), sql);
        assert_eq!(names(&inbox.lease(&request).await.unwrap()), ["1", "3"], "{sql}");
        assert_eq!(inbox.done(&leased[1].holder).await.unwrap(), Transition::Refused, "{sql}");
    }
}

#[tokio::test]
async fn a_dead_letter_without_a_key_takes_up_no_room_on_a_page() {
    let place = Place::new();
    let inbox = three(&place).await;
    place.connect().execute("UPDATE event SET key = 'none' WHERE key = ?1", [key(2).to_string()]).unwrap();
    for leased in lease(&inbox, request(9)).await {
        bury(&inbox, leased.holder).await;
    }
    assert_eq!(inbox.stats().await.unwrap().dead, 3);
    let mut filter = DeadFilter::default();
    for (limit, listed) in [(2, 2), (3, 2), (1, 1)] {
        filter.limit = limit;
        assert_eq!(inbox.dead(&filter).await.unwrap().len(), listed);
    }
    assert_eq!(inbox.accept(&event(2, "job 2")).await.unwrap(), Accepted::New);
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert_eq!(inbox.prune(std::time::Duration::ZERO).await.unwrap(), 3);
}

#[tokio::test]
async fn numbers_and_words_that_make_no_sense_stop_nothing() {
    for sql in [
        "UPDATE event SET attempt = -7, tries = -9223372036854775808 WHERE key = ?1",
        "UPDATE event SET attempt = 9223372036854775807, tries = 9223372036854775807 WHERE key = ?1",
        "UPDATE event SET turn = 9223372036854775807 WHERE key = ?1",
        "UPDATE event SET accepted = 9223372036854775807 WHERE key = ?1",
        "UPDATE event SET why = CAST(x'ff' AS TEXT) WHERE key = ?1",
    ] {
        let place = Place::new();
        let inbox = three(&place).await;
        damage(&place.connect(), sql);
        let mut leased = lease(&inbox, request(9)).await;
        leased.sort_by_key(|leased| name(&leased.event));
        assert_eq!(names(&leased), ["1", "2", "3"], "{sql}");
        assert!(inbox.find(key(2)).await.unwrap().unwrap().event.is_some(), "{sql}");
        assert_eq!(inbox.give_back(&leased[1].holder).await.unwrap(), Transition::Applied, "{sql}");
        assert!(inbox.stats().await.unwrap().oldest_due.is_some(), "{sql}");
        bury(&inbox, lease_one(&inbox).await).await;
        assert_eq!(inbox.dead(&DeadFilter::default()).await.unwrap().len(), 1, "{sql}");
        inbox.accept(&event(4, "job 4")).await.unwrap();
        assert_eq!(names(&lease(&inbox, request(9)).await), ["4"], "{sql}");
    }
}

#[tokio::test]
async fn what_an_event_needs_cannot_be_removed_by_a_shell() {
    let place = Place::new();
    let _inbox = three(&place).await;
    for column in ["event_type", "job", "source"] {
        place.connect().execute(&format!("UPDATE event SET {column} = NULL"), []).unwrap_err();
    }
}

#[tokio::test]
async fn many_events_that_cannot_be_read_are_set_aside_in_batches() {
    let place = Place::new();
    let inbox = place.open().await;
    for number in 0..250 {
        inbox.accept(&event(number, "job")).await.unwrap();
    }
    place.connect().execute("UPDATE event SET source = ''", []).unwrap();
    assert!(lease(&inbox, request(1)).await.is_empty());
    let dead = inbox.stats().await.unwrap().dead;
    assert!((1..250).contains(&dead), "{dead}");
    for _ in 0..3 {
        assert!(lease(&inbox, request(1)).await.is_empty());
    }
    assert_eq!(inbox.stats().await.unwrap().dead, 250);
}
