//! Statements that the database refused, such as because another session holds a lock on their table.
//! One refusal is no fault: the statement may have waited for a single row, or taken long itself. A
//! check, which accesses the same table in the same way and no row, decides, and is repeated until it
//! succeeds. So no request can report a fault that the database does not have, and a fault ends
//! without a request. The names of the tables are taken from the statements.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sea_orm::{ConnectionTrait as _, Statement};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::Store;
use crate::access::{Access, accesses};
use crate::error::StoreError;
use crate::migration::OPTIONAL;
use crate::url::Dialect;

/// Pause between two rounds of checks.
const PAUSE: Duration = Duration::from_secs(1);
/// Consecutive checks for which the pool yielded no connection, although the database answered the
/// ping before each, after which that is a fault.
const LOST: u32 = 3;
/// Maximum duration of a check, the same as of a ping.
const LONGEST: Duration = Duration::from_secs(2);

/// The accesses that were refused and not checked successfully since. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusals(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    accesses: Mutex<BTreeMap<Access, Refused>>,
    wake: Notify,
}

#[derive(Debug)]
struct Refused {
    since: Instant,
    statements: u64,
    /// Consecutive checks that lost their connection.
    lost: u32,
    /// The error of the check; `None` until one failed.
    reason: Option<String>,
}

impl Refusals {
    /// Notes a statement that failed, unless the statement itself was the reason.
    pub(super) fn note(&self, sql: &str, error: &StoreError) {
        if !is_refusal(error) {
            return;
        }
        for access in accesses(sql) {
            let new = || Refused { since: Instant::now(), statements: 0, lost: 0, reason: None };
            self.0.accesses.lock().entry(access).or_insert_with(new).statements += 1;
        }
        self.0.wake.notify_one();
    }

    /// What cannot be accessed, one sentence each.
    fn faults(&self) -> Vec<String> {
        let accesses = self.0.accesses.lock();
        let fault = |(access, refused): (&Access, &Refused)| {
            let reason = refused.reason.as_ref()?;
            let (seconds, statements) = (refused.since.elapsed().as_secs(), refused.statements);
            Some(format!("{access}: {reason} (for {seconds} s; {statements} statements refused)"))
        };
        accesses.iter().filter_map(fault).collect()
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

    /// Checks the tables of statements that were refused, without an end.
    pub(super) async fn check_tables(&self) {
        loop {
            self.shared.refusals.wait().await;
            // Otherwise no table can be accessed, and the ping of `/health` reports it.
            if self.ping().await.is_ok() {
                // One after the other, because a check may occupy its connection for seconds.
                for access in self.shared.refusals.suspects() {
                    self.check(&access).await;
                }
            }
            sleep(PAUSE).await;
        }
    }

    async fn check(&self, access: &Access) {
        let refusals = &self.shared.refusals;
        // SQLite locks whole files, which the ping and the trial writes notice.
        if self.dialect() == Dialect::Sqlite {
            return refusals.clear(access);
        }
        let backend = self.read().get_database_backend();
        let statement = Statement::from_string(backend, access.check(backend));
        let is_slow = || {
            let reason = "waited longer than 2 s; another session may hold a lock on it";
            refusals.confirm(access, reason);
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
                if error.is_denied()
                    && self.dialect() == Dialect::MySql
                    && OPTIONAL.contains(&access.table()) =>
            {
                refusals.clear(access);
            }
            Err(error) if is_refusal(&error) => {
                if error.is_denied() {
                    self.retire_denied();
                }
                refusals.confirm(access, &error.summary());
            }
            Err(error) => {
                tracing::debug!(%error, "a check of a table failed");
                refusals.clear(access);
            }
        }
    }
}

/// Whether the state of the database is the reason, whatever the statement contains.
fn is_refusal(error: &StoreError) -> bool {
    error.is_retryable() || error.is_outage() || error.is_denied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_whose_connections_are_lost_again_and_again_is_a_fault() {
        let refusals = Refusals::default();
        let error = StoreError::Unavailable(sea_orm::DbErr::Custom("closed".into()));
        refusals.note("SELECT \"Id\" FROM \"App\"", &error);
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
