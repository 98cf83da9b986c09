//! Who may deliver.

mod api_key;
mod api_keys;
mod key_closure;
mod key_file;
mod key_set;
mod key_source;
mod key_source_error;
mod key_usage;
mod signature;

pub use self::api_key::ApiKey;
pub use self::api_keys::ApiKeys;
pub use self::key_source_error::KeySourceError;
pub use self::key_usage::KeyUsage;
pub use self::signature::{
    HmacSha256, SignatureCounts, SignatureEncoding, SignatureError, SignatureMode, Signed, StandardWebhooks,
    Verifier,
};
use self::signature::{KeptHeaders, SignatureCheck};
use crate::callback::{JobLinks, KeyWithLink, Link};
use crate::delivery::{Head, Status};
use crate::event::Source;
use crate::webhook::ConfigError;

/// Who may deliver.
pub(crate) struct Access {
    tenant: Tenant,
    links: Option<JobLinks>,
    key_with_link: KeyWithLink,
    signature: Option<SignatureCheck>,
}

/// Who may deliver without a job's link, as far as the head of a request tells.
enum Tenant {
    Keys(ApiKeys),
    Everybody,
    Nobody,
}

/// A delivery that was let in.
pub(crate) struct Admitted {
    pub(crate) source: Source,
    signature: KeptHeaders,
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
    signatures: Vec<Result<SignatureCheck, ConfigError>>,
}

impl AccessBuilder {
    pub(crate) fn add_signature(&mut self, verifier: impl Verifier, mode: SignatureMode) {
        self.signatures.push(SignatureCheck::new(Box::new(verifier), mode));
    }

    pub(crate) fn build(self) -> Result<Access, ConfigError> {
        let signature = at_most_one(self.signatures)?;
        let must_be_signed = signature.as_ref().is_some_and(SignatureCheck::is_enforced);
        let keys: Vec<ApiKey> = self.keys.into_iter().collect::<Result<_, _>>()?;
        let tenant = match (keys.is_empty(), self.shared_keys, self.everybody) {
            (_, _, true) if must_be_signed => return Err(ConfigError::AmbiguousCredentials),
            (false, None, false) => Tenant::Keys(ApiKeys::new(keys)?),
            (true, Some(shared_keys), false) => Tenant::Keys(shared_keys),
            (true, None, true) => Tenant::Everybody,
            (true, None, false) if must_be_signed => Tenant::Everybody,
            (true, None, false) if self.links.is_some() => Tenant::Nobody,
            (true, None, false) => return Err(ConfigError::NoCredential),
            _ => return Err(ConfigError::AmbiguousCredentials),
        };
        if self.key_with_link == KeyWithLink::Required && !matches!(tenant, Tenant::Keys(_)) {
            return Err(ConfigError::UnusableSetting("a link needs an API key, too, but there is none"));
        }
        Ok(Access { tenant, links: self.links, key_with_link: self.key_with_link, signature })
    }
}

fn at_most_one(
    signatures: Vec<Result<SignatureCheck, ConfigError>>,
) -> Result<Option<SignatureCheck>, ConfigError> {
    let mut signatures = signatures.into_iter();
    match (signatures.next(), signatures.next()) {
        (signature, None) => signature.transpose(),
        (_, Some(_)) => Err(ConfigError::UnusableSetting(
            "`.signature(…)` was used twice: for two schemes at once write a `Verifier` that asks both",
        )),
    }
}

impl Access {
    /// Lets a delivery in as far as its head goes, or says why not.
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
        Ok(Admitted { source, signature: self.kept(head) })
    }

    /// Verifies the signature of a delivery that was let in, now that its body is there.
    pub(crate) fn verify(&self, admitted: &Admitted, body: &[u8]) -> Result<(), Status> {
        self.signature.as_ref().map_or(Ok(()), |signature| signature.check(&admitted.signature, body))
    }

    pub(crate) fn signatures(&self) -> SignatureCounts {
        self.signature.as_ref().map(SignatureCheck::counts).unwrap_or_default()
    }

    pub(crate) fn takes_job_links(&self) -> bool {
        self.links.is_some()
    }

    fn kept(&self, head: &Head<'_>) -> KeptHeaders {
        self.signature.as_ref().map(|signature| signature.keep(head)).unwrap_or_default()
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
