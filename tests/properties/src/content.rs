//! What a body says, read and written without the core.

use arbitrary::{Result, Unstructured};

use crate::json::{Json, Meaning, Speller, Text, any_json, any_neighbours, any_text, text};
use crate::random::choose;

/// What makes an event: three fields of a body.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) event_type: String,
    pub(crate) created_at: Option<Json>,
    pub(crate) data: Option<Json>,
}

/// The greatest nesting that is followed: one less than `serde_json` does, for a serialised event adds one.
const DEEPEST: usize = 126;

/// Names that begin so are `serde_json`'s own.
const PRIVATE: &str = "$serde_json::private::";

impl Content {
    /// The event in a body, if it is one.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let body = std::str::from_utf8(body).ok()?;
        // A byte order mark does not hinder.
        let Json::Object(fields) = Json::read(body.strip_prefix('\u{feff}').unwrap_or(body))? else {
            return None;
        };
        let last =
            |name| fields.iter().rev().find(|field| field.0 == text(name)).map(|field| field.1.clone());
        let Json::Text(event_type) = last("event_type")? else { return None };
        // Half of a surrogate pair is no name of a type.
        let event_type = String::from_utf16(&event_type).ok()?;
        let content = Self { event_type, created_at: last("created_at"), data: last("data") };
        content.is_readable().then_some(content)
    }

    fn is_readable(&self) -> bool {
        let is_private = |name: &Text| name.starts_with(&text(PRIVATE));
        let mut parts = [&self.created_at, &self.data].into_iter().flatten();
        parts.all(|json| json.depth() <= DEEPEST && !json.has_name(&is_private))
    }

    pub(crate) fn any(choices: &mut Unstructured<'_>) -> Result<Self> {
        Ok(Self {
            event_type: choose(choices, &TYPES)?.to_owned(),
            created_at: Self::any_part(choices)?,
            data: Self::any_part(choices)?,
        })
    }

    fn any_part(choices: &mut Unstructured<'_>) -> Result<Option<Json>> {
        let is_there = choices.int_in_range(0..=7)? < 7;
        if is_there { any_json(choices, 4).map(Some) } else { Ok(None) }
    }

    /// Twice nearly the same, and for once the same.
    pub(crate) fn any_neighbours(choices: &mut Unstructured<'_>) -> Result<[Self; 2]> {
        let content = Self::any(choices)?;
        if choices.arbitrary()? {
            let (left, right) = any_neighbours(choices)?;
            Ok([left, right].map(|data| Self { data: Some(data), ..content.clone() }))
        } else {
            let edited = content.edited(choices)?;
            Ok([content, edited])
        }
    }

    /// Content that differs in one place, and there by little. It may be the same for all that.
    fn edited(&self, choices: &mut Unstructured<'_>) -> Result<Self> {
        let mut edited = self.clone();
        match choices.int_in_range(0..=7)? {
            0 => edited.event_type = choose(choices, &TYPES)?.to_owned(),
            1 => (edited.created_at, edited.data) = (edited.data, edited.created_at),
            2 => edited.data = Self::any_part(choices)?,
            3 => edited.created_at = Self::any_part(choices)?,
            choice => {
                let part = if choice == 4 { &mut edited.created_at } else { &mut edited.data };
                if let Some(json) = part {
                    *json = json.edited(choices)?;
                }
            }
        }
        Ok(edited)
    }

    /// A body that says this, and other things that do not count.
    pub(crate) fn spell(&self, choices: &mut Unstructured<'_>) -> Result<String> {
        let mut fields = self.fields();
        for _ in 0..choices.int_in_range(0..=2)? {
            fields.push((any_text(choices)?, any_json(choices, 1)?));
        }
        let mark = choose(choices, &["", "", "", "\u{feff}"])?;
        Ok(format!("{mark}{}", Speller::new(choices).spell(&Json::Object(fields))?))
    }

    /// The shortest body that says this.
    pub(crate) fn plain(&self) -> String {
        Json::Object(self.fields()).plain()
    }

    fn fields(&self) -> Vec<(Text, Json)> {
        let event_type = Json::Text(text(&self.event_type));
        let parts = [
            ("event_type", Some(&event_type)),
            ("created_at", self.created_at.as_ref()),
            ("data", self.data.as_ref()),
        ];
        parts.into_iter().filter_map(|(name, part)| Some((text(name), part?.clone()))).collect()
    }

    /// What counts of it: two events are one if this is equal.
    pub(crate) fn meaning(&self) -> (&str, Option<Meaning>, Option<Meaning>) {
        (&self.event_type, self.created_at.as_ref().map(Meaning::from), self.data.as_ref().map(Meaning::from))
    }
}

/// No link among them: in a type nothing is left out, so it must not be spelt as a link.
const TYPES: [&str; 8] = [
    "VIDEO_RENDER_COMPLETE",
    "RENDER_PROCESSING_FAILED",
    "TRAINING_COMPLETE",
    "FILE_UPLOAD_FAILED",
    "AVATAR_COMPLETE",
    "",
    "a",
    "é\"🎬",
];
