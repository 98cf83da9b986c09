//! Signatures, through each adapter.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

use lipdub_core::{HmacSha256, SignatureCounts, SignatureMode, Webhook};
use lipdub_tests::{
    Connection, Framework, KEY, Reply, Server, Setup, on_each_framework, on_each_way_in, receiver, send,
};

/// From GitHub's documentation on validating deliveries.
const SECRET: &str = "It's a Secret to Everybody";
const HELLO: &str = "Hello, World!";
const HELLO_SIGNED: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

/// An event whose white space is odd, with a line break at its end.
const EVENT: &str = "\r\n{ \"event_type\":\t\"VIDEO_RENDER_COMPLETE\", \"data\":{ \"id\" : 1 }}\n";
const EVENT_SIGNED: &str = "5a66f25a9441c5b937b9000aa45b758d3270bc8ec19783c9934dda23349cba30";

fn verifier() -> HmacSha256 {
    HmacSha256::new("x-lipdub-signature", SECRET).unwrap().prefix("sha256=")
}

fn request(headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST /webhooks/lipdub HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn signature(hex: &str) -> String {
    format!("X-LipDub-Signature: sha256={hex}\r\n")
}

/// A receiver with one key that does this with signatures.
fn signed(mode: SignatureMode) -> Setup {
    receiver().0.with(|builder| builder.signature(verifier(), mode))
}

fn counts(webhook: &Webhook) -> (u64, u64, u64) {
    let SignatureCounts { right, missing, wrong, .. } = webhook.signatures();
    (right, missing, wrong)
}

on_each_framework! {
    async fn an_enforced_signature_must_be_right(framework: Framework) {
        let webhook = signed(SignatureMode::Enforce).webhook();
        let server = Server::with_webhook(framework, webhook.clone());
        let key = format!("x-api-key: {KEY}\r\n");
        let (right, wrong) = (signature(EVENT_SIGNED), signature(HELLO_SIGNED));
        let upper = signature(&EVENT_SIGNED.to_uppercase());
        let table = [
            (format!("{key}{right}"), EVENT, "processed"),
            (format!("{key}{upper}"), EVENT, "duplicate"),
            (format!("{key}{wrong}{right}"), EVENT, "duplicate"),
            (format!("{key}X-LipDub-Signature: sha256={HELLO_SIGNED}, sha256={EVENT_SIGNED}\r\n"), EVENT, "duplicate"),
            (format!("{key}{wrong}"), HELLO, "malformed"),
            (key.clone(), EVENT, "unauthorized"),
            (key.clone(), HELLO, "unauthorized"),
            (format!("{key}{wrong}"), EVENT, "unauthorized"),
            (format!("{key}{right}"), EVENT.trim(), "unauthorized"),
            (format!("{key}{}", signature(&EVENT_SIGNED[..62])), EVENT, "unauthorized"),
            (right.clone(), EVENT, "unauthorized"),
            (format!("x-api-key: wrong\r\n{right}"), EVENT, "unauthorized"),
        ];
        for (headers, body, status) in table {
            let reply = send(server.address, request(&headers, body)).await.expect("an answer");
            assert_eq!(reply.status(), status, "{headers} {body:?}");
        }
        // Those with a wrong key had no body to verify.
        assert_eq!(counts(&webhook), (5, 2, 3));
    }

    async fn an_observed_signature_is_only_counted(framework: Framework) {
        let webhook = signed(SignatureMode::Observe).webhook();
        let server = Server::with_webhook(framework, webhook.clone());
        for (headers, status) in [
            (String::new(), "processed"),
            (signature(HELLO_SIGNED), "duplicate"),
            (signature(EVENT_SIGNED), "duplicate"),
        ] {
            let headers = format!("x-api-key: {KEY}\r\n{headers}");
            let reply = send(server.address, request(&headers, EVENT)).await.unwrap();
            assert_eq!((reply.code, reply.status().as_str()), (200, status));
        }
        assert_eq!(counts(&webhook), (1, 1, 1));
    }
}

on_each_way_in! {
    async fn a_wrong_signature_is_answered_with_the_bytes_of_a_wrong_key(framework: Framework) {
        let server = Server::start(framework, signed(SignatureMode::Enforce));
        let reply = async |headers: &str| -> Reply { send(server.address, request(headers, EVENT)).await.unwrap() };
        let key = format!("x-api-key: {KEY}\r\n");
        let wrong_key = reply("x-api-key: wrong\r\n").await;
        assert_eq!(wrong_key.code, 401);
        assert_eq!(reply(&key).await, wrong_key);
        assert_eq!(reply(&format!("{key}{}", signature(HELLO_SIGNED))).await, wrong_key);
        assert_eq!(reply(&format!("{key}{}", signature(EVENT_SIGNED))).await.status(), "processed");
    }

    async fn an_observed_signature_shuts_nobody_out(framework: Framework) {
        let server = Server::start(framework, signed(SignatureMode::Observe));
        for signature in [String::new(), signature(HELLO_SIGNED), signature(EVENT_SIGNED)] {
            let headers = format!("x-api-key: {KEY}\r\n{signature}");
            assert_eq!(send(server.address, request(&headers, EVENT)).await.unwrap().code, 200, "{signature}");
        }
    }

    async fn a_body_in_pieces_is_verified_as_a_whole(framework: Framework) {
        let server = Server::start(framework, signed(SignatureMode::Enforce));
        let mut connection = Connection::open(server.address).await;
        let signature = signature(EVENT_SIGNED);
        connection.write(format!("POST /webhooks/lipdub HTTP/1.1\r\nhost: localhost\r\nx-api-key: {KEY}\r\n{signature}transfer-encoding: chunked\r\n\r\n")).await;
        for piece in [&EVENT[..1], &EVENT[1..20], &EVENT[20..]] {
            connection.write(format!("{:x}\r\n{piece}\r\n", piece.len())).await;
        }
        connection.write("0\r\n\r\n").await;
        assert_eq!(connection.reply().await.unwrap().status(), "processed");
    }
}
