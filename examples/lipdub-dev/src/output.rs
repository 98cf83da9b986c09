//! What is printed, for people or for machines.

use std::fmt::Display;
use std::io::IsTerminal as _;

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
            println!("{}", self.secrets.redact_all(json(self)));
        } else {
            println!("{}", self.secrets.redact(&human(self)));
        }
    }

    /// Prints what was asked for as it is, secrets and all.
    pub(crate) fn letter(&self, text: &str) {
        println!("{text}");
    }

    /// Tells people what is going on, beside the output.
    pub(crate) fn remark(&self, text: impl Display) {
        if !self.is_json {
            eprintln!("{}", self.secrets.redact(&text.to_string()));
        }
    }

    /// Tells why the program ends before it is done.
    pub(crate) fn error(&self, error: impl Display) {
        eprintln!("lipdub-dev: {}", self.secrets.redact(&error.to_string()));
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

/// A text that came from elsewhere, without what a terminal would obey.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|character| !character.is_control() || *character == '\n').collect()
}
