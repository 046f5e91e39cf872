//! Ids that a scan passed over: transactions commit out of id order, so a missing id may still appear (pure).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a missing id is asked for before it is given up.
const PATIENCE: Duration = Duration::from_secs(11);
/// Ids that are looked for at most; a larger hole is a sequence that was moved, not transactions that are late.
const MAX_MISSING: i64 = 1_000;

/// Missing ids with the time at which each was missed first.
#[derive(Debug, Default)]
pub struct Gaps {
    missing: BTreeMap<i64, Instant>,
}

impl Gaps {
    /// Records the ids between `after` and the last of `found`, ascending, that `found` lacks.
    pub fn record(&mut self, after: i64, found: impl IntoIterator<Item = i64>, now: Instant) {
        let mut expected = after + 1;
        for id in found {
            for missing in expected.max(id - MAX_MISSING)..id {
                self.missing.entry(missing).or_insert(now);
            }
            expected = id + 1;
        }
        while self.missing.len() > MAX_MISSING.unsigned_abs() as usize {
            self.missing.pop_first();
        }
    }

    /// Ids to look for in this scan.
    #[must_use]
    pub fn wanted(&self) -> Vec<i64> {
        self.missing.keys().copied().collect()
    }

    /// Whether an id is looked for.
    #[must_use]
    pub fn is_missing(&self, id: i64) -> bool {
        self.missing.contains_key(&id)
    }

    /// Ends a scan: forgets the ids that appeared and those that were looked for long enough.
    pub fn settle(&mut self, appeared: &[i64], now: Instant) {
        for id in appeared {
            self.missing.remove(id);
        }
        self.missing.retain(|_, since| now.duration_since(*since) < PATIENCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_id_is_looked_for_for_eleven_seconds() {
        let start = Instant::now();
        let mut gaps = Gaps::default();
        gaps.record(4, [5, 7, 10], start);
        assert_eq!(gaps.wanted(), [6, 8, 9]);
        gaps.settle(&[8], start);
        assert!(gaps.is_missing(6) && !gaps.is_missing(8));
        gaps.settle(&[], start + Duration::from_secs(10));
        assert_eq!(gaps.wanted(), [6, 9]);
        gaps.settle(&[], start + Duration::from_secs(11));
        assert!(gaps.wanted().is_empty());
    }

    #[test]
    fn a_sequence_that_was_moved_costs_no_memory() {
        let mut gaps = Gaps::default();
        gaps.record(0, [5_000_000_000], Instant::now());
        assert_eq!(gaps.wanted().len(), 1_000);
    }
}
