//! The body of a delivery.

use std::ops::Range;

use super::canonical::{Field, Writer};
use super::json::{NotJson, Reader, Text};
use super::{CreatedAt, EventKey, EventType};

/// What a body says, and by which key.
pub(super) struct Envelope<'text> {
    pub(super) key: EventKey,
    pub(super) event_type: EventType,
    pub(super) created_at: CreatedAt,
    /// The text of `data`, if there is any.
    pub(super) data: Option<&'text str>,
}

/// A body that is not an event: no JSON object, no `event_type`, or nested beyond reason.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotAnEvent;

impl From<NotJson> for NotAnEvent {
    fn from(_: NotJson) -> Self {
        Self
    }
}

impl<'text> Envelope<'text> {
    /// Reads it leniently: only `event_type` is needed.
    pub(super) fn read(text: &'text str) -> Result<Self, NotAnEvent> {
        let mut writer = Writer::new(text);
        let Fields { event_type, created_at, data } = Fields::read(&mut writer)?;
        let (event_type, type_place) = event_type.ok_or(NotAnEvent)?;
        let written = |field: &Field<'_>| match field.place.clone() {
            Some(place) => Ok(writer.written(place)),
            None => Err(NotAnEvent),
        };
        let key = EventKey::of_event(
            created_at.as_ref().map(written).transpose()?,
            data.as_ref().map(written).transpose()?,
            writer.written(type_place),
        );
        let created_at = created_at_of(created_at.map_or("", |created_at| created_at.text));
        Ok(Self { key, event_type, created_at, data: data.map(|data| data.text) })
    }
}

/// The three fields that make an event; of doubles the last one counts, as in Python.
#[derive(Default)]
struct Fields<'text> {
    /// With the place where it was written.
    event_type: Option<(EventType, Range<usize>)>,
    created_at: Option<Field<'text>>,
    data: Option<Field<'text>>,
}

impl<'text> Fields<'text> {
    fn read(writer: &mut Writer<'text>) -> Result<Self, NotJson> {
        let mut fields = Self::default();
        writer.reader.take(b'{')?;
        let mut is_first = true;
        while writer.reader.goes_on(b'}', &mut is_first)? {
            let name = writer.reader.name()?;
            match name.as_bytes() {
                b"event_type" => fields.event_type = event_type(writer, &name)?,
                b"created_at" => fields.created_at = Some(writer.field(&name)?),
                b"data" => fields.data = Some(writer.field(&name)?),
                _ => writer.reader.skip_value()?,
            }
        }
        // Nothing may follow.
        writer.reader.peek().map_or(Ok(fields), |_| Err(NotJson))
    }
}

/// Nothing if it is no text.
fn event_type(
    writer: &mut Writer<'_>,
    name: &Text<'_>,
) -> Result<Option<(EventType, Range<usize>)>, NotJson> {
    if writer.reader.peek() != Some(b'"') {
        return writer.reader.skip_value().map(|()| None);
    }
    let text = writer.reader.string()?;
    let place = writer.text_field(name, &text);
    Ok(text.into_str().map(|text| (EventType::from(&*text), place)))
}

/// What the text says, or else the JSON that stands in its place, if any does.
fn created_at_of(json: &str) -> CreatedAt {
    let text = Reader::new(json).string().ok().and_then(Text::into_str);
    CreatedAt::from(text.as_deref().unwrap_or(json))
}
