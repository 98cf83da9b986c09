//! What an adapter adds to the build of a program that is made with its framework.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::BoxError;
use crate::document::{results_directory, root, save};

/// What the adapter adds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct BuildCost {
    pub(crate) adapter: String,
    pub(crate) crates: Added,
    /// Processor time of the compiler, in seconds.
    pub(crate) seconds: Added,
    /// Bytes of the stripped program.
    pub(crate) bytes: Added,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Added {
    pub(crate) without: f64,
    pub(crate) with: f64,
}

impl Added {
    pub(crate) fn difference(self) -> f64 {
        self.with - self.without
    }
}

/// A program, with an adapter or without.
struct Program {
    framework: &'static str,
    adapter: Option<&'static str>,
    main: &'static str,
}

struct Built {
    crates: usize,
    seconds: f64,
    bytes: u64,
}

pub(crate) fn run() -> Result<(), BoxError> {
    let axum = r#"axum = { version = "0.8", default-features = false, features = ["http1", "tokio"] }"#;
    let actix = r#"actix-web = { version = "4", default-features = false, features = ["macros"] }"#;
    compare("lipdub-axum", axum, AXUM, AXUM_WITH_LIPDUB)?;
    compare("lipdub-actix", actix, ACTIX, ACTIX_WITH_LIPDUB)
}

fn compare(
    adapter: &'static str,
    framework: &'static str,
    without: &'static str,
    with: &'static str,
) -> Result<(), BoxError> {
    let without = Program { framework, adapter: None, main: without }.build()?;
    let with = Program { framework, adapter: Some(adapter), main: with }.build()?;
    let cost = BuildCost {
        adapter: adapter.to_owned(),
        crates: Added { without: without.crates as f64, with: with.crates as f64 },
        seconds: Added { without: without.seconds, with: with.seconds },
        bytes: Added { without: without.bytes as f64, with: with.bytes as f64 },
    };
    save("build-cost", adapter, &cost)
}

impl Program {
    fn build(&self) -> Result<Built, BoxError> {
        eprintln!("building {} with {}", self.framework, self.adapter.unwrap_or("nothing else"));
        let directory = TempDir::new_in(results_directory()?)?;
        self.write(directory.path())?;
        let crates = crates(directory.path())?;
        let seconds = compile(directory.path())?;
        let bytes = fs::metadata(directory.path().join("target/release/program"))?.len();
        Ok(Built { crates, seconds, bytes })
    }

    fn write(&self, directory: &Path) -> Result<(), BoxError> {
        let root = root();
        let adapter = match self.adapter {
            Some(name) => format!("{name} = {{ path = {:?} }}", root.join(name)),
            None => String::new(),
        };
        let manifest = format!(
            "[package]\nname = \"program\"\nedition = \"2024\"\n\n[workspace]\n\n[profile.release]\nstrip = true\n\n\
             [dependencies]\n{}\ntokio = {{ version = \"1\", default-features = false, features = [\"macros\", \
             \"rt-multi-thread\", \"net\"] }}\n{adapter}\n",
            self.framework
        );
        fs::create_dir(directory.join("src"))?;
        fs::write(directory.join("Cargo.toml"), manifest)?;
        fs::write(directory.join("src/main.rs"), self.main)?;
        // The versions that we test with.
        fs::copy(root.join("Cargo.lock"), directory.join("Cargo.lock"))?;
        Ok(())
    }
}

/// All that is compiled for this machine, apart from what only runs while building.
fn crates(directory: &Path) -> Result<usize, BoxError> {
    let tree = Command::new("cargo")
        .args(["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .current_dir(directory)
        .output()?;
    let names = String::from_utf8(tree.stdout)?;
    // A crate that was shown before has a mark behind its name.
    let names: BTreeSet<_> = names.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    Ok(names.len())
}

/// The processor time that it took, in seconds, for all that had to be compiled.
fn compile(directory: &Path) -> Result<f64, BoxError> {
    let shell = Command::new("sh")
        .args(["-c", "cargo build --release --quiet --target-dir target && times"])
        .current_dir(directory)
        .stderr(Stdio::inherit())
        .output()?;
    if !shell.status.success() {
        return Err("the program does not compile".into());
    }
    let times = String::from_utf8(shell.stdout)?;
    let of_children = times.lines().last().unwrap_or_default();
    of_children.split_whitespace().map(seconds).sum()
}

/// Of a text such as `1m2.345s`.
fn seconds(text: &str) -> Result<f64, BoxError> {
    let (minutes, seconds) = text.trim_end_matches('s').split_once('m').ok_or("the shell tells no times")?;
    Ok(minutes.parse::<f64>()? * 60.0 + seconds.parse::<f64>()?)
}

const AXUM: &str = r#"
use axum::{Router, routing::get};

#[tokio::main]
async fn main() {
    let application: Router = Router::new().route("/", get(|| async { "hello" }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    axum::serve(listener, application).await.unwrap();
}
"#;

const AXUM_WITH_LIPDUB: &str = r#"
use axum::{Router, routing::get};

#[tokio::main]
async fn main() {
    let webhook = lipdub_axum::Webhook::builder()
        .api_key("whk_123")
        .on_render_complete(|event| async move {
            println!("{:?}", event.data.generate_id);
            Ok(())
        })
        .build()
        .unwrap();
    let application: Router =
        Router::new().route("/", get(|| async { "hello" })).merge(lipdub_axum::router(webhook));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    axum::serve(listener, application).await.unwrap();
}
"#;

const ACTIX: &str = r#"
use actix_web::{App, HttpServer, web};

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    HttpServer::new(|| App::new().route("/", web::get().to(|| async { "hello" })))
        .bind("127.0.0.1:0")?
        .run()
        .await
}
"#;

const ACTIX_WITH_LIPDUB: &str = r#"
use actix_web::{App, HttpServer, web};

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let webhook = lipdub_actix::Webhook::builder()
        .api_key("whk_123")
        .on_render_complete(|event| async move {
            println!("{:?}", event.data.generate_id);
            Ok(())
        })
        .build()
        .unwrap();
    let application = move || {
        App::new()
            .route("/", web::get().to(|| async { "hello" }))
            .service(lipdub_actix::routes(webhook.clone()))
    };
    HttpServer::new(application).bind("127.0.0.1:0")?.run().await
}
"#;
