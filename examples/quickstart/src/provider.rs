//! LipDub's part: it delivers events over HTTP.

use std::io;
use std::net::SocketAddr;

use lipdub_axum::DEFAULT_PATH;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A delivery that waits for its answer. Dropping it hangs up.
pub(crate) struct Sent {
    connection: TcpStream,
}

/// Delivers a body with a key.
pub(crate) async fn send(receiver: SocketAddr, key: &str, body: &str) -> io::Result<Sent> {
    let mut connection = TcpStream::connect(receiver).await?;
    let request = format!(
        "POST {DEFAULT_PATH} HTTP/1.1\r\n\
         Host: {receiver}\r\n\
         Authorization: Bearer {key}\r\n\
         Content-Type: application/json\r\n\
         Content-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len(),
    );
    connection.write_all(request.as_bytes()).await?;
    Ok(Sent { connection })
}

impl Sent {
    /// The answer as code and status, such as `200 processed`.
    pub(crate) async fn answer(mut self) -> io::Result<String> {
        let mut answer = String::new();
        self.connection.read_to_string(&mut answer).await?;
        let code = answer.split(' ').nth(1).unwrap_or("no code");
        let body = answer.split_once("\r\n\r\n").map_or("", |(_head, body)| body);
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        Ok(format!("{code} {}", body["status"].as_str().unwrap_or("no status")))
    }
}

/// The body of an event, as LipDub writes it.
pub(crate) fn event(event_type: &str, generate_id: u32, tracking_id: &str) -> String {
    json!({
        "event_type": event_type,
        "created_at": "2026-01-02T03:04:05.123456",
        "data": { "generate_id": generate_id, "tracking_id": tracking_id },
    })
    .to_string()
}
