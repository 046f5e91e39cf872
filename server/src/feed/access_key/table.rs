//! What is known of the table of access keys, and whether keys remain in effect whose rows are
//! missing from it, or no longer protect their apps. Services only mark rows as deleted, so its
//! newest id decreases only if a backup is restored, or the database fails over to a lagging
//! replica. Knows no key.

use std::collections::{HashMap, HashSet};

use tokio::time::Instant;

use crate::missing_row::REMOVED;

#[derive(Debug, Default)]
pub(super) struct KeyTable {
    /// 0 if the table is empty.
    newest: i64,
    /// How often it decreased.
    pub(super) losses: u64,
    /// The losses after which all releases were read again.
    pub(super) reloaded: u64,
    /// When rows were last known to be missing: the table was read as empty, its newest id
    /// decreased, or it was being filled again.
    lost: Option<Instant>,
    /// Whether keys are in effect whose rows are missing.
    pub(super) is_missing_any: bool,
    /// Ids of the keys that end when names have been read, with the requests of that.
    pub(super) ending: HashMap<i64, u64>,
}

impl KeyTable {
    /// Records the ids of all rows; returns whether the newest one decreased.
    pub(super) fn read(&mut self, ids: &HashSet<i64>) -> bool {
        let newest = ids.iter().copied().max().unwrap_or_default();
        let went_back = newest < self.newest;
        let is_being_filled = self.is_missing_any && newest > self.newest;
        self.newest = newest;
        self.losses += u64::from(went_back);
        if ids.is_empty() || went_back || is_being_filled {
            self.lost = Some(Instant::now());
        }
        went_back
    }

    /// Whether keys remain in effect without a row: until all releases have been read again after a
    /// loss, and for a while after rows were lost, since the table may be filled row by row. It may
    /// be empty only between two reads.
    pub(super) fn keeps_missing(&self) -> bool {
        self.awaits_reload() || self.lost.is_some_and(|at| at.elapsed() < REMOVED)
    }

    pub(super) fn awaits_reload(&self) -> bool {
        self.losses > self.reloaded
    }
}
