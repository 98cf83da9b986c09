//! What an event tells its handler to do: `data.testbed`.

use std::time::Duration;

use lipdub_core::HandlerError;
use serde::Deserialize;
use serde_json::Value;

/// All fields are optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Orders {
    /// Wait for so long first.
    sleep_ms: u64,
    /// Then fail while the attempt is not above this.
    fail_times: u32,
    /// And panic while it is not above this.
    panic_times: u32,
    /// Then end like this.
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    #[default]
    Ok,
    Fail,
    Permanent,
    Ignore,
    Panic,
}

impl Orders {
    /// None given means: succeed. Some that make no sense are the check's mistake, and fail.
    pub(crate) fn read(testbed: Option<&Value>) -> Result<Self, HandlerError> {
        match testbed {
            None | Some(Value::Null) => Ok(Self::default()),
            Some(orders) => Ok(Self::deserialize(orders)?),
        }
    }

    pub(crate) async fn obey(self, attempt: u32) -> Result<(), HandlerError> {
        tokio::time::sleep(Duration::from_millis(self.sleep_ms)).await;
        if attempt <= self.fail_times {
            return Err("told to fail this time".into());
        }
        assert!(attempt > self.panic_times, "told to panic this time");
        match self.outcome {
            Outcome::Ok => Ok(()),
            Outcome::Fail => Err("told to fail".into()),
            Outcome::Permanent => Err(HandlerError::permanent("told that it can never work")),
            Outcome::Ignore => Err(HandlerError::ignore("told to ignore it")),
            Outcome::Panic => panic!("told to panic"),
        }
    }
}
