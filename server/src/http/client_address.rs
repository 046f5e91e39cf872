//! The address that a request came from: the peer of the connection, or, behind the proxies in the
//! settings, the last address in `X-Forwarded-For` that is not one of them. Any client can send
//! that header, so it is ignored from other peers. An address may have a port, as some proxies
//! write it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use http::HeaderMap;
use ipnet::IpNet;

use crate::log_rate::LogRate;

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
    // What is not text is no address either; skipping it would believe what a client wrote before.
    let lines: Vec<&str> =
        headers.get_all(FORWARDED_FOR).iter().map(|line| line.to_str().unwrap_or("?")).collect();
    let mut client = peer;
    let entries = lines.iter().rev().flat_map(|line| line.rsplit(',')).map(str::trim);
    for text in entries.filter(|text| !text.is_empty()) {
        let Some(address) = address(text) else {
            report_unreadable(peer);
            break;
        };
        client = address.to_canonical();
        if !is_trusted(&client) {
            break;
        }
    }
    client
}

/// An address, with or without a port and a zone.
fn address(text: &str) -> Option<IpAddr> {
    let (start, zone) = text.split_once('%').unwrap_or((text, ""));
    let after_zone = zone.find(']').map_or("", |end| &zone[end..]);
    let text = &*format!("{start}{after_zone}");
    let bare = || text.parse().ok();
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    bare().or_else(with_port).or_else(bracketed)
}

/// Limits by address apply to everybody behind such a proxy together.
fn report_unreadable(proxy: IpAddr) {
    static UNREADABLE: LogRate = LogRate::once_a_minute();
    if let Some(suppressed) = UNREADABLE.admit() {
        tracing::warn!(
            %proxy,
            suppressed,
            "a proxy in security.trusted_proxies sends an X-Forwarded-For whose last entries are not addresses; its own address is used for its clients"
        );
    }
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

    /// As gateways of Azure and IIS write it.
    #[test]
    fn an_address_may_have_a_port() {
        for (entry, expected) in [
            ("8.8.8.8:1234", "8.8.8.8"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[::ffff:8.8.8.8]:1", "8.8.8.8"),
            ("[fe80::5%eth0]:1", "fe80::5"),
            ("fe80::5%eth0", "fe80::5"),
            ("8.8.8.8,", "8.8.8.8"),
            ("6.6.6.6:1, 8.8.8.8:2, 10.1.0.2:3", "8.8.8.8"),
        ] {
            assert_eq!(of("10.1.0.1", &[entry], &["10.1.0.0/16"]), expected, "{entry}");
        }
        // The last line was written last.
        assert_eq!(of("10.1.0.1", &["6.6.6.6", "\u{e4}"], &["10.1.0.0/16"]), "10.1.0.1");
        for entry in ["unknown", "8.8.8.8:", ":1", "[8.8.8.8]:1", "_hidden"] {
            assert_eq!(of("10.1.0.1", &[entry], &["10.1.0.0/16"]), "10.1.0.1", "{entry}");
        }
    }
}
