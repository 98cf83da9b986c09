//! The real binary, on each framework.

#![allow(clippy::expect_used, reason = "what fails here fails the test")]

mod process;

use serde_json::json;

use self::process::{Redis, Testbed};

macro_rules! on_each_framework {
    ($($test:ident),* $(,)?) => {
        mod axum { $(#[test] fn $test() { super::$test("axum") })* }
        mod actix { $(#[test] fn $test() { super::$test("actix") })* }
        mod tower { $(#[test] fn $test() { super::$test("tower") })* }
    };
}

on_each_framework!(
    answers_other_paths_itself,
    handles_every_documented_type_and_others,
    does_what_the_event_says,
    drains_on_sigterm,
    knows_all_its_flags,
    remembers_in_redis,
    handles_what_it_stored,
    stores_for_a_worker_elsewhere,
);

fn answers_other_paths_itself(framework: &str) {
    let testbed = Testbed::start(framework, &[]);
    assert_eq!(testbed.get("/healthz"), (200, "ok".to_owned()));
    assert_eq!(testbed.get("/").0, 404);
    assert_eq!(testbed.get("/webhooks/lipdub/more").0, 404);
    assert_eq!(testbed.get("/webhooks/lipdub").0, 405);
}

fn handles_every_documented_type_and_others(framework: &str) {
    let testbed = Testbed::start(framework, &[]);
    let documented = lipdub_core::EventType::DOCUMENTED;
    let types = documented.iter().map(lipdub_core::EventType::as_str).chain(["SOMETHING_NEW"]);
    for event_type in types {
        let id = format!("for {event_type}");
        assert_eq!(testbed.deliver(event_type, &json!({ "id": id })), (200, "processed".to_owned()));
        let effects = testbed.effects();
        let [.., start, done] = effects.as_slice() else { panic!("two lines are missing: {effects:?}") };
        for (line, phase) in [(start, "start"), (done, "done")] {
            assert_eq!(line["phase"], phase);
            assert_eq!(line["event_type"], event_type);
            assert_eq!(line["attempt"], 1);
            assert_eq!(line["id"], id.as_str());
            assert!(line["key"].as_str().is_some_and(|key| key.starts_with("v1-")));
        }
    }
}

fn does_what_the_event_says(framework: &str) {
    let testbed = Testbed::start(framework, &[]);
    let deliver = |orders: serde_json::Value| {
        let data = json!({ "id": 7, "testbed": orders });
        testbed.deliver("VIDEO_RENDER_COMPLETE", &data)
    };
    let answer = |code: u16, status: &str| (code, status.to_owned());
    assert_eq!(deliver(json!({ "outcome": "ok" })), answer(200, "processed"));
    assert_eq!(deliver(json!({ "outcome": "ok" })), answer(200, "duplicate"));
    assert_eq!(deliver(json!({ "outcome": "fail" })), answer(500, "failed"));
    assert_eq!(deliver(json!({ "outcome": "panic" })), answer(500, "failed"));
    assert_eq!(deliver(json!({ "outcome": "permanent" })), answer(200, "rejected"));
    assert_eq!(deliver(json!({ "outcome": "ignore" })), answer(200, "ignored"));
    assert_eq!(deliver(json!({ "outcome": "no such thing" })), answer(500, "failed"));

    let twice = json!({ "fail_times": 2, "sleep_ms": 1 });
    assert_eq!(deliver(twice.clone()), answer(500, "failed"));
    assert_eq!(deliver(twice.clone()), answer(500, "failed"));
    assert_eq!(deliver(twice), answer(200, "processed"));
    let effects = testbed.effects();
    let last = effects.last().expect("a line");
    assert_eq!((&last["phase"], &last["attempt"]), (&json!("done"), &json!(3)));
}

fn drains_on_sigterm(framework: &str) {
    let mut testbed = Testbed::start(framework, &["--answer-deadline-ms", "50"]);
    let slow = json!({ "id": 1, "testbed": { "sleep_ms": 700 } });
    assert_eq!(testbed.deliver("VIDEO_RENDER_COMPLETE", &slow), (503, "pending".to_owned()));
    assert_eq!(testbed.terminate(), Some(0));
    let phases: Vec<_> = testbed.effects().iter().map(|line| line["phase"].clone()).collect();
    assert_eq!(phases, ["start", "done"]);
}

fn knows_all_its_flags(framework: &str) {
    let flags = ["--api-key", "whk_other", "--lease-ms", "1000", "--body-limit", "200"];
    let testbed = Testbed::start(framework, &flags);
    let data = json!({ "id": 1 });
    assert_eq!(testbed.deliver_as("whk_other", "TRAINING_COMPLETE", &data).0, 200);
    assert_eq!(testbed.deliver_as("whk_wrong", "TRAINING_COMPLETE", &data).0, 401);
    let large = json!({ "id": "x".repeat(200) });
    assert_eq!(testbed.deliver("TRAINING_COMPLETE", &large), (413, "too_large".to_owned()));
}

fn remembers_in_redis(framework: &str) {
    let redis = Redis::start();
    let data = json!({ "id": 1 });
    for status in ["processed", "duplicate"] {
        let mut testbed = Testbed::start(framework, &["--redis", &redis.url]);
        assert_eq!(testbed.deliver("VIDEO_RENDER_COMPLETE", &data), (200, status.to_owned()));
        assert_eq!(testbed.terminate(), Some(0));
    }
}

fn handles_what_it_stored(framework: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("inbox.db").display().to_string();
    let flags = ["--inbox-sqlite", &file, "--worker", "--concurrency", "2", "--backoff-ms", "1"];
    let mut testbed = Testbed::start(framework, &flags);
    let data = json!({ "id": 1, "testbed": { "fail_times": 1 } });
    assert_eq!(testbed.deliver("VIDEO_RENDER_COMPLETE", &data), (200, "accepted".to_owned()));
    testbed.until_done(1);
    assert_eq!(testbed.effects().last().expect("a line")["attempt"], 2);
    assert_eq!(testbed.terminate(), Some(0));
}

fn stores_for_a_worker_elsewhere(framework: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name).display().to_string();
    let flags = ["--inbox-sqlite", &at("inbox.db"), "--inbox-journal", &at("journal")];
    let testbed = Testbed::start(framework, &flags);
    let data = json!({ "id": 1 });
    assert_eq!(testbed.deliver("VIDEO_RENDER_COMPLETE", &data), (200, "accepted".to_owned()));
    assert_eq!(testbed.effects(), [] as [serde_json::Value; 0]);

    let flags =
        [&flags[..], &["--tries", "3", "--lease-ms", "1000", "--idle-ms", "10", "--per-job"]].concat();
    let mut worker = Testbed::start_worker(&flags);
    worker.until_done(1);
    assert_eq!(worker.terminate(), Some(0));
    assert_eq!(testbed.deliver("VIDEO_RENDER_COMPLETE", &data), (200, "duplicate".to_owned()));
    let calls: Vec<serde_json::Value> = std::fs::read_to_string(at("journal"))
        .expect("the journal")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let said = |line: &serde_json::Value| format!("{} {}", line["call"], line["outcome"]).replace('"', "");
    let said: Vec<_> = calls.iter().map(said).collect();
    let asked = ["accept asked", "accept new", "lease applied", "done asked", "done applied"];
    assert_eq!(said, [&asked[..], &["accept asked", "accept done"]].concat());
}
