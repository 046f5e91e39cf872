//! HTTP clients of the server. All are built here, because a client that is built before the process has
//! chosen its TLS provider panics: `reqwest` is compiled without one. Knows no address.

use std::sync::Once;

use reqwest::ClientBuilder;

/// Chooses ring for all TLS of the process. The start of every command does this once; it costs nothing later.
pub fn install_tls() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // Fails when the program that we are embedded in chose before us; its choice works as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// A builder of a client, safe to use from any role in any order.
pub fn client() -> ClientBuilder {
    install_tls();
    reqwest::Client::builder()
}
