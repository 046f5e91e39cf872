//! The present faults of the feed, described for operators: `/health` reports them. Makes no
//! decisions.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The condition of a feed.
#[derive(Debug, Default)]
pub(super) struct Condition(Mutex<ConditionState>);

#[derive(Debug, Default)]
struct ConditionState {
    /// Start of the period in which release messages cannot be read.
    scan_failing: Option<Instant>,
    /// Start of the period in which names and access keys cannot be read.
    definitions_failing: Option<Instant>,
    /// Start of the period in which the cache cannot be compared with the database.
    reconciliation_failing: Option<Instant>,
    rewind: Option<Rewind>,
    /// Number of access keys whose app cannot be decoded.
    unreadable_keys: usize,
    /// Number of definitions of namespaces that cannot be decoded.
    unreadable_names: usize,
}

/// A decrease of the ids of release messages.
#[derive(Debug, Clone, Copy)]
struct Rewind {
    from: i64,
    to: i64,
    time: Instant,
    /// Whether everything has been read again since.
    is_healed: bool,
}

impl Condition {
    /// Records the outcome of a scan; returns whether the outcome changed.
    pub(super) fn scanned(&self, is_failing: bool) -> bool {
        change(&mut self.0.lock().scan_failing, is_failing)
    }

    /// Records the outcome of a read of names and access keys; returns whether the outcome changed.
    pub(super) fn definitions_read(&self, is_failing: bool) -> bool {
        change(&mut self.0.lock().definitions_failing, is_failing)
    }

    /// Records the outcome of a reconciliation; returns whether the outcome changed.
    pub(super) fn reconciled(&self, is_failing: bool) -> bool {
        change(&mut self.0.lock().reconciliation_failing, is_failing)
    }

    /// Records the number of access keys whose app cannot be determined.
    pub(super) fn keys_read(&self, unreadable: usize) {
        metrics::gauge!("castalia_unreadable_access_keys").set(unreadable as f64);
        self.0.lock().unreadable_keys = unreadable;
    }

    /// Records the number of definitions of namespaces that cannot be decoded.
    pub(super) fn names_read(&self, unreadable: usize) {
        self.0.lock().unreadable_names = unreadable;
    }

    /// Records that the newest id decreased from `from` to `to`.
    pub(super) fn rewound(&self, from: i64, to: i64) {
        let rewind = Rewind { from, to, time: Instant::now(), is_healed: false };
        self.0.lock().rewind = Some(rewind);
    }

    /// Records that everything was read again after the ids went back.
    pub(super) fn healed(&self) {
        if let Some(rewind) = &mut self.0.lock().rewind {
            rewind.is_healed = true;
        }
    }

    /// The greatest id known before the ids went back, while the rewind is reported.
    pub(super) fn lost_id(&self, hold: Duration) -> Option<i64> {
        let rewind = self.0.lock().rewind?;
        rewind.is_reported(hold).then_some(rewind.from)
    }

    /// When the ids last went back.
    pub(super) fn last_rewind(&self) -> Option<Instant> {
        self.0.lock().rewind.map(|rewind| rewind.time)
    }

    /// Present faults, one sentence each. A rewind is reported for at least `hold`, so that
    /// monitoring sees it.
    pub(super) fn faults(&self, hold: Duration) -> Vec<String> {
        let state = self.0.lock();
        let mut faults = Vec::new();
        if let Some(since) = state.scan_failing {
            faults.push(format!(
                "reading release messages has failed for {} s: published changes do not reach clients",
                since.elapsed().as_secs()
            ));
        }
        if let Some(since) = state.definitions_failing {
            faults.push(format!(
                "reading names and access keys has failed for {} s: new names are unknown to clients, and changes of \
                 access keys do not take effect",
                since.elapsed().as_secs()
            ));
        }
        if let Some(rewind) = state.rewind.filter(|rewind| rewind.is_reported(hold)) {
            let Rewind { from, to, .. } = rewind;
            faults.push(format!(
                "the newest id of release messages decreased from {from} to {to}: the database was restored or failed over, \
                 and acknowledged publishes may be lost"
            ));
        }
        if state.unreadable_keys > 0 {
            faults.push(format!(
                "the app of {} access keys cannot be decoded: the apps that they protect may be unprotected after the next \
                 start; correct or delete these rows of AccessKey, whose ids are in the log",
                state.unreadable_keys
            ));
        }
        if state.unreadable_names > 0 {
            faults.push(format!(
                "{} rows of AppNamespace cannot be decoded: a public namespace that one of them defines stays as it \
                 was read before, or is refused; correct or delete these rows, the log contains their ids",
                state.unreadable_names
            ));
        }
        if let Some(since) = state.reconciliation_failing {
            faults.push(format!(
                "comparing releases in memory with the database has failed for {} s",
                since.elapsed().as_secs()
            ));
        }
        faults
    }
}

impl Rewind {
    fn is_reported(&self, hold: Duration) -> bool {
        !self.is_healed || self.time.elapsed() < hold
    }
}

fn change(failing: &mut Option<Instant>, is_failing: bool) -> bool {
    let was_failing = failing.is_some();
    *failing = is_failing.then(|| failing.unwrap_or_else(Instant::now));
    was_failing != is_failing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewind_is_reported_until_it_is_healed_and_for_a_while() {
        let condition = Condition::default();
        assert!(condition.faults(Duration::ZERO).is_empty());
        assert_eq!(condition.last_rewind(), None);
        condition.rewound(110, 100);
        assert!(condition.last_rewind().is_some());
        assert!(condition.faults(Duration::ZERO)[0].contains("from 110 to 100"));
        assert_eq!(condition.lost_id(Duration::ZERO), Some(110));
        condition.healed();
        assert_eq!(condition.faults(Duration::from_secs(60)).len(), 1);
        assert!(condition.faults(Duration::ZERO).is_empty());
    }

    #[test]
    fn reads_that_fail_are_reported_until_one_succeeds() {
        for record in [Condition::scanned, Condition::definitions_read, Condition::reconciled] {
            let condition = Condition::default();
            assert!(!record(&condition, false));
            assert!(record(&condition, true) && !record(&condition, true));
            assert_eq!(condition.faults(Duration::ZERO).len(), 1);
            assert!(record(&condition, false) && condition.faults(Duration::ZERO).is_empty());
        }
    }
}
