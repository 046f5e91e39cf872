//! A client for addresses that another party chooses in part, such as the endpoints in a discovery
//! document. It calls the hosts in the operator's settings and hosts of the public internet, so
//! that nobody can make the server call internal services; the metadata services of clouds, which
//! hand out credentials, are never called. It resolves a name once, follows no redirect, uses no
//! proxy (which would resolve the name itself), and limits time and size. Does not know what is
//! sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use thiserror::Error;

use super::{causes, client};

/// Maximum time of a call, including its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Maximum body of an answer, in bytes.
const LARGEST: usize = 1024 * 1024;
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
    /// The connection or the answer failed.
    #[error("{}", causes(.0))]
    Failed(#[from] reqwest::Error),
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
    client: reqwest::Client,
    listed: Arc<Vec<String>>,
}

impl GuardedClient {
    /// A client that also calls these hosts, whatever their addresses are.
    ///
    /// # Errors
    /// Fails if the certificates of the operating system cannot be used.
    pub fn new(listed: Vec<String>) -> Result<Self, reqwest::Error> {
        let listed = Arc::new(listed);
        let resolver = Arc::new(Resolver(Arc::clone(&listed)));
        let builder = client().no_proxy().redirect(Policy::none()).timeout(PATIENCE);
        Ok(Self { client: builder.dns_resolver(resolver).build()?, listed })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// Fails if the address must not be called, and without a complete answer.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, CallError> {
        let mut response = self.begin(request).await?;
        let mut answer = Response::builder().status(response.status());
        if let Some(headers) = answer.headers_mut() {
            headers.clone_from(response.headers());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > LARGEST {
                return Err(CallError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(answer.body(body)?)
    }

    /// Sends a request and returns the status of the answer, whose body is not read.
    ///
    /// # Errors
    /// Fails if the address must not be called, and without an answer.
    pub async fn status(&self, request: Request<Vec<u8>>) -> Result<StatusCode, CallError> {
        Ok(self.begin(request).await?.status())
    }

    async fn begin(&self, request: Request<Vec<u8>>) -> Result<reqwest::Response, CallError> {
        let request = reqwest::Request::try_from(request)?;
        // The resolver is not asked for an address that is a number.
        let host = request.url().host_str().unwrap_or_default();
        let number = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if let Ok(address) = number
            && !may_call(address, is_listed(&self.listed, host))
        {
            return Err(CallError::Refused(host.to_owned()));
        }
        Ok(self.client.execute(request).await?)
    }
}

/// Resolves names to addresses that may be called. The connection uses exactly these, so that a
/// name that changes its address between check and call has no effect.
struct Resolver(Arc<Vec<String>>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let is_listed = is_listed(&self.0, name.as_str());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> =
                found.filter(|address| may_call(address.ip(), is_listed)).collect();
            if allowed.is_empty() {
                return Err(CallError::Refused(name.as_str().to_owned()).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
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
        let accepted = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(accepted.is_err(), "a connection was made");
    }
}
