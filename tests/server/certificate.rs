//! SEC-24: a portal verifies the certificate of an environment's meta server, and sends it nothing
//! before that.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::raw::authority;
use crate::support::server::{Options, Server};

/// TLS in front of a server, with a self-signed certificate.
pub(super) struct Tls {
    pub(super) address: String,
    pem: String,
    /// Clients that accepted the certificate.
    accepted: Arc<AtomicUsize>,
    attempts: Arc<AtomicUsize>,
}

impl Tls {
    pub(super) async fn before(base: &str, host: &str, is_expired: bool) -> Self {
        let mut parameters = CertificateParams::new([host.to_owned()]).unwrap();
        if is_expired {
            parameters.not_before = date_time_ymd(2020, 1, 1);
            parameters.not_after = date_time_ymd(2020, 12, 31);
        }
        let signing_key = KeyPair::generate().unwrap();
        let cert = parameters.self_signed(&signing_key).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tls = Self {
            address: format!("https://localhost:{}", listener.local_addr().unwrap().port()),
            pem: cert.pem(),
            accepted: Arc::default(),
            attempts: Arc::default(),
        };
        let (accepted, attempts) = (Arc::clone(&tls.accepted), Arc::clone(&tls.attempts));
        let (acceptor, behind) = (TlsAcceptor::from(Arc::new(config)), authority(base).to_owned());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                attempts.fetch_add(1, Ordering::Relaxed);
                let Ok(mut tls) = acceptor.accept(stream).await else { continue };
                accepted.fetch_add(1, Ordering::Relaxed);
                let behind = behind.clone();
                tokio::spawn(async move {
                    let mut plain = TcpStream::connect(behind).await.unwrap();
                    let _ = copy_bidirectional(&mut tls, &mut plain).await;
                });
            }
        });
        tls
    }

    /// Number of connections, whether the certificate was accepted or not.
    pub(super) fn attempts(&self) -> usize {
        self.attempts.load(Ordering::Relaxed)
    }

    /// Waits for a connection.
    async fn is_tried(&self, what: &str) {
        eventually(&format!("an attempt, {what}"), async || (self.attempts() > 0).then_some(()))
            .await;
    }

    /// A portal of this environment that trusts the certificates of a file.
    async fn portal(&self, trusted: &Path) -> Server {
        let options = Options::new()
            .flag("--roles", "portal")
            .variable("DEV_META", &self.address)
            .variable("SSL_CERT_FILE", trusted.to_str().unwrap())
            .variable("SSL_CERT_DIR", "");
        tokio::task::spawn_blocking(move || Server::start_with(options)).await.unwrap()
    }
}

/// An environment with an app.
async fn environment() -> Server {
    let environment = Server::start_with(
        Options::new()
            .flag("--roles", "config,meta,admin")
            .flag("--advertise", "http://127.0.0.1")
            .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false"),
    );
    App::create(&Http::new(&environment.admin), "demo").await;
    environment
}

async fn reads_the_environment(api: &Http) -> bool {
    api.get("/openapi/v1/envs/DEV/apps/demo/clusters/default").await.status == 200
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_portal_verifies_the_certificate_of_an_environment() {
    let environment = environment().await;
    let directory = tempfile::tempdir().unwrap();
    let trusted = directory.path().join("trusted.pem");
    for (host, is_expired, is_trusted, is_accepted) in [
        ("localhost", false, true, true),
        ("localhost", false, false, false),
        ("elsewhere.example", false, true, false),
        ("localhost", true, true, false),
    ] {
        let tls = Tls::before(&environment.config, host, is_expired).await;
        let other = Tls::before(&environment.config, host, is_expired).await;
        std::fs::write(&trusted, if is_trusted { &tls.pem } else { &other.pem }).unwrap();
        let portal = tls.portal(&trusted).await;
        let api = portal.open_api();
        let what = format!("{host}, expired: {is_expired}, trusted: {is_trusted}");
        if is_accepted {
            eventually(&what, async || reads_the_environment(&api).await.then_some(())).await;
            continue;
        }
        let asked = tokio::time::timeout(Duration::from_secs(60), reads_the_environment(&api));
        assert!(!asked.await.unwrap(), "{what}");
        tls.is_tried(&what).await;
        assert_eq!(tls.accepted.load(Ordering::Relaxed), 0, "{what}");
    }
}

/// Images of containers often have no certificates.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_certificates_starts_and_uses_those_that_are_installed_later() {
    let environment = environment().await;
    let directory = tempfile::tempdir().unwrap();
    let trusted = directory.path().join("trusted.pem");
    let tls = Tls::before(&environment.config, "localhost", false).await;
    let portal = tls.portal(&trusted).await;
    let api = portal.open_api();
    assert!(!reads_the_environment(&api).await);
    tls.is_tried("without certificates").await;
    assert_eq!(tls.accepted.load(Ordering::Relaxed), 0);
    std::fs::write(&trusted, &tls.pem).unwrap();
    eventually("the environment", async || reads_the_environment(&api).await.then_some(())).await;
}

/// S79: the CA of the network is replaced while the portal runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_uses_certificates_that_are_installed_beside_others_later() {
    let environment = environment().await;
    let directory = tempfile::tempdir().unwrap();
    let trusted = directory.path().join("trusted.pem");
    let tls = Tls::before(&environment.config, "localhost", false).await;
    let other = Tls::before(&environment.config, "localhost", false).await;
    std::fs::write(&trusted, &other.pem).unwrap();
    let portal = tls.portal(&trusted).await;
    let api = portal.open_api();
    assert!(!reads_the_environment(&api).await);
    tls.is_tried("with the certificate of another server").await;
    assert_eq!(tls.accepted.load(Ordering::Relaxed), 0);
    std::fs::write(&trusted, format!("{}{}", other.pem, tls.pem)).unwrap();
    eventually("the environment", async || reads_the_environment(&api).await.then_some(())).await;
}
