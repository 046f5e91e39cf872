//! MySQL and PostgreSQL: a write job in a transaction of its own, tried again after a deadlock. Knows no table.

use std::time::Duration;

use futures_util::future::BoxFuture;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbBackend, IsolationLevel, TransactionTrait,
};

use crate::store::error::{JobError, StoreError, is_dead_connection};

/// How often a transaction that met another one is run in all.
const ATTEMPTS: u32 = 3;

/// Runs the job in a transaction of its own. As many connections as are `pooled` may turn out to be dead.
pub(super) async fn run<I, T, E, F>(
    db: DatabaseConnection,
    pooled: u32,
    input: I,
    job: F,
) -> Result<T, E>
where
    I: Send + Sync + 'static,
    T: Send + 'static,
    E: JobError,
    F: for<'c> Fn(&'c DatabaseTransaction, &'c I) -> BoxFuture<'c, Result<T, E>>
        + Send
        + Sync
        + 'static,
{
    // A task of its own: a client that hangs up must not cut a publish half-way.
    let task = tokio::spawn(async move {
        let mut attempt = 1;
        loop {
            match once(&db, pooled, &input, &job).await {
                Err(error)
                    if attempt < ATTEMPTS
                        && error.store_error().is_some_and(StoreError::is_retryable) =>
                {
                    tracing::debug!(attempt, "transaction met another one, trying again");
                    tokio::time::sleep(Duration::from_millis(10 * u64::from(attempt))).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    });
    task.await.unwrap_or_else(|_| Err(StoreError::other("a write job panicked").into()))
}

async fn once<I, T, E, F>(db: &DatabaseConnection, pooled: u32, input: &I, job: &F) -> Result<T, E>
where
    E: JobError,
    F: for<'c> Fn(&'c DatabaseTransaction, &'c I) -> BoxFuture<'c, Result<T, E>>,
{
    let tx = begin(db, pooled).await?;
    match job(&tx, input).await {
        Ok(value) => {
            tx.commit().await.map_err(|error| StoreError::from(error).while_committing())?;
            Ok(value)
        }
        Err(error) => {
            // Awaited, so that row locks end now; a lost connection has rolled back by itself.
            if let Err(problem) = tx.rollback().await {
                tracing::debug!(%problem, "rollback failed");
            }
            Err(error)
        }
    }
}

/// Beginning changes nothing, so it is tried again with the next connection when the pooled one is dead.
async fn begin(db: &DatabaseConnection, pooled: u32) -> Result<DatabaseTransaction, StoreError> {
    for _ in 0..pooled {
        match db.begin_with_config(isolation(db), None).await {
            Err(error) if is_dead_connection(&error) => {}
            outcome => return Ok(outcome?),
        }
    }
    Ok(db.begin_with_config(isolation(db), None).await?)
}

/// MySQL's default keeps the view of the first read, which a row lock taken later does not renew,
/// and locks the gaps between rows, so that deleting one app would block edits of all others.
fn isolation(db: &DatabaseConnection) -> Option<IsolationLevel> {
    (db.get_database_backend() == DbBackend::MySql).then_some(IsolationLevel::ReadCommitted)
}
