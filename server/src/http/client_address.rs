//! The address that a request came from: the peer of the connection, or, behind the proxies in the
//! settings, the last address in `X-Forwarded-For` that is not one of them. Any client can send
//! that header, so it is ignored from other peers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use http::HeaderMap;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The client of the request, as far as the connection and trusted proxies identify it.
pub(crate) fn client_address(
    peer: Option<&ConnectInfo<SocketAddr>>,
    headers: &HeaderMap,
    trusted: &[IpNet],
) -> IpAddr {
    let peer =
        peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(peer)| peer.ip().to_canonical());
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let lines: Vec<&str> =
        headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok()).collect();
    let mut client = peer;
    for text in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        // An entry that does not parse was not written by a trusted proxy.
        let Ok(address) = text.trim().parse::<IpAddr>() else { break };
        client = address.to_canonical();
        if !is_trusted(&client) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        let peer = ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1));
        client_address(Some(&peer), &headers, &trusted).to_string()
    }

    #[test]
    fn the_header_of_a_stranger_means_nothing() {
        assert_eq!(of("10.0.0.9", &["1.2.3.4"], &[]), "10.0.0.9");
        assert_eq!(of("10.0.0.9", &["1.2.3.4"], &["10.1.0.0/16"]), "10.0.0.9");
    }

    #[test]
    fn behind_trusted_proxies_the_last_foreign_address_is_the_client() {
        let trusted = ["10.1.0.0/16", "::1/128"];
        assert_eq!(of("10.1.0.1", &["6.6.6.6, 1.2.3.4, 10.1.0.2"], &trusted), "1.2.3.4");
        assert_eq!(of("::1", &["6.6.6.6", "1.2.3.4"], &trusted), "1.2.3.4");
        assert_eq!(of("::ffff:10.1.0.1", &["1.2.3.4"], &trusted), "1.2.3.4");
        assert_eq!(of("10.1.0.1", &["forged, nonsense"], &trusted), "10.1.0.1");
        assert_eq!(of("10.1.0.1", &[], &trusted), "10.1.0.1");
    }
}
