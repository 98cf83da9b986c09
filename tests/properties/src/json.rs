//! JSON as RFC 8259 has it, with nothing that a library adds or leaves out.

mod meaning;
mod random;
mod read;
mod spell;

pub(crate) use meaning::Meaning;
pub(crate) use random::{any_json, any_neighbours, any_text};
pub(crate) use spell::Speller;

/// A value, as it was written.
#[derive(Clone, Debug)]
pub(crate) enum Json {
    /// `null`, `true` or `false`.
    Word(&'static str),
    /// By its text: `1.0` is not `1`.
    Number(String),
    Text(Text),
    List(Vec<Json>),
    /// In the order in which they stand, doubles included.
    Object(Vec<(Text, Json)>),
}

/// Code units of UTF-16, for JSON allows half of a surrogate pair.
pub(crate) type Text = Vec<u16>;

pub(crate) fn text(text: &str) -> Text {
    text.encode_utf16().collect()
}

impl Json {
    /// How many lists and objects stand inside each other, doubles included.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::Word(_) | Self::Number(_) | Self::Text(_) => 0,
            Self::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(fields) => 1 + fields.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
        }
    }

    /// Whether an object has a field whose name is such, doubles included.
    pub(crate) fn has_name(&self, is_such: &impl Fn(&Text) -> bool) -> bool {
        match self {
            Self::Word(_) | Self::Number(_) | Self::Text(_) => false,
            Self::List(items) => items.iter().any(|item| item.has_name(is_such)),
            Self::Object(fields) => {
                fields.iter().any(|(name, value)| is_such(name) || value.has_name(is_such))
            }
        }
    }

    /// The one way to write it without white space, links and the order of fields as they are.
    pub(crate) fn plain(&self) -> String {
        let list = |items: Vec<String>| items.join(",");
        match self {
            Self::Word(word) => (*word).to_owned(),
            Self::Number(number) => number.clone(),
            Self::Text(units) => plain_text(units),
            Self::List(items) => format!("[{}]", list(items.iter().map(Self::plain).collect())),
            Self::Object(fields) => {
                let field = |(name, value): &(Text, Self)| format!("{}:{}", plain_text(name), value.plain());
                format!("{{{}}}", list(fields.iter().map(field).collect()))
            }
        }
    }

    /// The value with U+FFFD in the place of each half of a surrogate pair.
    pub(crate) fn with_whole_characters(&self) -> Self {
        let whole = |units: &Text| text(&String::from_utf16_lossy(units));
        match self {
            Self::Word(_) | Self::Number(_) => self.clone(),
            Self::Text(units) => Self::Text(whole(units)),
            Self::List(items) => Self::List(items.iter().map(Self::with_whole_characters).collect()),
            Self::Object(fields) => {
                let field = |(name, value): &(Text, Self)| (whole(name), value.with_whole_characters());
                Self::Object(fields.iter().map(field).collect())
            }
        }
    }
}

/// ASCII as it is, and everything else in escapes.
fn plain_text(units: &[u16]) -> String {
    let mut plain = String::from("\"");
    for unit in units {
        match u8::try_from(*unit) {
            Ok(letter @ (b' '..=b'!' | b'#'..=b'[' | b']'..=b'~')) => plain.push(letter.into()),
            _ => plain += &format!("\\u{unit:04x}"),
        }
    }
    plain + "\""
}
