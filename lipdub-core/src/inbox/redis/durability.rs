//! Whether a server keeps what it was given.

use crate::dedupe::StoreError;
use crate::redis::Server;

/// Refuses a server that may lose an event it has accepted, and warns if it does not tell.
///
/// # Errors
///
/// If it keeps no append-only file, or may evict keys that do not expire; or if it could not be asked.
pub(super) async fn check(server: &Server) -> Result<(), StoreError> {
    match keeps_append_only_file(server).await? {
        Some(true) => {}
        Some(false) => return Err(StoreError::bare(NO_APPEND_ONLY_FILE)),
        None => tracing::warn!(
            "the Redis server does not tell whether it keeps an append-only file: without one, events that were \
             accepted are lost when it is restarted"
        ),
    }
    if tells(server, "appendfsync", |policy| policy == "no").await? {
        tracing::warn!(
            "the Redis server's appendfsync is no: when its machine fails, events that were accepted in the last \
             half minute may be lost"
        );
    }
    if tells(server, "appendfsync", |policy| policy == "everysec").await? {
        tracing::info!(
            "the Redis server's appendfsync is everysec: in a crash, events that were accepted in the last two \
             seconds may be lost; with always, none"
        );
    }
    if tells(server, "maxmemory-policy", |policy| policy.starts_with("allkeys-")).await? {
        return Err(StoreError::bare(MAY_EVICT));
    }
    Ok(())
}

const NO_APPEND_ONLY_FILE: &str = "the Redis server keeps no append-only file, and would lose events that were \
    accepted: set `appendonly yes`, or allow it by `allow_volatile`";

const MAY_EVICT: &str = "the Redis server may evict events that were accepted: set `maxmemory-policy noeviction`, \
    or allow it by `allow_volatile`";

/// Nothing if the server, or one node of a cluster, does not tell. Managed servers forbid `CONFIG`.
async fn keeps_append_only_file(server: &Server) -> Result<Option<bool>, StoreError> {
    let setting = config(server, "appendonly").await?;
    if let Some(keeps) = yes_or_no(&setting, |text| text == "yes", |text| text == "no") {
        return Ok(Some(keeps));
    }
    let mut command = redis::cmd("INFO");
    command.arg("persistence");
    let info = server.query_all(&command).await?.unwrap_or_default();
    let says = |line: &'static str| move |text: &str| text.lines().any(|other| other.trim_end() == line);
    Ok(yes_or_no(&info, says("aof_enabled:1"), says("aof_enabled:0")))
}

/// No counts for more: of the nodes of a cluster, one may do without.
fn yes_or_no(texts: &[String], yes: impl Fn(&str) -> bool, no: impl Fn(&str) -> bool) -> Option<bool> {
    let any = |is_so: &dyn Fn(&str) -> bool| texts.iter().any(|text| is_so(text));
    if any(&no) { Some(false) } else { any(&yes).then_some(true) }
}

async fn tells(server: &Server, setting: &str, is_so: fn(&str) -> bool) -> Result<bool, StoreError> {
    Ok(config(server, setting).await?.iter().any(|value| is_so(value)))
}

/// The name of a setting and its value, of all nodes; nothing if they do not tell.
async fn config(server: &Server, setting: &str) -> Result<Vec<String>, StoreError> {
    let mut command = redis::cmd("CONFIG");
    command.arg("GET").arg(setting);
    Ok(server.query_all(&command).await?.unwrap_or_default())
}
