//! What `MemoryStore` costs: `cargo bench -p lipdub-core --bench memory_store`, with a part's name for that alone.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "it is a program that prints what it measured")]

mod rounds;

use std::env;
use std::future::Future;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use lipdub_core::dedupe::{Claim, ClaimRequest, Transition};
use lipdub_core::{DedupeStore, EventKey, EventType, MemoryStore};
use tokio::runtime::Builder;

use self::rounds::{ROUNDS, Spread};

const HOUR: Duration = Duration::from_secs(60 * 60);

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [part, events] = arguments.as_slice()
        && part == "resident"
    {
        return run(resident(events.parse().unwrap()));
    }
    let parts: [(&str, fn()); 4] =
        [("bytes", bytes), ("claims", || run(claims())), ("pauses", || run(pauses())), ("threads", threads)];
    for (name, part) in parts {
        if arguments.is_empty() || arguments.iter().any(|argument| argument == name) {
            part();
        }
    }
}

/// With a clock that stands, which is moved on by hand.
fn run(part: impl Future<Output = ()>) {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(part);
}

/// Resident memory, each in a process of its own.
fn bytes() {
    println!("\nbytes for each event that is done, all in");
    for events in [100_000, 1_000_000, 10_000_000] {
        let mut measured = Command::new(env::current_exe().unwrap());
        let status = measured.args(["resident", &events.to_string()]).status().unwrap();
        assert!(status.success());
    }
}

async fn resident(events: u64) {
    let store = MemoryStore::with_capacity(usize::try_from(events).unwrap());
    let mut request = request();
    handle(&store, &mut request, 0).await;
    let before = resident_bytes();
    for number in 1..=events {
        handle(&store, &mut request, number).await;
    }
    let filled = resident_bytes() - before;
    // As many again, for which the oldest have to go.
    for number in events + 1..=events * 2 {
        handle(&store, &mut request, number).await;
    }
    let replaced = resident_bytes() - before;
    let each = |bytes: u64| bytes as f64 / remembered(&store) as f64;
    println!("  {events:>10}: {:.1}, and {:.1} when all have been replaced", each(filled), each(replaced));
}

