//! A delivery as it is saved: a line of JSON, without any credential.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};

use crate::redaction::{REDACTED, without_token, without_token_in};

/// What came in, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Capture {
    pub(crate) received_at: String,
    pub(crate) method: String,
    pub(crate) path: String,
    /// In lower case; values of one name are joined by a comma.
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(flatten)]
    pub(crate) body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Body {
    #[serde(rename = "body")]
    Text(String),
    /// One that is not UTF-8.
    #[serde(rename = "body_hex")]
    Bytes(String),
}

/// What proves who somebody is. Signatures are not among them: they prove a body, and that is kept with them.
const CREDENTIALS: [&str; 4] = ["authorization", "proxy-authorization", "x-api-key", "cookie"];

impl Capture {
    pub(crate) fn now(method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> Self {
        let mut kept: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in headers {
            let value = match CREDENTIALS.contains(&name.as_str()) {
                true => REDACTED.to_owned(),
                false => without_token_in(&String::from_utf8_lossy(value.as_bytes())),
            };
            let values = kept.entry(name.as_str().to_owned()).or_default();
            if !values.is_empty() {
                values.push_str(", ");
            }
            values.push_str(&value);
        }
        Self {
            received_at: jiff::Timestamp::now().to_string(),
            method: method.to_string(),
            path: without_token(path),
            headers: kept,
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
    fn no_credential_is_kept() {
        let mut headers = HeaderMap::new();
        for name in CREDENTIALS {
            headers.append(name, "secret".parse().unwrap());
            headers.append(name, "secret".parse().unwrap());
        }
        headers.append("x-lipdub-event", "X".parse().unwrap());
        let capture = Capture::now(&Method::POST, "/hooks/jobs/mine/secret?key=secret", &headers, b"{}");
        let line = serde_json::to_string(&capture).unwrap();
        assert!(!line.contains("secret"), "{line}");
        assert_eq!(capture.headers["x-lipdub-event"], "X");
        assert_eq!(capture.path, "/hooks/jobs/mine/[REDACTED]");
    }
}
