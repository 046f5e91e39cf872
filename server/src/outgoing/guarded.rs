//! A client for addresses that another party chooses in part, such as the endpoints in a discovery
//! document. It calls the hosts in the operator's settings and hosts of the public internet, so
//! that nobody can make the server call internal services. It resolves a name once, follows no
//! redirect, uses no proxy (which would resolve the name itself), and limits time and size. Does
//! not know what is sent.

use std::error::Error as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use reqwest::Url;
use thiserror::Error;
use tokio::time::timeout;

use super::guard::{self, Lookup, RefusedHost, ResolveError, Resolver, is_listed, may_call};
use super::metered::{Exceeded, MeteredConnector};
use super::{causes, tls};

/// Maximum time of a call, including its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Maximum body of an answer, in bytes.
const LARGEST: usize = 1024 * 1024;
/// Maximum number of bytes that are received for a call: the body, its head and the messages of
/// TLS.
const MOST_RECEIVED: usize = LARGEST + 256 * 1024;
/// Reason why a call has no answer. For the log: it may contain addresses of the internal network.
#[derive(Debug, Error)]
pub enum CallError {
    /// The address is one that the server does not call.
    #[error(transparent)]
    Refused(#[from] RefusedHost),
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
    pub fn new(listed: Vec<String>) -> Self {
        Self::with_lookup(listed, guard::system)
    }

    fn with_lookup(listed: Vec<String>, lookup: Lookup) -> Self {
        let listed = Arc::new(listed);
        let resolver = Resolver { listed: Arc::clone(&listed), lookup };
        let mut connector = HttpConnector::new_with_resolver(resolver);
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls())
            .https_or_http()
            .enable_http1()
            .wrap_connector(MeteredConnector { connector, limit: MOST_RECEIVED });
        // Each call has a connection of its own, whose limit is that of the call.
        let client =
            Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Self { client, listed }
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
        let url = Url::parse(&address).map_err(|_| RefusedHost(address))?;
        // The resolver is not asked for an address that is a number.
        let host = url.host_str().unwrap_or_default();
        let number = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if let Ok(address) = number
            && !may_call(address, is_listed(&self.listed, host))
        {
            return Err(RefusedHost(host.to_owned()).into());
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
        if let Some(ResolveError::Refused(refused)) = error.downcast_ref() {
            return refused.clone().into();
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::BoxFuture;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// The URL parser turns every spelling of a number into the usual one.
    #[tokio::test]
    async fn no_spelling_of_an_internal_address_is_called() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = GuardedClient::new(vec!["login.example".to_owned()]);
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

    /// The name of a page that attacks its visitors: the first address is a harmless one, which is
    /// never answered here, and the next ones are internal.
    #[tokio::test(start_paused = true)]
    async fn a_name_that_is_rebound_leads_to_no_internal_address() {
        static LOOKUPS: AtomicUsize = AtomicUsize::new(0);
        fn lookup(_: String, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
            let addresses: &[&str] = match LOOKUPS.fetch_add(1, Ordering::SeqCst) {
                0 => &["3ffe::1"],
                1 => &["127.0.0.1", "3ffe::1"],
                _ => &["127.0.0.1", "::1"],
            };
            let found = addresses.iter().map(|it| SocketAddr::new(it.parse().unwrap(), port));
            let found = found.collect();
            Box::pin(async { Ok(found) })
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://rebound.example:{}/", listener.local_addr().unwrap().port());
        let client = GuardedClient::with_lookup(Vec::new(), lookup);
        for lookups in 1..4 {
            let error = client.status(Request::get(&address).body(Vec::new()).unwrap()).await;
            let error = error.unwrap_err();
            let is_refused = matches!(error, CallError::Refused(_));
            assert_eq!(is_refused, lookups == 3, "{lookups}: {error}");
            assert_eq!(LOOKUPS.load(Ordering::SeqCst), lookups, "resolved once for each call");
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
        let client = GuardedClient::new(vec!["127.0.0.1".to_owned()]);
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
        let client = GuardedClient::new(vec!["127.0.0.1".to_owned()]);
        let request = || Request::get(&address).body(Vec::new()).unwrap();
        assert_eq!(client.send(request()).await.unwrap().body().len(), LARGEST);
        assert!(matches!(client.send(request()).await, Err(CallError::TooLarge)));
    }
}
