#![doc = include_str!("../README.md")]

mod extract;

use axum::Router;
use axum::routing::any_service;
use lipdub_tower::WebhookService;

pub use lipdub_core::*;
pub use lipdub_tower::{ClientErrors, DEFAULT_PATH, DedupeLayer, WebhookLayer};

pub use self::extract::{LipDub, LipDubRejection};

/// Makes a router that receives LipDub's webhooks at `/webhooks/lipdub`, to be merged into the application's.
///
/// # Examples
///
/// ```
/// use axum::Router;
/// use lipdub_axum::Webhook;
///
/// let webhook = Webhook::builder()
///     .api_key("whk_123")
///     .on_render_complete(|event| async move {
///         println!("render {:?} is finished", event.data.generate_id);
///         Ok(())
///     })
///     .build()?;
///
/// let application: Router = Router::new().merge(lipdub_axum::router(webhook));
/// # Ok::<(), lipdub_axum::ConfigError>(())
/// ```
pub fn router(webhook: Webhook) -> WebhookRouter {
    WebhookRouter { webhook, path: DEFAULT_PATH.to_owned() }
}

/// A router that receives LipDub's webhooks. Made by [`router`].
///
/// It merges into a router with any state. Body limits of axum do not apply to it: see
/// [`WebhookBuilder::body_limit`].
#[derive(Clone, Debug)]
#[must_use = "merge it into a router"]
pub struct WebhookRouter {
    webhook: Webhook,
    path: String,
}

impl WebhookRouter {
    /// Receives at this path, which begins with a slash. Defaults to [`DEFAULT_PATH`].
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Makes an axum router of it, for [`Router::nest`] and other places where `merge` would not do.
    ///
    /// # Panics
    ///
    /// If the path is none that [`Router::route`] takes, such as one without a slash at the beginning.
    ///
    /// # Examples
    ///
    /// ```
    /// # use axum::Router;
    /// # use lipdub_axum::Webhook;
    /// # let webhook =
    /// #     Webhook::builder().api_key("whk_123").fallback(|_event| async { Ok(()) }).build()?;
    /// let lipdub = lipdub_axum::router(webhook).path("/lipdub").into_router();
    /// let application: Router = Router::new().nest("/hooks", lipdub);
    /// # Ok::<(), lipdub_axum::ConfigError>(())
    /// ```
    pub fn into_router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        // For any method, so that it is the webhook that answers 405, with the same bytes everywhere.
        let service = any_service(WebhookService::new(self.webhook.clone()));
        let router = Router::new().route(&self.path, service.clone());
        if self.webhook.takes_job_links() {
            let path = format!("{}/jobs/{{job}}/{{token}}", self.path.trim_end_matches('/'));
            router.route(&path, service)
        } else {
            router
        }
    }
}

impl<S: Clone + Send + Sync + 'static> From<WebhookRouter> for Router<S> {
    fn from(router: WebhookRouter) -> Self {
        router.into_router()
    }
}
