//! Trial writes: they show whether a database that rejected a write accepts writes again, whether a
//! lock is on one row or on whole tables, and whether a database to which nothing is written stores
//! changes and has its tables. Knows no table; the rows are those of their own modules.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use sea_orm::DbErr;
use tokio::time::{sleep, timeout};

use crate::error::StoreError;
use crate::url::Dialect;
use crate::{Store, app, audit, installation, message, migration, rehearsal};

/// Interval of the trial writes to a database that rejects writes, or while writes take long.
const RETRY: Duration = Duration::from_secs(1);
/// Interval of the trial writes to a database that accepted the last one. A node that is not asked
/// to change anything would not notice otherwise that it could not.
const INTERVAL: Duration = Duration::from_secs(20);
/// Maximum time for which a recovery is delayed until connections are open: pings would fail
/// without.
const REOPENING: Duration = Duration::from_secs(5);
/// Maximum duration of a trial write; longer than a write waits for a lock.
const LONGEST: Duration = Duration::from_secs(8);

impl Store {
    /// Notes the failure of a job that began at this instant. A success is not noted: a job that
    /// found nothing to write succeeds even if the database rejects writes, so only a trial write
    /// shows that writing works again. It also shows whether others fail as well as a statement
    /// that the database ended.
    pub(super) fn note_failure(&self, error: &StoreError, began: Instant) {
        self.retire_refused(error);
        let is_certain = error.is_outage() && !error.is_ended_statement();
        if is_certain && !self.shared.status.has_recovered_since(began) {
            self.note_outage(error, began);
        } else if error.is_outage() || error.is_retryable() || error.is_denied() {
            self.check_extent();
        }
    }

    /// Retires the connections if they may reject what a new one accepts: a server reads when a
    /// connection is opened whether its transactions are read-only by default, and MySQL also the
    /// privileges. A new one may also lead to another node of a Galera cluster.
    pub(super) fn retire_refused(&self, error: &StoreError) {
        let may_differ = match self.dialect() {
            Dialect::Sqlite => false,
            Dialect::MySql => error.is_read_only() || error.is_denied() || error.is_unready(),
            Dialect::Postgres => error.is_read_only(),
        };
        if may_differ {
            self.shared.retirement.retire_refused();
        }
    }

    /// Retires the connections after an outage that began after this instant, if some may reject
    /// what a new one accepts, or return what they read then. All others are kept, because a server
    /// may be slow to greet new ones.
    fn retire_outdated(&self, began: Instant) {
        match self.dialect() {
            // Connections keep pages that they read while these were damaged.
            Dialect::Sqlite => self.retire_connections(),
            // Some may have been opened before the privileges were granted.
            Dialect::MySql | Dialect::Postgres => {
                self.shared.retirement.retire_refused_since(began);
            }
        }
    }

