use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef};

/// A type, a job or a token as it is in the file, to be found there again. Somebody may have made of it what is no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word(Option<Vec<u8>>);

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self(Some(text.into()))
    }
}

impl FromSql for Word {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Self(value.as_bytes_or_null().ok().flatten().map(<[u8]>::to_vec)))
    }
}

impl ToSql for Word {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = self.0.as_deref().map_or(ValueRef::Null, ValueRef::Text);
        Ok(ToSqlOutput::Borrowed(value))
    }
}
