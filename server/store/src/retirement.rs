//! Decides which pooled connections may be used again. sqlx counts the depth of transactions
//! itself, and is wrong after some errors: SQLite rolls back on a full disk, MySQL on a deadlock,
//! and on a connection that is still "inside" a transaction, the next one would become a savepoint
//! that is never committed. A connection in an unknown state is therefore closed and replaced.
//! Also notes when one of them last answered. Knows no table and no dialect.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sea_orm::DbErr;
use sea_orm::sqlx::pool::{PoolConnectionMetadata, PoolOptions};
use sea_orm::sqlx::{Connection, Database, Error};

use crate::error::{is_dead_connection, is_outdated, is_unready};
use crate::taken::note_taken;

/// Minimum time between two retirements because of refused statements: an account that may never
/// write to one table must not cost new connections with each attempt.
const PAUSE: Duration = Duration::from_secs(5);
/// Minimum age of a connection whose answer shows that the others are not lost. A younger one may
/// have been opened after they were lost: work that waits for one of them began up to three seconds
/// ago (`pulse.rs`), and longer on a busy machine.
pub(super) const ESTABLISHED: Duration = Duration::from_secs(5);

/// Retires all connections that are open when an error occurs. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Retirement {
    since: Arc<Mutex<Option<Instant>>>,
    /// When the database last refused something for a reason that a new connection may not have.
    refused: Arc<Mutex<Option<Instant>>>,
    /// When an established connection last answered.
    answered: Arc<Mutex<Option<Instant>>>,
}

impl Retirement {
    /// Prevents the reuse of all connections that are open at this moment.
    pub(super) fn retire_all(&self) {
        self.retire_before(Instant::now());
    }

    /// Prevents the reuse of all connections that were open at this time.
    pub(super) fn retire_before(&self, time: Instant) {
        let mut since = self.since.lock();
        *since = (*since).max(Some(time));
    }

    /// Prevents the reuse of all connections after the database refused a statement for a reason
    /// that a new connection may not have: one that was read when the connection was opened, or the
    /// server that it leads to. Returns false if connections were retired shortly before.
    pub(super) fn retire_refused(&self) -> bool {
        *self.refused.lock() = Some(Instant::now());
        let mut since = self.since.lock();
        let is_due = since.is_none_or(|since| since.elapsed() >= PAUSE);
        if is_due {
            *since = Some(Instant::now());
        }
        is_due
    }

    /// Prevents the reuse of all connections if there was such a refusal since this time: some may
    /// have been opened after it, and before its reason ended.
    pub(super) fn retire_refused_since(&self, time: Instant) {
        let refused = *self.refused.lock();
        if refused.is_some_and(|refused| refused >= time) {
            self.retire_all();
        }
    }

    /// Whether a query that failed may succeed on another connection: this one is dead, it
    /// remembers columns as they were before somebody changed their table, or it leads to a server
    /// that is not in service. In the latter two cases others may do so too, and none of them is
    /// used again; a new one may also lead to that server, until a load balancer notices.
    pub(super) fn is_lost(&self, error: &DbErr) -> bool {
        if is_outdated(error) {
            self.retire_all();
            return true;
        }
        if is_unready(error) {
            return self.retire_refused();
        }
        is_dead_connection(error)
    }

    /// Makes a pool close connections that were retired or have an unfinished transaction, both
    /// when they return and before they are used. Those that were idle for longer than `test_after`
    /// are tested first.
    pub(super) fn guard<DB: Database>(
        &self,
        options: PoolOptions<DB>,
        test_after: Option<Duration>,
    ) -> PoolOptions<DB> {
        let (returned, requested) = (self.clone(), self.clone());
        options
            .after_release(move |connection, about| {
                let retired = returned.is_retired(&about);
                Box::pin(async move {
                    if retired {
                        // An error closes it without sending anything to a server that may not
                        // answer.
                        let reason = "closing a connection that was open when the database failed";
                        return Err(Error::Io(std::io::Error::other(reason)));
                    }
                    is_outside(connection).await
                })
            })
            .before_acquire(move |connection, about| {
                let retired = requested.is_retired(&about);
                requested.note_answer(&about);
                let test = test_after.is_some_and(|idle| about.idle_for >= idle);
                let age = about.age;
                Box::pin(async move {
                    if retired || !is_outside(connection).await? {
                        return Ok(false);
                    }
                    if test {
                        connection.ping().await?;
                    }
                    note_taken(age);
                    Ok(true)
                })
            })
    }

    /// Whether an established connection is known to have answered since then.
    pub(super) fn answered_since(&self, time: Instant) -> bool {
        self.answered.lock().is_some_and(|answered| answered >= time)
    }

    /// Notes the answer of a connection that is about to be used again: sqlx pings it when it
    /// returns to its pool, before it is idle.
    fn note_answer(&self, about: &PoolConnectionMetadata) {
        if about.age >= ESTABLISHED {
            let mut answered = self.answered.lock();
            *answered = (*answered).max(Instant::now().checked_sub(about.idle_for));
        }
    }

    fn is_retired(&self, about: &PoolConnectionMetadata) -> bool {
        let since = *self.since.lock();
        since.is_some_and(|since| about.age >= since.elapsed())
    }
}

/// Whether the connection has no open transaction.
async fn is_outside<C: Connection>(connection: &mut C) -> Result<bool, Error> {
    if connection.is_in_transaction() {
        // A rollback may still be queued.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}
