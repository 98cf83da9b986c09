//! What a body may be, and what becomes of one that is none.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

use lipdub_tests::{
    Connection, Framework, KEY, Server, event, on_each_framework, on_each_that_dedupes, on_each_way_in, post,
    receiver, send,
};
use serde_json::json;

fn head(length: &str) -> String {
    format!("POST /webhooks/lipdub HTTP/1.1\r\nhost: localhost\r\nx-api-key: {KEY}\r\n{length}\r\n")
}

fn chunked(chunks: &[&[u8]]) -> Vec<u8> {
    let mut request = head("transfer-encoding: chunked\r\n").into_bytes();
    for chunk in chunks {
        request.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        request.extend(*chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    request
}

fn of_length(length: usize) -> String {
    let empty = event(json!({ "id": 1, "fill": "" }));
    event(json!({ "id": 1, "fill": "x".repeat(length - empty.len()) }))
}

on_each_way_in! {
    async fn every_body_has_its_answer(framework: Framework) {
        let server = Server::start(framework, receiver().0);
        let complete = |rest: &str| format!(r#"{{"event_type":"VIDEO_RENDER_COMPLETE"{rest}}}"#).into_bytes();
        let deep = |depth: usize| {
            complete(&format!(r#","data":{}{}"#, "[".repeat(depth), "]".repeat(depth)))
        };
        let table: Vec<(&str, Vec<u8>, &str)> = vec![
            ("empty", b"".to_vec(), "malformed"),
            ("white space", b" \n ".to_vec(), "malformed"),
            ("not UTF-8", b"{\"event_type\":\"\xff\"}".to_vec(), "malformed"),
            ("not UTF-8 in data", complete(",\"data\":\"@\"").iter().map(|byte| if *byte == b'@' { 0xff } else { *byte }).collect(), "malformed"),
            ("not JSON", b"event_type=VIDEO_RENDER_COMPLETE".to_vec(), "malformed"),
            ("an array", b"[]".to_vec(), "malformed"),
            ("an array with a name in it", br#"["VIDEO_RENDER_COMPLETE","",{}]"#.to_vec(), "malformed"),
            ("null", b"null".to_vec(), "malformed"),
            ("a string", br#""VIDEO_RENDER_COMPLETE""#.to_vec(), "malformed"),
            ("trailing garbage", [complete("").as_slice(), b"x"].concat(), "malformed"),
            ("two events", [complete(""), complete("")].concat(), "malformed"),
            ("cut off", complete("")[..20].to_vec(), "malformed"),
            ("100,000 deep", deep(100_000), "malformed"),
            ("deeper than serde_json follows", deep(127), "malformed"),
            ("as deep as serde_json follows", deep(126), "processed"),
            ("100,000 deep where nobody looks", complete(&format!(r#","x":{}{}"#, "[".repeat(100_000), "]".repeat(100_000))), "processed"),
            ("no event_type", br#"{"data":{}}"#.to_vec(), "malformed"),
            ("event_type a number", br#"{"event_type":1}"#.to_vec(), "malformed"),
            ("event_type null", br#"{"event_type":null}"#.to_vec(), "malformed"),
            ("event_type an object", br#"{"event_type":{}}"#.to_vec(), "malformed"),
            ("event_type empty", br#"{"event_type":""}"#.to_vec(), "ignored"),
            ("event_type in lower case", br#"{"event_type":"video_render_complete"}"#.to_vec(), "ignored"),
            ("data null", complete(r#","data":null"#), "processed"),
            ("data an array", complete(r#","data":[1]"#), "processed"),
            ("data a string", complete(r#","data":"x""#), "processed"),
            ("data a number", complete(r#","data":1e99"#), "processed"),
            ("200 KB of data", complete(&format!(r#","data":"{}""#, "x".repeat(200_000))), "processed"),
            ("1 MB of data", complete(&format!(r#","data":"{}""#, "x".repeat(1_000_000))), "too_large"),
            ("doubled fields, the last of which counts", br#"{"event_type":"X","event_type":"VIDEO_RENDER_COMPLETE","data":1,"data":2}"#.to_vec(), "processed"),
            ("doubled fields in data", complete(r#","data":{"id":1,"id":2}"#), "processed"),
            ("half of a surrogate pair", complete(r#","data":{"name":"\ud83c"}"#), "processed"),
            ("a field name with escapes", br#"{"event\u005ftype":"VIDEO_RENDER_COMPLETE","data":"escaped"}"#.to_vec(), "processed"),
            ("a byte order mark", ["\u{feff}".as_bytes(), &complete(r#","data":"marked""#)].concat(), "processed"),
        ];
        for (name, body, status) in table {
            let reply = send(server.address, post(body)).await.expect(name);
            assert_eq!(reply.status(), status, "{name}: {reply:?}");
        }
    }

    async fn the_limit_holds_to_the_byte_with_and_without_a_declared_length(framework: Framework) {
        let server = Server::start(framework, receiver().0.with(|builder| builder.body_limit(5000)));
        let (fits, over) = (of_length(5000), of_length(5001));
        for (body, code) in [(&fits, 200), (&over, 413)] {
            assert_eq!(send(server.address, post(body)).await.unwrap().code, code);
            let pieces: Vec<&[u8]> = body.as_bytes().chunks(999).collect();
            assert_eq!(send(server.address, chunked(&pieces)).await.unwrap().code, code);
        }
    }

    async fn a_declared_length_over_the_limit_is_refused_before_the_body_comes(framework: Framework) {
        let server = Server::start(framework, receiver().0);
        let mut connection = Connection::open(server.address).await;
        connection.write(head("content-length: 10000000000\r\n")).await;
        assert_eq!(connection.reply().await.expect("an answer to the head alone").code, 413);
    }

    async fn a_body_that_trickles_is_cut_off(framework: Framework) {
        let server = Server::start(framework, receiver().0.with(|builder| builder.read_timeout(std::time::Duration::from_millis(300))));
        let mut connection = Connection::open(server.address).await;
        connection.write(head("content-length: 1000\r\n")).await;
        let trickle = async {
            for _ in 0..1000 {
                connection.write("{").await;
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        // The time between bytes is what is tested here: none of the pauses reaches the timeout.
        tokio::select! { () = trickle => panic!("too slow a test"), () = tokio::time::sleep(std::time::Duration::from_millis(500)) => {} }
        assert_eq!(connection.reply().await.expect("an answer").code, 408);
    }

    async fn a_compressed_body_is_not_taken(framework: Framework) {
        let server = Server::start(framework, receiver().0);
        let length = "content-length: 2\r\n";
        for (encoding, code) in [("gzip", 415), ("br", 415), ("identity, gzip", 415), ("identity", 400), ("IDENTITY", 400)] {
            let request = format!("{}{{}}", head(&format!("{length}content-encoding: {encoding}\r\n")));
            assert_eq!(send(server.address, request).await.unwrap().code, code, "{encoding}");
        }
    }

    async fn the_header_that_names_the_event_is_only_a_hint(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup);
        let body = event(json!({ "id": 1 }));
        let request = format!(
            "{}{body}",
            head(&format!("content-length: {}\r\nx-lipdub-event: RENDER_PROCESSING_FAILED\r\n", body.len()))
        );
        assert_eq!(send(server.address, request).await.unwrap().status(), "processed");
        assert_eq!(attempts.log(), ["start 1 1", "done 1 1"]);
    }
}

on_each_framework! {
    async fn a_documented_event_is_handled_even_if_its_data_cannot_be_held(framework: Framework) {
        let server = Server::start(framework, receiver().0);
        let body = r#"{"event_type":"VIDEO_RENDER_COMPLETE","data":1e999}"#;
        assert_eq!(send(server.address, post(body)).await.unwrap().status(), "processed");
    }
}

on_each_that_dedupes! {
    async fn a_body_may_come_in_chunks(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup);
        let body = event(json!({ "id": 1 })).into_bytes();
        let pieces: Vec<&[u8]> = body.chunks(7).collect();
        assert_eq!(send(server.address, chunked(&pieces)).await.unwrap().status(), "processed");
        assert_eq!(send(server.address, post(&body)).await.unwrap().status(), "duplicate");
        assert_eq!(attempts.log(), ["start 1 1", "done 1 1"]);
    }

    async fn a_body_that_stops_half_way_does_nothing(framework: Framework) {
        let (setup, attempts) = receiver();
        let server = Server::start(framework, setup);
        let whole = post(event(json!({ "id": 1 })));
        let mut connection = Connection::open(server.address).await;
        connection.write(&whole[..whole.len() - 1]).await;
        drop(connection);
        assert_eq!(send(server.address, &whole).await.unwrap().status(), "processed");
        assert_eq!(attempts.log(), ["start 1 1", "done 1 1"]);
    }

}
