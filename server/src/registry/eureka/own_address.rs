//! Which addresses lead to this node, so that it asks none of them.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::Url;

/// Maximum time for resolving a name; the start waits for it.
const RESOLVE: Duration = Duration::from_secs(1);

/// The ports of this node, and the host under which others reach it.
#[derive(Debug)]
pub(in crate::registry) struct OwnAddress {
    ports: Vec<u16>,
    host: Option<String>,
}

impl OwnAddress {
    /// A node that listens on this port.
    pub(in crate::registry) fn listening(port: Option<u16>) -> Self {
        Self { ports: port.into_iter().collect(), host: None }
    }

    /// A node that others reach at this address too.
    pub(super) fn advertised(mut ports: Vec<u16>, address: Option<&str>) -> Self {
        let address = address.and_then(|address| Url::parse(address).ok());
        ports.extend(address.as_ref().and_then(Url::port_or_known_default));
        Self { ports, host: address.and_then(|url| url.host_str().map(str::to_owned)) }
    }

    /// Whether an address is that of this node: one of its ports on one of its addresses.
    pub(in crate::registry) async fn includes(&self, url: &Url) -> bool {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return false;
        };
        if !self.ports.contains(&port) {
            return false;
        }
        if self.host.as_deref() == Some(host) {
            return true;
        }
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let is_local = |ip: IpAddr| {
            ip.is_loopback() || interfaces.iter().any(|interface| interface.ip() == ip)
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let found = tokio::time::timeout(RESOLVE, tokio::net::lookup_host((host, port))).await;
        found.is_ok_and(|found| {
            found.is_ok_and(|mut found| found.any(|address| is_local(address.ip())))
        })
    }
}