    /// Tries writes in intervals, and the tables of statements that were refused, without an end.
    pub fn keep_trying(&self) -> BoxFuture<'static, ()> {
        let store = self.for_trials();
        Box::pin(async move {
            tokio::join!(store.try_writes(), store.check_tables());
        })
    }

    /// Each database has only some of the tables that are tried, and MySQL reports a table that
    /// does not exist as denied to an account whose privileges are granted for each table.
    fn for_trials(&self) -> Self {
        Self { is_trial: true, ..self.reserved() }
    }

    async fn try_writes(&self) {
        let mut tables = BTreeSet::new();
        loop {
            if self.status().is_writable() {
                let began = Instant::now();
                let tried = match self.dialect() {
                    Dialect::Sqlite => installation::record_write(self).await,
                    Dialect::MySql | Dialect::Postgres => self.try_large_rows().await,
                };
                if let Err(error) = tried {
                    self.note_trial(&error, began);
                }
            }
            self.find_missing(&mut tables).await;
            sleep(INTERVAL).await;
        }
    }

    /// Suspects the tables that this node has seen and that do not exist any more: the first
    /// statement that needs them may be a publish.
    async fn find_missing(&self, seen: &mut BTreeSet<&'static str>) {
        match migration::present_tables(self).await {
            Ok(present) => {
                seen.difference(&present).for_each(|table| self.shared.refusals.suspect(table));
                seen.extend(present);
            }
            Err(error) => tracing::debug!(%error, "cannot read which tables exist"),
        }
    }

    /// A lock that a transaction waited for in vain may be on one row, or on whole tables, as a
    /// backup takes them, a privilege that is lacking may be on one table or on all, and a write
    /// that takes long may wait for a row or for the disk: a trial write shows which.
    pub(super) fn check_extent(&self) {
        if self.shared.is_on_trial.swap(true, Ordering::AcqRel) {
            return;
        }
        let store = self.for_trials();
        let began = Instant::now();
        tokio::spawn(async move {
            let mut trial = pin!(store.try_write());
            match timeout(LONGEST, &mut trial).await {
                Ok(outcome) => {
                    if let Err(error) = outcome.map_err(StoreError::while_beginning) {
                        store.note_trial(&error, began);
                    }
                }
                Err(_) => {
                    let problem = format!("a write does not end within {LONGEST:?}");
                    store.note_trial(&StoreError::Unavailable(DbErr::Custom(problem)), began);
                    // Trials that hang must not use up the connections.
                    drop(trial.await);
                }
            }
            store.shared.is_on_trial.store(false, Ordering::Release);
        });
    }

    /// The same for a write that takes long, at most once in a second: many may wait for one lock.
    pub(super) fn check_slow(&self) {
        let is_due = {
            let mut checked = self.shared.slow_checked.lock();
            let is_due = checked.is_none_or(|checked| checked.elapsed() >= RETRY);
            if is_due {
                *checked = Some(Instant::now());
            }
            is_due
        };
        if is_due {
            self.check_extent();
        }
    }

    /// Notes the error of a trial write that began at this instant.
    fn note_trial(&self, error: &StoreError, began: Instant) {
        self.retire_refused(error);
        if error.is_outage() || error.is_denied() {
            self.note_outage(error, began);
        }
    }

    /// Notes that writes fail, unless they have recovered since this instant.
    fn note_outage(&self, error: &StoreError, began: Instant) {
        let status = &self.shared.status;
        if !status.has_recovered_since(began) && status.failed(error) {
            self.notice_recovery(began);
        }
    }

    /// Tries writes until one succeeds, so that the status recovers even if nothing is
    /// published. The outage began after this instant.
    fn notice_recovery(&self, began: Instant) {
        let shared = Arc::downgrade(&self.shared);
        tokio::spawn(async move {
            loop {
                sleep(RETRY).await;
                let Some(shared) = shared.upgrade() else { return };
                let store = Self { shared, is_reserved: true, is_trial: true };
                if store.shared.status.get().is_writable() {
                    return;
                }
                let tried = match store.ping().await {
                    Ok(()) => store.try_write().await.map_err(StoreError::while_beginning),
                    Err(error) => Err(error),
                };
                match tried {
                    Ok(()) => {
                        store.retire_outdated(began);
                        drop(timeout(REOPENING, store.open_connections()).await);
                        store.shared.refusals.forget_sizes();
                        return store.shared.status.succeeded();
                    }
                    // Says nothing about the database.
                    Err(error) if error.is_busy() => {}
                    Err(error) => {
                        store.retire_refused(&error);
                        // The reason may be another one than before.
                        store.shared.status.failed(&error);
                    }
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
                Err(error) if error.is_unusable_table() => {}
                Err(error) => return Err(error),
            }
        }
        if !has_written {
            match installation::record_write(self).await {
                Err(error) if error.is_unusable_table() => {
                    app::try_write(self).await?;
                }
                outcome => outcome?,
            }
        }
        self.try_large_rows().await
    }

    /// Inserts rows as large as usual ones and rolls them back. Each database has the tables of one
    /// kind of rows, or of both, the account may not insert into all, and a node that froze may
    /// hold the lock on the rows of its own rehearsal; any other error is one that a publish
    /// would have as well. SQLite writes as much as was refused last, since small rows still
    /// fit on a full disk.
    async fn try_large_rows(&self) -> Result<(), StoreError> {
        if self.dialect() == Dialect::Sqlite {
            return match self.shared.refusals.largest() {
                0 => Ok(()),
                bytes => rehearsal::space(self, bytes).await,
            };
        }
        let began = Instant::now();
        for outcome in [rehearsal::publish(self).await, rehearsal::operation(self).await] {
            match outcome {
                Ok(()) => {}
                Err(error)
                    if error.is_unusable_table() || error.is_retryable() || error.is_busy() =>
                {
                    tracing::debug!(%error, "a rehearsal failed");
                }
                Err(error) => {
                    self.note_outage(&error, began);
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}
