//! Links for callbacks, signed for a job.
//!
//! `BASE/jobs/JOB/TOKEN`. The token is base64url of
//!
//! | bytes | |
//! |---|---|
//! | 1 | version, 1 |
//! | 4 | the key's id |
//! | 8 | expiry, seconds since 1970, big-endian |
//! | 32 | HMAC-SHA256 over a domain, the three above, and the job as it stands in the link |
//!
//! which is 60 characters with no bit left over. The host and the path before `jobs` are not signed: behind a
//! proxy the receiver does not know them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;

use super::{CallbackUrl, CallbackUrlError, SigningKey};
use crate::horizon::{CALLBACK_VALIDITY, LATEST_REPLAY};
use crate::webhook::ConfigError;

/// Mints a callback URL for each of your jobs, and knows them again when LipDub delivers to them.
///
/// LipDub lets each render name its own `callback_url`, and says neither how such a delivery is authenticated nor
/// which job of yours it is about. A link that was signed for the job says both: nobody else can make one, and
/// the handler sees [`Source::Job`](crate::Source::Job) with your own reference. It can be any text, and is
/// needed because LipDub's id does not exist yet when the URL is sent.
///
/// Give it to [`WebhookBuilder::job_links`](crate::WebhookBuilder::job_links), and the webhook's routes take its links.
///
/// # Who holds a link can deliver
///
/// A link is a secret: it lets its holder deliver events for one job until it expires. Neither this crate's log
/// nor the `Debug` of a [`CallbackUrl`] shows it. The access log of a server or a proxy does, unless you
/// see to it: [`redact`](Self::redact) hides the token in a path.
///
/// # How long a link is valid
///
/// 29 days: LipDub calls a `callback_url` for 24 h, and an event that it could not deliver can be replayed up to
/// 28 days later, 14 in its queue and 14 in the dead letter queue, the most that SQS allows. [`validity`](Self::validity)
/// changes it. It should stay below the retention (30 days), so that no link outlives the memory of its event.
///
/// # Examples
///
/// ```
/// use lipdub_core::{JobLinks, SigningKey, Source, Webhook};
///
/// let key = SigningKey::new("VPZ8UpBCsY3j6RhVrxlDmJW0bUq1oa5Yz9kKcGtFtA4=")?;
/// let links = JobLinks::new("https://hooks.example.com/webhooks/lipdub", key)?;
///
/// // Goes into `callback_url` of the render.
/// let callback_url = links.mint("order 7")?;
/// assert!(callback_url.as_str().starts_with("https://hooks.example.com/webhooks/lipdub/jobs/order~207/"));
///
/// let webhook = Webhook::builder()
///     .api_key("whk_123")
///     .job_links(links)
///     .on_render_complete(|event| async move {
///         if let Source::Job(order) = &event.source {
///             println!("{order} is finished");
///         }
///         Ok(())
///     })
///     .build()?;
/// # let _ = webhook;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct JobLinks {
    base: Arc<str>,
    /// The first one signs.
    keys: Vec<SigningKey>,
    validity: Duration,
    clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

/// Whether a delivery over a valid link needs the API key, too.
///
/// LipDub's documentation does not say whether it sends the key to a `callback_url`. A delivery with a key that
/// is wrong is refused in any case, if the webhook has keys to compare it with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyWithLink {
    /// The link must be valid, and the key must be right.
    Required,
    /// The link is enough while it is valid. One that has expired is accepted with the right key.
    ///
    /// The default: nothing is lost if LipDub sends no key to callbacks, and a replay that comes later than the link
    /// allows gets in if it does.
    #[default]
    Accepted,
    /// The link must be valid, and is enough.
    LinkAlone,
}

/// Why a path is not a job's link that is valid now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkError {
    /// It does not end in `/jobs/JOB/TOKEN`.
    NotALink,
    /// None of the keys has signed it as it stands.
    NotGenuine,
    /// It was valid until some time ago.
    Expired,
}

/// A link that is genuine.
pub(crate) struct Link {
    pub(crate) job: String,
    pub(crate) is_expired: bool,
}

const VERSION: u8 = 1;
const DOMAIN: &[u8] = b"lipdub job link\0";
const TOKEN_LENGTH: usize = 1 + SigningKey::ID_LENGTH + size_of::<u64>() + SigningKey::SIGNATURE_LENGTH;

