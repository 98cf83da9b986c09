use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::{HttpRequest, Resource, web};
use lipdub_core::Webhook;

use crate::deliver::deliver;

/// The path at which LipDub's webhooks are received unless another is chosen.
pub const DEFAULT_PATH: &str = "/webhooks/lipdub";

/// Makes a service that receives LipDub's webhooks at `/webhooks/lipdub`.
///
/// Build the [`Webhook`] once, outside the application factory: its clones share what they remember, and
/// workers that each had their own would not know of each other's events.
///
/// # Examples
///
/// ```
/// use actix_web::App;
/// use lipdub_actix::Webhook;
///
/// let webhook = Webhook::builder()
///     .api_key("whk_123")
///     .on_render_complete(|event| async move {
///         println!("render {:?} is finished", event.data.generate_id);
///         Ok(())
///     })
///     .build()?;
///
/// let factory = move || App::new().service(lipdub_actix::routes(webhook.clone()));
/// # let _ = factory();
/// # Ok::<(), lipdub_actix::ConfigError>(())
/// ```
pub fn routes(webhook: Webhook) -> Routes {
    Routes { webhook, path: DEFAULT_PATH.to_owned() }
}

/// A service that receives LipDub's webhooks. Made by [`routes`].
///
/// It can be registered with `service` of an `App`, a `Scope` or a `ServiceConfig`. Payload limits of
/// actix-web do not apply to it: see [`WebhookBuilder::body_limit`](crate::WebhookBuilder::body_limit).
#[derive(Clone, Debug)]
#[must_use = "register it with `service`"]
pub struct Routes {
    webhook: Webhook,
    path: String,
}

impl Routes {
    /// Receives at this path. Defaults to [`DEFAULT_PATH`]; `""` is the root of a scope.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Makes a resource of it, so that it can be wrapped, guarded or named.
    ///
    /// # Examples
    ///
    /// ```
    /// # use actix_web::{App, guard, middleware::DefaultHeaders};
    /// # use lipdub_actix::Webhook;
    /// # let webhook =
    /// #     Webhook::builder().api_key("whk_123").fallback(|_event| async { Ok(()) }).build()?;
    /// let resource = lipdub_actix::routes(webhook)
    ///     .into_resource()
    ///     .guard(guard::Host("hooks.example.com"))
    ///     .wrap(DefaultHeaders::new().add(("x-served-by", "lipdub")));
    /// let application = App::new().service(resource);
    /// # drop(application);
    /// # Ok::<(), lipdub_actix::ConfigError>(())
    /// ```
    pub fn into_resource(self) -> Resource {
        // For any method, so that it is the webhook that answers 405, with the same bytes everywhere.
        web::resource(self.patterns()).to(move |request: HttpRequest, payload: web::Payload| {
            let webhook = self.webhook.clone();
            async move { deliver(&webhook, &request, payload).await }
        })
    }

    /// Registers it through `App::configure`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use actix_web::App;
    /// # use lipdub_actix::Webhook;
    /// # let webhook =
    /// #     Webhook::builder().api_key("whk_123").fallback(|_event| async { Ok(()) }).build()?;
    /// let application = App::new().configure(lipdub_actix::routes(webhook).configure());
    /// # drop(application);
    /// # Ok::<(), lipdub_actix::ConfigError>(())
    /// ```
    pub fn configure(self) -> impl FnOnce(&mut web::ServiceConfig) {
        move |config| {
            config.service(self);
        }
    }
}

impl Routes {
    fn patterns(&self) -> Vec<String> {
        let base = self.path.trim_end_matches('/');
        let job_links = self.webhook.takes_job_links().then(|| format!("{base}/jobs/{{job}}/{{token}}"));
        [self.path.clone()].into_iter().chain(job_links).collect()
    }
}

impl HttpServiceFactory for Routes {
    fn register(self, config: &mut AppService) {
        self.into_resource().register(config);
    }
}
