//! The order in which callers have their passwords verified: one after the other, and one of each
//! address at a time, so that many requests of one address delay the others by one verification.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Mutex as Turnstile, OwnedMutexGuard};

use crate::feed::hub::network;

/// All callers that wait. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns {
    all: Arc<Turnstile<()>>,
    places: Arc<Mutex<HashMap<IpAddr, Place>>>,
}

/// Where the callers of one address wait for each other.
#[derive(Debug, Default)]
struct Place {
    callers: usize,
    turnstile: Arc<Turnstile<()>>,
}

/// A caller's turn, which ends when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _all: OwnedMutexGuard<()>,
    _own: Option<(OwnedMutexGuard<()>, Presence)>,
}

/// That a caller waits or has its turn.
#[derive(Debug)]
struct Presence {
    turns: Turns,
    address: IpAddr,
}

impl Turns {
    /// Waits for the turn of a caller.
    pub(super) async fn take(&self, peer: Option<IpAddr>) -> Turn {
        let own = match peer.map(network) {
            Some(address) => {
                let (presence, turnstile) = self.arrive(address);
                Some((turnstile.lock_owned().await, presence))
            }
            None => None,
        };
        Turn { _all: Arc::clone(&self.all).lock_owned().await, _own: own }
    }

    fn arrive(&self, address: IpAddr) -> (Presence, Arc<Turnstile<()>>) {
        let mut places = self.places.lock();
        let place = places.entry(address).or_default();
        place.callers += 1;
        (Presence { turns: self.clone(), address }, Arc::clone(&place.turnstile))
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut places = self.turns.places.lock();
        if let Some(place) = places.get_mut(&self.address) {
            place.callers -= 1;
            if place.callers == 0 {
                places.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures_util::poll;

    use super::*;

    fn address(number: u8) -> Option<IpAddr> {
        Some(Ipv4Addr::new(10, 0, 0, number).into())
    }

    /// The second caller of an address waits behind those of other addresses that came later.
    #[tokio::test]
    async fn each_address_waits_once() {
        let turns = Turns::default();
        let first = turns.take(address(1)).await;
        let mut again = Box::pin(turns.take(address(1)));
        let mut other = Box::pin(turns.take(address(2)));
        assert!(poll!(&mut again).is_pending() && poll!(&mut other).is_pending());
        drop(first);
        assert!(poll!(&mut again).is_pending());
        let other = other.await;
        assert!(poll!(&mut again).is_pending());
        drop(other);
        again.await;
    }

    /// Also of those that do not wait for their turn.
    #[tokio::test]
    async fn nothing_is_kept_of_callers_that_left() {
        let turns = Turns::default();
        let first = turns.take(address(1)).await;
        for number in 0..3 {
            let mut left = Box::pin(turns.take(address(number)));
            assert!(poll!(&mut left).is_pending());
        }
        assert_eq!(turns.places.lock().len(), 1);
        drop(first);
        assert!(turns.places.lock().is_empty());
    }
}
