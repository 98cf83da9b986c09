//! A delivery as it is saved: a line of JSON, without any credential.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderName, Method};
use serde::{Deserialize, Serialize};

use crate::redaction::{REDACTED, is_credential, without_token, without_token_in};

/// What came in, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Capture {
    pub(crate) received_at: String,
    pub(crate) method: String,
    pub(crate) path: String,
    /// The names in lower case.
    pub(crate) headers: BTreeMap<String, Values>,
    #[serde(flatten)]
    pub(crate) body: Body,
}

/// What the headers of one name say, in their order: a text, or an array of them if there are several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Values {
    One(String),
    Several(Vec<String>),
}

impl Values {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let values = match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Several(values) => values,
        };
        values.iter().map(String::as_str)
    }
}

impl FromIterator<String> for Values {
    fn from_iter<T: IntoIterator<Item = String>>(values: T) -> Self {
        let mut values: Vec<String> = values.into_iter().collect();
        match values.pop() {
            Some(only) if values.is_empty() => Self::One(only),
            last => Self::Several(values.into_iter().chain(last).collect()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Body {
    #[serde(rename = "body")]
    Text(String),
    /// One that is not UTF-8.
    #[serde(rename = "body_hex")]
    Bytes(String),
}

impl Capture {
    pub(crate) fn now(method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> Self {
        let kept = |name: &HeaderName| {
            let values = headers.get_all(name).iter().map(|value| match is_credential(name.as_str()) {
                true => REDACTED.to_owned(),
                false => without_token_in(&String::from_utf8_lossy(value.as_bytes())),
            });
            (name.as_str().to_owned(), values.collect())
        };
        Self {
            received_at: jiff::Timestamp::now().to_string(),
            method: method.to_string(),
            path: without_token(path),
            headers: headers.keys().map(kept).collect(),
            body: Body::of(body),
        }
    }

    /// The type that the body says it is.
    pub(crate) fn event_type(&self) -> Option<String> {
        let body: serde_json::Value = serde_json::from_slice(&self.body.bytes()?).ok()?;
        body.get("event_type")?.as_str().map(str::to_owned)
    }
}

impl Body {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Bytes(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        }
    }

    /// Nothing if the digits make no sense.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text.clone().into_bytes()),
            Self::Bytes(digits) => {
                let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
                let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
                pairs.iter().map(byte).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_kept_to_the_letter() {
        for bytes in [&b"{\"a\": 1}\n"[..], b"", b"\xff\x00\x7f", "é".as_bytes()] {
            let body = Body::of(bytes);
            assert_eq!(body.bytes().unwrap(), bytes);
            let read: Body = serde_json::from_value(serde_json::to_value(&body).unwrap()).unwrap();
            assert_eq!(read, body);
        }
        assert_eq!(Body::Bytes("abc".to_owned()).bytes(), None);
        assert_eq!(Body::Bytes("zz".to_owned()).bytes(), None);
    }

    #[test]
    fn several_values_of_a_header_stay_several() {
        let mut headers = HeaderMap::new();
        for value in ["1", "2, 3", "1"] {
            headers.append("x-own", value.parse().unwrap());
        }
        headers.append("x-one", "1".parse().unwrap());
        let capture = Capture::now(&Method::POST, "/", &headers, b"{}");
        let line = serde_json::to_value(&capture).unwrap();
        assert_eq!(line["headers"], json!({ "x-one": "1", "x-own": ["1", "2, 3", "1"] }));
        assert_eq!(serde_json::from_value::<Capture>(line).unwrap(), capture);
    }
}
