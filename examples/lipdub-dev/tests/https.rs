//! Over TLS: a receiver with a certificate that is trusted, and receivers without one.

#![allow(clippy::expect_used, reason = "what fails here fails the test")]
#![allow(dead_code, reason = "each test binary uses its part of what they share")]

mod support;

use std::io;
use std::net::SocketAddr;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use support::{KEY, program};
use tempfile::NamedTempFile;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

/// Somebody who issues certificates, and the file that says whom to trust.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: NamedTempFile,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let file = NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), certificate.pem()).expect("a file");
        Self { issuer: Issuer::new(params, key), file }
    }

    /// A receiver with a certificate for this host, which listens at 127.0.0.1 and counts what it gets.
    async fn receiver(&self, host: &str) -> (String, Arc<AtomicU32>) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([host.to_owned()]).expect("a host");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
            )
            .expect("a configuration");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("https://{}", listener.local_addr().expect("an address"));
        let received = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&received);
        let receive = move || async move {
            count.fetch_add(1, Ordering::SeqCst);
            r#"{"status":"processed"}"#
        };
        let listener = TlsListener { listener, acceptor: TlsAcceptor::from(Arc::new(config)) };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(receive)).await });
        (url, received)
    }

    /// Sends an event to it, trusting this authority and no other.
    async fn send(&self, url: &str) -> Output {
        let mut process = program();
        process.args(["send", "render-complete", "--to", url, "--api-key", KEY]);
        process.env("SSL_CERT_FILE", self.file.path()).env_remove("SSL_CERT_DIR").stdin(Stdio::null());
        tokio::task::spawn_blocking(move || process.output()).await.expect("its end").expect("the program")
    }
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            // Whoever does not trust the certificate hangs up.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_sent_to_whom_the_system_trusts() {
    let authority = Authority::new();
    let (url, received) = authority.receiver("127.0.0.1").await;
    let output = authority.send(&url).await;
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("200 processed"), "{shown}");
    assert_eq!((output.status.code(), received.load(Ordering::SeqCst)), (Some(0), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_an_impostor() {
    let [authority, other] = [Authority::new(), Authority::new()];
    let impostors = [other.receiver("127.0.0.1").await, authority.receiver("elsewhere.example").await];
    for (url, received) in impostors {
        let output = authority.send(&url).await;
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(shown.contains("no answer") && shown.contains("certificate"), "{shown}");
        assert!(!shown.contains(KEY), "{shown}");
        assert_eq!((output.status.code(), received.load(Ordering::SeqCst)), (Some(1), 0));
    }
}
