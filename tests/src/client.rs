use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::receiver::KEY;

/// An answer as it came over the wire, without what differs from server to server (`date`, `connection`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub code: u16,
    /// Names in lower case, sorted.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// The `status` of the body, or nothing if it is not lipdub's.
    pub fn status(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["status"].as_str().unwrap_or_default().to_owned()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

/// A connection to send bytes on, one piece at a time.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.expect("the server listens") }
    }

    /// Sends some bytes; a server that has closed the connection is no error here.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Waits for the answer; `None` if the server closed the connection without one.
    pub async fn reply(&mut self) -> Option<Reply> {
        let read = timeout(Duration::from_secs(20), self.read_reply());
        read.await.expect("an answer within 20 s")
    }

    async fn read_reply(&mut self) -> Option<Reply> {
        let mut received = Vec::new();
        loop {
            if let Some(reply) = parse(&received) {
                return Some(reply);
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return None,
                Ok(count) => received.extend_from_slice(&chunk[..count]),
            }
        }
    }
}

/// Sends a whole request and waits for the answer.
pub async fn send(address: SocketAddr, request: impl AsRef<[u8]>) -> Option<Reply> {
    let mut connection = Connection::open(address).await;
    connection.write(request).await;
    connection.reply().await
}

/// A delivery with the right key to the default path.
pub fn post(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "POST /webhooks/lipdub HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn parse(received: &[u8]) -> Option<Reply> {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&received[..end]).expect("a head of text");
    let mut lines = head.split("\r\n");
    let code = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .filter(|(name, _)| !["date", "connection"].contains(&name.as_str()))
        .collect();
    headers.sort();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().expect("a length"));
    let body = received.get(end + 4..end + 4 + length)?;
    Some(Reply { code, headers, body: String::from_utf8_lossy(body).into_owned() })
}
