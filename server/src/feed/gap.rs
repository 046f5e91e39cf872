//! Ids that a scan skipped: transactions commit out of id order, so a missing id may still appear
//! (pure).
//!
//! They are kept as ranges, because a long transaction reserves many, and for minutes, because it
//! may last as long. Young gaps are queried in each scan, old ones at intervals.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Age up to which a gap is queried in each scan: most transactions are short, so it is filled soon
/// if ever.
const YOUNG: Duration = Duration::from_secs(15);
/// Interval at which older gaps are queried.
const PAUSE: Duration = Duration::from_secs(10);
/// Maximum number of ranges. If every second id is missing (`auto_increment_increment`), this
/// covers minutes of publishes.
const MAX_GAPS: usize = 50_000;
/// Maximum number of ranges in one query; beyond that, neighbouring ranges are joined with the ids
/// between them.
const MAX_SPANS: usize = 64;

/// The set of missing ids.
#[derive(Debug, Default)]
pub struct Gaps {
    /// By first id.
    missing: BTreeMap<i64, Gap>,
    old_asked: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Gap {
    last: i64,
    /// When the gap was first noticed.
    since: Instant,
}

impl Gaps {
    /// Records the ids between `after` and the last of `found`, ascending, that `found` lacks.
    pub fn record(&mut self, after: i64, found: impl IntoIterator<Item = i64>, now: Instant) {
        let mut expected = after.saturating_add(1);
        for id in found {
            if id > expected {
                self.missing.insert(expected, Gap { last: id - 1, since: now });
            }
            expected = id.saturating_add(1);
        }
        while self.missing.len() > MAX_GAPS {
            self.missing.pop_first();
        }
    }

    /// Removes all ids below `id`.
    pub fn forget_below(&mut self, id: i64) {
        self.missing = self.missing.split_off(&id);
    }

    /// First and last ids of the ranges to query in a scan that begins now, ascending. Includes those
    /// with one of the ids in `named`, whatever its age. A range may contain ids that are not
    /// missing.
    #[must_use]
    pub fn due(&mut self, named: &BTreeSet<i64>, now: Instant) -> Vec<(i64, i64)> {
        let is_old_due =
            self.old_asked.is_none_or(|asked| now.saturating_duration_since(asked) >= PAUSE);
        if is_old_due {
            self.old_asked = Some(now);
        }
        let is_due = |(first, gap): &(&i64, &Gap)| {
            is_old_due
                || now.saturating_duration_since(gap.since) < YOUNG
                || named.range(**first..=gap.last).next().is_some()
        };
        let due = self.missing.iter().filter(is_due).map(|(first, gap)| (*first, gap.last));
        let due: Vec<_> = due.collect();
        let spans = due.chunks(due.len().div_ceil(MAX_SPANS).max(1));
        spans.filter_map(|span| Some((span.first()?.0, span.last()?.1))).collect()
    }

    /// Same as [`Self::due`], but includes gaps of every age.
    #[must_use]
    pub fn all(&mut self, now: Instant) -> Vec<(i64, i64)> {
        self.old_asked = None;
        self.due(&BTreeSet::new(), now)
    }

    /// Whether an id is missing.
    #[must_use]
    pub fn is_missing(&self, id: i64) -> bool {
        self.missing.range(..=id).next_back().is_some_and(|(_, gap)| id <= gap.last)
    }

    /// Removes an id that has appeared.
    pub fn fill(&mut self, id: i64) {
        let Some((first, gap)) = self.missing.range(..=id).next_back() else { return };
        let (first, gap) = (*first, *gap);
        if id > gap.last {
            return;
        }
        self.missing.remove(&first);
        if first < id {
            self.missing.insert(first, Gap { last: id - 1, ..gap });
        }
        if id < gap.last {
            self.missing.insert(id + 1, gap);
        }
    }

    /// Removes the gaps that are older than `patience`.
    pub fn expire(&mut self, patience: Duration, now: Instant) {
        self.missing.retain(|_, gap| now.saturating_duration_since(gap.since) < patience);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: &BTreeSet<i64> = &BTreeSet::new();

    #[test]
    fn a_late_id_is_looked_for_until_patience_ends() {
        let start = Instant::now();
        let mut gaps = Gaps::default();
        gaps.record(4, [5, 7, 10], start);
        assert_eq!(gaps.due(NONE, start), [(6, 6), (8, 9)]);
        gaps.fill(8);
        assert!(gaps.is_missing(6) && !gaps.is_missing(8) && gaps.is_missing(9));
        let patience = Duration::from_secs(600);
        gaps.expire(patience, start + Duration::from_secs(599));
        assert_eq!(gaps.all(start), [(6, 6), (9, 9)]);
        gaps.expire(patience, start + patience);
        assert!(gaps.all(start).is_empty());
    }

    #[test]
    fn an_old_gap_is_asked_for_now_and_then_and_when_a_client_names_its_id() {
        let start = Instant::now();
        let mut gaps = Gaps::default();
        gaps.record(0, [3, 5], start);
        let later = start + Duration::from_secs(60);
        assert_eq!(gaps.due(NONE, later), [(1, 2), (4, 4)]);
        assert!(gaps.due(NONE, later + Duration::from_secs(1)).is_empty());
        let named = BTreeSet::from([2, 3, 9]);
        assert_eq!(gaps.due(&named, later + Duration::from_secs(1)), [(1, 2)]);
        assert_eq!(gaps.due(NONE, later + Duration::from_secs(11)).len(), 2);
    }

    #[test]
    fn a_range_is_split_by_what_appears_in_it() {
        let start = Instant::now();
        let mut gaps = Gaps::default();
        gaps.record(0, [2_001], start);
        assert!(gaps.is_missing(1) && gaps.is_missing(2_000) && !gaps.is_missing(2_001));
        gaps.fill(1_000);
        gaps.fill(2_500);
        assert_eq!(gaps.due(NONE, start), [(1, 999), (1_001, 2_000)]);
    }

    #[test]
    fn the_greatest_id_of_all_is_no_gap_and_ends_nothing() {
        let start = Instant::now();
        let mut gaps = Gaps::default();
        gaps.record(i64::MAX - 2, [i64::MAX], start);
        gaps.record(i64::MAX, [], start);
        assert_eq!(gaps.due(NONE, start), [(i64::MAX - 1, i64::MAX - 1)]);
        gaps.fill(i64::MAX);
        gaps.fill(i64::MAX - 1);
        assert!(gaps.due(NONE, start).is_empty());
    }

    #[test]
    fn a_sequence_that_was_moved_costs_no_memory() {
        let start = Instant::now();
        let mut gaps = Gaps::default();
        gaps.record(0, [5_000_000_000], start);
        assert_eq!(gaps.due(NONE, start), [(1, 4_999_999_999)]);
        gaps.record(5_000_000_000, (0..200_000).map(|at| 5_000_000_002 + 2 * at), start);
        assert!(gaps.missing.len() <= MAX_GAPS);
        assert!(gaps.due(NONE, start).len() <= MAX_SPANS);
    }
}
