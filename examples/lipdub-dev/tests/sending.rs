//! `send`, `listen` and `replay`, one after the other.

#![allow(clippy::expect_used, reason = "what fails here fails the test")]
#![allow(dead_code, reason = "each test binary uses its part of what they share")]

mod support;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use lipdub_core::testing::{HttpTarget, Request, Target as _};
use serde_json::{Value, json};
use support::{KEY, Listening, Wrong, lipdub_dev, naive_receiver, objects, program, right_receiver, stdout};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_sent_and_its_answer_shown() {
    let (url, runs) = right_receiver().await;
    let send = ["send", "render-complete", "--to", &url, "--api-key", KEY];
    let output = lipdub_dev(&send).await;
    assert_eq!(output.status.code(), Some(0));
    assert!(
        stdout(&output).starts_with("try 1    VIDEO_RENDER_COMPLETE      200 processed"),
        "{}",
        stdout(&output)
    );
    let again = lipdub_dev(&send).await;
    assert!(stdout(&again).contains("200 processed"), "it is another event: {}", stdout(&again));
    let older = lipdub_dev(&[&send[..], &["--x-api-key"]].concat()).await;
    assert!(stdout(&older).contains("200 processed"), "{}", stdout(&older));
    assert_eq!(*runs.lock().expect("a count"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_many_times_is_handled_once() {
    let (url, runs) = right_receiver().await;
    let send = ["send", "render-complete", "--to", &url, "--api-key", KEY, "--times", "6", "--json"];
    for (parallel, expected) in [(&[][..], 1), (&["--parallel"], 2)] {
        let output = lipdub_dev(&[&send[..], parallel].concat()).await;
        let statuses: Vec<_> = objects(&output).iter().map(|tried| tried["status"].clone()).collect();
        assert_eq!(statuses.iter().filter(|status| **status == "processed").count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == "duplicate").count(), 5, "{statuses:?}");
        assert_eq!(*runs.lock().expect("a count"), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_leads_to_a_duplicate() {
    let (url, _) = right_receiver().await;
    let send = [
        "send",
        "render-complete",
        "--to",
        &url,
        "--api-key",
        KEY,
        "--lost-answer",
        "--retry-delay",
        "0",
        "--json",
    ];
    let output = lipdub_dev(&send).await;
    let tries: Vec<_> =
        objects(&output).iter().map(|tried| (tried["outcome"].clone(), tried["status"].clone())).collect();
    assert_eq!(tries, [(json!("lost"), json!("processed")), (json!("answered"), json!("duplicate"))]);
    assert_eq!(output.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_tried_three_times_if_asked_and_ends_with_1() {
    let url = naive_receiver(Wrong::KnowsNoOtherType).await;
    let send = ["send", "Avatar-Complete", "--to", &url, "--api-key", KEY, "--retry-delay", "0", "--json"];
    for (retry, tries) in [(&[][..], 1), (&["--retry"], 3)] {
        let output = lipdub_dev(&[&send[..], retry].concat()).await;
        let codes: Vec<_> = objects(&output).iter().map(|tried| tried["code"].clone()).collect();
        assert_eq!((codes, output.status.code()), (vec![json!(404); tries], Some(1)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_sent_is_shown_without_being_sent() {
    let set = ["--set", "data.generate_id=7", "--set", "data.note=seven", "--set", "created_at=then"];
    let output = lipdub_dev(&[&["send", "render-failed", "--dry-run"], &set[..]].concat()).await;
    let body: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(body["event_type"], "RENDER_PROCESSING_FAILED");
    assert_eq!((&body["data"]["generate_id"], &body["data"]["note"]), (&json!(7), &json!("seven")));
    assert_eq!(body["created_at"], "then");
}

#[test]
fn an_event_comes_from_a_file_or_from_the_standard_input() {
    let text = "{\"event_type\": \"X\",  \"data\": {\"n\": 1.50}}";
    let sent = |more: &[&str]| {
        let mut process = program()
            .args(["send", "--file", "-", "--dry-run"])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program");
        process.stdin.take().expect("its input").write_all(text.as_bytes()).expect("an event");
        String::from_utf8(process.wait_with_output().expect("its end").stdout).expect("text")
    };
    assert_eq!(sent(&[]).trim_end(), text, "to the letter");
    let body: Value = serde_json::from_str(&sent(&["--set", "data.n=2"])).expect("JSON");
    assert_eq!(body, json!({ "event_type": "X", "data": { "n": 2 } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_told_and_ends_with_2() {
    for (wrong, told) in [
        (&["send", "render-complete"][..], "--to"),
        (&["send", "--to", "http://h"], "EVENT"),
        (&["send", "x", "--to", "http://h", "--set", "data.a"], "data.generate_id=7"),
        (&["send", "x", "--to", "http://h", "--timeout", "nan"], "86400"),
        (&["send", "x", "--to", "h"], "this is no URL"),
        (&["send", "x", "--to", "ftp://h"], "http://"),
        (&["send", "x", "--to", "http://user:pass@h"], "--api-key"),
        (&["replay", "/dev/null", "--to", "h"], "this is no URL"),
        (&["doctor", "h"], "this is no URL"),
        (&["replay", "--to", "http://h"], "FILE"),
        (&["doctor", "http://h", "--api-key", ""], "it is empty"),
        (&["send", "x", "--to", "http://h", "--api-key", "whk_1\n"], "a line break"),
        (&["replay", "/dev/null", "--to", "http://h", "--api-key", "whk\u{7}_1"], "a line break"),
        (&["send", "x", "--to", "http://h", "--api-key", "whk_1 "], "a space"),
    ] {
        let output = lipdub_dev(wrong).await;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {error}");
        assert!(error.contains(told), "{wrong:?}: {error}");
    }
    for (wrong, told) in [
        (&["send", "--file", "/no/such/file", "--to", "http://h"][..], "cannot be read"),
        (&["listen", "--bind", "nowhere"], "cannot be listened at"),
    ] {
        let output = lipdub_dev(wrong).await;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{wrong:?}: {error}");
        assert!(error.contains(told), "{wrong:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_listened_to_is_replayed_to_the_letter() {
    let directory = tempfile::tempdir().expect("a directory");
    let [first, second] =
        ["first.jsonl", "second.jsonl"].map(|name| directory.path().join(name).display().to_string());
    let mut listening = Listening::start(&["--save", &first]);
    let url = format!("{}/webhooks/lipdub/jobs/mine/token-secret?key=secret", listening.url);
    for event in ["render-complete", "render-failed"] {
        let output = lipdub_dev(&["send", event, "--to", &url, "--api-key", KEY]).await;
        assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    }
    let odd = Request::new(&b"\xff\x00 no text"[..])
        .header("authorization", format!("Bearer {KEY}"))
        .header("x-own", "1");
    HttpTarget::new(&url).expect("a URL").deliver(odd).await.expect("an answer");
    assert_eq!(listening.interrupt(), Some(0));

    let saved = std::fs::read_to_string(&first).expect("the file");
    assert_eq!(saved.lines().count(), 3);
    assert!(!saved.contains(KEY) && !saved.contains("secret"), "{saved}");
    assert!(saved.contains("/webhooks/lipdub/jobs/mine/[REDACTED]"), "{saved}");
    let mode = std::fs::metadata(&first).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let listening = Listening::start(&["--save", &second]);
    let replayed = lipdub_dev(&["replay", &first, "--to", &listening.url, "--api-key", KEY]).await;
    assert_eq!(replayed.status.code(), Some(0), "{}", stdout(&replayed));
    assert!(
        stdout(&replayed).contains("first.jsonl:2 RENDER_PROCESSING_FAILED   200"),
        "{}",
        stdout(&replayed)
    );
    let again = std::fs::read_to_string(&second).expect("the file");
    let bodies = |lines: &str| -> Vec<Value> {
        let line = |line: &str| serde_json::from_str::<Value>(line).expect("JSON");
        let kept = |line: Value| {
            json!([
                line["body"],
                line["body_hex"],
                line["headers"]["x-lipdub-event"],
                line["headers"]["x-own"]
            ])
        };
        lines.lines().map(line).map(kept).collect()
    };
    assert_eq!(bodies(&again), bodies(&saved));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_can_be_of_one_type_and_says_what_failed() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("saved.jsonl");
    let line = |event_type: &str| {
        let body = json!({ "event_type": event_type }).to_string();
        json!({ "received_at": "now", "method": "POST", "path": "/", "headers": {}, "body": body })
    };
    std::fs::write(&file, format!("{}\n\n{}\n", line("VIDEO_RENDER_COMPLETE"), line("OTHER")))
        .expect("a file");
    let (url, path) = (naive_receiver(Wrong::KnowsNoOtherType).await, file.display().to_string());
    let replay = ["replay", &path, "--to", &url, "--api-key", KEY, "--json"];
    let all = lipdub_dev(&replay).await;
    assert_eq!((objects(&all).len(), all.status.code()), (2, Some(1)));
    let one = lipdub_dev(&[&replay[..], &["--only", "render-complete", "--times", "2"]].concat()).await;
    assert_eq!((objects(&one).len(), one.status.code()), (2, Some(0)));

    std::fs::write(&file, format!("{}\n{{\"secret\": 1}}\n", line("X"))).expect("a file");
    let broken = lipdub_dev(&replay).await;
    let error = String::from_utf8_lossy(&broken.stderr).into_owned();
    assert!(error.contains("saved.jsonl:2 is no delivery"), "{error}");
    assert!(!error.contains("secret"), "{error}");
    assert_eq!(broken.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_answers_what_it_is_told_to() {
    let listening = Listening::start(&["--answer", "503"]);
    let output = lipdub_dev(&["send", "render-complete", "--to", &listening.url, "--json"]).await;
    assert_eq!((&objects(&output)[0]["code"], output.status.code()), (&json!(503), Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_comes_from_the_environment_and_is_never_shown() {
    let (url, runs) = right_receiver().await;
    let run = move || {
        program().args(["send", "render-complete", "--to", &url]).env("LIPDUB_WEBHOOK_API_KEY", KEY).output()
    };
    let output = tokio::task::spawn_blocking(run).await.expect("its end").expect("the program");
    assert_eq!((output.status.code(), *runs.lock().expect("a count")), (Some(0), 1));
    let help =
        program().args(["send", "--help"]).env("LIPDUB_WEBHOOK_API_KEY", KEY).output().expect("the help");
    for text in [output.stdout, output.stderr, help.stdout] {
        assert!(!String::from_utf8_lossy(&text).contains(KEY));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_gives_orders_to_the_terminal() {
    let url = naive_receiver(Wrong::PaintsTheTerminal).await;
    for arguments in [&["send", "render-complete", "--to", &url][..], &["doctor", &url]] {
        let output = stdout(&lipdub_dev(arguments).await);
        assert!(output.contains("200 [31mred"), "{output}");
        assert!(!output.contains('\u{1b}') && !output.contains('\u{7}'), "{output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_are_replayed_one_by_one_and_credentials_not_at_all() {
    let directory = tempfile::tempdir().expect("a directory");
    let [first, second] = ["first", "second"].map(|name| directory.path().join(name).display().to_string());
    let headers = json!({
        "X-Own": ["1", "2, 3"],
        "x-once": "1",
        "X-API-KEY": "[REDACTED]",
        "Cookie": "a=b",
        "Host": "elsewhere.example",
        "x-forwarded-uri": "/jobs/mine/[REDACTED]",
    });
    let line =
        json!({ "received_at": "now", "method": "POST", "path": "/", "headers": headers, "body": "{}" });
    std::fs::write(&first, line.to_string()).expect("a file");
    let mut listening = Listening::start(&["--save", &second]);
    let replayed = lipdub_dev(&["replay", &first, "--to", &listening.url, "--api-key", KEY]).await;
    assert_eq!(replayed.status.code(), Some(0), "{}", stdout(&replayed));
    assert_eq!(listening.interrupt(), Some(0));
    let saved: Value =
        serde_json::from_str(&std::fs::read_to_string(&second).expect("the file")).expect("JSON");
    let came = &saved["headers"];
    assert_eq!((&came["x-own"], &came["x-once"]), (&json!(["1", "2, 3"]), &json!("1")));
    assert_eq!(
        (&came["x-api-key"], &came["cookie"], &came["x-forwarded-uri"]),
        (&json!(null), &json!(null), &json!(null))
    );
    assert!(listening.url.ends_with(came["host"].as_str().expect("one")), "{came}");
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_are_beside_the_output_also_with_json() {
    let (url, _) = right_receiver().await;
    let send = ["send", "Avatar-Complete", "--to", &url, "--api-key", KEY];
    for json in [&[][..], &["--json"]] {
        let output = lipdub_dev(&[&send[..], json].concat()).await;
        let notice = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(notice.contains("LipDub documents no type \"Avatar-Complete\""), "{notice}");
        assert_eq!(stdout(&output).lines().count(), 1, "{}", stdout(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_no_further_hears_no_complaint() {
    let (url, _) = right_receiver().await;
    for arguments in [
        &["send", "render-complete", "--to", &url, "--api-key", KEY, "--times", "20"][..],
        &["doctor", &url, "--api-key", KEY, "--json"],
        &["send", "render-complete", "--dry-run"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut process = program();
        process.args(arguments).stdout(writer);
        let output = tokio::task::spawn_blocking(move || process.output()).await;
        let output = output.expect("its end").expect("its output");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!error.contains("panicked") && !error.contains("pipe"), "{error}");
        assert_eq!(output.status.code(), Some(141), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_not_saved_to_the_end_of_a_line_that_was_cut_off() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().display().to_string();
    std::fs::write(&path, "{\"received_at\":\"cut o").expect("a file");
    for lines in [2, 3] {
        let listening = Listening::start(&["--save", &path]);
        let output = lipdub_dev(&["send", "render-complete", "--to", &listening.url]).await;
        assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
        let saved = std::fs::read_to_string(&path).expect("the file");
        assert_eq!(saved.lines().count(), lines, "{saved}");
        let last: Value = serde_json::from_str(saved.lines().last().expect("a line")).expect("JSON");
        assert_eq!(last["method"], "POST");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_nothing_is_said_to_be_one_and_ends_with_1() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("saved").display().to_string();
    let line = |method: &str, event_type: &str| {
        let body = json!({ "event_type": event_type }).to_string();
        json!({ "received_at": "now", "method": method, "path": "/", "headers": {}, "body": body })
            .to_string()
    };
    let (url, _) = right_receiver().await;
    let replay = ["replay", &file, "--to", &url, "--api-key", KEY, "--only", "X", "--json"];
    for (lines, sent, skipped) in [
        (String::new(), 0, 0),
        (line("POST", "Y"), 0, 0),
        (line("GET", "X"), 0, 1),
        (format!("{}\n\n{}\r\n{}", line("GET", "X"), line("PUT", "X"), line("POST", "X")), 1, 2),
    ] {
        std::fs::write(&file, &lines).expect("a file");
        let output = lipdub_dev(&replay).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said.matches("There was nothing to replay.").count(), 1 - sent, "{lines}: {said}");
        assert_eq!(said.matches("it is skipped").count(), skipped, "{lines}: {said}");
        assert_eq!(
            (objects(&output).len(), output.status.code()),
            (sent, Some(1 - i32::from(sent == 1))),
            "{lines}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_no_text_is_told_by_its_number() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().display().to_string();
    std::fs::write(&path, b"\n\n\xff\xfe\n").expect("a file");
    let output = lipdub_dev(&["replay", &path, "--to", "http://127.0.0.1:9"]).await;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains(":3 is no delivery"), "{error}");
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_try_is_told_apart() {
    let (url, _) = right_receiver().await;
    let send = ["send", "render-complete", "--to", &url, "--api-key", KEY, "--times", "3", "--lost-answer"];
    for parallel in [&[][..], &["--parallel"]] {
        let output = lipdub_dev(&[&send[..], &["--retry-delay", "0", "--json"], parallel].concat()).await;
        let number = |object: &Value, name: &str| object[name].as_u64().expect("a number");
        let mut tries: Vec<_> =
            objects(&output).iter().map(|tried| (number(tried, "delivery"), number(tried, "try"))).collect();
        tries.sort_unstable();
        assert_eq!(tries, [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)]);
    }
    let shown = stdout(&lipdub_dev(&[&send[..], &["--retry-delay", "0"]].concat()).await);
    assert!(shown.contains("\n#2 try 1 VIDEO_RENDER_COMPLETE      200"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_a_table_however_long_its_names_are() {
    let directory = tempfile::tempdir().expect("a directory");
    let names = ["short", "a-name-that-is-longer-than-most"];
    let files = names.map(|name| directory.path().join(name).display().to_string());
    let body = "{\"event_type\":\"X\\u001b[31m\"}";
    let line = json!({ "received_at": "now", "method": "POST", "path": "/", "headers": {}, "body": body });
    files.iter().for_each(|file| std::fs::write(file, line.to_string()).expect("a file"));
    let (url, _) = right_receiver().await;
    let replay = ["replay", &files[0], &files[1], "--to", &url, "--api-key", KEY, "--times", "2"];
    let shown = stdout(&lipdub_dev(&replay).await);
    let columns: Vec<_> = shown.lines().map(|line| line.find("200").expect("an answer")).collect();
    assert_eq!(columns, vec![columns[0]; 4], "{shown}");
    assert!(!shown.contains('\u{1b}'), "no event gives orders to the terminal: {shown:?}");
    let told = objects(&lipdub_dev(&[&replay[..], &["--json"]].concat()).await);
    let told: Vec<_> = told.iter().map(|object| json!([object["place"], object["delivery"]])).collect();
    let [short, long] = files.map(|file| file + ":1");
    assert_eq!(told, [json!([short, 1]), json!([short, 2]), json!([long, 1]), json!([long, 2])]);
}
