//! Run with `cargo run`, or with `cargo run -- --listen 127.0.0.1:3000` to keep the receiver up.
//!
//! Without arguments it starts a receiver on a free port, plays LipDub against it over HTTP, and prints what
//! was sent, what came back, and what the handler did. It fails if anything is not as promised.

#![allow(clippy::print_stdout, reason = "printing is what this program is for")]

mod journal;
mod listen;
mod provider;
mod receiver;
mod story;
mod table;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::timeout;

use self::receiver::Receiver;
use self::story::Story;

type BoxError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = match *arguments {
        [] => tell_story().await,
        ["--listen", address] => listen::run(address).await.map(|()| ExitCode::SUCCESS),
        _ => {
            eprintln!("usage: quickstart [--listen ADDRESS:PORT]");
            return ExitCode::from(2);
        }
    };
    ended.unwrap_or_else(|error| {
        eprintln!("quickstart: {error}");
        ExitCode::FAILURE
    })
}

async fn tell_story() -> Result<ExitCode, BoxError> {
    let receiver = Receiver::start().await?;
    println!("A receiver is listening at {}. Now LipDub delivers:\n", receiver.url());

    let mut story = Story { receiver: &receiver, rows: Vec::new() };
    let is_told = timeout(Duration::from_secs(60), story.tell()).await;
    let rows = story.rows;
    println!("{}", table::render(&rows));
    is_told.map_err(|_| "the story did not go on within a minute")??;

    let is_finished = receiver.stop().await?;
    let broken = rows.iter().filter(|row| !row.is_as_promised).count();
    if broken > 0 || !is_finished {
        println!("NOT as promised: {broken} of {}. Shut down cleanly: {is_finished}.", rows.len());
        return Ok(ExitCode::FAILURE);
    }
    println!("All {} as promised, and the receiver shut down cleanly.", rows.len());
    println!("Next: `cargo run -- --listen 127.0.0.1:3000`, and deliver something yourself.");
    Ok(ExitCode::SUCCESS)
}