impl JobLinks {
    /// Makes links below the webhook's public URL, such as `https://hooks.example.com/webhooks/lipdub`.
    ///
    /// That is the URL as LipDub sees it: what a router or a proxy adds in front belongs to it.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnusableLinkBase`] if the URL is none that LipDub would call, and
    /// [`ConfigError::UnusableSetting`] if it has a query.
    pub fn new(base_url: impl AsRef<str>, key: SigningKey) -> Result<Self, ConfigError> {
        let base = CallbackUrl::parse(base_url.as_ref()).map_err(ConfigError::UnusableLinkBase)?;
        if base.as_str().contains('?') {
            return Err(ConfigError::UnusableSetting("the base URL of job links must not have a query"));
        }
        Ok(Self {
            base: base.as_str().trim_end_matches('/').into(),
            keys: vec![key],
            validity: CALLBACK_VALIDITY.saturating_add(LATEST_REPLAY),
            clock: Arc::new(SystemTime::now),
        })
    }

    /// Accepts links that this key has signed, too.
    ///
    /// To change the key: accept the new one everywhere, then sign with it and accept the old one, and drop that
    /// when its last link has expired.
    #[must_use]
    pub fn also_accept(mut self, key: SigningKey) -> Self {
        self.keys.push(key);
        self
    }

    /// How long a link is valid from when it is minted. Defaults to 29 days.
    #[must_use]
    pub fn validity(mut self, validity: Duration) -> Self {
        self.validity = validity;
        self
    }

    /// Tells the time by this clock. Defaults to the system's; for tests in which time passes.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(now);
        self
    }

    /// Makes the link for a job, to be sent as the render's `callback_url`.
    ///
    /// Each call makes a link that is valid from now; earlier ones stay valid.
    ///
    /// # Errors
    ///
    /// [`CallbackUrlError`] if the URL gets longer than LipDub takes, because the job's text is too long.
    pub fn mint(&self, job: impl AsRef<str>) -> Result<CallbackUrl, CallbackUrlError> {
        let segment = segment(job.as_ref());
        let token = self.token(&segment, self.seconds_now().saturating_add(self.validity.as_secs()));
        CallbackUrl::parse(&format!("{}/jobs/{segment}/{token}", self.base))
    }

    /// The job that a link was signed for, if it is valid now. Takes a URL or its path.
    ///
    /// The webhook's routes do this by themselves; it is here for looking into a link.
    ///
    /// # Errors
    ///
    /// [`LinkError`] says why it is not.
    ///
    /// # Examples
    ///
    /// ```
    /// use lipdub_core::{JobLinks, LinkError, SigningKey};
    ///
    /// let key = SigningKey::new("VPZ8UpBCsY3j6RhVrxlDmJW0bUq1oa5Yz9kKcGtFtA4=")?;
    /// let links = JobLinks::new("https://hooks.example.com/webhooks/lipdub", key)?;
    /// let link = links.mint("order 7")?;
    /// assert_eq!(links.open(link.as_str())?, "order 7");
    /// assert_eq!(links.open(&link.as_str().replace("order~207", "order~208")), Err(LinkError::NotGenuine));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(&self, link: &str) -> Result<String, LinkError> {
        match self.read(link).ok_or(LinkError::NotALink)? {
            Some(Link { is_expired: true, .. }) => Err(LinkError::Expired),
            Some(link) => Ok(link.job),
            None => Err(LinkError::NotGenuine),
        }
    }

    /// Hides the token of a job's link, and leaves every other URL or path as it is. For access logs.
    ///
    /// # Examples
    ///
    /// ```
    /// use lipdub_core::JobLinks;
    ///
    /// let path = JobLinks::redact("/webhooks/lipdub/jobs/order~207/AQIDBAAAAAB…");
    /// assert_eq!(path, "/webhooks/lipdub/jobs/order~207/[REDACTED]");
    /// ```
    pub fn redact(path: &str) -> Cow<'_, str> {
        match split(path) {
            Some(Parts { before, .. }) => Cow::Owned(format!("{before}[REDACTED]")),
            None => Cow::Borrowed(path),
        }
    }

    /// What a path says: nothing if it has not the form of a link, and `Some(None)` if it is not genuine.
    pub(crate) fn read(&self, path: &str) -> Option<Option<Link>> {
        let Parts { segment, token, .. } = split(path)?;
        Some(self.verify(segment, token))
    }

    fn verify(&self, segment: &str, token: &str) -> Option<Link> {
        // The links themselves have nothing to decode; something on the way may have encoded them.
        let segment = percent_decode_str(segment).decode_utf8().ok()?;
        let token = percent_decode_str(token).decode_utf8().ok()?;
        let token: [u8; TOKEN_LENGTH] = BASE64_URL_SAFE_NO_PAD.decode(&*token).ok()?.try_into().ok()?;
        let (claims, signature) = token.split_last_chunk::<{ SigningKey::SIGNATURE_LENGTH }>()?;
        let (version, claims_left) = claims.split_first()?;
        let (key_id, expiry) = claims_left.split_first_chunk::<{ SigningKey::ID_LENGTH }>()?;
        let expiry = u64::from_be_bytes(expiry.try_into().ok()?);
        let signed: [&[u8]; 3] = [DOMAIN, claims, segment.as_bytes()];
        let mut keys = self.keys.iter().filter(|key| key.id() == *key_id);
        let is_genuine = *version == VERSION && keys.any(|key| key.has_signed(&signed, signature));
        let is_expired = self.seconds_now() >= expiry;
        if is_genuine { Some(Link { job: job(&segment)?, is_expired }) } else { None }
    }

    fn token(&self, segment: &str, expiry: u64) -> String {
        let [key, ..] = &*self.keys else { return String::new() };
        let mut token = Vec::with_capacity(TOKEN_LENGTH);
        token.push(VERSION);
        token.extend(key.id());
        token.extend(expiry.to_be_bytes());
        token.extend(key.sign(&[DOMAIN, &token, segment.as_bytes()]));
        BASE64_URL_SAFE_NO_PAD.encode(token)
    }

    fn seconds_now(&self) -> u64 {
        (self.clock)().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
    }
}

