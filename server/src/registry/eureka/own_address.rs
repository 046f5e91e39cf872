//! Which addresses lead to this node, so that it asks none of them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::Url;

/// Maximum time for resolving a name; the start waits for it.
const RESOLVE: Duration = Duration::from_secs(1);

/// The listening ports of this node, and the address under which others reach it.
#[derive(Debug)]
pub(in crate::registry) struct OwnAddress {
    ports: Vec<u16>,
    advertised: Option<Url>,
}

impl OwnAddress {
    /// A node that listens on this port.
    pub(in crate::registry) fn listening(port: Option<u16>) -> Self {
        Self { ports: port.into_iter().collect(), advertised: None }
    }

    /// A node that others reach at this address too.
    pub(super) fn advertised(ports: Vec<u16>, address: Option<&str>) -> Self {
        Self { ports, advertised: address.and_then(|address| Url::parse(address).ok()) }
    }

    /// Whether an address is that of this node: the advertised one, or one of its ports on one of
    /// its addresses. Others may be found out by asking.
    pub(in crate::registry) async fn includes(&self, url: &Url) -> bool {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return false;
        };
        if self.advertised.as_ref().is_some_and(|own| leads_to(own, url)) {
            return true;
        }
        if !self.ports.contains(&port) {
            return false;
        }
        if self.advertised.as_ref().is_some_and(|own| own.host_str() == Some(host)) {
            return true;
        }
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let is_local = |ip: IpAddr| {
            ip.is_loopback() || interfaces.iter().any(|interface| interface.ip() == ip)
        };
        resolved(url).await.iter().any(|address| is_local(address.ip()))
    }
}

/// The addresses to which the host and the port of a URL lead; none if they are not found in time.
pub(in crate::registry) async fn resolved(url: &Url) -> Vec<SocketAddr> {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Vec::new();
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::time::timeout(RESOLVE, tokio::net::lookup_host((host, port))).await;
    found.ok().and_then(Result::ok).map(Iterator::collect).unwrap_or_default()
}

/// Whether an address is below that of a node. A proxy may distinguish nodes by the path alone.
fn leads_to(own: &Url, url: &Url) -> bool {
    let path = own.path().trim_end_matches('/');
    let rest = url.path().strip_prefix(path);
    own.host_str() == url.host_str()
        && own.port_or_known_default() == url.port_or_known_default()
        && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nodes_behind_a_proxy_differ_by_their_path() {
        let own = OwnAddress::advertised(vec![8080], Some("https://proxy.example/n1/"));
        for (address, expected) in [
            ("https://proxy.example/n1/eureka/", true),
            ("https://proxy.example:443/n1/eureka/", true),
            ("https://proxy.example/n10/eureka/", false),
            ("https://proxy.example/eureka/", false),
            ("http://proxy.example/n1/eureka/", false),
            // The role's own port is announced where the address has none.
            ("http://proxy.example:8080/eureka/", true),
            ("http://127.0.0.1:8080/eureka/", true),
            ("http://127.0.0.1:443/eureka/", false),
            ("http://192.0.2.1:8080/eureka/", false),
        ] {
            assert_eq!(own.includes(&Url::parse(address).unwrap()).await, expected, "{address}");
        }
    }
}
