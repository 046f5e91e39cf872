//! Ids that a scan skipped: transactions commit out of id order, so a missing id may still appear
//! (pure).
//!
//! They are kept as ranges, because a long transaction reserves many, and for minutes, because it
//! may last as long. Young gaps are queried in each scan, old ones at intervals, and ids that clients
//! wait for in each scan, without the rest of their gaps.

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
/// Maximum number of ranges in one scan, each of which is a statement; beyond that, neighbouring
/// ranges are joined with the ids between them.
const MAX_RANGES: usize = 64;
/// Maximum distance of ranges that are joined in any case: to read as many rows takes less time than
/// another statement. Where obsolete messages were deleted, most gaps are near the next one.
const NEAR: i64 = 100;

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

/// The ids that a scan looks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DueIds {
    /// Ids that are missing, ascending.
    pub single: Vec<i64>,
    /// First and last ids of ranges, ascending. They may contain ids that are not missing.
    pub ranges: Vec<(i64, i64)>,
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

    /// The ids to look for in a scan that begins now. Includes the missing ones of `named`, whatever
    /// their age. If every second id is missing, the rows between them are not read.
    #[must_use]
    pub fn due(&mut self, named: &BTreeSet<i64>, now: Instant) -> DueIds {
        let is_old_due =
            self.old_asked.is_none_or(|asked| now.saturating_duration_since(asked) >= PAUSE);
        if is_old_due {
            self.old_asked = Some(now);
        }
        let is_due = |gap: &Gap| is_old_due || now.saturating_duration_since(gap.since) < YOUNG;
        let named = named.iter().copied().filter(|id| self.is_missing(*id));
        let (mut single, mut ranges): (BTreeSet<i64>, Vec<_>) = (named.collect(), Vec::new());
        for (first, gap) in self.missing.iter().filter(|(_, gap)| is_due(gap)) {
            if *first == gap.last {
                single.insert(*first);
            } else {
                ranges.push((*first, gap.last));
            }
        }
        DueIds { single: single.into_iter().collect(), ranges: joined(&ranges) }
    }

    /// Same as [`Self::due`], but includes gaps of every age.
    #[must_use]
    pub fn all(&mut self, now: Instant) -> DueIds {
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

/// Joins ranges that are near each other, and neighbouring ones if there are too many.
fn joined(ranges: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let near = ranges.chunk_by(|(_, last), (next, _)| next.saturating_sub(*last) <= NEAR);
    let near: Vec<_> = near.filter_map(ends).collect();
    near.chunks(near.len().div_ceil(MAX_RANGES).max(1)).filter_map(ends).collect()
}

/// First id of the first range and last id of the last one.
fn ends(ranges: &[(i64, i64)]) -> Option<(i64, i64)> {
    Some((ranges.first()?.0, ranges.last()?.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: &BTreeSet<i64> = &BTreeSet::new();

    fn ids(single: &[i64], ranges: &[(i64, i64)]) -> DueIds {
        DueIds { single: single.to_vec(), ranges: ranges.to_vec() }
    }

    #[test]
    fn a_late_id_is_looked_for_until_patience_ends() {
        let start = Instant::now();
        let mut gaps = Gaps::default();
        gaps.record(4, [5, 7, 10], start);
        assert_eq!(gaps.due(NONE, start), ids(&[6], &[(8, 9)]));
        gaps.fill(8);
        assert!(gaps.is_missing(6) && !gaps.is_missing(8) && gaps.is_missing(9));
        let patience = Duration::from_secs(600);
        gaps.expire(patience, start + Duration::from_secs(599));
        assert_eq!(gaps.all(start), ids(&[6, 9], &[]));
        gaps.expire(patience, start + patience);
        assert_eq!(gaps.all(start), DueIds::default());
    }

    #[test]
    fn an_old_gap_is_asked_for_now_and_then_and_when_a_client_names_its_id() {
        let start = Instant::now();
        let mut gaps = Gaps::default();
        gaps.record(0, [3, 5], start);
        let later = start + Duration::from_secs(60);
        let all = || ids(&[4], &[(1, 2)]);
        assert_eq!(gaps.due(NONE, later), all());
        assert_eq!(gaps.due(NONE, later + Duration::from_secs(1)), DueIds::default());
        let named = BTreeSet::from([2, 3, 9]);
        assert_eq!(gaps.due(&named, later + Duration::from_secs(1)), ids(&[2], &[]));
        assert_eq!(gaps.due(NONE, later + Duration::from_secs(11)), all());
    }

    /// S107: the ids between them were read as well.
    #[test]
    fn of_many_old_gaps_those_that_clients_name_are_looked_for_alone() {
        let start = Instant::now();
        let mut gaps = Gaps::default();
        gaps.record(0, (1..=10_000).map(|at| 2 * at), start);
        let later = start + Duration::from_secs(60);
        let odd: Vec<_> = (0..10_000).map(|at| 2 * at + 1).collect();
        assert_eq!(gaps.due(NONE, later), ids(&odd, &[]));
        let named: Vec<_> = odd.iter().copied().step_by(100).collect();
        let due = gaps.due(&named.iter().copied().collect(), later + Duration::from_secs(1));
        assert_eq!(due, ids(&named, &[]));
    }

    /// S107: each was a statement, up to 64 of them in each scan.
    #[test]
    fn gaps_among_the_few_messages_that_were_not_deleted_are_few_ranges() {
        let start = Instant::now();
        let mut gaps = Gaps::default();
        gaps.record(0, (1..=1_000).map(|at| 10 * at), start);
        assert_eq!(gaps.due(NONE, start), ids(&[], &[(1, 9_999)]));
    }

    #[test]
    fn ranges_that_are_far_from_each_other_are_limited() {
        let start = Instant::now();
        let mut gaps = Gaps::default();
        for at in 0..1_000 {
            gaps.record(1_000 * at, [1_000 * at + 3], start);
        }
        let due = gaps.due(NONE, start);
        assert!(due.single.is_empty() && (2..=MAX_RANGES).contains(&due.ranges.len()), "{due:?}");
        let is_in_a_range =
            |id| due.ranges.iter().any(|(first, last)| (*first..=*last).contains(&id));
        assert!((0..1_000).all(|at| is_in_a_range(1_000 * at + 2)));
    }

    #[test]
    fn a_range_is_split_by_what_appears_in_it() {
        let start = Instant::now();
        let mut gaps = Gaps::default();
        gaps.record(0, [2_001], start);
        assert!(gaps.is_missing(1) && gaps.is_missing(2_000) && !gaps.is_missing(2_001));
        for id in 900..=1_000 {
            gaps.fill(id);
        }
        gaps.fill(2_500);
        assert_eq!(gaps.due(NONE, start), ids(&[], &[(1, 899), (1_001, 2_000)]));
    }

    #[test]
    fn the_greatest_id_of_all_is_no_gap_and_ends_nothing() {
        let start = Instant::now();
        let mut gaps = Gaps::default();
        gaps.record(i64::MAX - 2, [i64::MAX], start);
        gaps.record(i64::MAX, [], start);
        assert_eq!(gaps.due(NONE, start), ids(&[i64::MAX - 1], &[]));
        gaps.fill(i64::MAX);
        gaps.fill(i64::MAX - 1);
        assert_eq!(gaps.due(NONE, start), DueIds::default());
    }

    #[test]
    fn a_sequence_that_was_moved_costs_no_memory() {
        let start = Instant::now();
        let mut gaps = Gaps::default();
        gaps.record(0, [5_000_000_000], start);
        assert_eq!(gaps.due(NONE, start), ids(&[], &[(1, 4_999_999_999)]));
        gaps.record(5_000_000_000, (0..200_000).map(|at| 5_000_000_002 + 2 * at), start);
        assert!(gaps.missing.len() <= MAX_GAPS);
        assert!(gaps.due(NONE, start).single.len() <= MAX_GAPS);
    }
}
