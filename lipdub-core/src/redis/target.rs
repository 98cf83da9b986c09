use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{Client, IntoConnectionInfo as _, RedisResult};

use super::Server;
use super::error::store_error;
use super::link::Source;
use super::links::Links;
use crate::dedupe::StoreError;

/// Which server or cluster to call, and how.
pub(crate) struct Target {
    urls: Vec<String>,
    #[cfg(feature = "redis-cluster")]
    is_cluster: bool,
    #[cfg(feature = "redis-tls")]
    pub(crate) root_certificate: Option<Vec<u8>>,
    pub(crate) timeout: Duration,
}

impl Target {
    pub(crate) fn server(url: String) -> Self {
        Self::new(vec![url])
    }

    #[cfg(feature = "redis-cluster")]
    pub(crate) fn cluster(urls: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { is_cluster: true, ..Self::new(urls.into_iter().map(Into::into).collect()) }
    }

    fn new(urls: Vec<String>) -> Self {
        Self {
            urls,
            #[cfg(feature = "redis-cluster")]
            is_cluster: false,
            #[cfg(feature = "redis-tls")]
            root_certificate: None,
            timeout: Duration::from_secs(1),
        }
    }

    /// Connects, and looks whether the server answers.
    pub(crate) async fn connect(self) -> Result<Server, StoreError> {
        #[cfg(feature = "redis-tls")]
        self.choose_crypto();
        let links = Links::new(self.source().map_err(store_error)?, self.timeout);
        let server = Server { links, timeout: self.timeout };
        server.query::<redis::Value>(&redis::cmd("PING")).await?;
        Ok(server)
    }

    /// rustls panics if there is no provider.
    #[cfg(feature = "redis-tls")]
    fn choose_crypto(&self) {
        if self.urls.iter().any(|url| is_tls(url)) && rustls::crypto::CryptoProvider::get_default().is_none()
        {
            // If it fails, another thread has been faster.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
    }

    fn source(&self) -> RedisResult<Source> {
        #[cfg(feature = "redis-cluster")]
        if self.is_cluster {
            return self.cluster_source();
        }
        let url = self.urls.first().map(String::as_str).unwrap_or_default();
        let target = url.into_connection_info()?.set_tcp_settings(tcp_settings());
        #[cfg(feature = "redis-tls")]
        if let Some(certificates) = self.certificates()? {
            return Ok(Source::Single(Box::new(Client::build_with_tls(target, certificates)?)));
        }
        Ok(Source::Single(Box::new(Client::open(target)?)))
    }

    #[cfg(feature = "redis-cluster")]
    fn cluster_source(&self) -> RedisResult<Source> {
        let builder = redis::cluster::ClusterClient::builder(self.urls.iter().map(String::as_str))
            // A node that is down must leave time to connect to the others and to ask one of them.
            .connection_timeout(self.timeout / 4)
            .response_timeout(self.timeout)
            .overall_response_timeout(Some(self.timeout))
            .tcp_settings(tcp_settings())
            .retries(3)
            .min_retry_wait(10)
            .max_retry_wait(100);
        #[cfg(feature = "redis-tls")]
        let builder = match self.certificates()? {
            Some(certificates) => builder.certs(certificates),
            None => builder,
        };
        Ok(Source::Cluster(Box::new(builder.build()?)))
    }

    #[cfg(feature = "redis-tls")]
    fn certificates(&self) -> RedisResult<Option<redis::TlsCertificates>> {
        let Some(pem) = &self.root_certificate else { return Ok(None) };
        // A PEM text without one is read as no authority, and no server would be trusted.
        if !pem.windows(CERTIFICATE.len()).any(|window| window == CERTIFICATE) {
            return Err((redis::ErrorKind::InvalidClientConfig, "the root certificate is none").into());
        }
        Ok(Some(redis::TlsCertificates { client_tls: None, root_cert: Some(pem.clone()) }))
    }
}

#[cfg(feature = "redis-tls")]
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

#[cfg(feature = "redis-tls")]
fn is_tls(url: &str) -> bool {
    let scheme = url.split(':').next().unwrap_or_default();
    ["rediss", "valkeys"].iter().any(|tls| scheme.eq_ignore_ascii_case(tls))
}

/// A call must not wait until the server has acknowledged the one before it on the connection that they share.
fn tcp_settings() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}
