//! Whether the database stores changes, according to the last writes. Performs no query itself.

use std::collections::BTreeSet;
use std::time::Instant;

use parking_lot::Mutex;

use crate::error::StoreError;

/// The state of writes, known without a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// The last commit succeeded, or there was none.
    Writable,
    /// The last write failed and nothing was committed since: publishes are rejected.
    Failing {
        /// What failed. Anybody may read it: the text of the database is in the log only.
        reason: String,
    },
}

impl Status {
    pub fn is_writable(&self) -> bool {
        *self == Self::Writable
    }
}

/// Records the outcomes of writes.
#[derive(Debug)]
pub(super) struct StatusRecord(Mutex<RecordedStatus>);

#[derive(Debug)]
struct RecordedStatus {
    status: Status,
    /// Reasons that were logged since writes fail: each trial may fail for another one.
    logged: BTreeSet<String>,
    /// When a write last succeeded after others had failed.
    recovered: Option<Instant>,
}

impl StatusRecord {
    pub(super) fn new() -> Self {
        Self(Mutex::new(RecordedStatus {
            status: Status::Writable,
            logged: BTreeSet::new(),
            recovered: None,
        }))
    }

    pub(super) fn get(&self) -> Status {
        self.0.lock().status.clone()
    }

    /// Notes why writes fail now. Returns whether they succeeded before.
    pub(super) fn failed(&self, error: &StoreError) -> bool {
        let reason = error.summary();
        let mut recorded = self.0.lock();
        let is_new = recorded.logged.insert(reason.clone());
        let before = std::mem::replace(&mut recorded.status, Status::Failing { reason });
        drop(recorded);
        if before.is_writable() {
            tracing::error!(
                %error,
                "the database cannot store changes; publishes and edits are refused until a \
                 write succeeds; clients are served from memory"
            );
        } else if is_new {
            tracing::warn!(%error, "the database still cannot store changes, for another reason");
        }
        before.is_writable()
    }

    /// Whether writes have recovered since this instant: a failure of work that began before says
    /// nothing about the present.
    pub(super) fn has_recovered_since(&self, began: Instant) -> bool {
        self.0.lock().recovered.is_some_and(|recovered| recovered >= began)
    }

    pub(super) fn succeeded(&self) {
        let mut recorded = self.0.lock();
        recorded.logged.clear();
        recorded.recovered = Some(Instant::now());
        let before = std::mem::replace(&mut recorded.status, Status::Writable);
        drop(recorded);
        if !before.is_writable() {
            tracing::warn!("the database accepts writes again, and so do publishes and edits");
        }
    }
}
