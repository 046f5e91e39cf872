//! The addresses under which this node's services are announced.

use std::net::{IpAddr, SocketAddr};

use castalia_core::protocol::namespace::{ADMIN_SERVICE, CONFIG_SERVICE};

use super::OwnService;

/// The listening addresses of this node's services.
#[derive(Debug, Clone, Copy, Default)]
pub struct Listeners {
    /// The config role's socket.
    pub config: Option<SocketAddr>,
    /// The admin role's socket.
    pub admin: Option<SocketAddr>,
}

/// Services of this node with the addresses for others: the advertised one, else the listening
/// address, else the first address of this machine that is not loopback.
#[must_use]
pub fn own_services(
    listeners: Listeners,
    advertise: Option<&str>,
    base_path: &str,
) -> Vec<OwnService> {
    let services =
        [(CONFIG_SERVICE, listeners.config, true), (ADMIN_SERVICE, listeners.admin, false)];
    services
        .into_iter()
        .filter_map(|(name, socket, takes_port)| {
            let socket = socket?;
            let origin = origin(socket, advertise, takes_port);
            let path = if base_path.is_empty() { "/" } else { base_path };
            Some(OwnService { name, uri: format!("{origin}{path}"), port: socket.port() })
        })
        .collect()
}

/// `scheme://host:port`. An advertised port is that of the config role; the admin role keeps its
/// own.
fn origin(socket: SocketAddr, advertise: Option<&str>, takes_port: bool) -> String {
    let Some(advertised) = advertise else { return format!("http://{}", reachable(socket)) };
    let advertised = advertised.trim_end_matches('/');
    let (scheme, authority) = advertised.split_once("://").unwrap_or(("http", advertised));
    let after_host = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority[after_host..].rfind(':') {
        Some(_) if takes_port => format!("{scheme}://{authority}"),
        Some(colon) => format!("{scheme}://{}:{}", &authority[..after_host + colon], socket.port()),
        None => format!("{scheme}://{authority}:{}", socket.port()),
    }
}

fn reachable(socket: SocketAddr) -> SocketAddr {
    if !socket.ip().is_unspecified() {
        return socket;
    }
    let addresses = if_addrs::get_if_addrs().unwrap_or_default();
    let found = addresses
        .into_iter()
        .map(|interface| interface.ip())
        .find(|ip| ip.is_ipv4() && !ip.is_loopback());
    SocketAddr::new(found.unwrap_or(IpAddr::from([127, 0, 0, 1])), socket.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uris(bind: &str, advertise: Option<&str>, base_path: &str) -> Vec<String> {
        let socket = |port: u16| Some(SocketAddr::new(bind.parse().unwrap(), port));
        let listeners = Listeners { config: socket(8080), admin: socket(8090) };
        own_services(listeners, advertise, base_path).into_iter().map(|own| own.uri).collect()
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
        assert_eq!(
            uris("0.0.0.0", Some("https://c.example/"), ""),
            ["https://c.example:8080/", "https://c.example:8090/"]
        );
        assert_eq!(uris("0.0.0.0", Some("http://c:80"), ""), ["http://c:80/", "http://c:8090/"]);
        assert_eq!(
            uris("::", Some("http://[fd00::1]"), ""),
            ["http://[fd00::1]:8080/", "http://[fd00::1]:8090/"]
        );
    }

    #[test]
    fn an_unspecified_address_is_replaced_by_one_that_others_can_reach() {
        assert!(uris("0.0.0.0", None, "").iter().all(|uri| !uri.contains("0.0.0.0")));
    }
}
