//! The memory of bodies that strangers send. Each reserves what it announces before it is read, so
//! that those who send slowly cannot make the node hold any number of them, and one address cannot
//! keep out all others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::feed::hub::network;

/// Part of the memory that one address may use.
const SHARE: usize = 4;

/// The bodies of one kind that are being received. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Bodies(Arc<BodiesInner>);

#[derive(Debug)]
struct BodiesInner {
    largest: usize,
    limit: usize,
    /// Bytes of each address.
    held: Mutex<HashMap<Option<IpAddr>, usize>>,
}

/// The memory of a body, until it is dropped.
#[derive(Debug)]
pub(super) struct Reserved {
    bodies: Bodies,
    address: Option<IpAddr>,
    bytes: usize,
}

impl Bodies {
    /// Bodies of at most `largest` bytes each, and `limit` together.
    pub(super) fn new(largest: usize, limit: usize) -> Self {
        Self(Arc::new(BodiesInner { largest, limit, held: Mutex::default() }))
    }

    /// Maximum length of a body.
    pub(super) fn largest(&self) -> usize {
        self.0.largest
    }

    /// Reserves so many bytes; `None` if there are too few.
    pub(super) fn reserve(&self, peer: Option<IpAddr>, bytes: usize) -> Option<Reserved> {
        let address = peer.map(network);
        let mut held = self.0.held.lock();
        let all: usize = held.values().sum();
        let own = held.get(&address).copied().unwrap_or_default();
        if all + bytes > self.0.limit || own + bytes > self.0.limit / SHARE {
            return None;
        }
        held.insert(address, own + bytes);
        Some(Reserved { bodies: self.clone(), address, bytes })
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut held = self.bodies.0.held.lock();
        let rest = held.get(&self.address).map_or(0, |own| own - self.bytes);
        if rest == 0 {
            held.remove(&self.address);
        } else {
            held.insert(self.address, rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_part_of_the_memory() {
        let bodies = Bodies::new(250, 1000);
        let reserve = |last: u8, bytes| bodies.reserve(Some(IpAddr::from([10, 0, 0, last])), bytes);
        let first = reserve(1, 200).unwrap();
        let second = reserve(1, 50).unwrap();
        assert!(reserve(1, 1).is_none());
        let others: Vec<_> = (2..5).map(|last| reserve(last, 250).unwrap()).collect();
        assert!(reserve(9, 1).is_none(), "all of it is used");
        drop(first);
        assert!(reserve(1, 201).is_none());
        drop((reserve(1, 200).unwrap(), second, others));
        assert!(bodies.0.held.lock().is_empty(), "addresses are forgotten");
    }
}
