//! Real Redis servers for tests, each on a free port and in a directory of its own.

#![allow(clippy::expect_used, reason = "it is for tests")]
#![allow(dead_code, unreachable_pub, reason = "each crate that includes this file uses a part of it")]

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

/// A server, which is killed when this is dropped.
pub struct RedisServer {
    child: Child,
    port: u16,
    tls_port: Option<u16>,
    arguments: Vec<String>,
    directory: TempDir,
}

impl RedisServer {
    /// Starts one that keeps nothing on disk.
    pub fn start() -> Self {
        Self::start_with(&["--save", "", "--appendonly", "no"])
    }

    /// Starts one that has everything on disk before it answers.
    pub fn start_persistent() -> Self {
        Self::start_with(&["--save", "", "--appendonly", "yes", "--appendfsync", "always"])
    }

    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_in(&temp_dir(), arguments, false)
    }

    /// Starts one with a certificate for 127.0.0.1 by an authority of its own. Needs `openssl`.
    pub fn start_tls(arguments: &[&str]) -> Self {
        let directory = temp_dir();
        make_certificates(&directory);
        Self::start_in(&directory, arguments, true)
    }

    fn start_in(certificates: &TempDir, arguments: &[&str], is_tls: bool) -> Self {
        for _ in 0..20 {
            let port = free_port();
            let tls_port = is_tls.then(free_port);
            let directory = temp_dir();
            let mut all: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            if let Some(tls_port) = tls_port {
                for name in ["ca.crt", "server.crt", "server.key"] {
                    fs::copy(certificates.path().join(name), directory.path().join(name)).expect("copy");
                }
                all.extend(tls_arguments(tls_port));
            }
            let child = spawn(port, &all, &directory);
            let mut server = Self { child, port, tls_port, arguments: all, directory };
            if server.comes_up() {
                return server;
            }
        }
        panic!("redis-server does not start with {arguments:?}");
    }

    /// False if it has ended, as it does if somebody else has taken the port.
    fn comes_up(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        let own_id = format!("process_id:{}\r", self.child.id());
        while Instant::now() < until {
            if self.child.try_wait().expect("wait for redis-server").is_some() {
                return false;
            }
            if self.try_command(&["INFO", "server"]).is_ok_and(|info| info.contains(&own_id)) {
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("redis-server does not answer");
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn tls_url(&self) -> String {
        format!("rediss://127.0.0.1:{}", self.tls_port.expect("a server with TLS"))
    }

    /// The certificate of the authority, in PEM.
    pub fn authority(&self) -> Vec<u8> {
        fs::read(self.directory.path().join("ca.crt")).expect("read ca.crt")
    }

    /// Kills it as a crash would.
    pub fn kill(&mut self) {
        self.child.kill().expect("kill redis-server");
        self.child.wait().expect("wait for redis-server");
    }

    /// Starts it again on the same port and directory, after it was killed.
    pub fn restart(&mut self) {
        let arguments = self.arguments.clone();
        self.restart_with(&arguments, Self::comes_up);
    }

    /// Starts it again so that it takes seconds to load what it has, and answers `LOADING` meanwhile.
    pub fn restart_slowly(&mut self) {
        let slow = ["--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024"];
        let arguments = [self.arguments.clone(), slow.map(String::from).to_vec()].concat();
        self.restart_with(&arguments, |server| {
            eventually(|| server.try_command(&["PING"]).is_err_and(|error| error.contains("LOADING")));
            true
        });
    }

    fn restart_with(&mut self, arguments: &[String], is_up: impl Fn(&mut Self) -> bool) {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            self.child = spawn(self.port, arguments, &self.directory);
            if is_up(self) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("redis-server does not start again");
    }

    /// Stops it without closing its connections, as a network that swallows everything would.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.expect("run kill").success());
    }

    /// Runs a command, and returns the answer as text: a list is one item a line, nothing is empty.
    pub fn command(&self, words: &[&str]) -> String {
        self.try_command(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    pub fn try_command(&self, words: &[&str]) -> Result<String, String> {
        let fails = |error: io::Error| error.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).map_err(fails)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(fails)?;
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        stream.write_all(request.as_bytes()).map_err(fails)?;
        read_reply(&mut BufReader::new(stream)).map_err(fails)?
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Three masters with a third of the slots each.
pub struct RedisCluster {
    pub nodes: Vec<RedisServer>,
}

impl RedisCluster {
    pub fn start() -> Self {
        let arguments = ["--save", "", "--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
        let arguments = [&arguments[..], &["--cluster-require-full-coverage", "no"]].concat();
        let nodes: Vec<_> = (0..3).map(|_| RedisServer::start_with(&arguments)).collect();
        for (index, (node, slots)) in nodes.iter().zip([0..5461, 5461..10923, 10923..16384]).enumerate() {
            let slots: Vec<_> = slots.map(|slot: u32| slot.to_string()).collect();
            let words: Vec<_> =
                ["CLUSTER", "ADDSLOTS"].into_iter().chain(slots.iter().map(String::as_str)).collect();
            node.command(&words);
            node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()]);
        }
        for node in &nodes[1..] {
            nodes[0].command(&["CLUSTER", "MEET", "127.0.0.1", &node.port.to_string()]);
        }
        let cluster = Self { nodes };
        eventually(|| cluster.nodes.iter().all(Self::is_whole));
        cluster
    }

    fn is_whole(node: &RedisServer) -> bool {
        let info = node.command(&["CLUSTER", "INFO"]);
        info.contains("cluster_state:ok")
            && info.contains("cluster_slots_ok:16384")
            && info.contains("cluster_size:3")
            && node.command(&["CLUSTER", "NODES"]).matches(" connected").count() == 3
    }

    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(RedisServer::url).collect()
    }
}

/// Waits until something is so.
pub fn eventually(mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "it did not come to be");
        thread::sleep(Duration::from_millis(5));
    }
}

