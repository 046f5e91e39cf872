//! The address by which servers know this machine, chosen from its network interfaces as the Java client does.

use std::net::Ipv4Addr;

/// The IPv4 address of the first interface of the best kind: private before link-local before others. `None` when the
/// interfaces cannot be listed or none is connected.
pub(super) fn scan() -> Option<Ipv4Addr> {
    let mut interfaces = if_addrs::get_if_addrs().ok()?;
    interfaces.sort_by_key(|interface| interface.index);
    let addresses =
        interfaces.iter().filter(|interface| !interface.is_loopback()).filter_map(|interface| {
            match interface.ip() {
                std::net::IpAddr::V4(address) => Some(address),
                std::net::IpAddr::V6(_) => None,
            }
        });
    best(addresses)
}

fn best(addresses: impl Iterator<Item = Ipv4Addr>) -> Option<Ipv4Addr> {
    // The first of the greatest, where `max_by_key` would give the last.
    addresses.fold(None, |best, address| match best {
        Some(known) if weight(known) >= weight(address) => Some(known),
        _ => Some(address),
    })
}

fn weight(address: Ipv4Addr) -> u8 {
    if address.is_private() {
        8
    } else if address.is_link_local() {
        4
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_private_address_wins() {
        let addresses = ["8.8.8.8", "169.254.1.1", "10.0.0.7", "192.168.1.1"];
        let addresses = addresses.map(|text| text.parse().unwrap());
        assert_eq!(best(addresses.into_iter()), Some(Ipv4Addr::new(10, 0, 0, 7)));
        assert_eq!(best(std::iter::empty()), None);
    }
}
