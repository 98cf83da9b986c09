//! What must not be shown or saved.

use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::Url;

/// Stands where a secret was.
pub(crate) const REDACTED: &str = "[REDACTED]";

/// What the command line has told in confidence.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<[String]>);

impl Secrets {
    /// The key, and what is secret of the URL of a receiver or of a server.
    pub(crate) fn of(key: Option<&str>, url: Option<&Url>) -> Self {
        let path = url.into_iter().flat_map(|url| parts(url.path()));
        let parts = path.filter(|(_, is_secret)| *is_secret).map(|(part, _)| part.to_owned());
        let query = url.into_iter().filter_map(|url| url.query());
        let pairs = query.clone().flat_map(|query| query.split('&'));
        let sent = pairs.map(|pair| pair.split_once('=').map_or(pair, |(_name, value)| value));
        let read = url.into_iter().flat_map(|url| url.query_pairs()).map(|(_name, value)| value.into_owned());
        let of_url = parts.chain(query.chain(sent).map(str::to_owned)).chain(read);
        let of_url = of_url.filter(|secret| secret.len() >= SHORTEST_OF_URL);
        let password = url.and_then(Url::password).into_iter();
        let read = |password| percent_decode_str(password).decode_utf8_lossy().into_owned();
        let passwords = password.clone().map(read).chain(password.map(str::to_owned));
        let keys = key.map(str::to_owned).into_iter().chain(passwords);
        let keys = keys.filter(|key| key.len() >= SHORTEST_KEY);
        Self::sorted(keys.chain(of_url).collect())
    }

    /// A secret that holds another one goes first, or the rest of it would stay.
    fn sorted(mut secrets: Vec<String>) -> Self {
        secrets.sort_by_key(|secret| Reverse(secret.len()));
        Self(secrets.into())
    }

    /// The text without any of them, in whatever case.
    pub(crate) fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| without(&text, secret))
    }

    /// The same for each text in a value.
    pub(crate) fn redact_all(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.redact(&text).into(),
            Value::Array(values) => values.into_iter().map(|value| self.redact_all(value)).collect(),
            Value::Object(fields) => {
                fields.into_iter().map(|(name, value)| (name, self.redact_all(value))).collect()
            }
            other => other,
        }
    }
}

impl FromIterator<Self> for Secrets {
    fn from_iter<I: IntoIterator<Item = Self>>(several: I) -> Self {
        Self::sorted(several.into_iter().flat_map(|secrets| secrets.0.to_vec()).collect())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Secrets").field(&REDACTED).finish()
    }
}

// What is shorter protects nothing, and occurs in every other line.
const SHORTEST_KEY: usize = 4;
const SHORTEST_OF_URL: usize = 8;

fn without(text: &str, secret: &str) -> String {
    let (lower, secret) = (text.to_ascii_lowercase(), secret.to_ascii_lowercase());
    let mut kept = String::new();
    let mut rest = 0;
    for (index, found) in lower.match_indices(&secret) {
        kept.push_str(&text[rest..index]);
        kept.push_str(REDACTED);
        rest = index + found.len();
    }
    kept + &text[rest..]
}

/// Words in the names of headers that say who somebody is, or prove it. Better one too many than one too few.
const OF_CREDENTIALS: [&str; 15] = [
    "auth",
    "key",
    "token",
    "secret",
    "sig",
    "hmac",
    "cookie",
    "session",
    "pass",
    "credential",
    "bearer",
    "jwt",
    "assertion",
    "csrf",
    "xsrf",
];

/// Whether a header of this name, in any case, could hold a credential.
pub(crate) fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    OF_CREDENTIALS.iter().any(|word| name.contains(word))
}

/// A path or a URL without its query and its secrets.
///
/// A link to a job is `/webhooks/lipdub/jobs/<job>/<token>`, perhaps with a slash at its end or without the job.
/// Elsewhere, a part that is as long as a token is taken for one.
pub(crate) fn without_token(path: &str) -> String {
    without_secret_parts(path.split_once('?').map_or(path, |(path, _query)| path))
}

/// The value of a header, which may be the path as a proxy has seen it.
pub(crate) fn without_token_in(value: &str) -> String {
    let begins_with =
        |start: &str| value.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start));
    // One that was encoded as a whole has no parts to tell apart.
    if value.to_ascii_lowercase().contains("jobs%2f") {
        REDACTED.to_owned()
    } else if ["/", "http://", "https://"].into_iter().any(begins_with) {
        without_token(value)
    } else if value.contains('/') {
        without_secret_parts(value)
    } else {
        value.to_owned()
    }
}

fn without_secret_parts(path: &str) -> String {
    let shown = parts(path).into_iter().map(|(part, is_secret)| if is_secret { REDACTED } else { part });
    shown.collect::<Vec<_>>().join("/")
}

