//! What is printed, for people or for machines.

use std::fmt::Display;
use std::io::IsTerminal as _;

use serde_json::Value;

/// Where the words go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    is_json: bool,
    has_colours: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    Green,
    Yellow,
    Red,
    Grey,
}

impl Output {
    pub(crate) fn new(is_json: bool) -> Self {
        let is_wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { is_json, has_colours: is_wanted && std::io::stdout().is_terminal() }
    }

    /// Prints a line for people, or an object for machines.
    pub(crate) fn line(self, human: impl FnOnce(Self) -> String, json: impl FnOnce() -> Value) {
        if self.is_json {
            println!("{}", json());
        } else {
            println!("{}", human(self));
        }
    }

    /// Tells people what is going on, beside the output.
    pub(crate) fn remark(self, text: impl Display) {
        if !self.is_json {
            eprintln!("{text}");
        }
    }

    pub(crate) fn paint(self, colour: Colour, text: impl Display) -> String {
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
