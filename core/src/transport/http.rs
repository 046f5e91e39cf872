//! The default [`HttpClient`]: reqwest over rustls with ring, HTTP/1.1 with keep-alive, gzip, and
//! proxies from the environment.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, RequestBuilder, Response};

use super::connector::{AttemptResolver, Attempts, Reporting};
use super::names::Names;
use super::{HttpClient, HttpRequest, HttpResponse, OPERATION, tls_config};
use crate::error::{Error, ErrorKind, Result};

/// How long an idle connection is used again. Shorter than servers keep it (Castalia 10 s, Tomcat
/// 20 s): a request on a connection that is being closed fails, and may have been received.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// How connections are made.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Longest time to connect to an address, TLS included. The addresses of a host share 10 s, or
    /// this time if it is longer. Looking up the host has its own limit of 10 s.
    pub connect_timeout: Duration,
    /// File of certificates (PEM) to trust in addition to the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` are used. Other settings of
    /// the system never are.
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
    names: Arc<Names>,
    connect_timeout: Duration,
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
            .dns_resolver(AttemptResolver)
            .connector_layer(Reporting)
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
        let names = Arc::new(Names::system());
        Ok(Self { client, names, connect_timeout: options.connect_timeout })
    }

    /// Sends the request until an address of its host can be connected to.
    async fn send(&self, request: &HttpRequest) -> Result<Response> {
        let attempts = Attempts::new(request.connecting.clone(), self.connect_timeout);
        loop {
            let error = match attempts.run(self.build_request(request).send()).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            if !error.is_connect() {
                return Err(failed(error));
            }
            // Nothing has been sent if there is no connection.
            if !attempts.prepare_next(&self.names).await? {
                return Err(attempts.explain(failed(error)));
            }
        }
    }

    fn build_request(&self, request: &HttpRequest) -> RequestBuilder {
        let builder = self.client.get(request.url.clone());
        let headers = request.headers.iter();
        headers.fold(builder, |builder, (name, value)| builder.header(*name, value))
    }
}

