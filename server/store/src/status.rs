//! Whether the database stores changes, according to the last writes. Performs no query itself.

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
pub(super) struct StatusRecord(Mutex<Status>);

impl StatusRecord {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Status::Writable))
    }

    pub(super) fn get(&self) -> Status {
        self.0.lock().clone()
    }

    /// Returns whether the status changed.
    pub(super) fn failed(&self, error: &StoreError) -> bool {
        let before =
            std::mem::replace(&mut *self.0.lock(), Status::Failing { reason: error.summary() });
        if before.is_writable() {
            tracing::error!(
                %error,
                "the database cannot store changes; publishes and edits are refused until a \
                 write succeeds; clients are served from memory"
            );
        }
        before.is_writable()
    }

    pub(super) fn succeeded(&self) {
        let before = std::mem::replace(&mut *self.0.lock(), Status::Writable);
        if !before.is_writable() {
            tracing::warn!("the database accepts writes again, and so do publishes and edits");
        }
    }
}
