//! The addresses under which this node's services are announced.

use std::net::{IpAddr, SocketAddr};

use castalia_core::protocol::namespace::{ADMIN_SERVICE, CONFIG_SERVICE};
use reqwest::Url;

use super::OwnService;
use crate::server_config::{ServerConfig, keys};
use crate::settings::Settings;

/// The listening addresses of this node's services.
#[derive(Debug, Clone, Copy, Default)]
pub struct Listeners {
    /// The config role's socket.
    pub config: Option<SocketAddr>,
    /// The admin role's socket.
    pub admin: Option<SocketAddr>,
}

/// The addresses that an operator states for the roles, which others reach in another way than by
/// the listening address.
#[derive(Debug, Clone, Copy, Default)]
pub struct Advertised<'a> {
    /// That of the config role. The admin role is on the same host.
    pub config: Option<&'a str>,
    /// That of the admin role, if it differs by more than the port.
    pub admin: Option<&'a str>,
}

/// The address that the operator states for the config role, here or by Apollo's key.
#[must_use]
pub fn advertised(settings: &Settings, config: &ServerConfig) -> Option<String> {
    settings.advertise.clone().or_else(|| config.get(&keys::REGISTRY_URI))
}

/// Services of this node with the addresses for others: the advertised one, else the listening
/// address, else the first address of this machine that is not loopback.
#[must_use]
pub fn own_services(
    listeners: Listeners,
    advertised: Advertised<'_>,
    base_path: &str,
) -> Vec<OwnService> {
    let config = listeners.config.map(|socket| {
        let uri = match advertised.config {
            Some(stated) => as_stated(stated, socket.port(), base_path),
            None => listening(socket, base_path),
        };
        OwnService { name: CONFIG_SERVICE, uri, machine: machine(socket) }
    });
    let admin = listeners.admin.map(|socket| {
        let uri = match (advertised.admin, advertised.config) {
            (Some(stated), _) => as_stated(stated, socket.port(), base_path),
            (None, Some(config)) => on_same_host(config, socket.port(), base_path),
            (None, None) => listening(socket, base_path),
        };
        OwnService { name: ADMIN_SERVICE, uri, machine: machine(socket) }
    });
    config.into_iter().chain(admin).collect()
}

fn listening(socket: SocketAddr, base_path: &str) -> String {
    format!("http://{}{}", reachable(socket), path(base_path))
}

/// An address as the operator states it. Without a port it means that of the role, but for HTTPS
/// the usual one: the port of the role has no TLS. The base path may be included.
fn as_stated(stated: &str, port: u16, base_path: &str) -> String {
    let (scheme, authority, stated_path) = parts(stated);
    let (host, stated_port) = host_and_port(authority);
    let authority = match stated_port {
        None if scheme == "http" => format!("{host}:{port}"),
        _ => authority.to_owned(),
    };
    let rest = if stated_path.ends_with(base_path) { "" } else { base_path };
    format!("{scheme}://{authority}{}", path(&format!("{stated_path}{rest}")))
}

/// The address of the admin role on the host of the config role, with its own port.
fn on_same_host(config: &str, port: u16, base_path: &str) -> String {
    let (scheme, authority, _) = parts(config);
    let (host, _) = host_and_port(authority);
    format!("{scheme}://{host}:{port}{}", path(base_path))
}

/// Scheme, host with port, and path without a slash at its end.
fn parts(address: &str) -> (&str, &str, &str) {
    let address = address.trim_end_matches('/');
    let (scheme, rest) = address.split_once("://").unwrap_or(("http", address));
    let end = rest.find('/').unwrap_or(rest.len());
    (scheme, &rest[..end], &rest[end..])
}

fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    let after_host = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority[after_host..].rfind(':') {
        Some(colon) => {
            (&authority[..after_host + colon], Some(&authority[after_host + colon + 1..]))
        }
        None => (authority, None),
    }
}

fn path(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

/// The listening address, with an address that others reach in place of an unspecified one.
fn reachable(socket: SocketAddr) -> SocketAddr {
    if socket.ip().is_unspecified() { machine(socket) } else { socket }
}

/// The port with an address of this machine that others reach, if it has one.
fn machine(socket: SocketAddr) -> SocketAddr {
    if !socket.ip().is_unspecified() && !socket.ip().is_loopback() {
        return socket;
    }
    // Without a network, those who listen on all addresses are reached by the loopback address.
    let alone = if socket.ip().is_loopback() { socket.ip() } else { [127, 0, 0, 1].into() };
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(
            %error,
            address = %alone,
            "cannot list the addresses of this machine; this loopback address is announced unless `advertise` is set"
        );
        Vec::new()
    });
    let addresses: Vec<_> = interfaces.iter().map(if_addrs::Interface::ip).collect();
    let found = outward(&addresses, socket.is_ipv6());
    SocketAddr::new(found.unwrap_or(alone), socket.port())
}

/// The address that most clients reach: IPv4, if there is one. One of IPv6 needs a socket of IPv6,
/// and an address of one link only is the last resort; that of IPv6 has no meaning elsewhere.
fn outward(addresses: &[IpAddr], is_ipv6: bool) -> Option<IpAddr> {
    let find = |fits: fn(&IpAddr) -> bool| {
        addresses.iter().copied().find(|ip| !ip.is_loopback() && !ip.is_unspecified() && fits(ip))
    };
    find(|ip| matches!(ip, IpAddr::V4(ip) if !ip.is_link_local()))
        .or_else(|| {
            let global = || find(|ip| matches!(ip, IpAddr::V6(ip) if !ip.is_unicast_link_local()));
            is_ipv6.then(global).flatten()
        })
        .or_else(|| find(IpAddr::is_ipv4))
}

