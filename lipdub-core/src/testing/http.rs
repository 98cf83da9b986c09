use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use reqwest::{Client, Method, Url, redirect, retry};

use super::target::{NoAnswer, Reply, Request, Target};

/// A receiver at a URL.
///
/// Each delivery has a connection of its own, follows no redirect, uses no proxy, and is made once: what happens to
/// it happens to the receiver. Of an answer's body a MiB is read at most. It takes `http`, and with the feature `testing-tls` also `https`.
///
/// It needs a real clock: on a paused one, time runs ahead while the network is awaited.
///
/// # Examples
///
/// ```no_run
/// use lipdub_core::testing::{HttpTarget, LipDub, sample};
///
/// # async fn example() -> Result<(), lipdub_core::testing::InvalidUrl> {
/// let receiver = HttpTarget::new("http://127.0.0.1:3000/webhooks/lipdub")?;
/// let lipdub = LipDub::builder(receiver).api_key("whk_123").build();
/// lipdub.deliver(&sample::render_complete()).await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HttpTarget {
    client: Client,
    url: Url,
}

impl HttpTarget {
    /// Takes the URL that would be configured at LipDub.
    ///
    /// With TLS, if the application has not chosen a cryptography provider for rustls, ring becomes that of the
    /// process.
    ///
    /// # Errors
    ///
    /// If it is no URL with a host, or its scheme is neither `http` nor, with the feature `testing-tls`, `https`.
    pub fn new(url: impl AsRef<str>) -> Result<Self, InvalidUrl> {
        let url = Url::parse(url.as_ref()).map_err(|_| InvalidUrl::NotAUrl)?;
        match url.scheme() {
            "http" => {}
            "https" if cfg!(feature = "testing-tls") => {}
            _ => return Err(InvalidUrl::Scheme),
        }
        #[cfg(feature = "testing-tls")]
        choose_cryptography();
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_TIMEOUT)
            .build();
        Ok(Self { client: client.map_err(|_| InvalidUrl::NoClient)?, url })
    }
}

/// No more of an answer's body is read than this.
const LONGEST_REPLY: usize = 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The client wants it whatever the scheme.
#[cfg(feature = "testing-tls")]
fn choose_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // If somebody else was faster, theirs is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

#[async_trait]
impl Target for HttpTarget {
    async fn deliver(&self, request: Request) -> Result<Reply, NoAnswer> {
        let body = match request.breaks_off() {
            true => reqwest::Body::wrap(BrokenBody { sent: Some(request.sent()) }),
            false => request.body.clone().into(),
        };
        let method = Method::from_bytes(request.method.as_bytes()).map_err(NoAnswer::new)?;
        let mut url = self.url.clone();
        if let Some(path) = &request.path {
            url.set_path(path);
            url.set_query(None);
        }
        let mut sending = self.client.request(method, url).body(body);
        if request.breaks_off() {
            sending = sending.header("content-length", request.body.len());
        }
        for (name, value) in &request.headers {
            sending = sending.header(name, value);
        }
        let mut response = sending.send().await.map_err(no_answer)?;
        let mut reply = Reply::new(response.status().as_u16());
        for (name, value) in response.headers() {
            reply = reply.header(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
            let room = LONGEST_REPLY - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() >= room {
                break;
            }
        }
        Ok(reply.body(body))
    }
}

impl fmt::Debug for HttpTarget {
    /// Leaves the URL out, for its path may be a secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HttpTarget").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

fn no_answer(error: reqwest::Error) -> NoAnswer {
    NoAnswer::new(error.without_url())
}

/// A URL to which nothing can be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidUrl {
    /// It is no URL.
    NotAUrl,
    /// It begins with neither `http://` nor, with the feature `testing-tls`, `https://`.
    Scheme,
    /// The HTTP client could not be made: the system has no certificates to trust, perhaps.
    NoClient,
}

impl fmt::Display for InvalidUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotAUrl => "this is no URL; one looks like http://127.0.0.1:3000/webhooks/lipdub",
            Self::Scheme if cfg!(feature = "testing-tls") => "the URL must begin with http:// or https://",
            Self::Scheme => "the URL must begin with http://; https:// needs the feature `testing-tls`",
            Self::NoClient => "the HTTP client could not be made; has this system root certificates?",
        })
    }
}

impl Error for InvalidUrl {}

/// Sends what it has and then fails, which closes the connection.
struct BrokenBody {
    sent: Option<Bytes>,
}

impl Body for BrokenBody {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        let sent = self.sent.take().map(Frame::data);
        Poll::Ready(Some(sent.ok_or("the body was cut off on purpose")))
    }
}
