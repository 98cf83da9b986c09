//! Errors of usage, without what was typed: a key in the wrong place must not get into a log.

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

/// Stands where a value was. It has no place in the help, so nobody takes it for one.
const NOT_SHOWN: &str = "[not shown]";

/// The same error, which names arguments as the help does and repeats no value.
///
/// What a parser of this program says of a value is kept: none repeats it, and clap's own, some of which do, are not used.
pub(crate) fn without_values(mut error: Error) -> Error {
    let context: Vec<_> = error.context().map(|(kind, value)| (kind, value.clone())).collect();
    for (kind, value) in context {
        match kind {
            ContextKind::Usage
            | ContextKind::PriorArg
            | ContextKind::SuggestedArg
            | ContextKind::SuggestedSubcommand
            | ContextKind::ValidSubcommand => {}
            ContextKind::InvalidArg if error.kind() != ErrorKind::UnknownArgument => {}
            ContextKind::InvalidArg if is_flag(&value) => {}
            ContextKind::InvalidArg | ContextKind::InvalidSubcommand | ContextKind::InvalidValue => {
                // An empty one is told in other words.
                if value != ContextValue::String(String::new()) {
                    error.insert(kind, ContextValue::String(NOT_SHOWN.to_owned()));
                }
            }
            _ => drop(error.remove(kind)),
        }
    }
    error
}

/// Whether this is spelled as the name of a flag, and as a key hardly is.
fn is_flag(value: &ContextValue) -> bool {
    let ContextValue::String(text) = value else { return false };
    let Some(name) = text.strip_prefix("--") else { return false };
    name.len() <= 20 && name.chars().all(|character| character.is_ascii_lowercase() || character == '-')
}
