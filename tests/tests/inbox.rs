//! A receiver with an inbox, through each adapter.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

use std::sync::Arc;
use std::time::Duration;

use lipdub_core::Webhook;
use lipdub_core::testing::MemoryInbox;
use lipdub_tests::{
    Attempts, Connection, Framework, KEY, Server, event, on_each_framework, post, receiver, send,
};
use serde_json::json;
use tokio::sync::oneshot;

fn with_inbox() -> (Webhook, Attempts) {
    let (setup, attempts) = receiver();
    (setup.with(|builder| builder.inbox(Arc::new(MemoryInbox::new()))).webhook(), attempts)
}

fn doing(what: &str) -> Vec<u8> {
    post(event(json!({ "id": 1, "do": what })))
}

on_each_framework! {
    async fn a_slow_handler_holds_up_no_answer(framework: Framework) {
        let (webhook, attempts) = with_inbox();
        let server = Server::with_webhook(framework, webhook.clone());
        let worker = tokio::spawn(webhook.worker().run_until(std::future::pending()));
        for _ in 0..2 {
            let reply = send(server.address, doing("wait")).await.unwrap();
            assert_eq!((reply.code, &*reply.body), (200, r#"{"status":"accepted"}"#));
        }
        attempts.reach(1).await;
        attempts.open_gate();
        attempts.reach(2).await;
        while send(server.address, doing("wait")).await.unwrap().status() != "duplicate" {}
        assert_eq!(attempts.log(), ["start 1 1", "done 1 1"]);
        worker.abort();
    }

    async fn a_failed_event_is_tried_again_without_another_delivery(framework: Framework) {
        let (webhook, attempts) = with_inbox();
        let server = Server::with_webhook(framework, webhook.clone());
        let soon = Duration::from_millis(20);
        let worker = tokio::spawn(webhook.worker().backoff(soon, soon).idle(soon).run_until(std::future::pending()));
        assert_eq!(send(server.address, doing("fail_once")).await.unwrap().status(), "accepted");
        attempts.reach(3).await;
        assert_eq!(attempts.log(), ["start 1 1", "start 1 2", "done 1 2"]);
        worker.abort();
    }

    async fn what_is_not_an_event_is_refused_as_ever(framework: Framework) {
        let (webhook, attempts) = with_inbox();
        let server = Server::with_webhook(framework, webhook.clone());
        assert_eq!(send(server.address, post("{")).await.unwrap().code, 400);
        assert_eq!(send(server.address, post(r#"{"event_type":"SOMETHING_NEW"}"#)).await.unwrap().status(), "ignored");
        let stranger = String::from_utf8(doing("ok")).unwrap().replace(KEY, "wrong");
        assert_eq!(send(server.address, stranger).await.unwrap().code, 401);
        webhook.worker().run_until(async {}).await.unwrap();
        assert_eq!(attempts.log(), [""; 0]);
    }

    async fn an_event_is_stored_when_its_sender_has_hung_up_or_comes_again(framework: Framework) {
        let (webhook, attempts) = with_inbox();
        let server = Server::with_webhook(framework, webhook.clone());
        let mut connection = Connection::open(server.address).await;
        connection.write(doing("ok")).await;
        drop(connection);
        assert_eq!(send(server.address, doing("ok")).await.unwrap().status(), "accepted");
        let (stop, stopped) = oneshot::channel::<()>();
        let worker = tokio::spawn(webhook.worker().run_until(async { drop(stopped.await) }));
        attempts.reach(2).await;
        drop(stop);
        worker.await.unwrap().unwrap();
        assert_eq!(attempts.log(), ["start 1 1", "done 1 1"]);
    }
}

#[test]
fn a_worker_on_actix_runs_handlers_that_start_tasks_which_are_not_send() {
    let (done, is_done) = std::sync::mpsc::channel();
    let webhook = Webhook::builder()
        .api_key(KEY)
        .inbox(MemoryInbox::new())
        .on_render_complete(move |_event| {
            let done = done.clone();
            async move {
                let local = actix_web::rt::spawn(async {
                    let not_send = std::rc::Rc::new(7);
                    tokio::task::yield_now().await;
                    *not_send
                });
                done.send(local.await?)?;
                Ok(())
            }
        })
        .build()
        .unwrap();
    let server = webhook.clone();
    actix_web::rt::System::new().block_on(async move {
        let service = actix_web::App::new().service(lipdub_actix::routes(server));
        let service = actix_web::test::init_service(service).await;
        let request = actix_web::test::TestRequest::post().uri("/webhooks/lipdub");
        let request = request.insert_header(("x-api-key", KEY)).set_payload(event(json!({ "id": 1 })));
        assert_eq!(actix_web::test::call_service(&service, request.to_request()).await.status(), 200);
        let worker = webhook.worker().spawn_with(|task| drop(actix_web::rt::spawn(task)));
        let handled = async {
            while is_done.try_recv() != Ok(7) {
                tokio::task::yield_now().await;
            }
        };
        worker.run_until(handled).await.unwrap();
    });
}
