//! A client for addresses that another party chooses in part, such as the endpoints in a discovery
//! document. It calls the hosts in the operator's settings and hosts of the public internet, so
//! that nobody can make the server call internal services; the metadata services of clouds, which
//! hand out credentials, are never called. It resolves a name once, follows no redirect, uses no
//! proxy (which would resolve the name itself), and limits time and size. Does not know what is
//! sent.

use std::error::Error as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use reqwest::Url;
use rustls::ClientConfig;
use rustls_platform_verifier::ConfigVerifierExt as _;
use thiserror::Error;
use tokio::time::timeout;
use tower::Service;

use super::metered::{Exceeded, MeteredConnector};
use super::{causes, install_tls};

/// Maximum time of a call, including its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Maximum body of an answer, in bytes.
const LARGEST: usize = 1024 * 1024;
/// Maximum number of bytes that are received for a call: the body, its head and the messages of TLS.
const MOST_RECEIVED: usize = LARGEST + 256 * 1024;
/// Metadata services of the clouds.
const METADATA: [IpAddr; 6] = [
    // Azure's, whose address is a public one.
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// Reason why a call has no answer. For the log: it may contain addresses of the internal network.
#[derive(Debug, Error)]
pub enum CallError {
    /// The address is one that the server does not call.
    #[error("{0} is neither in the settings nor a public address")]
    Refused(String),
    /// There was no complete answer in time.
    #[error("there was no complete answer within {PATIENCE:?}")]
    TimedOut,
    /// The connection could not be opened.
    #[error("{0}")]
    Unreachable(String),
    /// The connection or the answer failed.
    #[error("{0}")]
    Failed(String),
    /// The answer is too large.
    #[error("the answer is larger than {LARGEST} bytes")]
    TooLarge,
    /// The request or the answer is not valid HTTP.
    #[error("{0}")]
    Invalid(#[from] http::Error),
}

/// The client. Cheap to clone.
#[derive(Debug, Clone)]
pub struct GuardedClient {
    client: Client<HttpsConnector<MeteredConnector<HttpConnector<Resolver>>>, Full<Bytes>>,
    listed: Arc<Vec<String>>,
}

impl GuardedClient {
    /// A client that also calls these hosts, whatever their addresses are.
    ///
    /// # Errors
    /// Fails if the certificates of the operating system cannot be used.
    pub fn new(listed: Vec<String>) -> Result<Self, rustls::Error> {
        install_tls();
        let listed = Arc::new(listed);
        let mut connector = HttpConnector::new_with_resolver(Resolver(Arc::clone(&listed)));
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(ClientConfig::with_platform_verifier()?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(MeteredConnector { connector, limit: MOST_RECEIVED });
        // Each call has a connection of its own, whose limit is that of the call.
        let client =
            Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(Self { client, listed })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// Fails if the address must not be called, and without a complete answer.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, CallError> {
        in_time(async {
            let (head, body) = self.begin(request).await?.into_parts();
            let body =
                Limited::new(body, LARGEST).collect().await.map_err(|error| of_body(&*error))?;
            Ok(Response::from_parts(head, body.to_bytes().into()))
        })
        .await
    }

    /// Sends a request and returns the status of the answer, whose body is not read.
    ///
    /// # Errors
    /// Fails if the address must not be called, and without an answer.
    pub async fn status(&self, request: Request<Vec<u8>>) -> Result<StatusCode, CallError> {
        in_time(async { Ok(self.begin(request).await?.status()) }).await
    }

    async fn begin(&self, request: Request<Vec<u8>>) -> Result<Response<Incoming>, CallError> {
        let (mut head, body) = request.into_parts();
        // The parser of URLs turns every spelling of a number into the usual one.
        let address = head.uri.to_string();
        let url = Url::parse(&address).map_err(|_| CallError::Refused(address))?;
        // The resolver is not asked for an address that is a number.
        let host = url.host_str().unwrap_or_default();
        let number = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if let Ok(address) = number
            && !may_call(address, is_listed(&self.listed, host))
        {
            return Err(CallError::Refused(host.to_owned()));
        }
        head.uri = Uri::try_from(url.as_str()).map_err(http::Error::from)?;
        let request = Request::from_parts(head, Full::from(body));
        self.client.request(request).await.map_err(|error| of_connection(&error))
    }
}

async fn in_time<T>(call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
    timeout(PATIENCE, call).await.unwrap_or(Err(CallError::TimedOut))
}

fn of_connection(error: &hyper_util::client::legacy::Error) -> CallError {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(CallError::Refused(host)) = error.downcast_ref() {
            return CallError::Refused(host.clone());
        }
        if is_exceeded(error) {
            return CallError::TooLarge;
        }
        cause = error.source();
    }
    if error.is_connect() {
        return CallError::Unreachable(causes(error));
    }
    CallError::Failed(causes(error))
}

fn of_body(error: &(dyn std::error::Error + 'static)) -> CallError {
    if error.is::<http_body_util::LengthLimitError>() {
        return CallError::TooLarge;
    }
    CallError::Failed(causes(error))
}

/// `io::Error` is not a source of what it contains.
fn is_exceeded(error: &(dyn std::error::Error + 'static)) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.and_then(std::io::Error::get_ref).is_some_and(|error| error.is::<Exceeded>())
}

/// Resolves names to addresses that may be called. The connection uses exactly these, so that a
/// name that changes its address between check and call has no effect.
#[derive(Clone, Debug)]
struct Resolver(Arc<Vec<String>>);

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = CallError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let is_listed = is_listed(&self.0, name.as_str());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found = found.map_err(|error| CallError::Unreachable(error.to_string()))?;
            let allowed: Vec<SocketAddr> =
                found.filter(|address| may_call(address.ip(), is_listed)).collect();
            if allowed.is_empty() {
                return Err(CallError::Refused(name.as_str().to_owned()));
            }
            Ok(allowed.into_iter())
        })
    }
}

