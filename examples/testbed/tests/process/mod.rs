use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::NamedTempFile;

const KEY: &str = "whk_123";

/// The program, running. It is killed when this is dropped.
pub(crate) struct Testbed {
    process: Child,
    address: String,
    effects: NamedTempFile,
}

impl Testbed {
    pub(crate) fn start(framework: &str, more: &[&str]) -> Self {
        let receiver = ["--framework", framework, "--bind", "127.0.0.1:0", "--api-key", KEY];
        let mut testbed = Self::spawn(&[&receiver, more].concat());
        let line = testbed.first_line();
        testbed.address = line
            .strip_prefix("listening on http://")
            .and_then(|rest| rest.strip_suffix("/webhooks/lipdub\n"))
            .unwrap_or_else(|| panic!("unexpected first line {line:?}"))
            .to_owned();
        testbed
    }

    /// One that listens nowhere.
    pub(crate) fn start_worker(more: &[&str]) -> Self {
        let mut testbed = Self::spawn(&[&["--worker"], more].concat());
        assert_eq!(testbed.first_line(), "working\n");
        testbed
    }

    fn spawn(arguments: &[&str]) -> Self {
        let effects = NamedTempFile::new().expect("a file");
        let process = Command::new(env!("CARGO_BIN_EXE_testbed"))
            .args(arguments)
            .arg("--effects")
            .arg(effects.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program");
        Self { process, address: String::new(), effects }
    }

    fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.process.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        line
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
    }

    pub(crate) fn deliver(&self, event_type: &str, data: &Value) -> (u16, String) {
        self.deliver_as(KEY, event_type, data)
    }

    /// The answer's code and status.
    pub(crate) fn deliver_as(&self, key: &str, event_type: &str, data: &Value) -> (u16, String) {
        let event = json!({ "event_type": event_type, "created_at": "2026-01-02T03:04:05Z", "data": data });
        let body = event.to_string();
        let (code, body) = self.exchange(&format!(
            "POST /webhooks/lipdub HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len(),
        ));
        let body: Value = serde_json::from_str(&body).expect("an answer in JSON");
        (code, body["status"].as_str().expect("a status").to_owned())
    }

    pub(crate) fn effects(&self) -> Vec<Value> {
        let lines = std::fs::read_to_string(self.effects.path()).expect("the effects");
        lines.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// Waits until so many handlers have succeeded.
    pub(crate) fn until_done(&self, handlers: usize) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.effects().iter().filter(|line| line["phase"] == "done").count() < handlers {
            assert!(Instant::now() < deadline, "it is not done: {:?}", self.effects());
            sleep(Duration::from_millis(10));
        }
    }

    /// Sends SIGTERM and waits for the exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let process = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().expect("kill").success());
        self.process.wait().expect("its end").code()
    }

    fn exchange(&self, request: &str) -> (u16, String) {
        let mut connection = TcpStream::connect(&self.address).expect("a connection");
        connection.write_all(request.as_bytes()).expect("a request");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("an answer");
        let code = answer.get(9..12).and_then(|code| code.parse().ok()).expect("a code");
        let (_head, body) = answer.split_once("\r\n\r\n").expect("a body");
        (code, body.to_owned())
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A Redis on a free port, without a disk. It is killed when this is dropped.
pub(crate) struct Redis {
    process: Child,
    pub(crate) url: String,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let mut process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("redis-server, which ./scripts/test installs");
        let lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let is_ready = |line: String| line.contains("Ready to accept connections");
        assert!(lines.map_while(Result::ok).any(is_ready), "redis-server does not start");
        Self { process, url: format!("redis://127.0.0.1:{port}/") }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
