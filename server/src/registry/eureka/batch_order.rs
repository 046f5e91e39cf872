//! The order of batches. A node sends a peer one batch at a time, and gives one up that is not answered
//! in time. A peer that was suspended receives several of them at once, and must not carry out one that
//! was given up after a later one.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

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

/// The last batch of each sender, in the order in which they arrived.
#[derive(Debug, Default)]
pub(super) struct LastBatches(Mutex<VecDeque<BatchNumber>>);

impl LastBatches {
    /// Carries out a batch, while no other one is carried out; `None` if one with this number or a
    /// later one was carried out before. One without a number is always carried out.
    pub(super) fn in_order<T>(
        &self,
        batch: Option<BatchNumber>,
        carry_out: impl FnOnce() -> T,
    ) -> Option<T> {
        let mut last = self.0.lock();
        if let Some(batch) = batch {
            if let Some(at) = last.iter().position(|last| last.sender == batch.sender) {
                if last[at].number >= batch.number {
                    return None;
                }
                last.remove(at);
            } else if last.len() >= SENDERS {
                last.pop_front();
            }
            last.push_back(batch);
        }
        Some(carry_out())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_was_given_up_is_not_carried_out_after_a_later_one() {
        let (first, second) = (BatchNumbers::new(), BatchNumbers::new());
        let batches = LastBatches::default();
        let is_carried_out = |batch| batches.in_order(batch, || ()).is_some();
        let (given_up, repeated) = (first.next(), first.next());
        assert!(is_carried_out(Some(second.next())));
        assert!(is_carried_out(Some(repeated)));
        assert!(!is_carried_out(Some(given_up)) && !is_carried_out(Some(repeated)));
        assert!(is_carried_out(Some(first.next())) && is_carried_out(Some(second.next())));
        assert!(is_carried_out(None) && is_carried_out(None));
    }

    #[test]
    fn the_senders_that_are_remembered_are_bounded() {
        let (kept, batches) = (BatchNumbers::new(), LastBatches::default());
        let first = kept.next();
        for _ in 0..2 * SENDERS {
            assert!(batches.in_order(Some(BatchNumbers::new().next()), || ()).is_some());
            assert!(batches.in_order(Some(kept.next()), || ()).is_some());
        }
        assert_eq!(batches.0.lock().len(), SENDERS);
        assert!(batches.in_order(Some(first), || ()).is_none(), "who sends is remembered");
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