fn is_listed(listed: &[String], host: &str) -> bool {
    let host = host.trim_end_matches('.');
    listed.iter().any(|listed| listed.trim_end_matches('.').eq_ignore_ascii_case(host))
}

fn may_call(address: IpAddr, is_listed: bool) -> bool {
    let address = address.to_canonical();
    !METADATA.contains(&address) && (is_listed || is_public(address))
}

/// Whether an address is one of the public internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => match v6.segments() {
            // Translated to the IPv4 address in the last segments.
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
                let [a, b] = high.to_be_bytes();
                let [c, d] = low.to_be_bytes();
                is_public_v4(Ipv4Addr::new(a, b, c, d))
            }
            // Everything in use is in 2000::/3, but for documentation and tunnels.
            [0x2001, 0 | 0xdb8, ..] => false,
            [first, ..] => first >> 13 == 1,
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || a >= 224
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && b & 0xfe == 18);
    !is_special
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[test]
    fn internal_addresses_are_called_only_if_they_are_listed() {
        for text in [
            "127.0.0.1",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "192.0.0.1",
            "198.19.0.1",
            "169.254.1.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "fc00::1",
            "fe80::1",
            "ff02::1",
        ] {
            let address: IpAddr = text.parse().unwrap();
            assert!(!may_call(address, false), "{text}");
            assert!(may_call(address, true), "{text}");
        }
        for text in ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822", "1.1.1.1"] {
            assert!(may_call(text.parse().unwrap(), false), "{text}");
        }
    }

    #[test]
    fn a_metadata_service_is_never_called() {
        for text in ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "168.63.129.16"]
        {
            assert!(!may_call(text.parse().unwrap(), true), "{text}");
        }
    }

    /// The URL parser turns every spelling of a number into the usual one.
    #[tokio::test]
    async fn no_spelling_of_an_internal_address_is_called() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = GuardedClient::new(vec!["login.example".to_owned()]).unwrap();
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "localhost",
            "[::ffff:127.0.0.1]",
            "[::1]",
        ] {
            let request = Request::get(format!("http://{host}:{port}/")).body(Vec::new()).unwrap();
            let error = client.send(request).await.unwrap_err().to_string();
            assert!(error.contains("neither in the settings"), "{host}: {error}");
        }
        // Not every machine resolves this name.
        let local = format!("http://localhost.:{port}/");
        for address in ["file:///etc/passwd", "gopher://127.0.0.1/", &local] {
            let request = Request::get(address).body(Vec::new());
            if let Ok(request) = request {
                assert!(client.send(request).await.is_err(), "{address}");
            }
        }
        let accepted = timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(accepted.is_err(), "a connection was made");
    }

    /// Whoever answers like this would otherwise occupy a thread of the runtime for as long as the
    /// network delivers: 10 s and more, against the limit of the call.
    #[tokio::test]
    async fn interim_answers_without_end_are_too_large() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            loop {
                let (mut peer, _) = listener.accept().await.unwrap();
                let _ = peer.read(&mut [0; 1024]).await.unwrap();
                let heads = b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1024);
                tokio::spawn(async move { while peer.write_all(&heads).await.is_ok() {} });
            }
        });
        let client = GuardedClient::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let request = || Request::get(&address).body(Vec::new()).unwrap();
        assert!(matches!(client.status(request()).await, Err(CallError::TooLarge)));
        assert!(matches!(client.send(request()).await, Err(CallError::TooLarge)));
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            for length in [LARGEST, LARGEST + 1] {
                let (mut peer, _) = listener.accept().await.unwrap();
                let _ = peer.read(&mut [0; 1024]).await.unwrap();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
                );
                peer.write_all(head.as_bytes()).await.unwrap();
                let _ = peer.write_all(&vec![b'x'; length]).await;
            }
        });
        let client = GuardedClient::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let request = || Request::get(&address).body(Vec::new()).unwrap();
        assert_eq!(client.send(request()).await.unwrap().body().len(), LARGEST);
        assert!(matches!(client.send(request()).await, Err(CallError::TooLarge)));
    }
}
