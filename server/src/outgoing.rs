//! The HTTP clients of the server, and the connections of other protocols. All clients are built
//! here, because a client that is built before the process has chosen its TLS provider panics:
//! `reqwest` is compiled without one. Knows no address.

pub mod guard;
pub mod guarded;
pub mod metered;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Once};
use std::time::Duration;

use castalia_core::transport::{self, IDLE_TIMEOUT};
use reqwest::ClientBuilder;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Selects ring for all TLS of the process. The start of every command calls this; further calls do
/// nothing.
pub fn install_tls() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // Fails if an embedding program has already selected a provider, which works as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// A builder of a client; safe to call from any role in any order.
pub fn client() -> ClientBuilder {
    reqwest::Client::builder().tls_backend_preconfigured(tls()).pool_idle_timeout(IDLE_TIMEOUT)
}

/// TLS that trusts the system's certificates. All clients share it, so that they are read once for
/// all, and only if something is called over TLS.
#[expect(clippy::expect_used, reason = "ring supports the default versions of TLS")]
pub fn tls() -> ClientConfig {
    static TLS: LazyLock<ClientConfig> =
        LazyLock::new(|| transport::tls_config(None).expect("no file of certificates is read"));
    install_tls();
    TLS.clone()
}

/// Connects to the first address that answers. Each has its share of the time, so that one that
/// drops packets does not hide the next.
///
/// # Errors
/// Fails with the error of the last address.
pub async fn connect(addresses: &[SocketAddr], patience: Duration) -> io::Result<TcpStream> {
    let shares = u32::try_from(addresses.len()).unwrap_or(u32::MAX).saturating_add(1);
    let mut failed = io::Error::other("the name has no address");
    for address in addresses {
        match timeout(patience / shares, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failed = error,
            Err(elapsed) => failed = elapsed.into(),
        }
    }
    Err(failed)
}

/// Begins TLS. `host` is the name, or the address with or without brackets, of which the peer has to
/// have a certificate.
///
/// # Errors
/// Fails if the peer has none, or if the connection fails.
pub async fn encrypt(
    stream: TcpStream,
    host: &str,
    tls: Arc<ClientConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(name).map_err(io::Error::other)?;
    TlsConnector::from(tls).connect(name, stream).await
}

/// The error with its causes; the first text alone says only that sending failed.
#[must_use]
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let text = error.to_string();
    let causes = castalia_core::error::causes(error, &text);
    text + &causes
}
