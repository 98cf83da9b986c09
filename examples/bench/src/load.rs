//! Deliveries, as fast as they are answered.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

use crate::BoxError;

/// What every receiver is told to expect.
pub(crate) const API_KEY: &str = "whk_0123456789abcdef0123456789abcdef";
/// How many bytes of an event tell which it is.
const NUMBER_DIGITS: usize = 12;
/// As long as what LipDub sends.
pub(crate) const EVENT_BYTES: usize = 430;

/// Whose webhooks are delivered, with credentials that are right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dialect {
    #[default]
    LipDub,
    Pretix,
    Slack,
}

/// What is delivered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    pub(crate) events: Events,
    pub(crate) bytes: usize,
    is_awake: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Events {
    /// Each another one.
    Unique,
    /// Always the same.
    Same,
    /// With a key that is wrong, each on a connection of its own.
    Strangers,
}

impl Load {
    pub(crate) fn new(connections: usize, events: Events) -> Self {
        Self { connections, events, bytes: EVENT_BYTES, is_awake: false }
    }

    pub(crate) fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    pub(crate) fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Never sleeps, but looks for answers all the time.
    ///
    /// On one machine it is the server who has to wake a load that sleeps, and the slower the server the more often:
    /// it would pay for what a client elsewhere does not cost it. Not where Redis is on the same processor.
    pub(crate) fn awake(mut self) -> Self {
        self.is_awake = true;
        self
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) requests: usize,
    pub(crate) seconds: f64,
    latencies: Vec<u32>,
}

impl Answered {
    /// In microseconds: 0.99 of all answers took no longer.
    pub(crate) fn percentile(&mut self, part: f64) -> f64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        let index =
            ((self.latencies.len() as f64 * part) as usize).min(self.latencies.len().saturating_sub(1));
        if self.latencies.is_empty() {
            return 0.0;
        }
        f64::from(*self.latencies.select_nth_unstable(index).1)
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.requests as f64 / self.seconds
    }
}

/// Numbers that no delivery had before.
#[derive(Debug)]
pub(crate) struct Numbers {
    next: Cell<u64>,
}

impl Numbers {
    pub(crate) fn new() -> Self {
        Self { next: Cell::new(100_000_000_000) }
    }

    fn next(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }
}

/// Delivers for as long as that, on one thread.
pub(crate) fn deliver(
    (address, dialect): (SocketAddr, Dialect),
    load: Load,
    numbers: &Rc<Numbers>,
    time: Duration,
) -> Result<Answered, BoxError> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    if load.is_awake {
        // Or it would look only after every 61st step.
        runtime.event_interval(1);
    }
    let runtime = runtime.enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let begun = Instant::now();
        let until = begun + time;
        if load.is_awake {
            tokio::task::spawn_local(stay_awake(until));
        }
        let mut callers = JoinSet::new();
        for _ in 0..load.connections {
            let (numbers, request) = (Rc::clone(numbers), Request::new(load, dialect)?);
            callers.spawn_local(async move { call(address, request, load, &numbers, until).await });
        }
        let mut latencies = Vec::new();
        while let Some(called) = callers.join_next().await {
            latencies.append(&mut called??);
        }
        Ok(Answered { requests: latencies.len(), seconds: begun.elapsed().as_secs_f64(), latencies })
    })
}

async fn stay_awake(until: Instant) {
    while Instant::now() < until {
        tokio::task::yield_now().await;
    }
}

/// One connection after the other, or one for all. The microseconds that each answer took.
async fn call(
    address: SocketAddr,
    mut request: Request,
    load: Load,
    numbers: &Numbers,
    until: Instant,
) -> Result<Vec<u32>, BoxError> {
    let mut latencies = Vec::new();
    let mut connection = None;
    while Instant::now() < until {
        request.number(numbers);
        let begun = Instant::now();
        let stream = match &mut connection {
            Some(stream) => stream,
            none => none.insert(Connection::open(address).await?),
        };
        stream.exchange(&request).await?;
        latencies.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
        if load.events == Events::Strangers {
            connection = None;
        }
    }
    Ok(latencies)
}

struct Request {
    bytes: Vec<u8>,
    /// Where the number is that makes it another event, if it shall be one.
    number_at: Option<usize>,
    /// How the first line of the answer must begin.
    expected: &'static [u8],
}