fn temp_dir() -> TempDir {
    tempfile::Builder::new().prefix("lipdub-redis-").tempdir().expect("make a directory")
}

fn spawn(port: u16, arguments: &[String], directory: &TempDir) -> Child {
    let log = fs::File::create(directory.path().join("log")).expect("create the log");
    let program = env::var_os("REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
    let mut command = Command::new(program);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir", "."]).args(arguments);
    command.current_dir(directory.path()).stdin(Stdio::null()).stdout(log).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| panic!("install redis-server ({error})"))
}

/// Below the ports that the system gives to outgoing connections, which would otherwise take the port of a
/// server while it is down, and low enough for the bus of a cluster, 10,000 above.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 11_000;
    const MANY: u16 = 11_000;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
    let offset = u16::try_from((now / 1_000 + std::process::id()) % u32::from(MANY)).unwrap_or(0);
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + offset.wrapping_add(step) % MANY;
        let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if is_free(port) && is_free(port + 10_000) {
            return port;
        }
    }
}

fn read_reply(reader: &mut impl BufRead) -> io::Result<Result<String, String>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let (kind, rest) = line.trim_end().split_at(1);
    let length = || rest.parse::<i64>().ok().and_then(|length| usize::try_from(length).ok());
    match kind {
        "-" => Ok(Err(rest.to_owned())),
        "$" => {
            let Some(length) = length() else { return Ok(Ok(String::new())) };
            let mut text = vec![0; length + 2];
            reader.read_exact(&mut text)?;
            Ok(Ok(String::from_utf8_lossy(&text[..length]).into_owned()))
        }
        "*" => {
            let mut items = Vec::new();
            for _ in 0..length().unwrap_or(0) {
                match read_reply(reader)? {
                    Ok(item) => items.push(item),
                    Err(error) => return Ok(Err(error)),
                }
            }
            Ok(Ok(items.join("\n")))
        }
        _ => Ok(Ok(rest.to_owned())),
    }
}

fn tls_arguments(port: u16) -> Vec<String> {
    let port = port.to_string();
    let words = ["--tls-port", &port, "--tls-auth-clients", "no", "--tls-ca-cert-file", "ca.crt"];
    let files = ["--tls-cert-file", "server.crt", "--tls-key-file", "server.key"];
    words.into_iter().chain(files).map(String::from).collect()
}

fn make_certificates(directory: &TempDir) {
    let extensions = directory.path().join("extensions");
    fs::write(&extensions, "subjectAltName=IP:127.0.0.1,DNS:localhost\n").expect("write the extensions");
    let key = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    let authority = "-x509 -days 2 -subj /CN=authority -keyout ca.key -out ca.crt";
    openssl(directory, &format!("{key} {authority}"));
    openssl(directory, &format!("{key} -subj /CN=127.0.0.1 -keyout server.key -out server.csr"));
    let sign = "x509 -req -days 2 -CA ca.crt -CAkey ca.key -CAcreateserial -extfile extensions";
    openssl(directory, &format!("{sign} -in server.csr -out server.crt"));
}

fn openssl(directory: &TempDir, words: &str) {
    let path: PathBuf = directory.path().into();
    let output = Command::new("openssl").args(words.split(' ')).current_dir(path).output();
    let output = output.unwrap_or_else(|error| panic!("install openssl ({error})"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
