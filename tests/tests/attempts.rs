//! What a handler may do, and what LipDub and the other deliveries of the event learn of it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

use std::time::Duration;

use lipdub_core::Drained;
use lipdub_tests::{Connection, Framework, Server, event, on_each_that_dedupes, post, receiver, send};
use serde_json::json;

const SOON: Duration = Duration::from_millis(150);

fn doing(what: &str) -> Vec<u8> {
    post(event(json!({ "id": 1, "do": what })))
}

on_each_that_dedupes! {
    async fn a_failed_event_runs_again_and_a_succeeded_one_does_not(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup);
        let mut statuses = Vec::new();
        for _ in 0..4 {
            statuses.push(send(server.address, doing("fail_once")).await.unwrap().status());
        }
        assert_eq!(statuses, ["failed", "processed", "duplicate", "duplicate"]);
        assert_eq!(attempts.log(), ["start 1 1", "start 1 2", "done 1 2"]);
    }

    async fn a_panic_is_a_failure_and_harms_nothing_else(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup);
        for _ in 0..3 {
            assert_eq!(send(server.address, doing("panic")).await.unwrap().status(), "failed");
        }
        assert_eq!(send(server.address, doing("ok")).await.unwrap().status(), "processed");
        assert_eq!(attempts.log()[..3], ["start 1 1", "start 1 2", "start 1 3"]);
    }

    async fn a_rejected_or_ignored_event_is_not_run_again(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup);
        for (what, first) in [("permanent", "rejected"), ("ignore", "ignored")] {
            assert_eq!(send(server.address, doing(what)).await.unwrap().status(), first);
            assert_eq!(send(server.address, doing(what)).await.unwrap().status(), "duplicate");
        }
        assert_eq!(attempts.log(), ["start 1 1", "start 1 1"]);
    }

    async fn a_slow_handler_goes_on_and_the_retry_collects_its_success(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup.with(|builder| builder.answer_deadline(SOON)));
        assert_eq!(send(server.address, doing("wait")).await.unwrap().status(), "pending");
        assert_eq!(send(server.address, doing("wait")).await.unwrap().status(), "pending");
        attempts.open_gate();
        attempts.reach(2).await;
        assert_eq!(send(server.address, doing("wait")).await.unwrap().status(), "duplicate");
        assert_eq!(attempts.log(), ["start 1 1", "done 1 1"]);
    }

    async fn a_slow_handler_that_fails_in_the_end_runs_again(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup.with(|builder| builder.answer_deadline(SOON)));
        assert_eq!(send(server.address, doing("wait_and_fail")).await.unwrap().status(), "pending");
        attempts.open_gate();
        assert_eq!(send(server.address, doing("wait_and_fail")).await.unwrap().status(), "failed");
        attempts.reach(2).await;
        assert_eq!(attempts.log()[..2], ["start 1 1", "start 1 2"]);
    }

    async fn the_lease_is_renewed_while_a_handler_runs(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup.with(|builder| builder.lease(Duration::from_millis(60)).answer_deadline(SOON * 4)));
        assert_eq!(send(server.address, doing("wait")).await.unwrap().status(), "pending");
        attempts.open_gate();
        attempts.reach(2).await;
        assert_eq!(send(server.address, doing("wait")).await.unwrap().status(), "duplicate");
        assert_eq!(attempts.log(), ["start 1 1", "done 1 1"]);
    }

    async fn the_work_goes_on_when_the_sender_hangs_up(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup);
        let mut connection = Connection::open(server.address).await;
        connection.write(doing("wait")).await;
        attempts.reach(1).await;
        drop(connection);
        let twin = tokio::spawn(send(server.address, doing("wait")));
        attempts.open_gate();
        assert_eq!(twin.await.unwrap().unwrap().status(), "duplicate");
        assert_eq!(attempts.log(), ["start 1 1", "done 1 1"]);
    }

    async fn of_64_twins_one_runs_and_all_are_told_of_its_success(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup);
        let twins: Vec<_> = (0..64).map(|_| tokio::spawn(send(server.address, doing("wait")))).collect();
        attempts.reach(1).await;
        attempts.open_gate();
        let mut processed = 0;
        for twin in twins {
            let reply = twin.await.unwrap().unwrap();
            assert_eq!(reply.code, 200, "{reply:?}");
            processed += usize::from(reply.status() == "processed");
        }
        assert_eq!(processed, 1);
        assert_eq!(attempts.log(), ["start 1 1", "done 1 1"]);
    }

    async fn a_twin_of_one_that_fails_runs_itself(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup);
        let first = tokio::spawn(send(server.address, doing("wait_and_fail")));
        attempts.reach(1).await;
        let twin = tokio::spawn(send(server.address, doing("wait_and_fail")));
        attempts.open_gate();
        assert_eq!(first.await.unwrap().unwrap().status(), "failed");
        assert_eq!(twin.await.unwrap().unwrap().status(), "failed");
        assert_eq!(attempts.log(), ["start 1 1", "start 1 2"]);
    }

    async fn over_the_limit_in_flight_is_unavailable_but_a_twin_is_not_over_it(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup.with(|builder| builder.in_flight_limit(1)));
        let first = tokio::spawn(send(server.address, doing("wait")));
        attempts.reach(1).await;
        let other = post(event(json!({ "id": 2 })));
        assert_eq!(send(server.address, &other).await.unwrap().status(), "unavailable");
        let twin = tokio::spawn(send(server.address, doing("wait")));
        attempts.open_gate();
        let statuses = [first.await.unwrap().unwrap().status(), twin.await.unwrap().unwrap().status()];
        assert_eq!(statuses, ["processed", "duplicate"]);
        assert_eq!(send(server.address, &other).await.unwrap().status(), "processed");
    }

    async fn draining_waits_for_what_runs(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup);
        let running = tokio::spawn(send(server.address, doing("wait")));
        attempts.reach(1).await;
        let address = server.address;
        let drained = tokio::spawn(async move { server.drain(Duration::from_secs(10)).await });
        let mut refused = send(address, post(event(json!({ "id": 2 })))).await.unwrap().status();
        while refused != "unavailable" {
            refused = send(address, post(event(json!({ "id": 2 })))).await.unwrap().status();
        }
        attempts.open_gate();
        assert_eq!(drained.await.unwrap(), Drained::Finished);
        assert_eq!(running.await.unwrap().unwrap().status(), "processed");
    }

    async fn draining_stops_what_never_ends(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup);
        let running = tokio::spawn(send(server.address, doing("wait")));
        attempts.reach(1).await;
        assert_eq!(server.drain(SOON).await, Drained::Stopped);
        assert_eq!(running.await.unwrap().unwrap().status(), "unavailable");
        assert_eq!(attempts.log(), ["start 1 1"]);
    }
}
