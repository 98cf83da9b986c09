//! `lipdub-dev inbox` on a real SQLite file and a real Redis server.

#![allow(clippy::expect_used, reason = "what fails here fails the test")]
#![allow(clippy::needless_pass_by_value, reason = "so that tests can name events by numbers")]
#![allow(dead_code, reason = "each test binary uses its part of what they share")]

#[path = "../../../lipdub-core/tests/redis_server/mod.rs"]
mod redis_server;
mod support;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use lipdub_core::dedupe::Transition;
use lipdub_core::inbox::{
    DeadFilter, Inbox, InboxEvent, InboxState, Job, LeaseRequest, Leased, RedisInbox, SqliteInbox,
};
use lipdub_core::{EventKey, EventType, Source};
use redis_server::{RedisCluster, RedisServer};
use serde_json::{Value, json};
use support::{KEY, lipdub_dev, objects, program, stdout};
use tempfile::TempDir;

/// Longer than any test.
const LEASE: Duration = Duration::from_secs(600);
const CUSTOMER: &str = "https://customers.example/a-link";

/// An inbox, and the flags that name it.
struct Place {
    flags: [String; 2],
    inbox: Arc<dyn Inbox>,
    storage: Storage,
}

#[allow(dead_code, reason = "they are there until they are dropped")]
enum Storage {
    File(TempDir),
    Server(RedisServer),
}

impl Place {
    async fn file() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("inbox.db");
        let inbox = SqliteInbox::builder(&file).lock_timeout(Duration::from_secs(20));
        let inbox = Arc::new(inbox.open().await.expect("an inbox"));
        let flags = ["--sqlite".to_owned(), file.display().to_string()];
        Self { flags, inbox, storage: Storage::File(directory) }
    }

    /// On a server that keeps nothing: who only looks at it must not mind.
    async fn server() -> Self {
        let server = RedisServer::start();
        let inbox = RedisInbox::builder(server.url()).allow_volatile().timeout(Duration::from_secs(20));
        let inbox = Arc::new(inbox.connect().await.expect("an inbox"));
        let flags = ["--redis".to_owned(), server.url()];
        Self { flags, inbox, storage: Storage::Server(server) }
    }

    async fn both() -> [Self; 2] {
        [Self::file().await, Self::server().await]
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let flags = self.flags.each_ref().map(String::as_str);
        lipdub_dev(&[&["inbox"], arguments, &flags].concat()).await
    }

    /// What is printed with `--json`, if all is well.
    async fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(&[arguments, &["--json"]].concat()).await;
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
        objects(&output)
    }

    /// What people see, if all is well.
    async fn shown(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
        stdout(&output)
    }

    async fn accept(&self, event: &InboxEvent) {
        self.inbox.accept(event).await.expect("an answer");
    }

    async fn lease(&self, limit: usize) -> Vec<Leased> {
        let request = LeaseRequest::new(LEASE).expect("a request").limit(limit);
        self.inbox.lease(&request).await.expect("an answer")
    }

    /// Gives up on each of them in its order, so that the last of them died last.
    async fn bury(&self, events: &[InboxEvent]) {
        for event in events {
            self.accept(event).await;
            let [leased] = &self.lease(1).await[..] else { panic!("one is due") };
            assert_eq!(leased.event.key, event.key);
            let why = format!("it failed: {}", event.job.as_str());
            assert_eq!(self.inbox.bury(&leased.holder, &why).await.expect("an answer"), Transition::Applied);
        }
    }

    /// Gives up on so many, many at a time.
    async fn bury_many(&self, count: usize) {
        let accepting = (0..count).map(|number| {
            let inbox = Arc::clone(&self.inbox);
            async move { inbox.accept(&event(number, "many")).await.expect("an answer") }
        });
        accepting.collect::<tokio::task::JoinSet<_>>().join_all().await;
        bury_what_is_due(&self.inbox, count).await;
    }

    async fn state(&self, key: EventKey) -> InboxState {
        self.inbox.find(key).await.expect("an answer").expect("a record").state
    }
}

