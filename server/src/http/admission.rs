//! Decides which connections are accepted: as many as the process has capacity for, and not all of
//! them from one address.
//!
//! All clients may come through one gateway. On their port an address is therefore refused only if
//! capacity is scarce and the address holds more than others. On the other ports an address may
//! hold no more than half of the free capacity, so that the next address always finds some.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::large_head::{Head, LargeHeads};
use crate::feed::hub::network;

/// How the addresses divide the capacity of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// For clients, all of which may be behind one address.
    Gateway,
    /// For users and scripts.
    Direct,
}

/// Limits the connections of a port.
#[derive(Debug, Clone)]
pub struct Admission {
    room: usize,
    sharing: Sharing,
    held: Arc<Mutex<HashMap<IpAddr, usize, ahash::RandomState>>>,
    heads: LargeHeads,
}

/// An accepted connection; releases its capacity when it is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    address: IpAddr,
    held: Arc<Mutex<HashMap<IpAddr, usize, ahash::RandomState>>>,
}

impl Admission {
    /// `room` is the capacity of the whole process, in connections.
    #[must_use]
    pub fn new(room: usize, sharing: Sharing) -> Self {
        Self { room, sharing, held: Arc::default(), heads: LargeHeads::new(0) }
    }

    /// Adds a budget for large heads, which all ports share.
    #[must_use]
    pub fn with_heads(self, heads: LargeHeads) -> Self {
        Self { heads, ..self }
    }

    /// The counter of the bytes of a connection's heads.
    pub(super) fn head(&self, address: IpAddr) -> Arc<Head> {
        self.heads.of(address)
    }

    /// Accepts a connection, or refuses it. `open` is the number of connections of the process on
    /// all ports.
    pub(super) fn admit(&self, address: IpAddr, open: usize) -> Option<Admitted> {
        let address = network(address);
        let mut held = self.held.lock();
        let own = held.get(&address).copied().unwrap_or_default();
        let free = self.room.saturating_sub(open);
        let fits = match self.sharing {
            Sharing::Gateway => {
                let others = held.len() + usize::from(own == 0);
                let is_scarce = free <= self.room / 5;
                free > 0 && (!is_scarce || own < (self.room.saturating_mul(2) / others).max(1))
            }
            // The first connection of an address is accepted as long as there is any capacity.
            Sharing::Direct => free > own,
        };
        fits.then(|| {
            held.insert(address, own + 1);
            Admitted { address, held: Arc::clone(&self.held) }
        })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut held = self.held.lock();
        if let Some(own) = held.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                held.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    /// Accepts connections of an address until one is refused.
    fn fill(admission: &Admission, last: u8, taken: &mut Vec<Admitted>) -> usize {
        let before = taken.len();
        while let Some(admitted) = admission.admit(address(last), taken.len()) {
            taken.push(admitted);
        }
        taken.len() - before
    }

    #[test]
    fn one_address_leaves_room_for_the_next() {
        let admission = Admission::new(100, Sharing::Direct);
        let mut taken = Vec::new();
        assert_eq!(fill(&admission, 1, &mut taken), 50);
        assert_eq!(fill(&admission, 2, &mut taken), 25);
        assert!(fill(&admission, 3, &mut taken) > 10);
        drop(taken);
        assert!(admission.held.lock().is_empty());
    }

    #[test]
    fn a_gateway_may_take_all_and_many_addresses_share_what_is_scarce() {
        let admission = Admission::new(100, Sharing::Gateway);
        let mut taken = Vec::new();
        assert_eq!(fill(&admission, 1, &mut taken), 100);
        taken.truncate(70);
        for last in 2..12 {
            taken.extend(admission.admit(address(last), taken.len()));
        }
        assert_eq!(taken.len(), 80);
        assert!(admission.admit(address(1), 80).is_none(), "it holds most");
        assert!(admission.admit(address(99), 80).is_some());
    }
}
