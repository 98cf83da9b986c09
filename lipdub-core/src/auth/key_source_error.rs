use std::fmt;
use std::io;

/// Why the keys of an [`ApiKeys`](crate::ApiKeys) could not be read from where they come from.
///
/// It holds nothing of what is there, nor the name of the file or variable, for which a key could be
/// mistaken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeySourceError {
    /// The keys come from nowhere: they were given to [`ApiKeys::new`](crate::ApiKeys::new).
    NoSource,
    /// The environment variable is not set.
    NotSet,
    /// The file is not there, or cannot be read.
    Unreadable(io::ErrorKind),
    /// The path leads to a directory, a pipe or a device.
    NotAFile,
    /// The file has more than 64 KiB.
    TooLarge,
    /// The file was being written each time that it was read.
    Changing,
    /// It is not UTF-8.
    NotText,
    /// There is no key in it.
    NoKey,
    /// A key cannot come through an HTTP header as it is.
    #[non_exhaustive]
    UnusableKey {
        /// Which one, from 1: the line of the file, or the place in the variable.
        position: usize,
    },
    /// The closure returned an error. To see it, log it in the closure.
    Failed,
    /// The closure panicked.
    Panicked,
    /// The closure is running already.
    Busy,
}

impl fmt::Display for KeySourceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoSource => {
                "these API keys come from no file, variable or closure that could be read again: use `replace`"
            }
            Self::NotSet => "the environment variable of the API keys is not set: set it to one or several keys",
            Self::Unreadable(kind) => {
                return write!(
                    formatter,
                    "the file of the API keys cannot be read ({kind}): see to its path and its permissions"
                );
            }
            Self::NotAFile => {
                "what should be the file of the API keys is a directory, a pipe or a device: give a regular file"
            }
            Self::TooLarge => "the file of the API keys has more than 64 KiB: is it the right one?",
            Self::Changing => {
                "the file of the API keys changed whenever it was read: write it beside and rename it"
            }
            Self::NotText => "the API keys are not UTF-8: is it the right file or variable?",
            Self::NoKey => "there is no API key where the keys come from: put one there",
            Self::UnusableKey { position } => {
                return write!(
                    formatter,
                    "API key {position} (of a file: line {position}) holds a control character, or a comment \
                     that has no line of its own"
                );
            }
            Self::Failed => "the closure that gives the API keys failed: log its error in the closure",
            Self::Panicked => "the closure that gives the API keys panicked: see the panic's message",
            Self::Busy => "the closure that gives the API keys is running already: reload again later",
        })
    }
}

impl std::error::Error for KeySourceError {}
