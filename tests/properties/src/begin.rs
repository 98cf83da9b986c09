use std::fmt::Debug;

use arbitrary::{Arbitrary, Result, Unstructured};
use http::{HeaderMap, HeaderName, HeaderValue};
use lipdub_core::{Answer, Delivery, Head, Headers, Webhook, WebhookBuilder};

use crate::random::{choose, several};

/// A delivery is admitted if its method, encoding, declared length and credentials are in order; of those that are
/// not, the first decides the answer. Nothing that is printed tells a header.
///
/// The bytes are choices of a request and of the receiver's settings.
pub fn begin(bytes: &[u8]) {
    // Choices that run out leave nothing to check.
    let Ok(request) = Request::arbitrary(&mut Unstructured::new(bytes)) else { return };
    let webhook = request.receiver.webhook();
    let head = Head::new(&request.method, &request);

    is_answered(&webhook.begin(&head), &request);
    if let Some(headers) = request.header_map() {
        is_answered(&webhook.begin(&Head::new(&request.method, &headers)), &request);
    }
    tells_no_key(&webhook);
    let headless = Head::new(&request.method, &[("", ""); 0]);
    assert_eq!(format!("{head:?}"), format!("{headless:?}"), "{request:?}");
}

fn is_answered(begun: &Result<Delivery, Answer>, request: &Request) {
    tells_no_key(begun);
    let answer = begun.as_ref().err();
    let (code, status, own_header) = request.expected();
    assert_eq!(answer.map_or(200, Answer::code), code, "{request:?}");
    let Some(answer) = answer else { return };
    assert_eq!(answer.status().as_str(), status, "{request:?}");
    let headers: Vec<_> = answer.headers().filter(|(name, _)| *name != "content-type").collect();
    assert_eq!(headers, Vec::from_iter(own_header.map(|(name, value)| (name, value.into()))), "{request:?}");
    tells_no_key(&answer.body());
}

fn tells_no_key(printed: &impl Debug) {
    let printed = format!("{printed:?}");
    assert!(!printed.contains("whk_"), "{printed}");
}

/// The head of a request, and the receiver that it comes to.
#[derive(Debug)]
struct Request {
    method: String,
    headers: Vec<(String, Vec<u8>)>,
    receiver: Settings,
}

#[derive(Debug)]
struct Settings {
    /// Everybody may deliver if there is none.
    keys: &'static [&'static str],
    body_limit: usize,
}

const OLD: &str = "whk_old_0123456789";
const NEW: &str = "whk_new_9876543210";

impl Settings {
    fn webhook(&self) -> Webhook {
        let builder = Webhook::builder().body_limit(self.body_limit).fallback(|_event| async { Ok(()) });
        let builder = self.keys.iter().fold(builder, WebhookBuilder::api_key);
        let builder = if self.keys.is_empty() { builder.allow_unauthenticated() } else { builder };
        builder.build().unwrap()
    }
}

impl Headers for Request {
    fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        self.headers.as_slice().each(name, visit);
    }
}

/// What the documentation's table says, once more and simply.
impl Request {
    /// The code, the status, and the header that goes with it.
    fn expected(&self) -> (u16, &'static str, Option<(&'static str, &'static str)>) {
        if self.method != "POST" {
            (405, "method_not_allowed", Some(("allow", "POST")))
        } else if self.values("content-encoding").any(|value| !["", "identity"].contains(&&*lower(value))) {
            (415, "unsupported_encoding", None)
        } else if self.declared_length().is_some_and(|length| length > self.receiver.body_limit as u128) {
            (413, "too_large", None)
        } else if !self.may_deliver() {
            (401, "unauthorized", Some(("www-authenticate", "Bearer")))
        } else {
            (200, "", None)
        }
    }

    /// Of several the first that is a number, however great.
    fn declared_length(&self) -> Option<u128> {
        self.values("content-length").find_map(|value| {
            let digits = std::str::from_utf8(value.trim_ascii()).ok()?;
            let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
            is_number.then(|| digits.parse().unwrap_or(u128::MAX))
        })
    }

    /// There are one to four credentials, and all of them are right.
    fn may_deliver(&self) -> bool {
        let bearers: Vec<_> =
            self.values("authorization").map(|value| self.is_bearer_of_key(value)).collect();
        let keys: Vec<_> = self.values("x-api-key").map(|value| self.is_key(value)).collect();
        let credentials = [bearers, keys].concat();
        self.receiver.keys.is_empty() || matches!(credentials.len(), 1..=4) && !credentials.contains(&false)
    }