/// Whether an address leads to the machine of whoever uses it.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

impl OwnService {
    /// Whether its address leads to the machine of whoever uses it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        Url::parse(&self.uri).is_ok_and(|url| is_loopback(&url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uris(bind: &str, advertise: Option<&str>, base_path: &str) -> Vec<String> {
        let socket = |port: u16| Some(SocketAddr::new(bind.parse().unwrap(), port));
        let listeners = Listeners { config: socket(8080), admin: socket(8090) };
        addresses(listeners, Advertised { config: advertise, admin: None }, base_path)
    }

    fn addresses(listeners: Listeners, advertised: Advertised<'_>, base_path: &str) -> Vec<String> {
        own_services(listeners, advertised, base_path).into_iter().map(|own| own.uri).collect()
    }

    #[test]
    fn the_address_listened_on_is_announced() {
        assert_eq!(uris("10.1.2.3", None, ""), ["http://10.1.2.3:8080/", "http://10.1.2.3:8090/"]);
        assert_eq!(
            uris("10.1.2.3", None, "/apollo"),
            ["http://10.1.2.3:8080/apollo", "http://10.1.2.3:8090/apollo"]
        );
    }

    #[test]
    fn what_is_advertised_wins_and_a_port_in_it_is_the_config_roles() {
        assert_eq!(uris("0.0.0.0", Some("http://c:80"), ""), ["http://c:80/", "http://c:8090/"]);
        assert_eq!(
            uris("::", Some("http://[fd00::1]"), ""),
            ["http://[fd00::1]:8080/", "http://[fd00::1]:8090/"]
        );
    }

    /// The port of a role speaks plain HTTP, so that an address with TLS is that of a proxy.
    #[test]
    fn an_address_with_tls_is_announced_as_it_is_stated() {
        for (stated, base_path, expected) in [
            ("https://c.example/", "", "https://c.example/"),
            ("https://c.example", "/apollo", "https://c.example/apollo"),
            ("https://c.example:443", "", "https://c.example:443/"),
            ("https://[fd00::1]", "", "https://[fd00::1]/"),
            ("https://c.example:9443/stripped", "", "https://c.example:9443/stripped"),
            ("http://c:9000/apollo", "/apollo", "http://c:9000/apollo"),
            ("http://c:9000/a/apollo/", "/apollo", "http://c:9000/a/apollo"),
            ("http://c/a", "/apollo", "http://c:8080/a/apollo"),
        ] {
            assert_eq!(uris("0.0.0.0", Some(stated), base_path)[0], expected, "{stated}");
        }
    }

    #[test]
    fn the_admin_role_has_an_address_of_its_own() {
        let socket = |port| Some(SocketAddr::from(([10, 1, 2, 3], port)));
        let both = Listeners { config: socket(8080), admin: socket(8090) };
        let config = Some("https://c.example/");
        let stated = Advertised { config, admin: Some("https://admin.example") };
        assert_eq!(addresses(both, stated, ""), ["https://c.example/", "https://admin.example/"]);
        let only = Listeners { config: None, ..both };
        let stated = Advertised { config: None, admin: Some("http://a:1") };
        assert_eq!(addresses(only, stated, ""), ["http://a:1/"]);
        let derived = Advertised { config: Some("http://c:80/strip"), admin: None };
        assert_eq!(addresses(only, derived, "/apollo"), ["http://c:8090/apollo"]);
    }

    #[test]
    fn an_unspecified_address_is_replaced_by_one_that_others_can_reach() {
        assert!(uris("0.0.0.0", None, "").iter().all(|uri| !uri.contains("0.0.0.0")));
    }
    #[test]
    fn a_machine_without_ipv4_has_its_ipv6_address() {
        let of = |addresses: &[&str], is_ipv6: bool| {
            let addresses: Vec<_> = addresses.iter().map(|text| text.parse().unwrap()).collect();
            outward(&addresses, is_ipv6).map(|ip| ip.to_string())
        };
        let only_ipv6 = ["127.0.0.1", "::1", "fe80::5", "fd00:1::5"];
        assert_eq!(of(&only_ipv6, true).as_deref(), Some("fd00:1::5"));
        assert_eq!(of(&only_ipv6, false), None);
        let both = ["fd00:1::5", "169.254.0.9", "10.1.2.3"];
        assert_eq!(of(&both, true).as_deref(), Some("10.1.2.3"));
        assert_eq!(of(&both[..2], true).as_deref(), Some("fd00:1::5"));
        assert_eq!(of(&both[..2], false).as_deref(), Some("169.254.0.9"));
        assert_eq!(of(&["127.0.0.1", "::1"], true), None);
    }

    #[test]
    fn an_address_of_the_machine_itself_is_recognised() {
        for (uri, expected) in [
            ("http://127.0.0.1:1/", true),
            ("http://127.8.0.1/", true),
            ("http://localhost:1/", true),
            ("http://[::1]:1/", true),
            ("http://[::ffff:127.0.0.1]:1/", true),
            ("http://10.0.0.1:1/", false),
            ("http://localhost.example/", false),
        ] {
            let machine = SocketAddr::from(([127, 0, 0, 1], 1));
            let own = OwnService { name: CONFIG_SERVICE, uri: uri.to_owned(), machine };
            assert_eq!(own.is_loopback(), expected, "{uri}");
        }
    }
}
