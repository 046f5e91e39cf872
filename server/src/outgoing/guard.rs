//! Decides which addresses the server calls, and resolves names to them. The metadata services of
//! clouds, which hand out credentials, are never called; other internal addresses only if the
//! operator has listed their host. Does not know what is sent, nor with which protocol.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::Name;
use thiserror::Error;
use tower::Service;

/// Metadata services of the clouds.
const METADATA: [IpAddr; 11] = [
    // Azure's, whose address is a public one.
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 0, 23)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe)),
];

/// A host that the server does not call. For the log.
#[derive(Debug, Clone, Error)]
#[error("{0} is a metadata service, or neither in the settings nor a public address")]
pub struct RefusedHost(pub(super) String);

/// Reason why a name has no address that may be called. For the log.
#[derive(Debug, Error)]
pub enum ResolveError {
    /// The server does not call its addresses.
    #[error(transparent)]
    Refused(#[from] RefusedHost),
    /// The name has no address.
    #[error("{0}")]
    Unknown(#[from] io::Error),
}

/// The addresses of a host that the operator has chosen. The connection must use exactly these.
///
/// # Errors
/// Fails if the name has no address, or only those of metadata services.
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ResolveError> {
    resolve_with(system, host, port, true).await
}

/// Resolves names to addresses that may be called. The connection uses exactly these, so that a
/// name that changes its address between check and call has no effect.
#[derive(Clone, Debug)]
pub(super) struct Resolver {
    pub(super) listed: Arc<Vec<String>>,
    pub(super) lookup: Lookup,
}

/// Returns the addresses of a name.
pub(super) type Lookup =
    fn(host: String, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ResolveError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (lookup, is_listed) = (self.lookup, is_listed(&self.listed, name.as_str()));
        Box::pin(
            async move { Ok(resolve_with(lookup, name.as_str(), 0, is_listed).await?.into_iter()) },
        )
    }
}

/// Asks the operating system.
pub(super) fn system(host: String, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
}

async fn resolve_with(
    lookup: Lookup,
    host: &str,
    port: u16,
    is_listed: bool,
) -> Result<Vec<SocketAddr>, ResolveError> {
    let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let mut found = lookup(name, port).await?;
    found.retain(|address| may_call(address.ip(), is_listed));
    if found.is_empty() {
        return Err(RefusedHost(host.to_owned()).into());
    }
    Ok(found)
}

pub(super) fn is_listed(listed: &[String], host: &str) -> bool {
    let host = host.trim_end_matches('.');
    listed.iter().any(|listed| listed.trim_end_matches('.').eq_ignore_ascii_case(host))
}

pub(super) fn may_call(address: IpAddr, is_listed: bool) -> bool {
    let address = inner(address);
    !METADATA.contains(&address) && (is_listed || is_public(address))
}

/// The IPv4 address that an IPv6 address represents, by mapping or by translation.
fn inner(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let (high, low) = match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => (high, low),
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] if high != 0 => (high, low),
        _ => return address,
    };
    let [a, b] = high.to_be_bytes();
    let [c, d] = low.to_be_bytes();
    Ipv4Addr::new(a, b, c, d).into()
}

/// Whether an address is one of the public internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => match v6.segments() {
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
        for text in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::",
            "64:ff9b::a83f:8110",
            "169.254.170.23",
            "fd00:ec2::23",
            "fd00:ec2::254",
            "fd20:ce::254",
            "168.63.129.16",
        ] {
            assert!(!may_call(text.parse().unwrap(), true), "{text}");
        }
    }

    /// A name in the settings may lead to internal addresses, but to no metadata service.
    #[tokio::test]
    async fn a_name_leads_to_no_metadata_service() {
        fn lookup(host: String, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
            Box::pin(async move {
                let addresses: &[&str] = match host.as_str() {
                    "mixed" => &["169.254.169.254", "10.0.0.1"],
                    _ => &["fd00:ec2::254", "169.254.169.254"],
                };
                let found = addresses.iter().map(|it| SocketAddr::new(it.parse().unwrap(), port));
                Ok(found.collect())
            })
        }
        let found = resolve_with(lookup, "mixed", 25, true).await.unwrap();
        assert_eq!(found, ["10.0.0.1:25".parse().unwrap()]);
        for (host, is_listed) in [("mixed", false), ("metadata", true)] {
            let found = resolve_with(lookup, host, 25, is_listed).await;
            assert!(matches!(found, Err(ResolveError::Refused(_))), "{host}: {found:?}");
        }
        let number = resolve("[::1]", 25).await.unwrap();
        assert_eq!(number, ["[::1]:25".parse().unwrap()]);
        // The operating system knows other spellings of numbers than the parser of URLs.
        for number in ["169.254.169.254", "[fd00:ec2::254]", "::ffff:169.254.169.254", "2852039166"]
        {
            let found = resolve(number, 25).await;
            assert!(matches!(found, Err(ResolveError::Refused(_))), "{number}: {found:?}");
        }
    }
}
