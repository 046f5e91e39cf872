//! Trial writes: they show whether a database that rejected a write accepts writes again, or whether
//! a lock is on one row or on whole tables. Knows no table; the rows are those of their own modules.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::error::StoreError;
use crate::{Store, app, audit, installation, message};

/// Interval of the trial writes to a database that rejects writes.
const RETRY: Duration = Duration::from_secs(1);

impl Store {
    /// A success is not noted: a job that found nothing to write succeeds even if the database
    /// rejects writes, so only a trial write shows that writing works again.
    pub(super) fn note_failure(&self, error: &StoreError) {
        if error.is_outage() {
            if self.shared.status.failed(error) {
                self.notice_recovery();
            }
        } else if error.is_retryable() || error.is_denied() {
            self.check_extent();
        }
    }

    /// A lock that a transaction waited for in vain may be on one row, or on whole tables, as a
    /// backup takes them, and a privilege that is lacking may be on one table or on all: a trial
    /// write shows which.
    fn check_extent(&self) {
        if self.shared.is_on_trial.swap(true, Ordering::AcqRel) {
            return;
        }
        let store = self.reserved();
        tokio::spawn(async move {
            let outcome = store.try_write().await.map_err(StoreError::while_beginning);
            store.shared.is_on_trial.store(false, Ordering::Release);
            if let Err(error) = outcome
                && (error.is_outage() || error.is_denied())
                && store.shared.status.failed(&error)
            {
                store.notice_recovery();
            }
        });
    }

    /// Tries small writes until one succeeds, so that the status recovers even if nothing is
    /// published.
    fn notice_recovery(&self) {
        let shared = Arc::downgrade(&self.shared);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(RETRY).await;
                let Some(shared) = shared.upgrade() else { return };
                let store = Self { shared, is_reserved: true };
                if store.shared.status.get().is_writable() {
                    return;
                }
                if store.ping().await.is_err() {
                    continue;
                }
                match store.try_write().await {
                    Ok(()) => return store.shared.status.succeeded(),
                    Err(error) => tracing::debug!(%error, "a trial write failed"),
                }
            }
        });
    }

    /// Writes the same rows as a publish and an operation of the portal, and removes them. Each
    /// database has the table of one of them, or both.
    async fn try_write(&self) -> Result<(), StoreError> {
        let mut has_written = false;
        for outcome in [message::try_write(self).await, audit::try_write(self).await] {
            match outcome {
                Ok(()) => has_written = true,
                // MySQL reports a table that does not exist as denied to an account whose
                // privileges are granted for each table.
                Err(error) if error.is_missing_table() || error.is_denied() => {}
                Err(error) => return Err(error),
            }
        }
        if has_written {
            return Ok(());
        }
        match installation::record_write(self).await {
            Err(error) if error.is_missing_table() || error.is_denied() => {
                app::try_write(self).await
            }
            outcome => outcome,
        }
    }
}
