//! Who is let in, and who is not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lipdub_core::{ApiKey, ApiKeys};
use lipdub_tests::{
    Connection, Framework, KEY, Server, event, on_each_framework, on_each_way_in, receiver, send,
};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

const SECOND: &str = "whk_second";

fn with(credentials: &[u8]) -> Vec<u8> {
    let body = event(json!({ "id": 1 }));
    let head = b"POST /webhooks/lipdub HTTP/1.1\r\nhost: localhost\r\n".as_slice();
    let length = format!("content-length: {}\r\n\r\n", body.len());
    [head, credentials, length.as_bytes(), body.as_bytes()].concat()
}

async fn code(address: SocketAddr, key: &str) -> u16 {
    let credentials = format!("authorization: Bearer {key}\r\n");
    send(address, with(credentials.as_bytes())).await.expect("an answer").code
}

/// A file of keys that is rotated: version `n` holds `steady`, `key(n-1)` and `key(n)`.
struct Rotated {
    path: PathBuf,
    /// The version whose writing has begun, and the one that is written.
    begun: AtomicUsize,
    written: AtomicUsize,
}

impl Rotated {
    fn of(framework: Framework) -> Arc<Self> {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let path = directory.join(format!("keys-{framework:?}-{}", std::process::id()));
        let rotated = Self { path, begun: AtomicUsize::new(0), written: AtomicUsize::new(0) };
        rotated.write(0);
        Arc::new(rotated)
    }

    fn write(&self, version: usize) {
        self.begun.store(version, Ordering::SeqCst);
        let content = format!("steady\nkey{}\nkey{version}\n", version.saturating_sub(1));
        let beside = self.path.with_extension("new");
        fs::write(&beside, content).unwrap();
        fs::rename(&beside, &self.path).unwrap();
        self.written.store(version, Ordering::SeqCst);
    }

    /// Delivers with the steady and the newest key, each of which is valid, for as long as somebody listens.
    async fn deliver(self: Arc<Self>, address: SocketAddr, let_in: watch::Sender<usize>) {
        while !let_in.is_closed() {
            assert_eq!(code(address, "steady").await, 200);
            let newest = self.written.load(Ordering::SeqCst);
            let code = code(address, &format!("key{newest}")).await;
            let was_valid = self.begun.load(Ordering::SeqCst) <= newest + 1;
            assert!(code == 200 || !was_valid, "key{newest}: {code}");
            if code == 200 {
                let_in.send_modify(|version| *version = newest.max(*version));
            }
        }
    }
}