/// The parts between the slashes, and whether each is a secret.
fn parts(path: &str) -> Vec<(&str, bool)> {
    let parts: Vec<&str> = path.split('/').collect();
    let jobs = parts.iter().position(|part| part.eq_ignore_ascii_case("jobs")).unwrap_or(parts.len());
    let mut in_link = (jobs + 1..parts.len()).filter(|index| !parts[*index].is_empty());
    // The first is the job, unless it is alone: then it may be the token.
    let job = in_link.next().filter(|_| in_link.next().is_some());
    let is_secret = |index: usize, part: &str| {
        let is_in_link = index > jobs && !part.is_empty() && Some(index) != job;
        is_in_link || is_like_a_token(part)
    };
    parts.iter().enumerate().map(|(index, part)| (*part, is_secret(index, part))).collect()
}

/// Whether this is long enough to be hard to guess, and of what tokens, UUIDs and digests are made of.
fn is_like_a_token(part: &str) -> bool {
    let is_of_one = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~%=+".contains(&byte);
    part.len() >= 32 && part.bytes().all(is_of_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_of_a_url_is_left() {
        let url = Url::parse("https://h/hooks/jobs/mine/token-42?key=s%2Bcret-42&nameless-42&event=render")
            .unwrap();
        let secrets = Secrets::of(Some("whk_1"), Some(&url));
        let said = "WHK_1, whk_12, TOKEN-42, s+cret-42, s%2Bcret-42, nameless-42, key=s%2Bcret-42&nameless-42&event=render";
        let shown = "[REDACTED], [REDACTED]2, [REDACTED], [REDACTED], [REDACTED], [REDACTED], [REDACTED]";
        let harmless = " (hooks, mine, event, render)";
        let (said, shown) = (said.to_owned() + harmless, shown.to_owned() + harmless);
        assert_eq!(secrets.redact(&said), shown);
    }

    #[test]
    fn no_secret_of_several_urls_is_left() {
        let urls = ["redis://:word@h", "redis://:password@i"].map(|url| Url::parse(url).unwrap());
        let secrets: Secrets = urls.iter().map(|url| Secrets::of(None, Some(url))).collect();
        assert_eq!(secrets.redact("word, password"), "[REDACTED], [REDACTED]");
    }

    #[test]
    fn a_path_is_shown_without_its_token() {
        let token = "abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ_012345";
        assert_eq!(token.len(), 60);
        for (path, shown) in [
            ("/webhooks/lipdub", "/webhooks/lipdub"),
            ("/", "/"),
            ("", ""),
            ("/webhooks/lipdub/jobs", "/webhooks/lipdub/jobs"),
            ("/webhooks/lipdub/jobs/", "/webhooks/lipdub/jobs/"),
            ("/webhooks/lipdub/jobs/mine/TOKEN", "/webhooks/lipdub/jobs/mine/[REDACTED]"),
            ("/webhooks/lipdub/jobs/mine/TOKEN/", "/webhooks/lipdub/jobs/mine/[REDACTED]/"),
            ("/webhooks/lipdub/jobs/mine/TOKEN//?a=b", "/webhooks/lipdub/jobs/mine/[REDACTED]//"),
            ("/webhooks/lipdub/jobs/TOKEN", "/webhooks/lipdub/jobs/[REDACTED]"),
            ("/webhooks/lipdub/jobs/TOKEN/", "/webhooks/lipdub/jobs/[REDACTED]/"),
            ("/jobs//TOKEN", "/jobs//[REDACTED]"),
            ("/Jobs/mine/TOKEN", "/Jobs/mine/[REDACTED]"),
            ("/jobs/jobs/TOKEN", "/jobs/jobs/[REDACTED]"),
            ("/jobs/TOKEN/TOKEN", "/jobs/[REDACTED]/[REDACTED]"),
            ("/%6Aobs/mine/TOKEN", "/%6Aobs/mine/[REDACTED]"),
            ("/hooks/TOKEN", "/hooks/[REDACTED]"),
            ("https://h/jobs/mine/TOKEN", "https://h/jobs/mine/[REDACTED]"),
            ("/jobs/short/", "/jobs/[REDACTED]/"),
            ("/jobs/mine/short", "/jobs/mine/[REDACTED]"),
            ("/jobs/mine/short/more", "/jobs/mine/[REDACTED]/[REDACTED]"),
            ("/webhooks/lipdub?key=TOKEN", "/webhooks/lipdub"),
        ] {
            assert_eq!(without_token(&path.replace("TOKEN", token)), shown, "{path}");
        }
        for (value, shown) in [
            ("/jobs/mine/TOKEN?key=TOKEN", "/jobs/mine/[REDACTED]"),
            ("HTTPS://h/jobs/TOKEN/?key=TOKEN", "HTTPS://h/jobs/[REDACTED]/"),
            ("POST /jobs/mine/TOKEN?key=TOKEN HTTP/1.1", "POST /jobs/mine/[REDACTED]/[REDACTED]"),
            ("https%3A%2F%2Fh%2Fjobs%2Fmine%2FTOKEN&a=b", "[REDACTED]"),
            ("text/html, */*;q=0.8", "text/html, */*;q=0.8"),
            ("550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"),
        ] {
            assert_eq!(without_token_in(&value.replace("TOKEN", token)), shown, "{value}");
        }
    }
}