/// A little less than the capacity, which a table can reach before the others.
fn remembered(store: &MemoryStore) -> u64 {
    let shown = format!("{store:?}");
    shown.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// A claim on a new event, and one on an event that is done, with few and with many that are remembered. And what any
/// store has to do at least once for each: to read somewhere in as much memory.
async fn claims() {
    const SIZES: [u64; 3] = [1_000, 1_000_000, 10_000_000];
    let mut request = request();
    let mut stores = Vec::new();
    for size in SIZES {
        let store = MemoryStore::with_capacity(12_000_000);
        for number in 0..size {
            handle(&store, &mut request, number).await;
        }
        stores.push((size, store));
    }
    let memories = SIZES.map(|size| Memory::new(size * BYTES_OF_AN_EVENT));
    let [mut new, mut duplicate, mut read] = [(); 3].map(|()| SIZES.map(|_| Vec::new()));
    for round in 0..ROUNDS as u64 {
        for (index, (size, store)) in stores.iter().enumerate() {
            new[index].push(new_claims(store, round).await);
            duplicate[index].push(duplicate_claims(store, *size, round).await);
            read[index].push(memories[index].read());
        }
    }
    println!("\nns for each claim, and the ratio to the same with 1,000 remembered");
    println!("(and for one read at random of as much memory)");
    for (name, figures) in [("new", new), ("done", duplicate), ("read", read)] {
        for (size, measured) in SIZES.iter().zip(&figures) {
            let ratio = Spread::of_ratios(measured, &figures[0]);
            println!("  {name:>4} at {size:>10}: {:.0}   × {ratio}", Spread::of(measured.clone()));
        }
    }
}

const BATCHES: u64 = 1_000;
const BATCH: u64 = 100;

async fn new_claims(store: &MemoryStore, round: u64) -> f64 {
    let mut request = request();
    let mut took = Vec::new();
    for batch in 0..BATCHES {
        let first = (1 << 40) + (round * BATCHES + batch) * BATCH;
        let keys: Vec<_> = (first..first + BATCH).map(key).collect();
        let begun = Instant::now();
        for key in &keys {
            request.key = *key;
            assert_eq!(store.claim(&request).await.unwrap(), Claim::Granted { attempt: 1 });
        }
        took.push(begun.elapsed().as_nanos() as f64 / BATCH as f64);
        for key in &keys {
            request.key = *key;
            assert_eq!(store.release(&request, 1).await.unwrap(), Transition::Applied);
        }
    }
    Spread::of(took).median
}

async fn duplicate_claims(store: &MemoryStore, size: u64, round: u64) -> f64 {
    let mut request = request();
    let mut took = Vec::new();
    for batch in 0..BATCHES {
        let first = (round * BATCHES + batch) * BATCH;
        // A large prime apart, so that none is a neighbour of another.
        let keys: Vec<_> = (first..first + BATCH).map(|number| key(number * 982_451_653 % size)).collect();
        let begun = Instant::now();
        for key in &keys {
            request.key = *key;
            assert_eq!(store.claim(&request).await.unwrap(), Claim::Done);
        }
        took.push(begun.elapsed().as_nanos() as f64 / BATCH as f64);
    }
    Spread::of(took).median
}

const BYTES_OF_AN_EVENT: u64 = 62;

/// As much memory as a store takes.
struct Memory(Vec<u64>);

impl Memory {
    fn new(bytes: u64) -> Self {
        let words = usize::try_from(bytes / 8).unwrap();
        Self(vec![1; words])
    }

    /// How many nanoseconds it takes to read at a place that is known when the one before has been read.
    fn read(&self) -> f64 {
        const TIMES: u32 = 1_000_000;
        let begun = Instant::now();
        let mut place = 0_u64;
        for _ in 0..TIMES {
            let read = self.0[(usize::try_from(place >> 32).unwrap() * self.0.len()) >> 32];
            place = place.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(read);
        }
        std::hint::black_box(place);
        begun.elapsed().as_nanos() as f64 / f64::from(TIMES)
    }
}

/// The longest call. Every round makes the same calls: what the shortest of a call's rounds took is the store's, and
/// the rest is the machine's.
async fn pauses() {
    println!("\nthe longest call, in µs");
    for events in [1_000_000, 10_000_000] {
        let mut calls = Calls::default();
        for _ in 0..3 {
            grow(events, &mut calls).await;
        }
        println!("  while it grows to {events:>10}: {calls}");
    }
    let mut calls = Calls::default();
    for _ in 0..3 {
        expire(1_000_000, &mut calls).await;
    }
    println!("  while 1,000,000 have expired at once: {calls}");
}

async fn grow(events: u64, calls: &mut Calls) {
    let store = MemoryStore::with_capacity(usize::try_from(events).unwrap());
    calls.begin();
    let mut request = request();
    for number in 0..events {
        request.key = key(number);
        calls.time(store.claim(&request)).await.unwrap();
        assert_eq!(calls.time(store.done(&request, 1)).await.unwrap(), Transition::Applied);
    }
}

async fn expire(events: u64, calls: &mut Calls) {
    let store = MemoryStore::with_capacity(usize::try_from(events).unwrap());
    let mut request = request();
    for number in 0..events {
        handle(&store, &mut request, number).await;
    }
    tokio::time::advance(HOUR * 2).await;
    calls.begin();
    for number in events..events + events / 2 {
        request.key = key(number);
        assert_eq!(calls.time(store.claim(&request)).await.unwrap(), Claim::Granted { attempt: 1 });
        assert_eq!(calls.time(store.done(&request, 1)).await.unwrap(), Transition::Applied);
    }
}

/// How long each of a number of calls took, at the least.
#[derive(Default)]
struct Calls {
    nanos: Vec<u32>,
    next: usize,
    longest: Vec<u32>,
}

impl Calls {
    fn begin(&mut self) {
        self.next = 0;
        self.longest.push(0);
    }

    async fn time<T>(&mut self, call: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let answer = call.await;
        let took = u32::try_from(begun.elapsed().as_nanos()).unwrap_or(u32::MAX);
        match self.nanos.get_mut(self.next) {
            Some(least) => *least = took.min(*least),
            None => self.nanos.push(took),
        }
        self.next += 1;
        if let Some(longest) = self.longest.last_mut() {
            *longest = took.max(*longest);
        }
        answer
    }
}

impl std::fmt::Display for Calls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let micros = |nanos: &u32| f64::from(*nanos) / 1_000.0;
        let longest = self.nanos.iter().max().map_or(0.0, micros);
        let with_the_machine = Spread::of(self.longest.iter().map(micros).collect());
        write!(formatter, "{longest:.0}, with the machine's share {with_the_machine:.0}")
    }
}