impl Request {
    fn new(load: Load, dialect: Dialect) -> Result<Self, BoxError> {
        let (credentials, body, expected): (_, _, &[u8]) = match (dialect, load.events) {
            (Dialect::LipDub, Events::Strangers) => {
                ("authorization: Bearer whk_of_somebody_else".to_owned(), event(load.bytes), b"HTTP/1.1 401")
            }
            (Dialect::LipDub, Events::Unique | Events::Same) => {
                (format!("authorization: Bearer {API_KEY}"), event(load.bytes), b"HTTP/1.1 200")
            }
            (Dialect::Pretix, _) => (basic(), order(load.bytes), b"HTTP/1.1 204"),
            (Dialect::Slack, _) => {
                let body = message(load.bytes);
                (signature(&body)?, body, b"HTTP/1.1 200")
            }
        };
        let head = format!(
            "POST /webhooks/lipdub HTTP/1.1\r\nhost: localhost\r\n{credentials}\r\n\
             content-type: application/json\r\nx-lipdub-event: VIDEO_RENDER_COMPLETE\r\n\
             user-agent: python-httpx/0.27\r\naccept: */*\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        // None of the others would take notice of it.
        let is_numbered = dialect == Dialect::LipDub && load.events == Events::Unique;
        let number_at = is_numbered.then_some(head.len() + GENERATE_ID.len());
        Ok(Self { bytes: [head.into_bytes(), body.into_bytes()].concat(), number_at, expected })
    }

    fn number(&mut self, numbers: &Numbers) {
        let Some(at) = self.number_at else { return };
        let number = format!("{:0NUMBER_DIGITS$}", numbers.next());
        self.bytes[at..at + NUMBER_DIGITS].copy_from_slice(number.as_bytes());
    }
}

const GENERATE_ID: &str = r#"{"data":{"generate_id":"#;

/// An event of that many bytes, or a little more if there are few.
fn event(bytes: usize) -> String {
    let begin = format!(
        r#"{GENERATE_ID}{:0NUMBER_DIGITS$},"shot_id":4711,"video_id":"5e0ff6f6-9df8-4c39-a9e2-6d8f7a0a9c11","download_url":"https://cdn.example.com/renders/4711.mp4?X-Amz-Signature=0123456789abcdef0123456789abcdef&X-Amz-Expires=3600","note":""#,
        100_000_000_000_u64
    );
    let end = r#""},"event_type":"VIDEO_RENDER_COMPLETE","created_at":"2026-01-02T03:04:05.123456"}"#;
    filled(&begin, end, bytes)
}

/// An order, as pretix tells of it.
fn order(bytes: usize) -> String {
    let begin = r#"{"notification_id":123455,"organizer":"acmecorp","event":"democon","code":"ABC23","action":"pretix.event.order.placed","note":""#;
    filled(begin, r#""}"#, bytes)
}

fn basic() -> String {
    format!("authorization: Basic {}", STANDARD.encode(format!("lipdub:{API_KEY}")))
}

/// A message, as Slack tells of it.
fn message(bytes: usize) -> String {
    let begin = r#"{"type":"event_callback","team_id":"T0123456","api_app_id":"A0123456","event_id":"Ev0123456","event_time":1767322985,"event":{"type":"app_mention","user":"U0123456","channel":"C0123456","ts":"1767322985.000100","event_ts":"1767322985.000100","text":""#;
    filled(begin, r#""}}"#, bytes)
}

/// It is right for some minutes.
fn signature(body: &str) -> Result<String, BoxError> {
    let time = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut mac = Hmac::<Sha256>::new_from_slice(API_KEY.as_bytes())?;
    mac.update(format!("v0:{time}:{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("x-slack-request-timestamp: {time}\r\nx-slack-signature: v0={hex}"))
}

/// As long as that, or a little longer.
fn filled(begin: &str, end: &str, bytes: usize) -> String {
    let rest = bytes.saturating_sub(begin.len() + end.len());
    format!("{begin}{}{end}", "a".repeat(rest))
}

struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self, BoxError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(1024) })
    }

    async fn exchange(&mut self, request: &Request) -> Result<(), BoxError> {
        let sent = self.stream.write_all(&request.bytes).await;
        self.received.clear();
        let mut missing = usize::MAX;
        while self.received.len() < missing {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                sent?;
                return Err("the server closed the connection".into());
            }
            if missing == usize::MAX {
                missing = whole_length(&self.received).unwrap_or(usize::MAX);
            }
        }
        if self.received.starts_with(request.expected) {
            return Ok(());
        }
        let answer = String::from_utf8_lossy(&self.received).lines().next().unwrap_or_default().to_owned();
        Err(format!("the server answered {answer}").into())
    }
}

/// Of an answer whose head is there.
fn whole_length(received: &[u8]) -> Option<usize> {
    let head = received.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let length = received[..head]
        .split(|byte| *byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok()?.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok());
    Some(head + length.unwrap_or(0))
}
