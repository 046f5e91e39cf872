//! Counts calls by address in a bounded memory, so that one caller cannot guess passwords or fill
//! the registry. Must not know what is counted.
//!
//! IPv6 addresses are counted by their /64: the nodes of a company often share a /48, where one
//! with a wrong password must not lock out the others, although a stranger may own one as well.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::feed::hub::network;

/// Time in which calls of one address are counted.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// Time for which an address that sent the right password keeps its counter, many times the
/// interval of heartbeats.
const KNOWN: Duration = Duration::from_secs(600);
/// Minimum time between two searches for counters that are not needed.
const AGAIN: Duration = Duration::from_secs(1);

/// Calls by address within the window.
#[derive(Debug)]
pub(super) struct Counters(Mutex<Counts>);

#[derive(Debug)]
struct Counts {
    /// Maximum number of addresses that have counters of their own.
    maximum: usize,
    by_address: HashMap<IpAddr, Counter>,
    /// That of all addresses beyond the maximum number, which would be unlimited otherwise.
    others: Counter,
    searched: Option<Instant>,
}

#[derive(Debug, Default)]
struct Counter {
    began: Option<Instant>,
    number: u32,
    kept: Option<Instant>,
}

impl Counters {
    /// Counters of at most this number of addresses.
    pub(super) fn new(maximum: usize) -> Self {
        Self(Mutex::new(Counts {
            maximum,
            by_address: HashMap::new(),
            others: Counter::default(),
            searched: None,
        }))
    }

    /// The number of calls in this window.
    pub(super) fn number(&self, peer: Option<IpAddr>) -> u32 {
        let Some(address) = peer.map(network) else { return 0 };
        let counts = self.0.lock();
        let is_full = counts.by_address.len() >= counts.maximum;
        let shared = is_full.then_some(&counts.others);
        counts.by_address.get(&address).or(shared).map_or(0, Counter::number)
    }

    /// Whether the address has a counter of its own.
    pub(super) fn has_own(&self, peer: Option<IpAddr>) -> bool {
        peer.is_some_and(|peer| self.0.lock().by_address.contains_key(&network(peer)))
    }

    /// Counts a call, and returns the number in this window.
    pub(super) fn count(&self, peer: Option<IpAddr>) -> u32 {
        let Some(address) = peer.map(network) else { return 0 };
        let mut counts = self.0.lock();
        let counter = counts.counter(address);
        let number = counter.number();
        if number == 0 {
            counter.began = Some(Instant::now());
        }
        counter.number = number.saturating_add(1);
        counter.number
    }

    /// Keeps the counter of an address, so that strangers with many addresses do not lock it out by
    /// the counter that they share.
    pub(super) fn keep(&self, peer: Option<IpAddr>) {
        let Some(address) = peer.map(network) else { return };
        let mut counts = self.0.lock();
        counts.make_room(address);
        counts.counter(address).kept = Some(Instant::now());
    }
}

#[cfg(test)]
impl Counters {
    pub(super) fn len(&self) -> usize {
        self.0.lock().by_address.len()
    }
}

impl Counts {
    /// Forgets the counter of a stranger for an address that sent the right password.
    fn make_room(&mut self, address: IpAddr) {
        if self.by_address.len() < self.maximum || self.by_address.contains_key(&address) {
            return;
        }
        let mut counters = self.by_address.iter();
        let stranger =
            counters.find(|(_, counter)| !counter.is_kept()).map(|(stranger, _)| *stranger);
        if let Some(stranger) = stranger {
            self.by_address.remove(&stranger);
        }
    }

    fn counter(&mut self, address: IpAddr) -> &mut Counter {
        let is_full = |counts: &Self| {
            counts.by_address.len() >= counts.maximum && !counts.by_address.contains_key(&address)
        };
        if is_full(self) && self.searched.is_none_or(|at| at.elapsed() >= AGAIN) {
            self.by_address.retain(|_, counter| counter.is_needed());
            self.searched = Some(Instant::now());
        }
        if is_full(self) {
            return &mut self.others;
        }
        self.by_address.entry(address).or_default()
    }
}

impl Counter {
    fn number(&self) -> u32 {
        let is_current = self.began.is_some_and(|began| began.elapsed() < WINDOW);
        if is_current { self.number } else { 0 }
    }

    fn is_needed(&self) -> bool {
        self.number() > 0 || self.is_kept()
    }

    fn is_kept(&self) -> bool {
        self.kept.is_some_and(|kept| kept.elapsed() < KNOWN)
    }
}
