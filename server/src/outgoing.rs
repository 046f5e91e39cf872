//! The HTTP clients of the server. All are built here, because a client that is built before the
//! process has chosen its TLS provider panics: `reqwest` is compiled without one. Knows no address.

pub mod guard;
pub mod guarded;
mod metered;

use std::sync::{LazyLock, Once};

use castalia_core::transport::{self, IDLE_TIMEOUT};
use reqwest::ClientBuilder;
use rustls::ClientConfig;

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
/// all, and only if something is called by https.
#[expect(clippy::expect_used, reason = "ring supports the default versions of TLS")]
fn tls() -> ClientConfig {
    static TLS: LazyLock<ClientConfig> =
        LazyLock::new(|| transport::tls_config(None).expect("no file of certificates is read"));
    install_tls();
    TLS.clone()
}

/// The error with its causes; the first text alone says only that sending failed.
#[must_use]
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let text = error.to_string();
    let causes = castalia_core::error::causes(error, &text);
    text + &causes
}
