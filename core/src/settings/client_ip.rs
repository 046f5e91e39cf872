//! The IP address that identifies this machine to servers, chosen from its network interfaces as in
//! the Java client.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use if_addrs::Interface;

/// How long a loopback address is kept: a machine without network at the start may get one later.
const RESCAN_AFTER: Duration = Duration::from_secs(300);

/// The address that gray release rules and instance records use.
pub(crate) enum ClientIp {
    /// From the settings.
    Configured(String),
    /// From the last scan of the interfaces.
    Scanned(ArcSwap<InterfaceScan>),
}

pub(crate) struct InterfaceScan {
    address: Ipv4Addr,
    at: Instant,
}

impl ClientIp {
    pub(super) fn new(configured: Option<String>) -> Self {
        match configured {
            Some(address) => Self::Configured(address),
            None => Self::Scanned(ArcSwap::from_pointee(InterfaceScan::now())),
        }
    }

    /// The current address; the loopback address if there is no other.
    pub(crate) fn get(&self) -> String {
        match self {
            Self::Configured(address) => address.clone(),
            Self::Scanned(scan) => {
                let last = scan.load();
                if last.address.is_loopback() && last.at.elapsed() >= RESCAN_AFTER {
                    scan.store(Arc::new(InterfaceScan::now()));
                }
                scan.load().address.to_string()
            }
        }
    }
}

impl InterfaceScan {
    fn now() -> Self {
        let mut interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        // The Java client chooses by interface index as well: both clients of a machine must match
        // the same gray release rules.
        interfaces.sort_by_key(|interface| interface.index);
        let address = best(outward(&interfaces)).unwrap_or(Ipv4Addr::LOCALHOST);
        Self { address, at: Instant::now() }
    }
}

/// IPv4 addresses of interfaces that are up and connected to other machines. An interface with a
/// loopback address is not, whatever other addresses it has.
fn outward(interfaces: &[Interface]) -> impl Iterator<Item = Ipv4Addr> {
    let inward = interfaces.iter().filter(|interface| interface.is_loopback());
    let inward: Vec<_> = inward.map(|interface| interface.index).collect();
    let up = interfaces.iter().filter(|interface| interface.is_oper_up());
    let outward = up.filter(move |interface| !inward.contains(&interface.index));
    outward.filter_map(|interface| match interface.ip() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    })
}

/// The first address of the best kind: private, then link-local, then any other.
fn best(addresses: impl Iterator<Item = Ipv4Addr>) -> Option<Ipv4Addr> {
    // `max_by_key` would return the last of several equal ones.
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
        1
    }
}

#[cfg(test)]
mod tests {
    use if_addrs::{IfAddr, IfOperStatus, Ifv4Addr};

    use super::*;

    #[test]
    fn the_first_private_address_wins() {
        let addresses = ["8.8.8.8", "169.254.1.1", "10.0.0.7", "192.168.1.1"];
        let addresses = addresses.map(|text| text.parse().unwrap());
        assert_eq!(best(addresses.into_iter()), Some(Ipv4Addr::new(10, 0, 0, 7)));
        assert_eq!(best(addresses.into_iter().take(1)), Some(Ipv4Addr::new(8, 8, 8, 8)));
        assert_eq!(best(std::iter::empty()), None);
    }

    /// A bridge without a link, and an address assigned to the loopback interface, are not
    /// reachable from other machines.
    #[test]
    fn only_interfaces_that_are_up_and_lead_out_count() {
        let interfaces = [
            interface(1, "127.0.0.1", IfOperStatus::Up),
            interface(1, "10.1.1.1", IfOperStatus::Up),
            interface(2, "172.17.0.1", IfOperStatus::Down),
            interface(3, "203.0.113.9", IfOperStatus::Up),
        ];
        assert_eq!(outward(&interfaces).collect::<Vec<_>>(), [Ipv4Addr::new(203, 0, 113, 9)]);
        assert_eq!(outward(&interfaces[..3]).count(), 0);
    }

    fn interface(index: u32, address: &str, oper_status: IfOperStatus) -> Interface {
        let ip = address.parse().unwrap();
        let addr = Ifv4Addr { ip, netmask: Ipv4Addr::BROADCAST, prefixlen: 32, broadcast: None };
        Interface {
            name: String::new(),
            addr: IfAddr::V4(addr),
            index: Some(index),
            oper_status,
            is_p2p: false,
            #[cfg(windows)]
            adapter_name: String::new(),
        }
    }

    #[test]
    fn an_address_that_was_given_is_not_looked_for() {
        assert_eq!(ClientIp::new(Some("10.9.8.7".into())).get(), "10.9.8.7");
        assert!(ClientIp::new(None).get().parse::<Ipv4Addr>().is_ok());
    }
}
