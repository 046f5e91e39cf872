//! The order of batches. A node sends a peer one batch at a time, and gives one up that is not
//! answered in time. A peer that was suspended receives several of them at once, and must not carry
//! out one that was given up after a later one.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

/// Header with the number of a batch.
pub const BATCH_HEADER: &str = "x-castalia-batch";

/// Maximum number of senders that are remembered.
const SENDERS: usize = 256;

/// The number of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchNumber {
    /// Random number of the sender.
    sender: u64,
    number: u64,
}

impl BatchNumber {
    /// Reads the number in a header.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (sender, number) = text.split_once('-')?;
        let sender = u64::from_str_radix(sender, 16).ok()?;
        Some(Self { sender, number: number.parse().ok()? })
    }
}

impl fmt::Display for BatchNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.sender, self.number)
    }
}

/// The numbers of the batches that one peer is sent.
#[derive(Debug)]
pub(super) struct BatchNumbers {
    sender: u64,
    last: AtomicU64,
}

impl BatchNumbers {
    pub(super) fn new() -> Self {
        Self { sender: fastrand::u64(..), last: AtomicU64::new(0) }
    }

    pub(super) fn next(&self) -> BatchNumber {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        BatchNumber { sender: self.sender, number }
    }
}

/// The senders of numbered batches, in the order in which they last sent one.
#[derive(Debug, Default)]
pub(super) struct LastBatches(Mutex<VecDeque<(u64, Last)>>);

/// The number of the last batch of a sender. Locked while that is carried out.
type Last = Arc<tokio::sync::Mutex<Option<u64>>>;

/// Until it is dropped, no other batch of the same sender is carried out.
#[derive(Debug)]
pub(super) struct BatchTurn(
    #[expect(dead_code, reason = "a lock")] Option<OwnedMutexGuard<Option<u64>>>,
);

impl LastBatches {
    /// Waits until the former batches of the sender are carried out; `None` if one with this number
    /// or a later one was among them. One without a number does not wait: Java's servers send
    /// several at once, in no order.
    pub(super) async fn turn(&self, batch: Option<BatchNumber>) -> Option<BatchTurn> {
        let Some(BatchNumber { sender, number }) = batch else { return Some(BatchTurn(None)) };
        let mut last = self.last_of(sender).lock_owned().await;
        if last.is_some_and(|last| last >= number) {
            return None;
        }
        *last = Some(number);
        Some(BatchTurn(Some(last)))
    }

    fn last_of(&self, sender: u64) -> Last {
        let mut senders = self.0.lock();
        let known = senders.iter().position(|(known, _)| *known == sender);
        let known = known.and_then(|at| senders.remove(at)).map(|(_, last)| last);
        if senders.len() >= SENDERS {
            senders.pop_front();
        }
        let last = known.unwrap_or_default();
        senders.push_back((sender, Arc::clone(&last)));
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_batch_that_was_given_up_is_not_carried_out_after_a_later_one() {
        let (first, second) = (BatchNumbers::new(), BatchNumbers::new());
        let batches = LastBatches::default();
        let is_carried_out = async |batch| batches.turn(batch).await.is_some();
        let (given_up, repeated) = (first.next(), first.next());
        assert!(is_carried_out(Some(second.next())).await);
        assert!(is_carried_out(Some(repeated)).await);
        assert!(!is_carried_out(Some(given_up)).await && !is_carried_out(Some(repeated)).await);
        for batch in [Some(first.next()), Some(second.next()), None, None] {
            assert!(is_carried_out(batch).await);
        }
    }

    /// The batches of a sender are carried out one after another, and those of others meanwhile.
    #[tokio::test]
    async fn a_sender_does_not_wait_for_another() {
        let (first, second) = (BatchNumbers::new(), BatchNumbers::new());
        let batches = LastBatches::default();
        let at_work = batches.turn(Some(first.next())).await.unwrap();
        let mut next = Box::pin(batches.turn(Some(first.next())));
        assert!(futures_util::poll!(&mut next).is_pending());
        assert!(batches.turn(Some(second.next())).await.is_some());
        assert!(batches.turn(None).await.is_some());
        drop(at_work);
        assert!(next.await.is_some());
    }

    #[tokio::test]
    async fn the_senders_that_are_remembered_are_bounded() {
        let (kept, batches) = (BatchNumbers::new(), LastBatches::default());
        let first = kept.next();
        for _ in 0..2 * SENDERS {
            assert!(batches.turn(Some(BatchNumbers::new().next())).await.is_some());
            assert!(batches.turn(Some(kept.next())).await.is_some());
        }
        assert_eq!(batches.0.lock().len(), SENDERS);
        assert!(batches.turn(Some(first)).await.is_none(), "who sends is remembered");
    }

    #[test]
    fn a_number_is_read_as_it_is_written() {
        let number = BatchNumbers { sender: 0xab, last: AtomicU64::new(6) }.next();
        assert_eq!(number.to_string(), "00000000000000ab-7");
        assert_eq!(BatchNumber::parse(&number.to_string()), Some(number));
        for other in ["", "-", "1", "x-1", "1--1", "1-x", "1-99999999999999999999"] {
            assert_eq!(BatchNumber::parse(other), None, "{other}");
        }
    }
}