impl fmt::Debug for JobLinks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JobLinks").field("base", &self.base).finish_non_exhaustive()
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotALink => "this is no link for a job: it does not end in /jobs/JOB/TOKEN",
            Self::NotGenuine => "the link was not signed like this by any of the keys: is it whole, and is its key still accepted?",
            Self::Expired => "the link has expired",
        })
    }
}

impl std::error::Error for LinkError {}

/// A path that ends like a link.
struct Parts<'a> {
    /// All that comes before the token.
    before: &'a str,
    segment: &'a str,
    token: &'a str,
}

fn split(path: &str) -> Option<Parts<'_>> {
    let path = path.split(['?', '#']).next()?;
    let (rest, token) = path.rsplit_once('/')?;
    let (rest, segment) = rest.rsplit_once('/')?;
    let is_link = rest == "jobs" || rest.ends_with("/jobs");
    is_link.then(|| Parts { before: &path[..path.len() - token.len()], segment, token })
}

/// A job as one segment of a path.
///
/// Not percent-encoded, because not every proxy hands on what it was given: an encoded slash is refused by some
/// and decoded by others, and `%2E%2E` goes one level up. `~` stays as it is everywhere.
fn segment(job: &str) -> String {
    let is_dots = job.bytes().all(|byte| byte == b'.');
    let mut segment = String::with_capacity(job.len());
    for byte in job.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => segment.push(char::from(byte)),
            b'.' if !is_dots => segment.push('.'),
            _ => segment.push_str(&format!("~{byte:02X}")),
        }
    }
    // An empty segment would be lost.
    if segment.is_empty() { "~".to_owned() } else { segment }
}

fn job(segment: &str) -> Option<String> {
    if segment == "~" {
        return Some(String::new());
    }
    let mut job = Vec::with_capacity(segment.len());
    let mut pieces = segment.split('~');
    job.extend(pieces.next()?.bytes());
    for piece in pieces {
        let (byte, plain) = piece.split_at_checked(2)?;
        job.push(u8::from_str_radix(byte, 16).ok()?);
        job.extend(plain.bytes());
    }
    String::from_utf8(job).ok()
}
