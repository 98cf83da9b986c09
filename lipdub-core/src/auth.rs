//! Who may deliver.

mod api_key;
mod api_keys;
mod key_closure;
mod key_file;
mod key_set;
mod key_source;
mod key_source_error;
mod key_usage;

pub use self::api_key::ApiKey;
pub use self::api_keys::ApiKeys;
pub use self::key_source_error::KeySourceError;
pub use self::key_usage::KeyUsage;
use crate::callback::{JobLinks, KeyWithLink, Link};
use crate::delivery::Head;
use crate::event::Source;
use crate::webhook::ConfigError;

/// Who may deliver.
pub(crate) struct Access {
    tenant: Tenant,
    links: Option<JobLinks>,
    key_with_link: KeyWithLink,
}

/// Who may deliver without a job's link.
enum Tenant {
    Keys(ApiKeys),
    Everybody,
    Nobody,
}

/// A delivery that was let in.
pub(crate) struct Admitted {
    pub(crate) source: Source,
}

/// What a request shows of API keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Nothing,
    Right,
    Wrong,
}

/// What was configured, before it is known whether it makes sense.
#[derive(Default)]
pub(crate) struct AccessBuilder {
    pub(crate) keys: Vec<Result<ApiKey, ConfigError>>,
    pub(crate) shared_keys: Option<ApiKeys>,
    pub(crate) everybody: bool,
    pub(crate) links: Option<JobLinks>,
    pub(crate) key_with_link: KeyWithLink,
}

impl AccessBuilder {
    pub(crate) fn build(self) -> Result<Access, ConfigError> {
        let keys: Vec<ApiKey> = self.keys.into_iter().collect::<Result<_, _>>()?;
        let tenant = match (keys.is_empty(), self.shared_keys, self.everybody) {
            (false, None, false) => Tenant::Keys(ApiKeys::new(keys)?),
            (true, Some(shared_keys), false) => Tenant::Keys(shared_keys),
            (true, None, true) => Tenant::Everybody,
            (true, None, false) if self.links.is_some() => Tenant::Nobody,
            (true, None, false) => return Err(ConfigError::NoCredential),
            _ => return Err(ConfigError::AmbiguousCredentials),
        };
        if self.key_with_link == KeyWithLink::Required && !matches!(tenant, Tenant::Keys(_)) {
            return Err(ConfigError::UnusableSetting("a link needs an API key, too, but there is none"));
        }
        Ok(Access { tenant, links: self.links, key_with_link: self.key_with_link })
    }
}

impl Access {
    /// Lets a delivery in, or says why not.
    pub(crate) fn admit(&self, head: &Head<'_>) -> Result<Admitted, &'static str> {
        let shown = self.tenant.check(head);
        let link = self.links.as_ref().and_then(|links| links.read(head.request_path()));
        let source = match (shown, link) {
            (Shown::Wrong, _) => return Err("its API key is wrong"),
            (_, Some(link)) => Source::Job(self.job(link, shown)?),
            (Shown::Right, None) => Source::Tenant,
            (Shown::Nothing, None) if matches!(self.tenant, Tenant::Everybody) => Source::Tenant,
            (Shown::Nothing, None) => return Err("it has no API key"),
        };
        Ok(Admitted { source })
    }

    pub(crate) fn takes_job_links(&self) -> bool {
        self.links.is_some()
    }

    fn job(&self, link: Option<Link>, shown: Shown) -> Result<String, &'static str> {
        let Link { job, is_expired } = link.ok_or("its job's link is not genuine")?;
        let has_key = shown == Shown::Right;
        match self.key_with_link {
            KeyWithLink::Required if !has_key => Err("it has a job's link, but no API key"),
            KeyWithLink::Accepted if has_key => Ok(job),
            _ if is_expired => Err("its job's link has expired"),
            _ => Ok(job),
        }
    }
}

impl Tenant {
    fn check(&self, head: &Head<'_>) -> Shown {
        match self {
            Self::Keys(keys) => keys.check(head),
            Self::Everybody | Self::Nobody => Shown::Nothing,
        }
    }
}