impl HttpClient for ReqwestClient {
    fn get(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse>> {
        let client = self.clone();
        Box::pin(async move {
            let response = client.send(&request).await?;
            Ok(HttpResponse {
                status: response.status().as_u16(),
                headers: response.headers().clone(),
                body: pieces(response).boxed(),
            })
        })
    }
}

fn pieces(response: Response) -> impl stream::Stream<Item = Result<Vec<u8>>> + Send {
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::{Ipv4Addr, SocketAddr, TcpListener as Silent};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::sync_channel;

    use tokio::net::{TcpListener, TcpSocket};
    use tokio::time::Instant;

    use super::*;
    use crate::testing::{Endpoint, Server};
    use crate::transport::{Connecting, Failure, ServiceRequest, Transport};
    use crate::{Client as ConfigClient, Settings};

    const READ_TIMEOUT: Duration = Duration::from_millis(50);

    /// A client for which every host has these addresses, which it finds after a time.
    fn client(connect_ms: u64, addresses: Vec<SocketAddr>, found_after: Duration) -> ReqwestClient {
        let options = HttpOptions {
            connect_timeout: Duration::from_millis(connect_ms),
            ca_file: None,
            system_proxy: false,
            user_agent: "test".to_owned(),
        };
        let names = Names::new(move |_| {
            let (_sender, nothing) = sync_channel::<()>(0);
            assert!(found_after.is_zero() || nothing.recv_timeout(found_after).is_err());
            Ok(addresses.clone())
        });
        ReqwestClient { names: Arc::new(names), ..ReqwestClient::new(&options).unwrap() }
    }

    fn loopback() -> Vec<SocketAddr> {
        vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))]
    }

    async fn fail(client: ReqwestClient, service: &str) -> Failure {
        let request = ServiceRequest {
            service,
            path_and_query: "/",
            app_id: "demo",
            access_key: None,
            read_timeout: READ_TIMEOUT,
        };
        Transport::new(Arc::new(client), 1024).get(request).await.unwrap_err()
    }

    /// B96: longer than the connect timeout and the read timeout of discovery.
    #[tokio::test]
    async fn a_client_with_default_settings_loads_although_lookups_are_slow() {
        let server = Server::start().await.unwrap();
        server.publish("demo", "application", &[("timeout", "200")]);
        let http = client(1000, loopback(), Duration::from_millis(1500));
        let settings = Settings::new()
            .set("app.id", "demo")
            .set("apollo.meta", server.url().replace("127.0.0.1", "meta.test"))
            .set("apollo.cache.file.enable", "false");
        let client = ConfigClient::with_http_client(settings, http).unwrap();
        let config = client.config("application").await.unwrap();
        assert_eq!(config.get_or("timeout", 0), 200);
        let asked = server.requests_of(Endpoint::Services);
        assert_eq!(asked.len(), 1, "the first request succeeded");
        client.close().await;
    }

    /// B96: nothing answers the TLS handshake. The limit on silence begins with the connection.
    #[tokio::test]
    async fn the_read_timeout_begins_when_the_request_is_connected() {
        let silent = Silent::bind("127.0.0.1:0").unwrap();
        let port = silent.local_addr().unwrap().port();
        for host in ["127.0.0.1", "host.test"] {
            let start = Instant::now();
            let slow_lookup = client(300, loopback(), READ_TIMEOUT * 2);
            let failure = fail(slow_lookup, &format!("https://{host}:{port}")).await;
            assert!(!failure.is_silence, "{}", failure.error);
            assert!(start.elapsed() >= Duration::from_millis(300), "{:?}", start.elapsed());
            assert!(failure.connected_for < start.elapsed() / 2, "{:?}", failure.connected_for);

            let slow_lookup = client(60_000, loopback(), READ_TIMEOUT * 2);
            let failure = fail(slow_lookup, &format!("http://{host}:{port}")).await;
            assert!(failure.is_silence, "{}", failure.error);
            assert!(failure.connected_for >= READ_TIMEOUT, "{:?}", failure.connected_for);
        }
    }

    /// B108: the name servers fail while the host has moved or is down.
    #[tokio::test]
    async fn a_failed_lookup_is_reported_with_the_failure_of_the_addresses_that_are_known() {
        // Bound, so that no other program listens on it.
        let closed = TcpSocket::new_v4().unwrap();
        closed.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let port = closed.local_addr().unwrap().port();
        let begun = AtomicUsize::new(0);
        let names = Names::new(move |_| match begun.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(loopback()),
            _ => Err(io::Error::other("on purpose")),
        });
        let unused = client(60_000, Vec::new(), Duration::ZERO);
        let client = ReqwestClient { names: Arc::new(names), ..unused };
        for lookup_fails in [false, true] {
            let request = HttpRequest {
                url: format!("http://host.test:{port}").parse().unwrap(),
                headers: Vec::new(),
                connecting: Connecting::default(),
            };
            let error = client.get(request).await.err().unwrap().to_string();
            assert!(error.contains("cannot connect") && error.contains("(os error"), "{error}");
            assert_eq!(error.contains("lookup_error=on purpose"), lookup_fails, "{error}");
        }
    }

    /// B96: of ten addresses, only the last one answers.
    #[tokio::test]
    async fn the_connect_timeout_is_that_of_each_address() {
        // Other systems have one address.
        if !cfg!(target_os = "linux") {
            return;
        }
        let ip = |number| Ipv4Addr::new(127, 96, 0, number);
        let last = TcpListener::bind((ip(10), 0)).await.unwrap();
        let port = last.local_addr().unwrap().port();
        let _silent: Vec<_> =
            (1..10).map(|number| Silent::bind((ip(number), port)).unwrap()).collect();
        let addresses = (1..=10).map(|number| SocketAddr::from((ip(number), 0))).collect();
        let client = client(100, addresses, Duration::ZERO);
        let request = HttpRequest {
            url: format!("https://host.test:{port}").parse().unwrap(),
            headers: Vec::new(),
            connecting: Connecting::default(),
        };
        let start = Instant::now();
        tokio::select! {
            accepted = last.accept() => drop(accepted.unwrap()),
            response = client.get(request) => panic!("{:?}", response.err()),
        }
        assert!(start.elapsed() >= Duration::from_millis(900), "{:?}", start.elapsed());
    }
}