impl Drop for Rotated {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

on_each_way_in! {
    async fn only_right_credentials_are_let_in(framework: Framework) {
        let server = Server::start(framework, receiver().0.with(|builder| builder.api_key(SECOND)));
        let table: Vec<(Vec<u8>, u16)> = [
            (format!("authorization: Bearer {KEY}\r\n"), 200),
            (format!("authorization: bearer {KEY}\r\n"), 200),
            (format!("authorization: BEARER {KEY}\r\n"), 200),
            (format!("Authorization: Bearer   {KEY}\r\n"), 200),
            (format!("authorization: Bearer {SECOND}\r\n"), 200),
            (format!("x-api-key: {KEY}\r\n"), 200),
            (format!("X-API-KEY: {SECOND}\r\n"), 200),
            (format!("authorization: Bearer {KEY}\r\nx-api-key: {KEY}\r\n"), 200),
            (format!("authorization: Bearer {KEY}\r\nx-api-key: {SECOND}\r\n"), 200),
            (format!("authorization: Bearer {KEY}\r\nauthorization: Bearer {KEY}\r\n"), 200),
            (String::new(), 401),
            ("authorization: \r\n".to_owned(), 401),
            ("authorization: Bearer\r\n".to_owned(), 401),
            ("authorization: Bearer \r\n".to_owned(), 401),
            ("x-api-key: \r\n".to_owned(), 401),
            ("authorization: Bearer wrong\r\n".to_owned(), 401),
            (format!("authorization: {KEY}\r\n"), 401),
            (format!("authorization: Basic {KEY}\r\n"), 401),
            (format!("authorization: Bearer{KEY}\r\n"), 401),
            (format!("authorization: Bearer {KEY}x\r\n"), 401),
            (format!("authorization: Bearer {}\r\n", &KEY[..KEY.len() - 1]), 401),
            (format!("authorization: Bearer {}\r\n", KEY.to_uppercase()), 401),
            (format!("x-api-key: Bearer {KEY}\r\n"), 401),
            (format!("authorization: Bearer {KEY}\r\nx-api-key: wrong\r\n"), 401),
            (format!("authorization: Bearer wrong\r\nx-api-key: {KEY}\r\n"), 401),
            (format!("authorization: Bearer {KEY}\r\nauthorization: Bearer wrong\r\n"), 401),
            (format!("authorization: Bearer wrong\r\nauthorization: Bearer {KEY}\r\n"), 401),
            (format!("x-api-key: {KEY}\r\nx-api-key: wrong\r\n"), 401),
            (format!("cookie: key={KEY}\r\n"), 401),
        ]
        .into_iter()
        .map(|(credentials, code)| (credentials.into_bytes(), code))
        .chain([(b"authorization: Bearer \xff\xfe\xe9\r\n".to_vec(), 401), (b"x-api-key: \xc3\xa9\r\n".to_vec(), 401)])
        .collect();
        for (credentials, code) in table {
            let reply = send(server.address, with(&credentials)).await.expect("an answer");
            assert_eq!(reply.code, code, "{}", String::from_utf8_lossy(&credentials));
        }
    }

    async fn an_enormous_key_is_refused_and_harms_nothing(framework: Framework) {
        let server = Server::start(framework, receiver().0);
        let credentials = [b"x-api-key: ".as_slice(), &vec![b'k'; 1 << 20], b"\r\n"].concat();
        if let Some(reply) = send(server.address, with(&credentials)).await {
            assert!((400..500).contains(&reply.code), "{reply:?}");
        }
        let right = format!("x-api-key: {KEY}\r\n");
        assert_eq!(send(server.address, with(right.as_bytes())).await.unwrap().code, 200);
    }

    async fn the_body_of_an_unauthorised_delivery_is_never_read(framework: Framework) {
        let server = Server::start(framework, receiver().0);
        let mut connection = Connection::open(server.address).await;
        connection.write("POST /webhooks/lipdub HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n").await;
        let reply = connection.reply().await.expect("an answer to the head alone");
        assert_eq!((reply.code, reply.status().as_str()), (401, "unauthorized"));
    }

}

on_each_framework! {
    async fn keys_are_replaced_while_the_receiver_runs(framework: Framework) {
        let keys = ApiKeys::new([ApiKey::new("old").unwrap()]).unwrap();
        let webhook = lipdub_core::Webhook::builder()
            .api_keys(keys.clone())
            .fallback(|_event| async { Ok(()) })
            .build()
            .unwrap();
        let server = Server::with_webhook(framework, webhook);
        let code = |key| code(server.address, key);
        assert_eq!((code("old").await, code("new").await), (200, 401));
        keys.replace([ApiKey::new("old").unwrap(), ApiKey::new("new").unwrap()]).unwrap();
        assert_eq!((code("old").await, code("new").await), (200, 200));
        keys.replace([ApiKey::new("new").unwrap()]).unwrap();
        assert_eq!((code("old").await, code("new").await), (401, 200));
    }

    async fn a_file_of_keys_is_rotated_under_load_and_no_valid_key_is_refused(framework: Framework) {
        let rotated = Rotated::of(framework);
        let keys = ApiKeys::from_file(&rotated.path).unwrap();
        let builder = lipdub_core::Webhook::builder().api_keys(keys.clone());
        let webhook = builder.fallback(|_event| async { Ok(()) }).build().unwrap();
        let address = Server::with_webhook(framework, webhook).address;

        let (let_in, mut newest) = watch::channel(0);
        let mut deliverers: JoinSet<()> =
            (0..4).map(|_| Arc::clone(&rotated).deliver(address, let_in.clone())).collect();
        drop(let_in);
        for version in 1..=25 {
            rotated.write(version);
            let used = timeout(Duration::from_secs(20), newest.wait_for(|newest| *newest >= version)).await;
            // If all deliverers have failed, they say why.
            if !matches!(used, Ok(Ok(_))) {
                break;
            }
        }
        drop(newest);
        while let Some(deliverer) = deliverers.join_next().await {
            deliverer.unwrap();
        }
        assert_eq!(code(address, "key0").await, 401);
        let deliveries: Vec<_> = keys.usage().iter().map(|key| key.deliveries).collect();
        assert!(deliveries[0] > 25 && deliveries[2] > 0, "{deliveries:?}");
    }

    async fn nobody_needs_a_key_only_where_that_was_asked_for(framework: Framework) {
        let webhook = lipdub_core::Webhook::builder()
            .allow_unauthenticated()
            .fallback(|_event| async { Ok(()) })
            .read_timeout(Duration::from_secs(2))
            .build()
            .unwrap();
        let server = Server::with_webhook(framework, webhook);
        assert_eq!(send(server.address, with(b"")).await.unwrap().status(), "processed");
    }
}
