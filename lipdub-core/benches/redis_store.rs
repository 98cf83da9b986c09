//! What `RedisStore` costs, against two bare `SET key value NX PX` one after the other:
//! `cargo bench -p lipdub-core --all-features --bench redis_store`, with a part's name for that alone.
//!
//! It starts a `redis-server` of its own; `REDIS_SERVER` is the path of another than the one that is installed.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "it is a program that prints what it measured")]

#[path = "../tests/redis_server/mod.rs"]
mod redis_server;
mod rounds;

use std::cell::RefCell;
use std::env;
use std::rc::Rc;
use std::time::{Duration, Instant};

use lipdub_core::dedupe::{Claim, ClaimRequest, Transition};
use lipdub_core::{DedupeStore, EventKey, EventType, RedisStore};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo};
use tokio::task::{JoinSet, LocalSet};

use self::redis_server::RedisServer;
use self::rounds::{ROUNDS, Spread};

const RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const TIMEOUT: Duration = Duration::from_secs(20);

// One thread for the client, so that it leaves a core to the server.
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let is_asked_for = |part| arguments.is_empty() || arguments.iter().any(|argument| argument == part);
    let server = RedisServer::start();
    println!("\nRedis {}", info(&server, "server", "redis_version"));
    if is_asked_for("ratios") {
        ratios(&server).await;
    }
    if is_asked_for("bytes") {
        bytes(&server).await;
    }
}

/// Claim and success of an event, to two bare commands.
async fn ratios(server: &RedisServer) {
    let (bare, store) = (connect(server).await, connect_store(server).await);
    println!("claim + done to two bare SET NX PX");
    for (in_flight, events) in [(1, 4_000), (32, 40_000), (256, 80_000)] {
        let [mut by_store, mut by_bare] = [(); 2].map(|()| Vec::new());
        for round in 0..ROUNDS as u64 {
            let numbers = round * events..(round + 1) * events;
            let sets = numbers.clone().map(|number| set_twice(bare.clone(), number)).collect();
            let events = numbers.map(|number| handle(store.clone(), request(number))).collect();
            by_bare.push(measure(server, in_flight, sets).await);
            by_store.push(measure(server, in_flight, events).await);
        }
        println!("  {in_flight:>3} in flight");
        for (index, name) in FIGURES.iter().enumerate() {
            let [store, bare] = [&by_store, &by_bare]
                .map(|rounds| rounds.iter().map(|figures| figures[index]).collect::<Vec<_>>());
            println!("    {name:>12}  × {}, of {:.1} µs", Spread::of_ratios(&store, &bare), Spread::of(bare));
        }
    }
}

/// What an event takes, in µs.
const FIGURES: [&str; 3] = ["latency", "server's CPU", "client's CPU"];

async fn measure<F: Future<Output = ()> + 'static>(
    server: &RedisServer,
    in_flight: u64,
    events: Vec<F>,
) -> [f64; 3] {
    server.command(&["FLUSHALL"]);
    let server = info(server, "server", "process_id");
    let count = events.len() as f64;
    let cpu = || [nanos_on_cpu(&server), nanos_on_cpu("thread-self")];
    let ([server_before, client_before], begun) = (cpu(), Instant::now());
    each(in_flight, events).await;
    let (took, [server_after, client_after]) = (begun.elapsed().as_nanos() as f64, cpu());
    let figures = [took * in_flight as f64, server_after - server_before, client_after - client_before];
    figures.map(|nanos| nanos / 1e3 / count)
}

/// So many at a time.
async fn each<F: Future<Output = ()> + 'static>(in_flight: u64, events: Vec<F>) {
    let (events, local) = (Rc::new(RefCell::new(events)), LocalSet::new());
    let mut tasks = JoinSet::new();
    for _ in 0..in_flight {
        let events = Rc::clone(&events);
        let work = async move {
            loop {
                let next = events.borrow_mut().pop();
                let Some(event) = next else { break };
                event.await;
            }
        };
        tasks.spawn_local_on(work, &local);
    }
    local.run_until(tasks.join_all()).await;
}

async fn set_twice(mut connection: MultiplexedConnection, number: u64) {
    for half in ["claim", "doing"] {
        let mut set = redis::cmd("SET");
        set.arg(format!("lipdub:{half}{number:017}")).arg("0123456789abcdef");
        set.arg("NX").arg("PX").arg(RETENTION.as_millis().to_string());
        assert_eq!(set.query_async::<String>(&mut connection).await.unwrap(), "OK");
    }
}

fn request(number: u64) -> ClaimRequest {
    let key = EventKey::custom(&EventType::RenderComplete, &number.to_string());
    ClaimRequest::new(key, Duration::from_secs(15), RETENTION).unwrap()
}

async fn handle(store: RedisStore, request: ClaimRequest) {
    assert_eq!(store.claim(&request).await.unwrap(), Claim::Granted { attempt: 1 });
    assert_eq!(store.done(&request, 1).await.unwrap(), Transition::Applied);
}

/// The server's memory for each event that is done.
async fn bytes(server: &RedisServer) {
    const EVENTS: u64 = 1_000_000;
    let store = connect_store(server).await;
    server.command(&["FLUSHALL"]);
    handle(store.clone(), request(EVENTS)).await;
    let used = || info(server, "memory", "used_memory").parse::<f64>().unwrap();
    let before = used();
    for first in (0..EVENTS).step_by(100_000) {
        let events = (first..first + 100_000).map(|number| handle(store.clone(), request(number)));
        each(256, events.collect()).await;
    }
    // Those who have answered take none of it any more.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let each = (used() - before) / EVENTS as f64;
    let allocator = info(server, "memory", "mem_allocator");
    println!("{each:.0} bytes of the server's memory for each event that is done, by {allocator}");
}

/// With the settings of the store's own connection.
async fn connect(server: &RedisServer) -> MultiplexedConnection {
    let settings = redis::io::tcp::TcpSettings::default().set_nodelay(true);
    let target = server.url().into_connection_info().unwrap().set_tcp_settings(settings);
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(TIMEOUT))
        .set_response_timeout(Some(TIMEOUT))
        .set_pipeline_buffer_size(1_000);
    let client = Client::open(target).unwrap();
    client.get_multiplexed_async_connection_with_config(&config).await.unwrap()
}

async fn connect_store(server: &RedisServer) -> RedisStore {
    RedisStore::builder(server.url()).timeout(TIMEOUT).connect().await.unwrap()
}

fn info(server: &RedisServer, section: &str, field: &str) -> String {
    let info = server.command(&["INFO", section]);
    let mut fields = info.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(name, _)| *name == field).unwrap().1.trim().to_owned()
}

fn nanos_on_cpu(pid: &str) -> f64 {
    let statistics = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap();
    statistics.split_whitespace().next().unwrap().parse().unwrap()
}
