//! Which part of a delivery runs where.

#![allow(clippy::unwrap_used, reason = "in a test that is the message")]

mod support;

use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;

use lipdub_core::{Head, Status, Webhook};
use tokio::sync::Notify;

use support::{KEY, block_on, status};

const BODY: &str = r#"{"event_type":"X"}"#;

/// The answer, and how many tasks it took.
async fn delivered(webhook: &Webhook) -> (Status, u32) {
    let headers = [("x-api-key", KEY)];
    let delivery = webhook.begin(&Head::new("POST", &headers)).unwrap();
    let tasks = Cell::new(0);
    let spawn = |task| {
        tasks.set(tasks.get() + 1);
        tokio::spawn(task);
    };
    let answer = delivery.run(BODY.into(), spawn).await;
    (answer.status(), tasks.get())
}

#[test]
fn a_handler_that_need_not_wait_takes_no_task() {
    let webhook = Webhook::builder().api_key(KEY).fallback(|_event| async { Ok(()) }).build().unwrap();
    assert_eq!(block_on(delivered(&webhook)), (Status::Processed, 0));
    assert_eq!(block_on(delivered(&webhook)), (Status::Duplicate, 0));
}

#[test]
fn a_handler_that_has_to_wait_takes_one() {
    let webhook = Webhook::builder().api_key(KEY).fallback(|_event| async {
        tokio::task::yield_now().await;
        Ok(())
    });
    let webhook = webhook.build().unwrap();
    assert_eq!(block_on(delivered(&webhook)), (Status::Processed, 1));
}

#[test]
fn a_handler_that_has_to_wait_outlives_its_delivery() {
    let (goes_on, ends) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (awaited, told) = (Arc::clone(&goes_on), Arc::clone(&ends));
    let webhook = Webhook::builder().api_key(KEY).fallback(move |_event| {
        let (awaited, told) = (Arc::clone(&awaited), Arc::clone(&told));
        async move {
            awaited.notified().await;
            told.notify_one();
            Ok(())
        }
    });
    let webhook = webhook.build().unwrap();
    block_on(async {
        {
            let mut delivered = pin!(delivered(&webhook));
            tokio::select! {
                biased;
                _ = &mut delivered => panic!("it cannot have been answered"),
                () = tokio::task::yield_now() => {}
            }
        }
        goes_on.notify_one();
        ends.notified().await;
        assert_eq!(status(&webhook, BODY).await, "duplicate");
    });
}
