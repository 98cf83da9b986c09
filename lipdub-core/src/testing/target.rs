use std::error::Error;
use std::fmt;
use std::future::Future;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

use crate::delivery::{Answer, Head};
use crate::webhook::Webhook;

/// Where [`LipDub`](super::LipDub) delivers to.
///
/// A [`Webhook`] is one, so that handlers are tested without a socket; so are an
/// [`HttpTarget`](super::HttpTarget), which is a URL (feature `testing-http`), and any closure from a [`Request`] to a
/// future of a [`Reply`].
///
/// # Cancel safety
///
/// A delivery that LipDub does not wait for any longer is dropped, as a connection is that breaks.
///
/// # Examples
///
/// ```
/// use lipdub_core::testing::{LipDub, Reply, Request, sample};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let receiver = |request: Request| async move {
///     println!("{} bytes", request.body.len());
///     Ok(Reply::new(204))
/// };
/// let lipdub = LipDub::builder(receiver).api_key("whk_123").build();
/// lipdub.deliver(&sample::render_complete()).await;
/// # });
/// ```
#[async_trait]
pub trait Target: Send + Sync + 'static {
    /// Delivers once, and waits for the answer for as long as it takes.
    ///
    /// # Errors
    ///
    /// If there is no answer: nobody listens, or the connection broke.
    async fn deliver(&self, request: Request) -> Result<Reply, NoAnswer>;
}

/// A delivery on its way: a `POST`, unless told otherwise, with these headers and this body.
///
/// Its `Debug` shows none of them, for they hold credentials and customers' data.
#[derive(Clone)]
#[non_exhaustive]
pub struct Request {
    /// The HTTP method, `POST` for LipDub's deliveries.
    pub method: String,
    /// Names and values; there may be several of one name. `Content-Length` is the target's to add.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// The path of a callback URL to deliver to; without one, where the target is.
    pub path: Option<String>,
    breaks_off_after: Option<usize>,
}

impl Request {
    /// A delivery of a body, without any header.
    pub fn new(body: impl Into<Bytes>) -> Self {
        let method = "POST".to_owned();
        Self { headers: Vec::new(), body: body.into(), path: None, method, breaks_off_after: None }
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the path to deliver to.
    pub fn to<'a>(mut self, path: impl Into<Option<&'a str>>) -> Self {
        self.path = path.into().map(str::to_owned);
        self
    }

    /// Sets the HTTP method. Defaults to `POST`, and LipDub uses no other: this shows what a receiver does with those that
    /// are not LipDub.
    ///
    /// # Examples
    ///
    /// ```
    /// use lipdub_core::Webhook;
    /// use lipdub_core::testing::{Request, Target as _};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let webhook = Webhook::builder().api_key("whk_123").on_render_complete(|_| async { Ok(()) }).build()?;
    /// let reply = webhook.deliver(Request::new("").method("GET")).await?;
    /// assert_eq!(reply.code, 405);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = method.into();
        self
    }

    /// Lets the connection break after so many bytes of the body.
    pub fn break_off_after(mut self, bytes: usize) -> Self {
        self.breaks_off_after = Some(bytes);
        self
    }

    /// What is sent of the body, all of which is announced.
    pub fn sent(&self) -> Bytes {
        self.body.slice(..self.breaks_off_after.unwrap_or(usize::MAX).min(self.body.len()))
    }

    /// Whether the connection breaks before the body's end.
    pub fn breaks_off(&self) -> bool {
        self.sent().len() < self.body.len()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Request").field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// What a receiver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The HTTP status code.
    pub code: u16,
    /// Names, in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// An answer without headers and body.
    pub fn new(code: u16) -> Self {
        Self { code, headers: Vec::new(), body: Bytes::new() }
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into().to_ascii_lowercase(), value.into()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Whether LipDub takes the event for delivered: any 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// The `status` in the body, such as `processed`, if the receiver tells one.
    pub fn status(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        body.get("status")?.as_str().map(str::to_owned)
    }
}

impl fmt::Display for Reply {
    /// The code and the status: `200 processed`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status() {
            Some(status) => write!(formatter, "{} {status}", self.code),
            None => write!(formatter, "{}", self.code),
        }
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        let reply = Self::new(answer.code()).body(answer.body());
        answer.headers().fold(reply, |reply, (name, value)| reply.header(name, value))
    }
}

/// A delivery that was not answered: nobody listens, or the connection broke.
#[derive(Debug)]
pub struct NoAnswer(Box<dyn Error + Send + Sync>);

impl NoAnswer {
    /// Keeps what went wrong.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for NoAnswer {
    /// What went wrong, down to its cause.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl Error for NoAnswer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

#[async_trait]
impl Target for Webhook {
    async fn deliver(&self, request: Request) -> Result<Reply, NoAnswer> {
        let mut headers = request.headers.clone();
        headers.push(("content-length".to_owned(), request.body.len().to_string()));
        let path = request.path.as_deref().unwrap_or_default();
        let delivery = match self.begin(&Head::new(&request.method, &headers).path(path)) {
            Ok(delivery) => delivery,
            Err(answer) => return Ok(answer.into()),
        };
        let end = request.breaks_off().then_some(Err(BrokenOff));
        let mut chunks = [Some(Ok(request.sent())), end].into_iter().flatten();
        let body = match delivery.read(|_: &mut Context<'_>| Poll::Ready(chunks.next())).await {
            Ok(body) => body,
            Err(answer) => return Ok(answer.into()),
        };
        Ok(delivery.run(body, |task| drop(tokio::spawn(task))).await.into())
    }
}

#[async_trait]
impl<F, Fut> Target for F
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Reply, NoAnswer>> + Send + 'static,
{
    async fn deliver(&self, request: Request) -> Result<Reply, NoAnswer> {
        self(request).await
    }
}

/// What a receiver reads where the body breaks off.
struct BrokenOff;
