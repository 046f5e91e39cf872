//! Limits the memory for large heads over all connections of the process. A head is charged to its
//! connection from its first byte to the end of the connection: while it arrives, while its request
//! is answered or parked, and afterwards, since the next head is read into the same buffer.
//!
//! Ordinary heads are not charged, so that large ones never keep an ordinary request out. They are
//! bounded by the number of connections, each of which has a buffer of that size anyway.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::byte_budget::ByteBudget;
use crate::feed::hub::network;

/// Size of an ordinary head in bytes: what hyper allocates for the first read of a connection.
const ORDINARY: usize = 8 * 1024;
/// Fraction of the budget that one address may hold once half of the budget is used.
const ADDRESS_PART: usize = 4;

/// The budget of the process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LargeHeads(Arc<ByteBudget<IpAddr>>);

/// The head that a connection is reading or has read. Shared between the socket, which counts
/// bytes, and the service, which knows where a head ends.
#[derive(Debug)]
pub(super) struct Head {
    heads: LargeHeads,
    address: IpAddr,
    received: AtomicUsize,
    charged: AtomicUsize,
    /// Whether the incoming bytes are the body of a request, which has limits of its own.
    is_body: AtomicBool,
}

impl LargeHeads {
    /// `limit` is the budget in bytes beyond ordinary heads; 0 means no limit.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(ByteBudget::new(limit, ADDRESS_PART)))
    }

    /// The head of a new connection.
    pub(super) fn of(&self, address: IpAddr) -> Arc<Head> {
        Arc::new(Head {
            heads: self.clone(),
            address: network(address),
            received: AtomicUsize::new(0),
            charged: AtomicUsize::new(0),
            is_body: AtomicBool::new(false),
        })
    }
}

impl Head {
    /// Counts incoming bytes; returns false if the budget is exhausted.
    pub(super) fn receive(&self, bytes: usize) -> bool {
        if self.is_body.load(Ordering::Acquire) {
            return true;
        }
        let received = self.received.fetch_add(bytes, Ordering::AcqRel) + bytes;
        let charged = self.charged.load(Ordering::Acquire);
        let more = received.saturating_sub(ORDINARY + charged);
        if more > 0 && self.heads.0.charge(&self.address, more).is_err() {
            return false;
        }
        self.charged.store(charged + more, Ordering::Release);
        true
    }

    /// Marks a head as complete; its body follows, if it has one, or the next head.
    pub(super) fn complete(&self, has_body: bool) {
        self.received.store(0, Ordering::Release);
        self.is_body.store(has_body, Ordering::Release);
    }
}

impl Drop for Head {
    fn drop(&mut self) {
        let charged = *self.charged.get_mut();
        if charged > 0 {
            self.heads.0.release(&self.address, charged);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: usize = 64 * 1024;

    fn head(heads: &LargeHeads, last: u8) -> Arc<Head> {
        heads.of(IpAddr::from([10, 0, 0, last]))
    }

    /// Sends heads of an address until one is refused.
    fn fill(heads: &LargeHeads, last: u8, kept: &mut Vec<Arc<Head>>) -> usize {
        let before = kept.len();
        loop {
            let head = head(heads, last);
            if !head.receive(LARGE) {
                return kept.len() - before;
            }
            kept.push(head);
        }
    }

    #[test]
    fn ordinary_heads_fit_however_many_large_ones_there_are() {
        let heads = LargeHeads::new(LARGE);
        let mut kept = Vec::new();
        for last in 0..8 {
            fill(&heads, last, &mut kept);
        }
        for last in 0..100 {
            let head = head(&heads, last);
            for _ in 0..10 {
                assert!(head.receive(ORDINARY));
                head.complete(false);
            }
            kept.push(head);
        }
        assert!(!head(&heads, 9).receive(LARGE));
    }

    #[test]
    fn one_address_leaves_a_part_to_the_others() {
        let heads = LargeHeads::new(16 * (LARGE - ORDINARY));
        let mut kept = Vec::new();
        assert_eq!(fill(&heads, 1, &mut kept), 8, "half");
        assert_eq!(fill(&heads, 2, &mut kept), 4, "a quarter");
        assert_eq!(fill(&heads, 3, &mut kept), 4);
        assert_eq!(fill(&heads, 4, &mut kept), 0);
        drop(kept);
        assert_eq!(heads.0.used(), (0, 0));
    }

    #[test]
    fn a_buffer_that_is_used_again_is_charged_once_and_a_body_not_at_all() {
        let heads = LargeHeads::new(10 * LARGE);
        let head = head(&heads, 1);
        for _ in 0..20 {
            assert!(head.receive(LARGE));
            head.complete(true);
            assert!(head.receive(100 * LARGE));
            head.complete(false);
        }
        assert_eq!(heads.0.used().0, LARGE - ORDINARY);
    }

    #[test]
    fn without_a_limit_everything_fits() {
        let heads = LargeHeads::new(0);
        let kept: Vec<_> = (0..100).map(|last| head(&heads, last)).collect();
        assert!(kept.iter().all(|head| head.receive(LARGE)));
    }
}
