//! Decides which pooled connections may be used again. sqlx counts the depth of transactions by itself and is wrong
//! after some errors: SQLite rolls back on a full disk, MySQL on a deadlock, and a connection that is still "inside"
//! a transaction would turn the next one into a savepoint that nobody commits. A connection in an unknown state is
//! therefore closed and another one opened. Knows no table and no dialect.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::sqlx::pool::{PoolConnectionMetadata, PoolOptions};
use sea_orm::sqlx::{Connection, Database, Error};

/// Retires all connections that are open when something goes wrong. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Retirement {
    since: Arc<Mutex<Option<Instant>>>,
}

impl Retirement {
    /// From now on no connection that is open at this moment is used again.
    pub(super) fn retire_all(&self) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Makes a pool close connections that were retired or that a transaction was not finished on, both when they
    /// return and before they are used. Those idle for longer than `test_after` are asked whether they still live.
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
                        // An error closes it without another word to a server that may answer nothing.
                        let reason = "closing a connection that was open when the database failed";
                        return Err(Error::Io(std::io::Error::other(reason)));
                    }
                    is_outside(connection).await
                })
            })
            .before_acquire(move |connection, about| {
                let retired = requested.is_retired(&about);
                let test = test_after.is_some_and(|idle| about.idle_for >= idle);
                Box::pin(async move {
                    if retired || !is_outside(connection).await? {
                        return Ok(false);
                    }
                    if test {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
    }

    fn is_retired(&self, about: &PoolConnectionMetadata) -> bool {
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| about.age >= since.elapsed())
    }
}

/// Whether no transaction was left open on the connection.
async fn is_outside<C: Connection>(connection: &mut C) -> Result<bool, Error> {
    if connection.is_in_transaction() {
        // A rollback may still be queued.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}
