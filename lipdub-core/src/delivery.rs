//! One HTTP request, without the web framework: what comes in and what goes out.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::event::EventType;

/// What is known of a delivery before its body is read: the method, the path and the headers.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    method: &'a str,
    path: &'a str,
    headers: &'a dyn Headers,
}

impl<'a> Head<'a> {
    /// Takes the request's method (`POST`) and its headers.
    pub fn new(method: &'a str, headers: &'a dyn Headers) -> Self {
        Self { method, path: "", headers }
    }

    /// Sets the request's path as it was sent, percent-encoding and all; the query may be there or not.
    ///
    /// A job's link is known by it. What a router has cut off at the beginning may be missing. Without a path
    /// every delivery counts as one to the tenant's webhook.
    #[must_use]
    pub fn path(mut self, path: &'a str) -> Self {
        self.path = path;
        self
    }

    pub(crate) fn request_path(&self) -> &'a str {
        self.path
    }

    pub(crate) fn is_post(&self) -> bool {
        self.method == "POST"
    }

    /// Whether the body arrives as it is, without gzip or the like.
    pub(crate) fn is_unencoded(&self) -> bool {
        let mut unencoded = true;
        self.each("content-encoding", &mut |value| {
            unencoded &= value.is_empty() || value.eq_ignore_ascii_case(b"identity");
        });
        unencoded
    }

    /// The body's length, if the sender declares one. It may be one that no memory holds.
    pub(crate) fn declared_length(&self) -> Option<u128> {
        self.first("content-length", |value| {
            let digits = std::str::from_utf8(value.trim_ascii()).ok()?;
            let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
            is_number.then(|| digits.parse().unwrap_or(u128::MAX))
        })
    }

    /// `X-LipDub-Event`, which mirrors the body's `event_type`. Only a hint: the body wins.
    pub(crate) fn event_hint(&self) -> Option<EventType> {
        const LONGEST: usize = 128;
        self.first("x-lipdub-event", |value| {
            std::str::from_utf8(value).ok().filter(|text| text.len() <= LONGEST).map(EventType::from)
        })
    }

    pub(crate) fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        self.headers.each(name, visit);
    }

    fn first<T>(&self, name: &str, read: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        let mut found = None;
        self.each(name, &mut |value| {
            if found.is_none() {
                found = read(value);
            }
        });
        found
    }
}

impl fmt::Debug for Head<'_> {
    /// Leaves path and headers out, for they carry the credentials.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Head").field("method", &self.method).finish_non_exhaustive()
    }
}

/// The headers of a request, whatever type the web framework keeps them in.
///
/// Implemented for `http::HeaderMap` (feature `http`) and for lists of names and values; a newtype
/// of a few lines does it for any other framework.
///
/// # Examples
///
/// ```
/// use lipdub_core::Headers;
///
/// let headers = [("Accept", "a"), ("accept", "b")];
/// let mut seen = Vec::new();
/// headers.each("accept", &mut |value| seen.push(value.to_vec()));
/// assert_eq!(seen, [b"a", b"b"]);
/// ```
pub trait Headers {
    /// Calls `visit` with each value of the header `name`, which is given in lower case.
    ///
    /// Every value counts: a second credential in a request must not go unseen. Values are bytes,
    /// because a header need not be text.
    fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8]));
}

#[cfg(feature = "http")]
impl Headers for http::HeaderMap {
    fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, HeaderName};
        const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
        const X_LIPDUB_EVENT: HeaderName = HeaderName::from_static("x-lipdub-event");

        // A name takes longer to be parsed than to be found, and these are looked for in each delivery.
        let values = match name {
            "authorization" => self.get_all(AUTHORIZATION),
            "content-encoding" => self.get_all(CONTENT_ENCODING),
            "content-length" => self.get_all(CONTENT_LENGTH),
            "x-api-key" => self.get_all(X_API_KEY),
            "x-lipdub-event" => self.get_all(X_LIPDUB_EVENT),
            other => self.get_all(other),
        };
        values.iter().for_each(|value| visit(value.as_bytes()));
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Headers for [(N, V)] {
    fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        for (_, value) in self.iter().filter(|(header, _)| header.as_ref().eq_ignore_ascii_case(name)) {
            visit(value.as_ref());
        }
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Headers for Vec<(N, V)> {
    fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        self.as_slice().each(name, visit);
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>, const LENGTH: usize> Headers for [(N, V); LENGTH] {
    fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        self.as_slice().each(name, visit);
    }
}

/// What LipDub is told about a delivery.
///
/// An adapter turns it into its framework's response: [`code`](Self::code),
/// [`headers`](Self::headers) and [`body`](Self::body), as they are, so that all adapters answer
/// with the same bytes. Nothing in an answer comes from the request or from an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    status: Status,
    /// In whole seconds, as HTTP wants it.
    retry_after: u64,
}

