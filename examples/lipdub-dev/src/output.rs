//! What is printed, for people or for machines.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::exit;

use serde_json::Value;

use crate::redaction::Secrets;

/// Where the words go, without any secret.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    is_json: bool,
    has_colours: bool,
    secrets: Secrets,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    Green,
    Yellow,
    Red,
    Grey,
}

impl Output {
    pub(crate) fn new(is_json: bool, secrets: Secrets) -> Self {
        let is_wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { is_json, has_colours: is_wanted && std::io::stdout().is_terminal(), secrets }
    }

    /// Prints a line for people, or an object for machines.
    pub(crate) fn line(&self, human: impl FnOnce(&Self) -> String, json: impl FnOnce(&Self) -> Value) {
        if self.is_json {
            print(self.secrets.redact_all(json(self)));
        } else {
            print(self.secrets.redact(&human(self)));
        }
    }

    /// Prints what was asked for as it is, secrets and all.
    pub(crate) fn letter(&self, text: &str) {
        print(text);
    }

    /// Tells people what is going on, on the standard error: the output may be for machines.
    pub(crate) fn remark(&self, text: impl Display) {
        // Nobody is left to be told if this fails.
        let _ = writeln!(io::stderr(), "{}", self.secrets.redact(&text.to_string()));
    }

    /// Tells why the program ends before it is done.
    pub(crate) fn error(&self, error: impl Display) {
        self.remark(format_args!("lipdub-dev: {error}"));
    }

    /// A text of a receiver's, without what a terminal would obey and without secrets. Only then may it be cut.
    pub(crate) fn foreign(&self, text: &str) -> String {
        self.secrets.redact(&plain(text))
    }

    pub(crate) fn paint(&self, colour: Colour, text: impl Display) -> String {
        if !self.has_colours {
            return text.to_string();
        }
        let code = match colour {
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::Red => 31,
            Colour::Grey => 90,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// As `println`, but for whoever reads no further, such as `head`: the program ends then, and makes no fuss about it.
fn print(text: impl Display) {
    match writeln!(io::stdout(), "{text}") {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit(CLOSED_PIPE),
        Err(error) => {
            let _ = writeln!(io::stderr(), "lipdub-dev: the output cannot be written: {error}");
            exit(1);
        }
    }
}

/// As shells tell of a program that `SIGPIPE` has ended.
const CLOSED_PIPE: i32 = 141;

/// A body with a field a line if it is JSON, each on a line of its own, without what a terminal would obey.
pub(crate) fn readable(body: &str) -> String {
    let pretty = serde_json::from_str::<Value>(body).and_then(|value| serde_json::to_string_pretty(&value));
    plain(&pretty.unwrap_or_else(|_| body.to_owned())).lines().map(|line| format!("  {line}\n")).collect()
}

/// How many characters a line of a table may have: what `COLUMNS` says, or as many as fit into the terminal.
pub(crate) fn width() -> usize {
    let wanted = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let fitting = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    wanted.filter(|columns| *columns > 0).or_else(fitting).unwrap_or(80)
}

/// A text that came from elsewhere, without what a terminal would obey.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|character| !character.is_control() || *character == '\n').collect()
}