/// As a worker does whose handler says `permanent`, until so many have died.
async fn bury_what_is_due(inbox: &Arc<dyn Inbox>, count: usize) {
    let mut buried = 0;
    while buried < count {
        let request = LeaseRequest::new(LEASE).expect("a request").limit(50);
        let leased = inbox.lease(&request).await.expect("an answer");
        buried += leased.len();
        let burying = leased.into_iter().map(|leased| {
            let inbox = Arc::clone(inbox);
            async move { inbox.bury(&leased.holder, "it failed").await.expect("an answer") }
        });
        burying.collect::<tokio::task::JoinSet<_>>().join_all().await;
    }
}

fn event(name: impl ToString, job: &str) -> InboxEvent {
    event_of(EventType::RenderComplete, name, job)
}

fn event_of(event_type: EventType, name: impl ToString, job: &str) -> InboxEvent {
    let key = EventKey::custom(&event_type, &name.to_string());
    let data = json!({ "name": name.to_string(), "download_url": CUSTOMER });
    let body = json!({ "event_type": event_type.as_str(), "data": data }).to_string();
    InboxEvent { key, event_type, job: Job::new(job), source: Source::Tenant, body: body.into() }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn short(event: &InboxEvent) -> String {
    event.key.to_string()[..11].to_owned()
}

fn keys(objects: &[Value]) -> Vec<&str> {
    objects.iter().map(|object| object["key"].as_str().expect("a key")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_inbox_is_shown_as_one() {
    for place in Place::both().await {
        let stats = json!({
            "due": 0, "delayed": 0, "leased": 0, "dead": 0, "done": 0, "oldest_due_seconds": null
        });
        assert_eq!(place.json(&["stats"]).await, [stats]);
        assert!(place.json(&["dead"]).await.is_empty());
        let dead = place.run(&["dead"]).await;
        assert_eq!((dead.status.code(), stdout(&dead)), (Some(0), String::new()));
        assert!(stderr(&dead).contains("There is no such dead letter."), "{}", stderr(&dead));
        let replayed = place.run(&["replay", "--all"]).await;
        assert_eq!((replayed.status.code(), stdout(&replayed)), (Some(0), String::new()));
        assert!(stderr(&replayed).contains("0 replayed, 0 refused."), "{}", stderr(&replayed));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stats_count_the_events_of_each_state() {
    for place in Place::both().await {
        place.bury(&[event("dead 1", "a"), event("dead 2", "a")]).await;
        for name in ["done", "delayed", "leased", "due 1", "due 2", "due 3"] {
            place.accept(&event(name, name)).await;
        }
        let [done, delayed, _leased] = &place.lease(3).await[..] else { panic!("three are due") };
        let transitions = [
            place.inbox.done(&done.holder).await.expect("an answer"),
            place.inbox.retry(&delayed.holder, LEASE, "later").await.expect("an answer"),
        ];
        assert_eq!(transitions, [Transition::Applied; 2]);

        let [stats] = &place.json(&["stats"]).await[..] else { panic!("one object") };
        let counts = ["due", "delayed", "leased", "dead", "done"].map(|state| stats[state].as_u64());
        assert_eq!(counts, [3, 1, 1, 2, 1].map(Some), "{stats}");
        assert!(stats["oldest_due_seconds"].as_f64().is_some_and(|oldest| oldest < 600.0), "{stats}");
        let shown = place.shown(&["stats"]).await;
        let line = |state: &str| shown.lines().find(|line| line.starts_with(state)).expect("a line");
        assert!(line("due").contains(" 3  the oldest has waited for "), "{shown}");
        assert!(line("dead").contains(" 2  "), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_from_the_last_page_by_page() {
    for place in Place::both().await {
        let events: Vec<_> = (0..5).map(|number| event(number, &format!("job {number}"))).collect();
        place.bury(&events).await;
        let newest_first: Vec<_> = events.iter().rev().map(|event| event.key.to_string()).collect();
        assert_eq!(keys(&place.json(&["dead"]).await), newest_first);

        let page = place.run(&["dead", "--limit", "2", "--json"]).await;
        assert_eq!(keys(&objects(&page)), newest_first[..2]);
        let said = stderr(&page);
        assert_eq!(said, format!("There are more: go on with --after {}\n", newest_first[1]));
        for after in [&newest_first[1][..], &newest_first[1][..11], &newest_first[1][3..11]] {
            let page = place.run(&["dead", "--limit", "3", "--after", after, "--json"]).await;
            assert_eq!(
                (keys(&objects(&page)), stderr(&page)),
                (newest_first[2..].iter().map(String::as_str).collect(), String::new())
            );
        }
        // Whoever goes on may have replayed what was shown.
        let replayed = place.inbox.replay(events[3].key).await.expect("an answer");
        assert_eq!(replayed, Transition::Applied);
        assert_eq!(keys(&place.json(&["dead", "--after", &newest_first[1]]).await), newest_first[2..]);

        let unknown = event("unknown", "").key.to_string();
        for after in [&unknown[..], &unknown[..11]] {
            let output = place.run(&["dead", "--after", after]).await;
            assert_eq!((output.status.code(), stdout(&output)), (Some(1), String::new()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_can_be_those_of_a_type_or_a_job() {
    for place in Place::both().await {
        let events = [
            event_of(EventType::RenderFailed, 1, "shot 1"),
            event_of(EventType::RenderComplete, 2, "shot 1"),
            event_of(EventType::RenderFailed, 3, "shot 2"),
        ];
        place.bury(&events).await;
        let [one, two, three] = events.each_ref().map(|event| event.key.to_string());
        for (filter, expected) in [
            (&["--type", "render-failed"][..], vec![&three, &one]),
            (&["--type", "RENDER_PROCESSING_FAILED", "--job", "shot 1"], vec![&one]),
            (&["--job", "shot 1"], vec![&two, &one]),
            (&["--job", "shot"], vec![]),
        ] {
            assert_eq!(keys(&place.json(&[&["dead"], filter].concat()).await), expected, "{filter:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_told_in_full_to_machines_and_in_two_lines_to_people() {
    let why = format!("first line\n  \u{1b}[31msecond\tline {}", "x".repeat(100));
    for place in Place::both().await {
        let event = event(1, &format!("a job {}", "of a long name ".repeat(10)));
        place.accept(&event).await;
        let leased = place.lease(1).await;
        let buried = place.inbox.bury(&leased[0].holder, &why).await.expect("an answer");
        assert_eq!(buried, Transition::Applied);

        let [told] = &place.json(&["dead"]).await[..] else { panic!("one object") };
        assert_eq!(told["key"], event.key.to_string());
        assert_eq!(told["event_type"], "VIDEO_RENDER_COMPLETE");
        assert_eq!((&told["job"], &told["why"]), (&json!(event.job.as_str()), &json!(why)));
        assert_eq!(told["attempt"], 1);
        let [age, dead_for] =
            ["age_seconds", "dead_for_seconds"].map(|field| told[field].as_f64().expect("a time"));
        assert!(dead_for <= age && age < 600.0, "{told}");

        for columns in [80, 60] {
            let mut program = program();
            program.args(["inbox", "dead"]).args(&place.flags).env("COLUMNS", columns.to_string());
            let shown = stdout(&program.stdin(Stdio::null()).output().expect("the program"));
            let lines: Vec<_> = shown.lines().collect();
            assert_eq!(lines.len(), 3, "{shown}");
            assert!(lines.iter().all(|line| line.chars().count() <= columns), "{shown}");
            assert!(lines[1].starts_with(&short(&event)) && lines[1].ends_with('…'), "{shown}");
            assert!(
                lines[2].contains("first line [31msecond line xxx") && lines[2].ends_with('…'),
                "{shown}"
            );
            assert!(!shown.contains('\u{1b}') && !shown.contains(CUSTOMER), "{shown:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_shown_by_its_key_and_its_body_only_if_asked_for() {
    for place in Place::both().await {
        let (dead, due) = (event("dead", "a"), event("due", "b"));
        place.bury(std::slice::from_ref(&dead)).await;
        let mut by_link = due.clone();
        by_link.source = Source::Job("order 7".to_owned());
        place.accept(&by_link).await;

        let shown = place.shown(&["show", &short(&dead)]).await;
        for expected in [dead.key.to_string(), "VIDEO_RENDER_COMPLETE".into(), "it failed: a".into()] {
            assert!(shown.contains(&expected), "{shown}");
        }
        assert!(shown.contains(&format!("{} bytes; --body shows it", dead.body.len())), "{shown}");
        assert!(shown.contains("\ndied ") && !shown.contains(CUSTOMER), "{shown}");
        let with_body = place.shown(&["show", &short(&dead), "--body"]).await;
        assert!(
            with_body.contains(&format!("\n    \"data\": {{\n      \"download_url\": \"{CUSTOMER}\",")),
            "{with_body}"
        );

        let [told] = &place.json(&["show", &short(&dead)]).await[..] else { panic!("one object") };
        assert_eq!((&told["state"], &told["body_bytes"]), (&json!("dead"), &json!(dead.body.len())));
        assert!(told["dead_for_seconds"].is_f64() && told.get("body").is_none(), "{told}");
        let [told] = &place.json(&["show", &short(&dead), "--body"]).await[..] else { panic!("one object") };
        assert_eq!(told["body"], std::str::from_utf8(&dead.body).expect("text"));

        let [told] = &place.json(&["show", &due.key.to_string()]).await[..] else { panic!("one object") };
        assert_eq!((&told["state"], &told["source"]), (&json!("queued"), &json!({ "job": "order 7" })));
        assert!(place.shown(&["show", &due.key.to_string()]).await.contains("a link for job order 7"));
        let unknown = event("unknown", "").key.to_string();
        for key in [&unknown, &unknown[..11], &short(&due)] {
            let output = place.run(&["show", key]).await;
            assert_eq!((output.status.code(), stdout(&output)), (Some(1), String::new()), "{key}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_read_is_shown_listed_and_settled() {
    for place in Place::both().await {
        let (lost, other) = (event(1, "job 1"), event(2, "job 2"));
        place.accept(&lost).await;
        place.accept(&other).await;
        match &place.storage {
            Storage::File(directory) => {
                let file = rusqlite::Connection::open(directory.path().join("inbox.db")).expect("a database");
                file.execute("DELETE FROM body WHERE seq = 1", []).expect("an edit");
            }
            Storage::Server(server) => {
                let hash = format!("lipdub:inbox:{{0}}:event:{}", lost.key);
                server.command(&["HDEL", &hash, "body"]);
            }
        }
        let leased = place.lease(9).await;
        assert_eq!(leased.iter().map(|leased| leased.event.key).collect::<Vec<_>>(), [other.key]);
        assert_eq!(place.json(&["stats"]).await[0]["dead"], 1);
        assert!(place.shown(&["dead"]).await.contains("what is stored of it cannot be read"));
        let shown = place.shown(&["show", &short(&lost), "--body"]).await;
        assert!(shown.contains("\ndied ") && shown.contains("\nbody      it cannot be read"), "{shown}");
        assert_eq!(place.json(&["show", &short(&lost)]).await[0]["body_bytes"], Value::Null);
        place.shown(&["replay", &short(&lost)]).await;
        assert!(place.lease(9).await.is_empty());
        place.shown(&["discard", &short(&lost)]).await;
        assert_eq!(place.state(lost.key).await, InboxState::Done);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_done_event_is_shown_without_what_is_not_kept() {
    for place in Place::both().await {
        let event = event(1, "a");
        place.accept(&event).await;
        let leased = place.lease(1).await;
        assert_eq!(place.inbox.done(&leased[0].holder).await.expect("an answer"), Transition::Applied);
        let key = event.key.to_string();
        let [told] = &place.json(&["show", &key, "--body"]).await[..] else { panic!("one object") };
        assert_eq!(
            ["state", "event_type", "job", "source", "why", "body_bytes", "body"].map(|field| &told[field]),
            [
                &json!("done"),
                &Value::Null,
                &Value::Null,
                &Value::Null,
                &Value::Null,
                &Value::Null,
                &Value::Null
            ]
        );
        assert!(place.shown(&["show", &key]).await.contains("not kept any more"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_beginning_of_a_key_must_name_one_dead_letter_alone() {
    let mut names: HashMap<String, usize> = HashMap::new();
    let twins = (0..10_000).find_map(|number| {
        let beginning = event(number, "").key.to_string()[..7].to_owned();
        names.insert(beginning, number).map(|other| [other, number])
    });
    let twins = twins.expect("16 bits are not many").map(|number| event(number, "a"));
    for place in Place::both().await {
        place.bury(&twins).await;
        let ambiguous = &twins[0].key.to_string()[..7];
        for command in ["show", "replay", "discard"] {
            let output = place.run(&[command, ambiguous]).await;
            assert_eq!(output.status.code(), Some(1), "{command}");
            let said = stdout(&output) + &stderr(&output);
            assert!(said.contains("the keys of several dead letters begin so"), "{said}");
        }
        for event in &twins {
            assert_eq!(place.state(event.key).await, InboxState::Dead);
            assert!(place.shown(&["show", &short(event)]).await.contains(&event.key.to_string()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_replayed_is_queued_again_and_what_is_not_dead_refused() {
    for place in Place::both().await {
        let events = ["one", "two", "three"].map(|name| event(name, "a"));
        place.bury(&events).await;
        let [one, two, three] = &events;
        let unknown = event("unknown", "").key.to_string();

        assert_eq!(
            place.shown(&["replay", &short(one), &two.key.to_string()]).await,
            format!("replayed   {}\nreplayed   {}\n", short(one), short(two))
        );
        assert_eq!(place.state(one.key).await, InboxState::Queued);
        assert_eq!(place.state(three.key).await, InboxState::Dead);

        let keys = [two.key.to_string(), unknown.clone(), unknown[..9].to_owned(), three.key.to_string()];
        let keys = keys.each_ref().map(String::as_str);
        let output = place.run(&[&["replay", "--json"], &keys[..]].concat()).await;
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("1 replayed, 3 refused."), "{}", stderr(&output));
        let outcome = |key: &str, outcome: &str, reason: Option<&str>| json!({ "key": key, "outcome": outcome, "reason": reason });
        let nothing = "no dead letter's key begins so: give the whole key of an event that is not dead";
        assert_eq!(
            objects(&output),
            [
                outcome(keys[0], "refused", Some("it is not dead: it is queued")),
                outcome(keys[1], "refused", Some("the inbox does not know this event")),
                outcome(keys[2], "refused", Some(nothing)),
                outcome(keys[3], "replayed", None),
            ]
        );
        let leased = place.lease(10).await;
        assert_eq!(
            leased.iter().map(|leased| (leased.attempt, leased.tries)).collect::<Vec<_>>(),
            [(2, 1); 3]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_type_or_a_job_can_be_replayed() {
    for place in Place::both().await {
        let events = [
            event_of(EventType::RenderFailed, 1, "a"),
            event_of(EventType::RenderFailed, 2, "b"),
            event_of(EventType::RenderComplete, 3, "b"),
        ];
        place.bury(&events).await;
        let [one, two, three] = events.each_ref().map(|event| event.key.to_string());
        let replay = ["replay", "--all"];
        let told = place.json(&[&replay[..], &["--type", "render-failed", "--job", "b"]].concat()).await;
        assert_eq!(keys(&told), [&two]);
        assert_eq!(keys(&place.json(&[&replay[..], &["--job", "b"]].concat()).await), [&three]);
        assert_eq!(keys(&place.json(&replay).await), [&one]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_discarded_is_done_and_all_are_not_without_a_yes() {
    for place in Place::both().await {
        let events = ["one", "two", "three"].map(|name| event(name, "a"));
        place.bury(&events).await;
        for arguments in [&["discard", "--all"][..], &["discard", "--all", "--job", "a", "--json"]] {
            let output = place.run(arguments).await;
            assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()));
            assert!(stderr(&output).contains("--yes"), "{}", stderr(&output));
        }
        assert_eq!(place.inbox.stats().await.expect("an answer").dead, 3);

        let key = events[0].key.to_string();
        assert_eq!(place.shown(&["discard", &key]).await, format!("discarded  {}\n", short(&events[0])));
        let again = place.run(&["discard", &key]).await;
        assert_eq!(again.status.code(), Some(1));
        let refused = format!("refused    {}  it is not dead: it is done\n", short(&events[0]));
        assert_eq!(stdout(&again), refused);
        let told = place.json(&["discard", "--all", "--yes"]).await;
        assert_eq!(told.iter().map(|object| &object["outcome"]).collect::<Vec<_>>(), ["discarded"; 2]);
        let stats = place.inbox.stats().await.expect("an answer");
        assert_eq!((stats.dead, stats.done), (0, 3));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_are_listed_and_replayed_once_each_though_a_worker_gives_up_on_them_at_once() {
    const MANY: usize = 2_345;
    for place in Place::both().await {
        place.bury_many(MANY).await;
        let listed = place.json(&["dead", "--limit", "100000"]).await;
        assert_eq!(keys(&listed).into_iter().collect::<BTreeSet<_>>().len(), MANY);
        assert_eq!(listed.len(), MANY);
        let few = place.json(&["dead", "--limit", "1200"]).await;
        assert_eq!(keys(&few), keys(&listed)[..1200]);

        let inbox = Arc::clone(&place.inbox);
        let worker = tokio::spawn(async move { bury_what_is_due(&inbox, MANY).await });
        let replayed = place.json(&["replay", "--all"]).await;
        worker.await.expect("its end");
        assert_eq!(keys(&replayed).into_iter().collect::<BTreeSet<_>>().len(), MANY);
        assert_eq!(replayed.len(), MANY);
        let filter = DeadFilter::default();
        let letters = place.inbox.dead(&filter).await.expect("an answer");
        assert!(letters.iter().all(|letter| letter.attempt == 2), "each was replayed once");
    }
}

/// The names and the content of all files in a directory.
fn content(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(directory).expect("a directory");
    let mut files: Vec<_> = files
        .map(|file| file.expect("a file"))
        .map(|file| {
            (file.file_name().to_string_lossy().into_owned(), std::fs::read(file.path()).unwrap_or_default())
        })
        .collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_inbox_is_neither_made_nor_changed() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("empty"), "").expect("a file");
    std::fs::write(path("text"), "no database ".repeat(1000)).expect("a file");
    std::fs::create_dir(path("directory")).expect("a directory");
    let other = rusqlite::Connection::open(path("other")).expect("a database");
    other.execute_batch("CREATE TABLE customers (name TEXT)").expect("a table");
    drop(other);
    let without_a_table = rusqlite::Connection::open(path("without-a-table")).expect("a database");
    without_a_table.execute_batch("CREATE TABLE a (b); DROP TABLE a").expect("a table");
    drop(without_a_table);

    let before = content(directory.path());
    for (name, why) in [
        ("missing", "there is no file where --sqlite says"),
        ("no/directory", "there is no file where --sqlite says"),
        ("directory", "there is no file where --sqlite says"),
        ("empty", "the file is empty"),
        ("text", "the file is not an SQLite database"),
        ("other", "the file is a database of something else"),
        ("without-a-table", "the file is empty"),
    ] {
        let file = path(name).display().to_string();
        for command in [&["stats"][..], &["dead"], &["replay", "--all"], &["discard", "--all", "--yes"]] {
            let output = lipdub_dev(&[&["inbox"], command, &["--sqlite", &file]].concat()).await;
            assert_eq!((output.status.code(), stdout(&output)), (Some(1), String::new()), "{name}");
            assert!(stderr(&output).contains(why), "{name}: {}", stderr(&output));
            assert!(!stderr(&output).contains(&file), "it may be a key: {}", stderr(&output));
            assert_eq!(content(directory.path()), before, "{name} {command:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_an_inbox_is_left_without_one() {
    let server = RedisServer::start();
    for prefix in [&[][..], &["--prefix", "another"]] {
        for command in [&["stats"][..], &["replay", "--all"]] {
            let output =
                lipdub_dev(&[&["inbox"], command, &["--redis", &server.url()], prefix].concat()).await;
            assert_eq!((output.status.code(), stdout(&output)), (Some(1), String::new()));
            assert!(stderr(&output).contains("there is no inbox under this prefix"), "{}", stderr(&output));
        }
    }
    assert_eq!(server.command(&["KEYS", "*"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_under_a_prefix_and_in_partitions_is_found() {
    let server = RedisServer::start();
    let builder = || RedisInbox::builder(server.url()).allow_volatile().prefix("own").partitions(3);
    let inbox = builder().connect().await.expect("an inbox");
    for number in 0..9 {
        inbox.accept(&event(number, &number.to_string())).await.expect("an answer");
    }
    let stats = lipdub_dev(&["inbox", "stats", "--json", "--redis", &server.url(), "--prefix", "own"]).await;
    assert_eq!(objects(&stats)[0]["due"], 9, "{}", stderr(&stats));
    builder().connect().await.expect("it has as many partitions as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_on_a_cluster_is_found_by_any_of_its_nodes() {
    let cluster = RedisCluster::start();
    let builder = RedisInbox::cluster(cluster.urls()).allow_volatile().partitions(6);
    let inbox = builder.timeout(Duration::from_secs(20)).connect().await.expect("an inbox");
    for number in 0..9 {
        inbox.accept(&event(number, &number.to_string())).await.expect("an answer");
    }
    bury_what_is_due(&(Arc::new(inbox) as Arc<dyn Inbox>), 9).await;
    let urls = cluster.urls();
    let nobody = "redis://127.0.0.1:9";
    for flags in [
        &["--redis", &urls[0], "--redis", &urls[1]][..],
        &["--redis", nobody, "--redis", &urls[2]],
        &["--redis", &urls[1], "--cluster"],
    ] {
        let output = lipdub_dev(&[&["inbox", "dead", "--json"], flags].concat()).await;
        assert_eq!(objects(&output).len(), 9, "{flags:?}: {}", stderr(&output));
    }
    let from_environment = program()
        .args(["inbox", "replay", "--all", "--json"])
        .env("LIPDUB_INBOX_REDIS_URL", format!("{} {}", urls[0], urls[1]))
        .output()
        .expect("the program");
    assert_eq!(objects(&from_environment).len(), 9, "{}", stderr(&from_environment));
    let wrong = lipdub_dev(&["inbox", "stats", "--redis", &urls[0], "--redis", "http://h"]).await;
    assert_eq!(wrong.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_one_inbox_must_be_named() {
    let both = ["--sqlite", "inbox.db", "--redis", "redis://127.0.0.1:9"];
    let file = ["--sqlite", "inbox.db"];
    for flags in [
        &[][..],
        &both,
        &[&file[..], &["--prefix", "own"]].concat(),
        &[&file[..], &["--cluster"]].concat(),
        &["--cluster"],
    ] {
        for command in
            [&["stats"][..], &["dead"], &["show", "v1-0123"], &["replay", "--all"], &["discard", "v1-0123"]]
        {
            let output = lipdub_dev(&[&["inbox"], command, flags].concat()).await;
            assert_eq!(
                (output.status.code(), stdout(&output)),
                (Some(2), String::new()),
                "{command:?} {flags:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_and_no_key_is_shown() {
    let server = RedisServer::start();
    server.command(&["ACL", "SETUSER", "app", "reset", "on", ">secret+word", "~*", "+@all"]);
    let at = |password: &str| format!("redis://app:{password}@127.0.0.1:{}", server.port());
    let right = at("secret%2Bword");
    let inbox = RedisInbox::builder(&*right).allow_volatile().connect().await.expect("an inbox");
    let event = event(1, "secret+word");
    inbox.accept(&event).await.expect("an answer");
    let request = LeaseRequest::new(LEASE).expect("a request");
    let leased = inbox.lease(&request).await.expect("an answer");
    let why = format!("{right} says no to SECRET+WORD");
    assert_eq!(inbox.bury(&leased[0].holder, &why).await.expect("an answer"), Transition::Applied);

    let (whole, unreachable) = (event.key.to_string(), "redis://app:secret@127.0.0.1:9".to_owned());
    let (no_url, http, wrong) = ("secret".to_owned(), "http://secret@h".to_owned(), at("secret"));
    for (url, code) in [(&right, 0), (&unreachable, 1), (&wrong, 1), (&no_url, 2), (&http, 2)] {
        for json in [&[][..], &["--json"]] {
            for command in [&["stats"][..], &["dead"], &["show", &whole, "--body"]] {
                let output = lipdub_dev(&[&["inbox"], command, &["--redis", url], json].concat()).await;
                let said = (stdout(&output) + &stderr(&output)).to_lowercase();
                assert_eq!(output.status.code(), Some(code), "{command:?}: {said}");
                assert!(!said.contains("secret"), "{command:?}: {said}");
            }
        }
    }
    let another = at("another-secret");
    let wrong: [&[&str]; 8] = [
        &["stats", KEY, "--redis", &right],
        &["stats", "--redis", &right, "--redis", &another],
        &["stats", "--sqlite", KEY],
        &["stats", "--sqlite", KEY, "--redis", &right],
        &["show", KEY, "--redis", &right],
        &["dead", "--type", KEY, "--redis", &right],
        &["dead", "--limit", KEY, "--redis", &right],
        &["dead", "--after", &right, "--redis", &right],
    ];
    for arguments in wrong {
        let output = lipdub_dev(&[&["inbox"], arguments].concat()).await;
        let said = stdout(&output) + &stderr(&output);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments:?}: {said}");
        assert!(!said.contains("secret"), "{arguments:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_url_comes_from_the_environment_and_the_help_does_not_show_it() {
    let server = RedisServer::start();
    let inbox = RedisInbox::builder(server.url()).allow_volatile().connect().await;
    let _inbox = inbox.expect("an inbox");
    let run = |arguments: &[&str], url: &str| {
        let mut program = program();
        program.arg("inbox").args(arguments).env("LIPDUB_INBOX_REDIS_URL", url).output().expect("the program")
    };
    assert_eq!(run(&["stats"], &server.url()).status.code(), Some(0));
    let help = run(&["stats", "--help"], "redis://:secret@127.0.0.1");
    assert!(stdout(&help).contains("LIPDUB_INBOX_REDIS_URL") && !stdout(&help).contains("secret"));
}
