use redis::{ErrorKind, RedisError};

use crate::dedupe::StoreError;

/// Says in fixed words what went wrong. What the server or the URL said about credentials is left out.
pub(super) fn store_error(error: RedisError) -> StoreError {
    let what = describe(&error);
    if error.kind() == ErrorKind::AuthenticationFailed || is_quoting(&error) {
        return StoreError::bare(what);
    }
    StoreError::new(what, error)
}

/// A server repeats the arguments of a command that it does not know, and those of `HELLO` are credentials.
fn is_quoting(error: &RedisError) -> bool {
    says(error, "unknown command")
}

/// Whether the server does not understand what was asked, as one that is older does not.
pub(crate) fn is_syntax_error(error: &StoreError) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref());
    source.is_some_and(|error: &RedisError| {
        error.detail().is_some_and(|detail| detail.contains("syntax error"))
    })
}

/// Whether a server's error has this code, also inside the error of a script, as servers before 7.0 put it.
pub(super) fn says(error: &RedisError, code: &str) -> bool {
    error.code() == Some(code) || error.detail().is_some_and(|detail| detail.contains(code))
}

fn describe(error: &RedisError) -> &'static str {
    match error.kind() {
        ErrorKind::AuthenticationFailed => return "authentication failed",
        ErrorKind::InvalidClientConfig => return "the URL or the settings are not valid",
        ErrorKind::ClusterConnectionNotFound => return "no node of the cluster can be reached",
        ErrorKind::Io if error.is_timeout() => return "it did not answer in time",
        ErrorKind::Io if error.is_connection_refusal() => return "the connection was refused",
        ErrorKind::Io if error.is_connection_dropped() => return "the connection was lost",
        ErrorKind::Io => return "the connection failed",
        _ => {}
    }
    let known = CODES.iter().find(|(code, _)| says(error, code));
    known.map_or("the server answered with an error", |(_, what)| what)
}

const CODES: &[(&str, &str)] = &[
    ("READONLY", "the server is read-only"),
    ("LOADING", "the server is loading its data"),
    ("BUSY", "the server is busy with a script"),
    ("OOM", "the server is out of memory"),
    ("MISCONF", "the server cannot save its data and takes no writes"),
    ("NOREPLICAS", "the server has too few replicas and takes no writes"),
    ("MASTERDOWN", "the server has lost its master"),
    ("CLUSTERDOWN", "the cluster is down"),
    ("TRYAGAIN", "the cluster is moving the event's slot"),
    ("MOVED", "the server is one of a cluster"),
    ("NOAUTH", "authentication failed"),
    ("WRONGPASS", "authentication failed"),
    ("NOPERM", "the user lacks a permission"),
    ("unknown command", "the server does not know a command"),
    ("NORECORD", "the event's key holds something else"),
    ("WRONGTYPE", "the event's key holds something else"),
];
