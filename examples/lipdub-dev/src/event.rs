//! Events as the command line names them.

use std::io::Read as _;
use std::path::Path;

use lipdub_core::EventType;
use lipdub_core::testing::sample::{self, Sample};
use serde_json::Value;

use crate::BoxError;

/// The type that is meant: a documented one in any spelling, one of two short names, or any other as it is.
pub(crate) fn type_named(name: &str) -> EventType {
    let spelled = name.to_ascii_uppercase().replace('-', "_");
    match spelled.as_str() {
        "RENDER_COMPLETE" => EventType::RenderComplete,
        "RENDER_FAILED" => EventType::RenderFailed,
        _ => match EventType::from(spelled) {
            EventType::Other(_) => EventType::from(name),
            documented => documented,
        },
    }
}

/// An event that happens now, so that it is another one than any before it.
pub(crate) fn happening_now(event_type: &EventType) -> Sample {
    let event = match event_type {
        EventType::Other(name) => sample::event(name),
        documented => sample::of(documented),
    };
    // As Python prints it: microseconds, and no zone.
    let now = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now());
    event.created_at(now.strftime("%Y-%m-%dT%H:%M:%S%.6f").to_string())
}

/// A type's name, which is sent and shown, so that it must not be a key.
pub(crate) fn name(text: &str) -> Result<String, &'static str> {
    match text.get(..4) {
        Some(prefix) if prefix.eq_ignore_ascii_case("whk_") => {
            Err("it looks like a key; give one with --api-key")
        }
        _ => Ok(text.to_owned()),
    }
}

/// The event in a file, or in the standard input if that is `-`.
pub(crate) fn in_file(path: &Path) -> Result<Sample, BoxError> {
    let text = if path == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text).map(|_| text)
    } else {
        std::fs::read(path)
    };
    let text = text.map_err(|error| format!("the event's file cannot be read: {error}"))?;
    Sample::parse(text).map_err(|error| format!("the event's file holds no event: {error}").into())
}

/// `data.generate_id=7`: where to, and what.
#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    path: String,
    value: Value,
}

impl Assignment {
    /// The value is JSON if it reads as JSON, and text if not.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (path, value) = text.split_once('=').ok_or("it has no `=`; write it as data.generate_id=7")?;
        if path.is_empty() || path.split('.').any(str::is_empty) {
            return Err("a name is missing before the `=`; write it as data.generate_id=7".to_owned());
        }
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        Ok(Self { path: path.to_owned(), value })
    }

    pub(crate) fn apply(self, event: Sample) -> Sample {
        event.set(&self.path, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_known_in_any_spelling() {
        for name in ["render-complete", "RENDER_COMPLETE", "video-render-complete", "VIDEO_RENDER_COMPLETE"] {
            assert_eq!(type_named(name), EventType::RenderComplete, "{name}");
        }
        assert_eq!(type_named("render-failed"), EventType::RenderFailed);
        for documented in EventType::DOCUMENTED {
            assert_eq!(type_named(&documented.as_str().to_lowercase().replace('_', "-")), documented);
        }
        assert_eq!(type_named("Avatar-Complete").as_str(), "Avatar-Complete");
    }

    #[test]
    fn what_is_set_is_json_or_text() {
        let set = |text: &str| {
            let event = Assignment::parse(text).unwrap().apply(sample::event("X"));
            event.field("data.a").cloned().unwrap()
        };
        assert_eq!(set("data.a=7"), 7);
        assert_eq!(set("data.a=\"7\""), "7");
        assert_eq!(set("data.a=seven"), "seven");
        assert_eq!(set("data.a=b=c"), "b=c");
        assert_eq!(set("data.a="), "");
        for wrong in ["data.a", "=1", "data..a=1", ".=1"] {
            assert!(Assignment::parse(wrong).is_err(), "{wrong}");
        }
    }
}
