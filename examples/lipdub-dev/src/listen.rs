//! `lipdub-dev listen`.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::capture::{self, Capture};
use crate::output::{Colour, Output, plain, readable};
use crate::save_file::SaveFile;
use crate::{BoxError, IsWell};

/// Show each delivery as it comes in, and save it for `replay`
///
/// Any method and path is taken. Credentials are neither shown nor saved; bodies are, and they hold customers' data.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Where to listen; port 0 is a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:3000")]
    bind: String,
    /// Append each delivery to this file, as a line of JSON
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Answer with this code, to see what LipDub does then
    #[arg(long, value_name = "CODE", default_value_t = 200, value_parser = code)]
    answer: u16,
}

const EXAMPLES: &str = "\
Examples:
  lipdub-dev listen --bind 127.0.0.1:3000
  lipdub-dev listen --bind 127.0.0.1:0 --save deliveries.jsonl --answer 503

LipDub delivers only to public https URLs: put a tunnel (cloudflared, ngrok) in front of it.";

const BODY_LIMIT: usize = 10 * 1024 * 1024;
/// How long connections may take to finish once Ctrl-C was pressed.
const GRACE: Duration = Duration::from_secs(2);

struct Listener {
    output: Output,
    file: Option<Mutex<SaveFile>>,
    answer: StatusCode,
}

fn code(text: &str) -> Result<u16, &'static str> {
    text.parse().ok().filter(|code| (200..=599).contains(code)).ok_or("it must be from 200 to 599")
}

pub(crate) async fn run(options: Options, output: &Output) -> Result<IsWell, BoxError> {
    let file = options.save.as_deref().map(SaveFile::open).transpose();
    let file =
        file.map_err(|error| format!("the file to save to cannot be written: {error}"))?.map(Mutex::new);
    let answer = StatusCode::from_u16(options.answer)?;
    let bound = TcpListener::bind(&options.bind).await;
    let bound = bound.map_err(|error| format!("{} cannot be listened at: {error}", named(&options.bind)))?;
    let url = format!("http://{}", bound.local_addr()?);
    output.line(|_| format!("listening on {url}"), |_| json!({ "listening_on": url }));

    let application = Router::new().fallback(receive).with_state(Arc::new(Listener {
        output: output.clone(),
        file,
        answer,
    }));
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = axum::serve(bound, application).with_graceful_shutdown(async { drop(stopped.await) });
    let server = tokio::spawn(serving.into_future());
    interrupted.await;
    drop(stop);
    match timeout(GRACE, server).await {
        Ok(ended) => ended??,
        Err(_) => output.remark("A connection was still open."),
    }
    Ok(true)
}

/// The address, unless it is none: then it may be a key.
fn named(address: &str) -> &str {
    if address.parse::<SocketAddr>().is_ok() { address } else { "what --bind names" }
}

async fn receive(State(listener): State<Arc<Listener>>, request: Request<Body>) -> (StatusCode, String) {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        listener.output.remark("A body broke off, or was over 10 MiB; it is left out.");
        return (StatusCode::PAYLOAD_TOO_LARGE, String::new());
    };
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let capture = Capture::now(&head.method, path, &head.headers, &body);
    listener.show(&capture, body.len());
    if let Err(error) = listener.save(&capture) {
        listener.output.error(format_args!("the delivery could not be saved: {error}"));
    }
    (listener.answer, format!("{}\n", json!({ "status": "seen by lipdub-dev" })))
}

impl Listener {
    fn show(&self, capture: &Capture, bytes: usize) {
        let answer = self.answer.as_u16();
        let human = |output: &Output| {
            let event_type = capture.event_type().unwrap_or_else(|| "not an event".to_owned());
            let line = format!("{} {}  {}", capture.method, capture.path, plain(&event_type));
            let mut shown = format!(
                "\n{} {}  {bytes} bytes, answered {answer}",
                output.paint(Colour::Grey, &capture.received_at),
                output.paint(Colour::Green, line),
            );
            let headers = capture.headers.iter();
            let lines = headers.flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
            for (name, value) in lines {
                shown.push_str(&format!(
                    "\n  {}",
                    output.paint(Colour::Grey, format_args!("{name}: {}", plain(value)))
                ));
            }
            shown + "\n" + &body(&capture.body)
        };
        self.output.line(human, |_| serde_json::to_value(capture).unwrap_or_default());
    }

    fn save(&self, capture: &Capture) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let line = serde_json::to_string(capture)?;
        file.lock().unwrap_or_else(PoisonError::into_inner).append(&line)
    }
}

fn body(body: &capture::Body) -> String {
    match body {
        capture::Body::Text(text) => readable(text),
        capture::Body::Bytes(digits) => format!("  (not text) {digits}"),
    }
}
