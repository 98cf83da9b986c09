//! The real program, and receivers for it, right ones and wrong ones.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode};
use lipdub_axum::Webhook;
use serde_json::Value;
use tokio::net::TcpListener;

pub(crate) const KEY: &str = "whk_secret_0123456789";

/// Runs the program to its end.
pub(crate) async fn lipdub_dev(arguments: &[&str]) -> Output {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let run = move || program().args(arguments).stdin(Stdio::null()).output().expect("the program");
    tokio::task::spawn_blocking(run).await.expect("its end")
}

pub(crate) fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_lipdub-dev"));
    program.env_remove("LIPDUB_WEBHOOK_API_KEY").env_remove("LIPDUB_INBOX_REDIS_URL").env_remove("COLUMNS");
    program
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// The lines of `--json`.
pub(crate) fn objects(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// `lipdub-dev listen`, running. It is killed when this is dropped.
pub(crate) struct Listening {
    process: Child,
    shown: Option<JoinHandle<String>>,
    pub(crate) url: String,
}

impl Listening {
    pub(crate) fn start(more: &[&str]) -> Self {
        let mut process = program()
            .args(["listen", "--bind", "127.0.0.1:0"])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program");
        let mut line = String::new();
        let mut stdout = BufReader::new(process.stdout.take().expect("its output"));
        stdout.read_line(&mut line).expect("a line");
        // Whoever does not read lets it block.
        let shown = std::thread::spawn(move || std::io::read_to_string(stdout).expect("text"));
        let from = line.find("http://").unwrap_or_else(|| panic!("first line {line:?}"));
        let url = line[from..].trim_end_matches(['\n', '"', '}']);
        Self { process, shown: Some(shown), url: url.to_owned() }
    }

    /// Presses Ctrl-C and waits for the exit code.
    pub(crate) fn interrupt(&mut self) -> Option<i32> {
        let process = self.process.id().to_string();
        assert!(Command::new("kill").args(["-INT", &process]).status().expect("kill").success());
        self.process.wait().expect("its end").code()
    }

    /// What it has shown since its first line, once it was interrupted.
    pub(crate) fn shown(&mut self) -> String {
        self.shown.take().expect("it was not asked before").join().expect("its output")
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A receiver of this project, which counts how often its handler ran.
pub(crate) async fn right_receiver() -> (String, Arc<Mutex<u32>>) {
    let runs: Arc<Mutex<u32>> = Arc::default();
    let count = Arc::clone(&runs);
    let webhook = Webhook::builder().api_key(KEY).on_render_complete(move |_event| {
        *count.lock().expect("a count") += 1;
        async { Ok(()) }
    });
    let router = Router::new().merge(lipdub_axum::router(webhook.build().expect("a webhook")));
    (serve(router).await + "/webhooks/lipdub", runs)
}

/// One thing that a receiver of somebody's own does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Nothing,
    AnswersEverything200,
    HandlesNothing,
    AsksForNoKey,
    TakesAGet,
    TakesAnyKey,
    KnowsNoOtherType,
    FailsOnGarbage,
    TakesGarbage,
    FailsWithoutType,
    TakesAnyJson,
    HandlesTwice,
    HandlesFreshLinksTwice,
    RefusesDuplicates,
    IsBusyWithDuplicates,
    IsSlow,
    TakesNothingLarge,
    TakesNothingOf16Kb,
    PaintsTheTerminal,
}

/// A receiver as somebody might write it who does not use this project.
pub(crate) async fn naive_receiver(wrong: Wrong) -> String {
    let seen: Arc<Mutex<HashSet<String>>> = Arc::default();
    let handle = move |method: Method, headers: HeaderMap, body: Bytes| {
        let seen = Arc::clone(&seen);
        async move {
            if wrong == Wrong::IsSlow {
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
            match (method, wrong) {
                (Method::POST, _) | (_, Wrong::AnswersEverything200) => answer(wrong, &headers, &body, &seen),
                (_, Wrong::TakesAGet) => (StatusCode::OK, ""),
                _ => (StatusCode::METHOD_NOT_ALLOWED, ""),
            }
        }
    };
    serve(Router::new().fallback(handle)).await
}

fn answer(
    wrong: Wrong,
    headers: &HeaderMap,
    body: &[u8],
    seen: &Mutex<HashSet<String>>,
) -> (StatusCode, &'static str) {
    let (processed, duplicate) = (r#"{"status":"processed"}"#, r#"{"status":"duplicate"}"#);
    if wrong == Wrong::PaintsTheTerminal {
        return (StatusCode::OK, r#"{"status":"\u001b[31mred","detail":"\u001b]0;title\u0007"}"#);
    }
    if wrong == Wrong::AnswersEverything200 {
        return (StatusCode::OK, "");
    }
    let bearer = headers.get("authorization").map(|value| value == &format!("Bearer {KEY}"));
    let older = headers.get("x-api-key").map(|value| value == KEY);
    let is_admitted = match bearer.or(older) {
        None => wrong == Wrong::AsksForNoKey,
        Some(is_right) => is_right || wrong == Wrong::TakesAnyKey,
    };
    if !is_admitted {
        return (StatusCode::UNAUTHORIZED, "");
    }
    let limit = match wrong {
        Wrong::TakesNothingLarge => 50_000,
        Wrong::TakesNothingOf16Kb => 10_000,
        _ => usize::MAX,
    };
    if body.len() > limit {
        return (StatusCode::PAYLOAD_TOO_LARGE, "");
    }
    let Ok(event) = serde_json::from_slice::<Value>(body) else {
        return match wrong {
            Wrong::FailsOnGarbage => (StatusCode::INTERNAL_SERVER_ERROR, ""),
            Wrong::TakesGarbage => (StatusCode::OK, ""),
            _ => (StatusCode::BAD_REQUEST, ""),
        };
    };
    if !event["event_type"].is_string() && wrong != Wrong::TakesAnyJson {
        return match wrong {
            Wrong::FailsWithoutType => (StatusCode::INTERNAL_SERVER_ERROR, ""),
            _ => (StatusCode::BAD_REQUEST, ""),
        };
    }
    if event["event_type"] != "VIDEO_RENDER_COMPLETE" || wrong == Wrong::HandlesNothing {
        return match wrong {
            Wrong::KnowsNoOtherType => (StatusCode::NOT_FOUND, ""),
            _ => (StatusCode::OK, r#"{"status":"ignored"}"#),
        };
    }
    let key = match wrong {
        Wrong::HandlesFreshLinksTwice => String::from_utf8_lossy(body).into_owned(),
        _ => format!("{}{}", event["created_at"], event["data"]["generate_id"]),
    };
    let is_new = seen.lock().expect("a set").insert(key);
    match wrong {
        _ if is_new => (StatusCode::OK, processed),
        Wrong::HandlesTwice => (StatusCode::OK, processed),
        Wrong::IsBusyWithDuplicates => (StatusCode::SERVICE_UNAVAILABLE, ""),
        Wrong::RefusesDuplicates => (StatusCode::CONFLICT, ""),
        _ => (StatusCode::OK, duplicate),
    }
}

/// Serves it at a free port, and tells its URL.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}
