//! Ids that a scan passed over: transactions commit out of id order, so a missing id may still appear (pure).

use std::collections::BTreeMap;

/// Scans in which a missing id is asked for before it is given up: about eleven seconds.
const SCANS: u8 = 11;

/// Missing ids with the number of scans that looked for them.
#[derive(Debug, Default)]
pub struct Gaps {
    missing: BTreeMap<i64, u8>,
}

impl Gaps {
    /// Records the ids between `after` and the last of `found`, ascending, that `found` lacks.
    pub fn record(&mut self, after: i64, found: impl IntoIterator<Item = i64>) {
        let mut expected = after + 1;
        for id in found {
            for missing in expected..id {
                self.missing.entry(missing).or_insert(1);
            }
            expected = id + 1;
        }
    }

    /// Ids to look for in this scan.
    #[must_use]
    pub fn wanted(&self) -> Vec<i64> {
        self.missing.keys().copied().collect()
    }

    /// Ends a scan: forgets the ids that appeared and those that were looked for often enough.
    pub fn settle(&mut self, appeared: &[i64]) {
        for id in appeared {
            self.missing.remove(id);
        }
        self.missing.retain(|_, scans| {
            *scans += 1;
            *scans <= SCANS
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_id_is_looked_for_in_eleven_scans() {
        let mut gaps = Gaps::default();
        gaps.record(4, [5, 7, 10]);
        assert_eq!(gaps.wanted(), [6, 8, 9]);
        gaps.settle(&[8]);
        assert_eq!(gaps.wanted(), [6, 9]);
        for _ in 0..9 {
            gaps.settle(&[]);
        }
        assert_eq!(gaps.wanted(), [6, 9]);
        gaps.settle(&[]);
        assert!(gaps.wanted().is_empty());
    }
}
