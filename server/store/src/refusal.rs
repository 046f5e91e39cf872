//! Statements that the database refused, such as because another session holds a lock on their
//! table. One refusal is no fault: the statement may have waited for a single row, or taken long
//! itself. A check, which accesses the same table in the same way and no row, decides, and is
//! repeated until it succeeds. So no request can report a fault that the database does not have,
//! and a fault ends without a request. The names of the tables are taken from the statements.
//!
//! A statement that failed because the database cannot read or write its own files is a fault at
//! once, because the damage may be in the rows of this statement only. It is repeated instead of
//! the check, in a transaction that is rolled back.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::Store;
use crate::access::{Access, accesses};
use crate::error::StoreError;
use crate::migration::OPTIONAL;
use crate::url::Dialect;

/// Pause between two rounds of checks.
const PAUSE: Duration = Duration::from_secs(1);
/// The pause is this many times as long as the repeated statements took, so that those that read
/// many rows occupy the writer of SQLite for a small part of the time.
const SHARE: u32 = 4;
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Maximum number of statements that are repeated for one access; others that fail are not kept.
const KEPT: usize = 4;
/// Consecutive checks for which the pool yielded no connection, although the database answered the
/// ping before each, after which that is a fault.
const LOST: u32 = 3;
/// Maximum duration of a check, the same as of a ping.
const LONGEST: Duration = Duration::from_secs(2);

/// The accesses that were refused and not checked successfully since. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusals(Arc<NotedRefusals>);

#[derive(Debug, Default)]
struct NotedRefusals {
    accesses: Mutex<BTreeMap<Access, Refused>>,
    wake: Notify,
    /// Bytes of the largest write that was refused since the database accepted writes.
    largest: AtomicU64,
}

struct Refused {
    since: Instant,
    statements: u64,
    /// Consecutive checks that lost their connection.
    lost: u32,
    /// The error of the check; `None` until one failed.
    reason: Option<String>,
    /// Statements that failed because of the database's files, and did not succeed since.
    damaged: Vec<Statement>,
}

impl fmt::Debug for Refused {
    /// The parameters of statements may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl Default for Refused {
    fn default() -> Self {
        Self { since: Instant::now(), statements: 0, lost: 0, reason: None, damaged: Vec::new() }
    }
}

impl Refusals {
    /// Notes a statement that failed, unless the statement itself was the reason.
    pub(super) fn note(&self, statement: &Statement, error: &StoreError) {
        if !is_refusal(error) {
            return;
        }
        for access in accesses(&statement.sql) {
            if error.is_missing_table() && OPTIONAL.contains(&access.table()) {
                continue;
            }
            if error.is_storage() {
                self.keep(&access, statement);
                self.confirm(&access, &error.summary());
            }
            self.0.accesses.lock().entry(access).or_default().statements += 1;
        }
        self.0.wake.notify_one();
    }

    /// Has a table checked that no statement needed.
    pub(super) fn suspect(&self, table: &str) {
        self.0.accesses.lock().entry(Access::reading(table)).or_default();
        self.0.wake.notify_one();
    }

    fn keep(&self, access: &Access, statement: &Statement) {
        let mut accesses = self.0.accesses.lock();
        let damaged = &mut accesses.entry(access.clone()).or_default().damaged;
        if damaged.len() < KEPT && !damaged.contains(statement) {
            damaged.push(statement.clone());
        }
    }

    /// Forgets a statement that succeeded when it was repeated. Returns whether it was the last one
    /// of the access.
    fn forget(&self, access: &Access, statement: &Statement) -> bool {
        self.0.accesses.lock().get_mut(access).is_some_and(|refused| {
            refused.damaged.retain(|damaged| damaged != statement);
            refused.damaged.is_empty()
        })
    }

    fn damaged(&self, access: &Access) -> Vec<Statement> {
        self.0
            .accesses
            .lock()
            .get(access)
            .map(|refused| refused.damaged.clone())
            .unwrap_or_default()
    }

