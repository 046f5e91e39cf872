//! The order in which callers have their passwords verified: one after the other, and one of each
//! address at a time, so that many requests of one address delay the others by one verification.
//! A caller that gives up keeps its turn: a client with the right password may wait less long than
//! the strangers before it take.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Mutex as Turnstile, OwnedMutexGuard};

use crate::feed::hub::network;

/// Maximum number of addresses of which callers wait, and of callers of one, such as a proxy.
const ADDRESSES: usize = 1_000;
const OF_ADDRESS: usize = 100;
/// Maximum number of all callers, of which the first one of an address is not refused.
const OF_ALL: usize = 1_000;

/// All callers that wait. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns {
    all: Arc<Turnstile<()>>,
    places: Arc<Mutex<Places>>,
}

#[derive(Debug, Default)]
struct Places {
    callers: usize,
    by_address: HashMap<Option<IpAddr>, AddressTurns>,
}

/// Where the callers of one address wait for each other.
#[derive(Debug, Default)]
struct AddressTurns {
    callers: usize,
    turnstile: Arc<Turnstile<()>>,
}

/// A caller that waits or has its turn.
#[derive(Debug)]
pub(super) struct Presence {
    turns: Turns,
    address: Option<IpAddr>,
    turnstile: Arc<Turnstile<()>>,
}

/// A caller's turn, which ends when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _all: OwnedMutexGuard<()>,
    _own: OwnedMutexGuard<()>,
    _presence: Presence,
}

impl Turns {
    /// Adds a caller; `None` if too many wait.
    pub(super) fn arrive(&self, peer: Option<IpAddr>) -> Option<Presence> {
        let address = peer.map(network);
        let mut places = self.places.lock();
        let is_full = match places.by_address.get(&address) {
            Some(place) => place.callers >= OF_ADDRESS || places.callers >= OF_ALL,
            None => places.by_address.len() >= ADDRESSES,
        };
        if is_full {
            return None;
        }
        places.callers += 1;
        let place = places.by_address.entry(address).or_default();
        place.callers += 1;
        let turnstile = Arc::clone(&place.turnstile);
        drop(places);
        Some(Presence { turns: self.clone(), address, turnstile })
    }
}

impl Presence {
    /// Waits for the turn of the caller.
    pub(super) async fn turn(self) -> Turn {
        let own = Arc::clone(&self.turnstile).lock_owned().await;
        Turn { _all: Arc::clone(&self.turns.all).lock_owned().await, _own: own, _presence: self }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut places = self.turns.places.lock();
        places.callers -= 1;
        if let Some(place) = places.by_address.get_mut(&self.address) {
            place.callers -= 1;
            if place.callers == 0 {
                places.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures_util::poll;

    use super::*;

    fn address(number: usize) -> Option<IpAddr> {
        Some(Ipv4Addr::from_bits(u32::try_from(number).unwrap()).into())
    }

    fn arrive(turns: &Turns, number: usize) -> Presence {
        turns.arrive(address(number)).unwrap()
    }

    /// The second caller of an address waits behind those of other addresses that came later.
    #[tokio::test]
    async fn each_address_waits_once() {
        let turns = Turns::default();
        let first = arrive(&turns, 1).turn().await;
        let mut again = Box::pin(arrive(&turns, 1).turn());
        let mut other = Box::pin(arrive(&turns, 2).turn());
        assert!(poll!(&mut again).is_pending() && poll!(&mut other).is_pending());
        drop(first);
        assert!(poll!(&mut again).is_pending());
        let other = other.await;
        assert!(poll!(&mut again).is_pending());
        drop(other);
        again.await;
    }

    #[tokio::test]
    async fn the_number_of_callers_that_wait_is_limited() {
        let turns = Turns::default();
        let mut all = Vec::new();
        for number in 0..OF_ALL / OF_ADDRESS {
            all.extend((0..OF_ADDRESS).map(|_| arrive(&turns, number)));
            assert!(turns.arrive(address(number)).is_none());
        }
        all.extend((all.len() / OF_ADDRESS..ADDRESSES).map(|number| arrive(&turns, number)));
        // Others are refused also if the address has only one.
        assert!(turns.arrive(address(ADDRESSES - 1)).is_none());
        assert!(turns.arrive(None).is_none());
        all.pop();
        all.push(turns.arrive(None).unwrap());
        all.clear();
        let places = turns.places.lock();
        assert!(places.callers == 0 && places.by_address.is_empty());
    }
}
