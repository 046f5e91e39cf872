//! MySQL and PostgreSQL: runs a write job in a separate transaction, and repeats it after a
//! deadlock, but not after it waited in vain for a lock. Knows no table.

use std::future::Future;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbBackend, IsolationLevel, TransactionTrait,
};
use tokio::time::Instant;

use crate::error::{JobError, StoreError, is_dead_connection};
use crate::pool::LOCK_TIMEOUT;
use crate::pulse::Pulse;
use crate::retirement::Retirement;
use crate::sequence;

/// Maximum number of runs of a transaction that conflicts with another one.
const ATTEMPTS: u32 = 3;
/// Maximum number of sequences that are corrected for one transaction; none writes to more tables.
const SEQUENCES: u32 = 8;

/// The pool of a server.
#[derive(Clone, Debug)]
pub(super) struct Transactions {
    pub(super) db: DatabaseConnection,
    /// Size of the pool: up to this many of its connections may turn out to be dead.
    pub(super) pooled: u32,
    pub(super) pulse: Pulse,
    pub(super) retirement: Retirement,
}

impl Transactions {
    /// Runs the job in a separate transaction.
    pub(super) async fn run<I, T, E, F>(&self, input: I, job: F) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: JobError,
        F: for<'c> Fn(&'c DatabaseTransaction, &'c I) -> BoxFuture<'c, Result<T, E>>
            + Send
            + Sync
            + 'static,
    {
        let transactions = self.clone();
        // A separate task, so that a client that disconnects cannot interrupt a publish.
        let task = tokio::spawn(async move {
            // One deadline for all attempts, because the caller waits for all of them.
            let deadline = Pulse::deadline();
            let begun = Instant::now();
            let (mut attempt, mut moved) = (1, 0);
            loop {
                match transactions.once(deadline, &input, &job).await {
                    Err(error)
                        if attempt < ATTEMPTS
                            && begun.elapsed() < LOCK_TIMEOUT
                            && error.store_error().is_some_and(StoreError::is_retryable) =>
                    {
                        tracing::debug!(
                            attempt,
                            "transaction conflicted with another one; retrying"
                        );
                        // The other transaction probably needs a moment to finish.
                        tokio::time::sleep(Duration::from_millis(10 * u64::from(attempt))).await;
                        attempt += 1;
                    }
                    outcome => {
                        let behind = outcome.as_ref().err().and_then(table_behind);
                        let Some(table) = behind.filter(|_| moved < SEQUENCES) else {
                            return outcome;
                        };
                        if let Err(problem) = sequence::set_forward(&transactions.db, &table).await
                        {
                            tracing::debug!(%problem, "cannot set a sequence forward");
                            return outcome;
                        }
                        moved += 1;
                    }
                }
            }
        });
        task.await.unwrap_or_else(|_| Err(StoreError::other("a write job panicked").into()))
    }

    async fn once<I, T, E, F>(&self, deadline: Instant, input: &I, job: &F) -> Result<T, E>
    where
        E: JobError,
        F: for<'c> Fn(&'c DatabaseTransaction, &'c I) -> BoxFuture<'c, Result<T, E>>,
    {
        let tx = self.watch(deadline, self.begin()).await??;
        match self.watch(deadline, job(&tx, input)).await? {
            Ok(value) => {
                self.watch(deadline, self.commit(tx))
                    .await
                    .map_err(StoreError::while_committing)??;
                Ok(value)
            }
            Err(error) => {
                // Awaited, so that row locks end now; a lost connection has been rolled back by the
                // server.
                match self.watch(deadline, tx.rollback()).await? {
                    Ok(()) => {}
                    // The depth that sqlx assumes is wrong now.
                    Err(problem) => {
                        self.retirement.retire_all();
                        tracing::debug!(%problem, "rollback failed");
                    }
                }
                Err(error)
            }
        }
    }

    /// Beginning a transaction changes nothing, so it is repeated with the next connection if the
    /// pooled one is dead.
    async fn begin(&self) -> Result<DatabaseTransaction, StoreError> {
        for _ in 0..self.pooled {
            match self.db.begin_with_config(isolation(&self.db), None).await {
                Err(error) if is_dead_connection(&error) => {}
                outcome => return Ok(outcome?),
            }
        }
        Ok(self.db.begin_with_config(isolation(&self.db), None).await?)
    }

    async fn commit(&self, tx: DatabaseTransaction) -> Result<(), StoreError> {
        let outcome = tx.commit().await.map_err(|error| StoreError::from(error).while_committing());
        // A conflict was rolled back by the database, and sqlx detects that.
        if outcome.as_ref().is_err_and(|error| !error.is_retryable()) {
            self.retirement.retire_all();
        }
        outcome
    }

    async fn watch<T>(
        &self,
        deadline: Instant,
        work: impl Future<Output = T>,
    ) -> Result<T, StoreError> {
        Ok(self.pulse.watch(deadline, work).await?)
    }
}

/// The table whose sequence is behind, if the transaction failed for that reason.
fn table_behind(error: &impl JobError) -> Option<String> {
    match error.store_error()? {
        StoreError::SequenceBehind { table } => Some(table.clone()),
        _ => None,
    }
}

/// MySQL's default level keeps the snapshot of the first read, which a later row lock does not
/// refresh, and locks the gaps between rows, so that deleting one app would block edits of all
/// others. Sessions on PostgreSQL are started with the level.
fn isolation(db: &DatabaseConnection) -> Option<IsolationLevel> {
    (db.get_database_backend() == DbBackend::MySql).then_some(IsolationLevel::ReadCommitted)
}