/// Claims and successes by one thread, and by two.
fn threads() {
    let [mut one, mut two] = [(); 2].map(|()| Vec::new());
    for _ in 0..ROUNDS {
        one.push(by_threads(1));
        two.push(by_threads(2));
    }
    let [one, two] = [one, two].map(|rounds| rounds.into_iter().unzip::<_, _, Vec<_>, Vec<_>>());
    println!("\nevents handled, by claim and done");
    println!("  by one thread: {} millions in a second", Spread::of(one.0.clone()));
    println!("  by two: {}   × {}", Spread::of(two.0.clone()), Spread::of_ratios(&two.0, &one.0));
    println!("  CPU for each by two, to that by one: × {}", Spread::of_ratios(&two.1, &one.1));
}

/// Millions of events in a second, and the CPU that each takes in ns, which does not depend on what else runs.
fn by_threads(count: u64) -> (f64, f64) {
    const EACH: u64 = 400_000;
    let store = Arc::new(MemoryStore::new());
    let keys: Vec<Vec<_>> =
        (0..count).map(|thread| (thread * EACH..(thread + 1) * EACH).map(key).collect()).collect();
    let begun = Instant::now();
    let on_cpu: f64 = thread::scope(|threads| {
        let threads: Vec<_> = keys
            .into_iter()
            .map(|keys| {
                let store = Arc::clone(&store);
                threads.spawn(move || handle_all(&store, &keys))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let events = (count * EACH) as f64;
    (events / 1e6 / begun.elapsed().as_secs_f64(), on_cpu / events)
}

fn handle_all(store: &MemoryStore, keys: &[EventKey]) -> f64 {
    let begun = nanos_on_cpu();
    Builder::new_current_thread().build().unwrap().block_on(async {
        let mut request = request();
        for key in keys {
            request.key = *key;
            assert_eq!(store.claim(&request).await.unwrap(), Claim::Granted { attempt: 1 });
            assert_eq!(store.done(&request, 1).await.unwrap(), Transition::Applied);
        }
    });
    nanos_on_cpu() - begun
}

fn nanos_on_cpu() -> f64 {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    statistics.split_whitespace().next().unwrap().parse().unwrap()
}

async fn handle(store: &MemoryStore, request: &mut ClaimRequest, number: u64) {
    request.key = key(number);
    assert_eq!(store.claim(request).await.unwrap(), Claim::Granted { attempt: 1 });
    assert_eq!(store.done(request, 1).await.unwrap(), Transition::Applied);
}

fn request() -> ClaimRequest {
    ClaimRequest::new(key(0), Duration::from_secs(15), HOUR).unwrap()
}

fn key(number: u64) -> EventKey {
    EventKey::custom(&EventType::RenderComplete, &number.to_string())
}
