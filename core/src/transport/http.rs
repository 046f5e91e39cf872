//! The default [`HttpClient`]: reqwest over rustls with ring, HTTP/1.1 with keep-alive, gzip, and
//! proxies from the environment.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

use super::resolver::Resolver;
use super::{HttpClient, HttpRequest, HttpResponse, OPERATION, tls_config};
use crate::error::{Error, ErrorKind, Result};

/// How long an idle connection is used again. Shorter than servers keep it (Castalia 10 s, Tomcat
/// 20 s): a request on a connection that is being closed fails, and may have been received.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// How connections are made.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Longest time to connect.
    pub connect_timeout: Duration,
    /// File of certificates (PEM) to trust in addition to the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are used.
    pub system_proxy: bool,
    /// Value of the `User-Agent` header.
    pub user_agent: String,
}

/// The default client, with its connection pool.
///
/// ```
/// use std::time::Duration;
/// use castalia_core::transport::{HttpOptions, ReqwestClient};
///
/// # fn main() -> castalia_core::Result<()> {
/// let client = ReqwestClient::new(&HttpOptions {
///     connect_timeout: Duration::from_secs(1),
///     ca_file: None,
///     system_proxy: true,
///     user_agent: "my-program/1.0".to_owned(),
/// })?;
/// # let _ = client;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ReqwestClient {
    client: Client,
}

impl ReqwestClient {
    /// Creates the client; opens no connection.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if the certificates cannot be read.
    pub fn new(options: &HttpOptions) -> Result<Self> {
        let trust = tls_config(options.ca_file.as_deref())?;
        Self::build(options, Client::builder().tls_backend_preconfigured(trust))
    }

    /// Creates a client that accepts every certificate; for tests only.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if a proxy variable is invalid.
    #[cfg(feature = "insecure-tls")]
    pub fn without_verification(options: &HttpOptions) -> Result<Self> {
        // Fails if the host program installed a provider before, which is then used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self::build(options, Client::builder().tls_danger_accept_invalid_certs(true))
    }

    fn build(options: &HttpOptions, builder: ClientBuilder) -> Result<Self> {
        let mut builder = builder
            .connect_timeout(options.connect_timeout)
            .user_agent(&options.user_agent)
            // Redirects and retries are left to [`super::Transport`], which signs each request
            // again.
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .dns_resolver(Resolver)
            .tcp_nodelay(true)
            .pool_idle_timeout(IDLE_TIMEOUT)
            // The official servers only speak HTTP/1.1.
            .http1_only();
        if !options.system_proxy {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| {
            let text = "cannot create the HTTP client; check the certificates and proxy variables";
            Error::new(ErrorKind::InvalidArgument, "open client", text).caused_by(error)
        })?;
        Ok(Self { client })
    }
}

impl HttpClient for ReqwestClient {
    fn get(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse>> {
        let mut builder = self.client.get(request.url);
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        Box::pin(async move {
            let response = builder.send().await.map_err(failed)?;
            Ok(HttpResponse {
                status: response.status().as_u16(),
                headers: response.headers().clone(),
                body: pieces(response).boxed(),
            })
        })
    }
}

fn pieces(response: reqwest::Response) -> impl stream::Stream<Item = Result<Vec<u8>>> + Send {
    stream::try_unfold(response, |mut response| async move {
        let piece = response.chunk().await.map_err(failed)?;
        Ok(piece.map(|piece| (piece.to_vec(), response)))
    })
}

fn failed(error: reqwest::Error) -> Error {
    let text = if error.is_connect() { "cannot connect" } else { "the connection failed" };
    // The address is already in the context, and its query only makes the line longer.
    Error::new(ErrorKind::Transport, OPERATION, text).caused_by(error.without_url())
}