    /// `Bearer`, in any case, at least one space, and a key.
    fn is_bearer_of_key(&self, value: &[u8]) -> bool {
        let mut words = value.splitn(2, |byte| *byte == b' ');
        let (scheme, token) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        lower(scheme) == "bearer" && self.is_key(token.trim_ascii_start())
    }

    fn is_key(&self, value: &[u8]) -> bool {
        self.receiver.keys.iter().any(|key| key.as_bytes() == value)
    }

    fn values(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        let named = self.headers.iter().filter(move |(header, _)| header.to_ascii_lowercase() == name);
        named.map(|(_, value)| &**value)
    }

    /// The headers as adapters for http 1 have them, unless HTTP forbids them.
    fn header_map(&self) -> Option<HeaderMap> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::try_from(name).ok()?;
            headers.append(name, HeaderValue::from_bytes(value).ok()?);
        }
        Some(headers)
    }
}

fn lower(value: &[u8]) -> String {
    String::from_utf8_lossy(value).to_ascii_lowercase()
}

/// Mostly requests that are right but for one thing.
impl<'a> Arbitrary<'a> for Request {
    fn arbitrary(choices: &mut Unstructured<'a>) -> Result<Self> {
        let method = match choices.int_in_range(0..=15)? {
            15 => choose(choices, &["GET", "post", "POST ", ""])?,
            _ => "POST",
        };
        let keys = choose::<&[&str]>(choices, &[&[OLD], &[OLD, NEW], &[NEW], &[OLD, NEW], &[]])?;
        let body_limit = choose(choices, &[1, 10, 256 * 1024, usize::MAX])?;
        let headers = several(choices, any_header)?;
        Ok(Self { method: method.into(), headers, receiver: Settings { keys, body_limit } })
    }
}

fn any_header(choices: &mut Unstructured<'_>) -> Result<(String, Vec<u8>)> {
    let name = choose(
        choices,
        &[
            "authorization",
            "authorization",
            "x-api-key",
            "x-api-key",
            "content-encoding",
            "content-length",
            "x-lipdub-event",
            "authorization ",
            "",
        ],
    )?;
    let mut value = match name {
        "authorization" | "x-lipdub-event" => {
            [any_scheme(choices)?, &any_key(choices)?].concat().into_bytes()
        }
        "content-encoding" => {
            choose(choices, &["identity", "Identity", "", "gzip", "identity, br", " identity"])?.into()
        }
        "content-length" => any_length(choices)?.into(),
        _ => any_key(choices)?.into(),
    };
    if choices.int_in_range(0..=15)? == 15 {
        let place = choices.int_in_range(0..=value.len())?;
        value.insert(place, choices.arbitrary()?);
    }
    Ok((in_any_case(name, choices)?, value))
}

fn any_scheme(choices: &mut Unstructured<'_>) -> Result<&'static str> {
    choose(
        choices,
        &[
            "Bearer ",
            "Bearer ",
            "bearer ",
            "BEARER   ",
            "Bearer",
            "Basic ",
            "Bearer\t",
            "Bearer \t",
            " Bearer ",
            "",
        ],
    )
}

fn any_key(choices: &mut Unstructured<'_>) -> Result<String> {
    let key = choose(choices, &[OLD, NEW])?;
    Ok(match choices.int_in_range(0..=15)? {
        0 => key.to_uppercase(),
        1 => key[1..].to_owned(),
        2 => key[..key.len() - 1].to_owned(),
        3 => format!("{key} "),
        4 => format!(" {key}"),
        5 => format!("{key}, {key}"),
        6 => format!("{OLD}{NEW}"),
        7 => String::new(),
        _ => key.to_owned(),
    })
}

fn any_length(choices: &mut Unstructured<'_>) -> Result<&'static str> {
    const U64_OVERFLOW: &str = "18446744073709551616";
    let lengths = [
        "0",
        "1",
        "2",
        "9",
        "10",
        "11",
        "262144",
        "262145",
        " 11 ",
        "+11",
        "-1",
        "011",
        "0x11",
        "",
        "1, 1",
        U64_OVERFLOW,
    ];
    choose(choices, &lengths)
}

fn in_any_case(name: &str, choices: &mut Unstructured<'_>) -> Result<String> {
    let upper: u32 = choices.arbitrary()?;
    let cased = |(index, letter): (usize, char)| {
        if upper >> (index % 32) & 1 == 1 { letter.to_ascii_uppercase() } else { letter }
    };
    Ok(name.chars().enumerate().map(cased).collect())
}