    /// Notes the size of a write job that failed.
    pub(super) fn note_size(&self, bytes: u64, error: &StoreError) {
        if error.is_read_only() {
            self.0.largest.fetch_max(bytes, Ordering::AcqRel);
        }
    }

    /// Bytes of the largest write that was refused.
    pub(super) fn largest(&self) -> u64 {
        self.0.largest.load(Ordering::Acquire)
    }

    /// Forgets the sizes, because the database accepts writes again.
    pub(super) fn forget_sizes(&self) {
        self.0.largest.store(0, Ordering::Release);
    }

    /// What cannot be accessed, one sentence each.
    fn faults(&self) -> Vec<String> {
        self.faults_where(|_| true)
    }

    fn faults_where(&self, is_meant: impl Fn(&Refused) -> bool) -> Vec<String> {
        let accesses = self.0.accesses.lock();
        let fault = |(access, refused): (&Access, &Refused)| {
            let reason = refused.reason.as_ref()?;
            let (seconds, statements) = (refused.since.elapsed().as_secs(), refused.statements);
            Some(format!("{access}: {reason} (for {seconds} s; {statements} statements refused)"))
        };
        accesses.iter().filter(|(_, refused)| is_meant(refused)).filter_map(fault).collect()
    }

    fn suspects(&self) -> Vec<Access> {
        self.0.accesses.lock().keys().cloned().collect()
    }

    async fn wait(&self) {
        while self.0.accesses.lock().is_empty() {
            self.0.wake.notified().await;
        }
    }

    /// One lost connection says nothing about the table, and nothing about the next connection.
    fn lose(&self, access: &Access) {
        let lost = self.0.accesses.lock().get_mut(access).map(|refused| {
            refused.lost += 1;
            refused.lost
        });
        if lost.is_some_and(|lost| lost >= LOST) {
            self.confirm(access, "every connection to the database is lost when it is used");
        }
    }

    fn confirm(&self, access: &Access, reason: &str) {
        if let Some(refused) = self.0.accesses.lock().get_mut(access)
            && refused.reason.replace(reason.to_owned()).is_none()
        {
            tracing::error!(%access, reason, "requests that need a table are refused until it can be accessed");
        }
    }

    fn clear(&self, access: &Access) {
        let cleared = self.0.accesses.lock().remove(access);
        if cleared.is_some_and(|refused| refused.reason.is_some()) {
            tracing::warn!(table = access.table(), "a table can be accessed again");
        }
    }
}

impl Store {
    /// Tables that cannot be accessed, one sentence each; performs no query.
    pub fn refusals(&self) -> Vec<String> {
        self.shared.refusals.faults()
    }

    /// Tables of a SQLite file that cannot be accessed because of the file, one sentence each.
    /// Empty on database servers, which other nodes use as well; performs no query.
    pub fn damage(&self) -> Vec<String> {
        match self.dialect() {
            Dialect::Sqlite => {
                self.shared.refusals.faults_where(|refused| !refused.damaged.is_empty())
            }
            Dialect::MySql | Dialect::Postgres => Vec::new(),
        }
    }

    /// Checks the tables of statements that were refused, without an end.
    pub(super) async fn check_tables(&self) {
        loop {
            self.shared.refusals.wait().await;
            let mut pause = PAUSE;
            // Otherwise no table can be accessed, and the ping of `/health` reports it.
            if self.ping().await.is_ok() {
                // One after the other, because a check may occupy its connection for seconds.
                for access in self.shared.refusals.suspects() {
                    let damaged = self.shared.refusals.damaged(&access);
                    if damaged.is_empty() {
                        self.check(&access).await;
                        continue;
                    }
                    let begun = Instant::now();
                    for statement in damaged {
                        self.repeat(&access, statement).await;
                    }
                    pause = pause.max(begun.elapsed() * SHARE);
                }
            }
            sleep(pause.min(LONGEST_PAUSE)).await;
        }
    }

