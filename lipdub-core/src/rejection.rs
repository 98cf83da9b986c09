use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::delivery::{Answer, Status};
use crate::event::DecodeError;

/// Why a handler of your own does not get an event, and what LipDub is answered.
///
/// The adapters' extractors are rejected with it, and answer with the same bytes as the routes.
#[derive(Debug)]
pub struct Rejection {
    answer: Answer,
    cause: Option<DecodeError>,
}

impl Rejection {
    /// For an extractor that finds no [`Receiver`](crate::Receiver) where one should have been put.
    ///
    /// It is 500 `failed`, so that LipDub keeps the event, and is logged as an error, with the place that is named.
    pub fn without_receiver(place: &'static str) -> Self {
        tracing::error!("there is no `Receiver` for the extractor: put one into {place}");
        Self::from(failed())
    }

    /// What to answer.
    pub fn answer(&self) -> Answer {
        self.answer
    }
}

impl From<Answer> for Rejection {
    fn from(answer: Answer) -> Self {
        Self { answer, cause: None }
    }
}

impl From<DecodeError> for Rejection {
    fn from(error: DecodeError) -> Self {
        Self { answer: failed(), cause: Some(error) }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a delivery was answered {} {}", self.answer.code(), self.answer.status())
    }
}

impl Error for Rejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

fn failed() -> Answer {
    Answer::new(Status::Failed, Duration::ZERO)
}
