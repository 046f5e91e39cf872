//! The address by which servers know this machine, chosen from its network interfaces as the Java client does.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

/// A machine that had no network when the program started gets one later.
const RESCAN_AFTER: Duration = Duration::from_secs(300);

/// The address that gray rules and instance records see.
pub(crate) enum ClientIp {
    /// As the settings say.
    Given(String),
    /// The last scan.
    Scanned(ArcSwap<Scan>),
}

pub(crate) struct Scan {
    address: Option<Ipv4Addr>,
    at: Instant,
}

impl ClientIp {
    pub(super) fn new(given: Option<String>) -> Self {
        match given {
            Some(address) => Self::Given(address),
            None => Self::Scanned(ArcSwap::from_pointee(Scan::now())),
        }
    }

    /// The address now; `None` when the interfaces cannot be listed.
    pub(crate) fn get(&self) -> Option<String> {
        match self {
            Self::Given(address) => Some(address.clone()),
            Self::Scanned(scan) => {
                let last = scan.load();
                let useless = last.address.is_none_or(|address| address.is_loopback());
                if useless && last.at.elapsed() >= RESCAN_AFTER {
                    scan.store(Arc::new(Scan::now()));
                }
                scan.load().address.map(|address| address.to_string())
            }
        }
    }
}

impl Scan {
    fn now() -> Self {
        let mut interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        interfaces.sort_by_key(|interface| interface.index);
        let addresses = interfaces.iter().filter_map(|interface| match interface.ip() {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        });
        Self { address: best(addresses), at: Instant::now() }
    }
}

/// The first of the best kind: private before link-local before others before loopback.
fn best(addresses: impl Iterator<Item = Ipv4Addr>) -> Option<Ipv4Addr> {
    // The first of the greatest, where `max_by_key` would give the last.
    addresses.fold(None, |best, address| match best {
        Some(known) if weight(known) >= weight(address) => Some(known),
        _ => Some(address),
    })
}

fn weight(address: Ipv4Addr) -> u8 {
    if address.is_private() {
        3
    } else if address.is_link_local() {
        2
    } else {
        u8::from(!address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_private_address_wins() {
        let addresses = ["127.0.0.1", "8.8.8.8", "169.254.1.1", "10.0.0.7", "192.168.1.1"];
        let addresses = addresses.map(|text| text.parse().unwrap());
        assert_eq!(best(addresses.into_iter()), Some(Ipv4Addr::new(10, 0, 0, 7)));
        assert_eq!(best(addresses.into_iter().take(1)), Some(Ipv4Addr::LOCALHOST));
        assert_eq!(best(std::iter::empty()), None);
    }

    #[test]
    fn an_address_that_was_given_is_not_looked_for() {
        assert_eq!(ClientIp::new(Some("10.9.8.7".into())).get().as_deref(), Some("10.9.8.7"));
        assert!(ClientIp::new(None).get().is_some());
    }
}