impl Answer {
    pub(crate) fn new(status: Status, retry_after: Duration) -> Self {
        let whole = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
        Self { status, retry_after: whole }
    }

    /// What happened, in a word.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The HTTP status code.
    pub fn code(&self) -> u16 {
        self.status.code()
    }

    /// The headers, names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, Cow<'static, str>)> + use<> {
        let own = match self.status {
            Status::MethodNotAllowed => Some(("allow", Cow::Borrowed("POST"))),
            Status::Unauthorized => Some(("www-authenticate", Cow::Borrowed("Bearer"))),
            Status::Pending | Status::Unavailable => {
                Some(("retry-after", Cow::Owned(self.retry_after.to_string())))
            }
            _ => None,
        };
        [("content-type", Cow::Borrowed("application/json"))].into_iter().chain(own)
    }

    /// The body: a JSON object with the [`Status`] and, where something is wrong, what to do.
    pub fn body(&self) -> Bytes {
        Bytes::from_static(self.status.body().as_bytes())
    }
}

/// What happened to a delivery, as the answer's body names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// 200: the handler ran and succeeded.
    Processed,
    /// 200: the event is stored in the inbox, and will be handled.
    Accepted,
    /// 200: the event had been handled before.
    Duplicate,
    /// 200: there is no handler for this type, or the handler said that the event is not for it.
    Ignored,
    /// 200: the handler said that it can never work, so that sending it again is of no use.
    Rejected,
    /// 503: the handler is still running at the answer deadline, here or in another process.
    Pending,
    /// 500: the handler failed or panicked, or its data did not decode.
    Failed,
    /// 503: the store cannot be reached, the process is shutting down, or too much is in flight.
    Unavailable,
    /// 401: the credentials are missing or wrong.
    Unauthorized,
    /// 400: the body is not an event.
    Malformed,
    /// 413: the body is over the limit.
    TooLarge,
    /// 408: the body did not arrive in time.
    Timeout,
    /// 415: the body is compressed.
    UnsupportedEncoding,
    /// 405: the method is not POST.
    MethodNotAllowed,
}

impl Status {
    /// The word in the answer's body, such as `processed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processed => "processed",
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
            Self::Rejected => "rejected",
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::Unavailable => "unavailable",
            Self::Unauthorized => "unauthorized",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Timeout => "timeout",
            Self::UnsupportedEncoding => "unsupported_encoding",
            Self::MethodNotAllowed => "method_not_allowed",
        }
    }

    /// The HTTP status code that goes with it.
    pub fn code(self) -> u16 {
        match self {
            Self::Processed | Self::Accepted | Self::Duplicate | Self::Ignored | Self::Rejected => 200,
            Self::Malformed => 400,
            Self::Unauthorized => 401,
            Self::MethodNotAllowed => 405,
            Self::Timeout => 408,
            Self::TooLarge => 413,
            Self::UnsupportedEncoding => 415,
            Self::Failed => 500,
            Self::Pending | Self::Unavailable => 503,
        }
    }

    fn body(self) -> &'static str {
        match self {
            Self::Processed => r#"{"status":"processed"}"#,
            Self::Accepted => r#"{"status":"accepted"}"#,
            Self::Duplicate => r#"{"status":"duplicate"}"#,
            Self::Ignored => r#"{"status":"ignored"}"#,
            Self::Rejected => r#"{"status":"rejected"}"#,
            Self::Pending => {
                r#"{"status":"pending","detail":"the event is still being handled; deliver it again to learn the outcome"}"#
            }
            Self::Failed => r#"{"status":"failed","detail":"the event was not handled; deliver it again"}"#,
            Self::Unavailable => {
                r#"{"status":"unavailable","detail":"no event can be taken now; deliver it again"}"#
            }
            Self::Unauthorized => {
                r#"{"status":"unauthorized","detail":"send the webhook API key as `Authorization: Bearer KEY` or as `X-Api-Key: KEY`; a job's link must be whole and not expired, and a signature right"}"#
            }
            Self::Malformed => {
                r#"{"status":"malformed","detail":"the body must be a JSON object with a string `event_type`"}"#
            }
            Self::TooLarge => r#"{"status":"too_large","detail":"the body is over this receiver's limit"}"#,
            Self::Timeout => r#"{"status":"timeout","detail":"the body did not arrive in time"}"#,
            Self::UnsupportedEncoding => {
                r#"{"status":"unsupported_encoding","detail":"send the body without Content-Encoding"}"#
            }
            Self::MethodNotAllowed => {
                r#"{"status":"method_not_allowed","detail":"events are delivered with POST"}"#
            }
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
