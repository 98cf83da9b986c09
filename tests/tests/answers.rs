//! Every answer in the table of answers, byte for byte the same from every adapter.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

use std::time::Duration;

use lipdub_tests::{
    Connection, Framework, KEY, Reply, Server, event, on_each_framework, on_each_that_dedupes,
    on_each_way_in, post, receiver, send,
};
use serde_json::json;

fn expected(code: u16, extra: Option<(&str, &str)>, body: &str) -> Reply {
    let mut headers = vec![
        ("content-length".to_owned(), body.len().to_string()),
        ("content-type".to_owned(), "application/json".to_owned()),
    ];
    headers.extend(extra.map(|(name, value)| (name.to_owned(), value.to_owned())));
    headers.sort();
    Reply { code, headers, body: body.to_owned() }
}

fn data(id: u64, what: &str) -> String {
    event(json!({ "id": id, "do": what }))
}

fn request(method: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} /webhooks/lipdub HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
}

on_each_framework! {
    async fn an_answer_is_the_same_bytes_from_every_adapter(framework: Framework) {
        let (setup, _) = receiver();
        let server = Server::start(framework, setup);
        let table = [
            (post(data(1, "ok")), expected(200, None, r#"{"status":"processed"}"#)),
            (post(data(1, "ok")), expected(200, None, r#"{"status":"duplicate"}"#)),
            (post(r#"{"event_type":"SOMETHING_NEW"}"#), expected(200, None, r#"{"status":"ignored"}"#)),
            (post(data(2, "ignore")), expected(200, None, r#"{"status":"ignored"}"#)),
            (post(data(3, "permanent")), expected(200, None, r#"{"status":"rejected"}"#)),
            (post(data(4, "fail")), expected(500, None, r#"{"status":"failed","detail":"the event was not handled; deliver it again"}"#)),
            (post(data(5, "panic")), expected(500, None, r#"{"status":"failed","detail":"the event was not handled; deliver it again"}"#)),
            (
                post(r#"{"event_type":"RENDER_PROCESSING_FAILED","data":{"id":"no number"}}"#),
                expected(500, None, r#"{"status":"failed","detail":"the event was not handled; deliver it again"}"#),
            ),
        ];
        for (request, expected) in table {
            let reply = send(server.address, &request).await;
            assert_eq!(reply.as_ref(), Some(&expected), "{}", String::from_utf8_lossy(&request));
        }
    }
}

on_each_that_dedupes! {
    async fn a_handler_that_runs_past_the_deadline_is_answered_pending(framework: Framework) {
        let (setup, attempts) = receiver();
        let setup = setup.with(|builder| builder.answer_deadline(Duration::from_millis(100)));
        let server = Server::start(framework, setup);
        let reply = send(server.address, post(data(1, "wait"))).await;
        let body = r#"{"status":"pending","detail":"the event is still being handled; deliver it again to learn the outcome"}"#;
        assert_eq!(reply, Some(expected(503, Some(("retry-after", "5")), body)));
        attempts.open_gate();
        attempts.reach(2).await;
    }
}

on_each_way_in! {
    async fn a_delivery_that_is_not_taken_is_answered_with_the_same_bytes(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup.with(|builder| builder.body_limit(1000)));
        let bearer = format!("authorization: Bearer {KEY}\r\n");
        let table = [
            (
                request("POST", "", &data(6, "ok")).into_bytes(),
                expected(
                    401,
                    Some(("www-authenticate", "Bearer")),
                    r#"{"status":"unauthorized","detail":"send the webhook API key as `Authorization: Bearer KEY` or as `X-Api-Key: KEY`; a job's link must be whole and not expired, and a signature right"}"#,
                ),
            ),
            (post("{"), expected(400, None, r#"{"status":"malformed","detail":"the body must be a JSON object with a string `event_type`"}"#)),
            (post("x".repeat(1001)), expected(413, None, r#"{"status":"too_large","detail":"the body is over this receiver's limit"}"#)),
            (
                request("POST", &format!("{bearer}content-encoding: gzip\r\n"), "x").into_bytes(),
                expected(415, None, r#"{"status":"unsupported_encoding","detail":"send the body without Content-Encoding"}"#),
            ),
            (
                request("GET", &bearer, "").into_bytes(),
                expected(405, Some(("allow", "POST")), r#"{"status":"method_not_allowed","detail":"events are delivered with POST"}"#),
            ),
            (
                request("PUT", &bearer, "{}").into_bytes(),
                expected(405, Some(("allow", "POST")), r#"{"status":"method_not_allowed","detail":"events are delivered with POST"}"#),
            ),
        ];
        for (request, expected) in table {
            let reply = send(server.address, &request).await;
            assert_eq!(reply.as_ref(), Some(&expected), "{}", String::from_utf8_lossy(&request));
        }
        assert_eq!(attempts.log(), [""; 0]);
    }

    async fn a_receiver_that_shuts_down_answers_unavailable(framework: Framework) {
        let server = Server::start(framework, receiver().0);
        server.drain(Duration::from_secs(5)).await;
        let reply = send(server.address, post(data(1, "ok"))).await;
        let body = r#"{"status":"unavailable","detail":"no event can be taken now; deliver it again"}"#;
        assert_eq!(reply, Some(expected(503, Some(("retry-after", "5")), body)));
    }

    async fn a_body_that_is_too_slow_is_answered_timeout(framework: Framework) {
        let setup = receiver().0.with(|builder| builder.read_timeout(Duration::from_millis(200)));
        let server = Server::start(framework, setup);
        let mut connection = Connection::open(server.address).await;
        connection.write(&post(data(1, "ok"))[..150]).await;
        let body = r#"{"status":"timeout","detail":"the body did not arrive in time"}"#;
        assert_eq!(connection.reply().await, Some(expected(408, None, body)));
    }
}