    async fn check(&self, access: &Access) {
        let refusals = &self.shared.refusals;
        let backend = self.read().get_database_backend();
        // SQLite locks whole files, which the ping and the trial writes notice: only whether the
        // table exists is left, and a check that takes long shows that the node is busy.
        let is_file = self.dialect() == Dialect::Sqlite;
        let check = match is_file {
            true => Access::reading(access.table()).check(backend),
            false => access.check(backend),
        };
        let statement = Statement::from_string(backend, check);
        let is_slow = || {
            if !is_file {
                let reason = "waited longer than 2 s; another session may hold a lock on it";
                refusals.confirm(access, reason);
            }
        };
        // Without a turn the node itself is busy, which says nothing about the table.
        let Some(outcome) = self.read().check(statement, LONGEST, is_slow).await else { return };
        match outcome {
            Ok(()) => refusals.clear(access),
            Err(error) if error.is_connection_lost() => refusals.lose(access),
            Err(error) if error.is_retryable() => {
                refusals.confirm(access, "another session holds a lock on it");
            }
            // MySQL reports a table that does not exist as denied.
            Err(error)
                if OPTIONAL.contains(&access.table())
                    && (error.is_missing_table()
                        || error.is_denied() && self.dialect() == Dialect::MySql) =>
            {
                refusals.clear(access);
            }
            Err(error) if error.is_missing_table() => {
                refusals.confirm(access, "it does not exist, or this account may not see it");
            }
            Err(error) if is_refusal(&error) => {
                self.retire_refused(&error);
                refusals.confirm(access, &error.summary());
            }
            Err(error) => {
                tracing::debug!(%error, "a check of a table failed");
                refusals.clear(access);
            }
        }
    }

    /// Repeats a statement that failed because of the database's files, and changes nothing. An
    /// error that another statement could have as well shows that the files can be accessed
    /// again.
    async fn repeat(&self, access: &Access, statement: Statement) {
        let repeated = self.rehearse(statement.clone(), |tx, statement| {
            Box::pin(async move {
                if tx.get_database_backend() == DbBackend::Sqlite {
                    // Pages in memory would hide that the file cannot be read.
                    tx.execute_unprepared("PRAGMA shrink_memory").await?;
                }
                tx.execute_raw(statement.clone()).await?;
                Ok::<_, StoreError>(())
            })
        });
        match repeated.await {
            // One that did not run shows nothing.
            Err(error) if is_refusal(&error) || error.is_busy() => {
                tracing::debug!(%error, "a statement that is repeated still fails");
            }
            Ok(()) | Err(_) => {
                if self.shared.refusals.forget(access, &statement) {
                    // Connections to SQLite keep the pages that they read while they were damaged.
                    self.retire_connections();
                    self.shared.refusals.clear(access);
                }
            }
        }
    }
}

/// Whether the state of the database is the reason, whatever the statement contains.
fn is_refusal(error: &StoreError) -> bool {
    error.is_retryable() || error.is_outage() || error.is_denied() || error.is_missing_table()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_whose_connections_are_lost_again_and_again_is_a_fault() {
        let refusals = Refusals::default();
        let error = StoreError::Unavailable(sea_orm::DbErr::Custom("closed".into()));
        let sql = "SELECT \"Id\" FROM \"App\"";
        refusals.note(&Statement::from_string(DbBackend::Postgres, sql), &error);
        let access = refusals.suspects().remove(0);
        for _ in 1..LOST {
            refusals.lose(&access);
            assert!(refusals.faults().is_empty());
        }
        refusals.lose(&access);
        let faults = refusals.faults();
        assert!(faults[0].contains("is lost when it is used"), "{faults:?}");
        refusals.clear(&access);
        assert!(refusals.faults().is_empty());
    }
}
