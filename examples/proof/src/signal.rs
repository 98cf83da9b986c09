use std::process::Stdio;

use tokio::process::Command;

use crate::BoxError;

/// Sends a signal such as `-STOP` to a process.
pub(crate) async fn signal(signal: &str, process: u32) -> Result<(), BoxError> {
    let process = process.to_string();
    let status = Command::new("kill").args([signal, &process]).stderr(Stdio::null()).status().await?;
    if status.success() { Ok(()) } else { Err(format!("kill {signal} {process} failed").into()) }
}
