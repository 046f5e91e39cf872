//! The memory of bodies that are being received and carried out, and of the answers to batches.
//! What does not fit is refused, so that callers that send or read slowly cannot make the node hold
//! any number of them, and one address cannot keep out all others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::feed::hub::network;

/// Part of the memory that one address may use.
const SHARE: usize = 4;

/// Bodies of one kind, such as registrations.
#[derive(Debug)]
pub(super) struct Bodies {
    largest: usize,
    strangers: Memory,
    known: Memory,
}

/// The memory of one kind of callers. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Memory(Arc<MemoryInner>);

#[derive(Debug)]
struct MemoryInner {
    limit: usize,
    held: Mutex<HeldBytes>,
}

#[derive(Debug, Default)]
struct HeldBytes {
    all: usize,
    by_address: HashMap<Option<IpAddr>, usize>,
}

/// What a call uses of the memory, until it is dropped.
#[derive(Debug)]
pub(super) struct Reserved {
    memory: Memory,
    address: Option<IpAddr>,
    bytes: usize,
}

impl Bodies {
    /// Bodies of at most `largest` bytes each. Those of callers without credentials take at most
    /// `strangers` bytes together, and those of callers with the password and of peers `known`.
    pub(super) fn new(largest: usize, strangers: usize, known: usize) -> Self {
        Self { largest, strangers: Memory::new(strangers), known: Memory::new(known) }
    }

    /// Maximum length of a body.
    pub(super) fn largest(&self) -> usize {
        self.largest
    }

    /// The memory for a caller.
    pub(super) fn memory(&self, is_known: bool) -> &Memory {
        if is_known { &self.known } else { &self.strangers }
    }
}

impl Memory {
    fn new(limit: usize) -> Self {
        Self(Arc::new(MemoryInner { limit, held: Mutex::default() }))
    }

    /// Nothing yet, for a call from this address.
    pub(super) fn reserve(&self, peer: Option<IpAddr>) -> Reserved {
        Reserved { memory: self.clone(), address: peer.map(network), bytes: 0 }
    }
}

impl Reserved {
    /// Reserves so many bytes instead. Returns false, and keeps the present ones, if there are too
    /// few; less than before always fits.
    #[must_use]
    pub(super) fn resize(&mut self, bytes: usize) -> bool {
        let limit = self.memory.0.limit;
        let mut held = self.memory.0.held.lock();
        let all = held.all - self.bytes + bytes;
        let own = held.by_address.get(&self.address).copied().unwrap_or_default();
        let own = own - self.bytes + bytes;
        if bytes > self.bytes && (all > limit || own > limit / SHARE) {
            return false;
        }
        held.all = all;
        if own == 0 {
            held.by_address.remove(&self.address);
        } else {
            held.by_address.insert(self.address, own);
        }
        self.bytes = bytes;
        true
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let is_smaller = self.resize(0);
        debug_assert!(is_smaller, "nothing always fits");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_part_of_the_memory() {
        let memory = Memory::new(1000);
        let reserve = |last: u8, bytes| {
            let mut reserved = memory.reserve(Some(IpAddr::from([10, 0, 0, last])));
            reserved.resize(bytes).then_some(reserved)
        };
        let mut first = reserve(1, 200).unwrap();
        let second = reserve(1, 50).unwrap();
        assert!(reserve(1, 1).is_none() && !first.resize(201) && first.resize(200));
        let others: Vec<_> = (2..5).map(|last| reserve(last, 250).unwrap()).collect();
        assert!(reserve(9, 1).is_none(), "all of it is used");
        assert!(first.resize(100) && reserve(9, 101).is_none() && reserve(9, 100).is_some());
        drop(first);
        assert!(reserve(1, 201).is_none());
        drop((reserve(1, 200).unwrap(), second, others));
        let held = memory.0.held.lock();
        assert!(held.all == 0 && held.by_address.is_empty(), "addresses are forgotten");
    }
}
