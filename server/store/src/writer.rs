//! SQLite: one task owns the only writing connection and commits many jobs at once (group commit).
//! It has a separate thread: every statement waits for the thread of the connection, and two
//! threads that wake each other cost a fraction of the time that the async scheduler needs to find
//! an idle worker, twice for each statement. It keeps the connection while jobs arrive, because a
//! return to the pool costs a task and a ping before the next transaction can begin. After an error
//! of a transaction the connection is in an unknown state: it is closed and replaced. Knows no table
//! and no rule; callers use `Store::write`.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::error::StoreError;
use crate::file::SqliteFile;
use crate::job::{Job, Verdict};
use crate::retirement::Retirement;

/// Maximum number of jobs in one commit; with more, the first of them would wait longer without
/// benefit.
const BATCH: usize = 64;
/// Maximum number of waiting jobs; further callers wait until the queue has space.
const QUEUE: usize = 1024;
/// Time without a job after which the connection returns to the pool, for other users of the pool.
const IDLE: Duration = Duration::from_millis(100);

/// Passes jobs to the writer task, which ends with the last handle.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
}

impl Writer {
    pub(super) fn start(
        db: DatabaseConnection,
        file: Option<SqliteFile>,
        retirement: Retirement,
    ) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let connection = Connection { db, file, retirement, acquired: Instant::now(), kept: None };
        let (runtime, work) = (Handle::current(), work(connection, queue));
        thread::Builder::new().name("writer".into()).spawn(move || runtime.block_on(work))?;
        Ok(Self { jobs })
    }

    /// Queues the job; it is answered after the commit.
    pub(super) async fn submit(&self, job: Box<dyn Job>) {
        if let Err(unsent) = self.jobs.send(job).await {
            unsent.0.answer(Some(StoreError::other("the writer task has ended")));
        }
    }
}

/// Begins a transaction that takes the write lock at once: one that reads first and writes later
/// would fail immediately, without waiting, if another process wrote in between.
pub(super) async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, StoreError> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    db.begin_with_options(options).await.map_err(|error| StoreError::from(error).while_beginning())
}

/// The only connection that writes.
struct Connection {
    db: DatabaseConnection,
    file: Option<SqliteFile>,
    retirement: Retirement,
    /// When the pool returned the connection of the current transaction, or of the kept one.
    acquired: Instant,
    /// A transaction that SQLite has ended and sqlx has not: the next one begins on the same
    /// connection, which is not in the pool meanwhile.
    kept: Option<DatabaseTransaction>,
}

async fn work(mut connection: Connection, mut queue: mpsc::Receiver<Box<dyn Job>>) {
    let mut jobs = Vec::with_capacity(BATCH);
    while connection.next_jobs(&mut queue, &mut jobs).await {
        // Not run any more, because their callers are about to give up.
        for late in jobs.extract_if(.., is_late) {
            late.answer(Some(waited_too_long()));
        }
        match connection.together(&mut jobs).await {
            Ok(true) => jobs.drain(..).for_each(|job| job.answer(None)),
            Ok(false) if jobs.len() == 1 => jobs.drain(..).for_each(|job| job.answer(None)),
            // A failing job must cost the others nothing but time.
            Ok(false) => {
                let mut locked = None;
                for mut job in jobs.drain(..) {
                    let failure = match &locked {
                        Some(error) => Some(StoreError::clone(error)),
                        None if is_late(&mut job) => Some(waited_too_long()),
                        None => connection.together(std::slice::from_mut(&mut job)).await.err(),
                    };
                    // The others would only wait for the same lock.
                    if let Some(error @ StoreError::Locked(_)) = &failure {
                        locked = Some(error.clone());
                    }
                    job.answer(failure);
                }
            }
            Err(error) => {
                // The jobs that arrived during the wait would only wait for the same lock.
                if let StoreError::Locked(_) = error {
                    while let Ok(job) = queue.try_recv() {
                        jobs.push(job);
                    }
                }
                jobs.drain(..).for_each(|job| job.answer(Some(error.clone())));
            }
        }
    }
}

fn is_late(job: &mut Box<dyn Job>) -> bool {
    job.deadline() <= tokio::time::Instant::now()
}

fn waited_too_long() -> StoreError {
    StoreError::Unavailable(DbErr::Custom("waited too long".into()))
}

impl Connection {
    /// Waits for jobs; returns false if no handle is left.
    async fn next_jobs(
        &mut self,
        queue: &mut mpsc::Receiver<Box<dyn Job>>,
        jobs: &mut Vec<Box<dyn Job>>,
    ) -> bool {
        if self.kept.is_some() {
            match timeout(IDLE, queue.recv_many(jobs, BATCH)).await {
                Ok(count) => return count > 0,
                Err(_) => self.release().await,
            }
        }
        queue.recv_many(jobs, BATCH).await > 0
    }

    /// Runs the jobs in one transaction. Returns false if one failed, in which case all of them
    /// were rolled back.
    async fn together(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<bool, StoreError> {
        if let Some(file) = &self.file {
            file.check()?;
        }
        let begun = self.begin().await;
        let tx = self.sound(begun)?;
        for job in jobs {
            if let Verdict::Failed(_) = job.run(&tx).await {
                // After a full disk SQLite has already rolled back, so this may fail. Closing the
                // connection ends the transaction in any case.
                drop(self.end(tx, "ROLLBACK").await);
                return Ok(false);
            }
        }
        self.end(tx, "COMMIT").await.map_err(StoreError::while_committing)?;
        Ok(true)
    }

    async fn begin(&mut self) -> Result<DatabaseTransaction, StoreError> {
        match self.kept.take() {
            Some(tx) if !self.retirement.is_retired_since(self.acquired) => {
                let begun = tx.execute_unprepared("BEGIN IMMEDIATE").await;
                begun.map_err(|error| StoreError::from(error).while_beginning())?;
                Ok(tx)
            }
            _ => {
                self.acquired = Instant::now();
                begin(&self.db).await
            }
        }
    }

    /// Ends a transaction with this statement, and keeps the connection of a file. One to a database
    /// in memory is also the one that reads.
    async fn end(&mut self, tx: DatabaseTransaction, statement: &str) -> Result<(), StoreError> {
        let ended = tx.execute_unprepared(statement).await.map_err(StoreError::from);
        self.sound(ended)?;
        self.kept = Some(tx);
        if self.file.is_none() {
            self.release().await;
        }
        Ok(())
    }

    /// Returns the connection to the pool. sqlx ends only a transaction that it believes to be open,
    /// and SQLite only one that is.
    async fn release(&mut self) {
        if let Some(tx) = self.kept.take() {
            let begun = tx.execute_unprepared("BEGIN").await;
            let ended = tx.rollback().await;
            if let Err(error) = begun.and(ended) {
                tracing::debug!(%error, "closing the writing connection");
                self.retirement.retire_all();
            }
        }
    }

    /// Ensures that the connection is not used again after an error of a transaction.
    fn sound<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if outcome.is_err() {
            self.retirement.retire_all();
        }
        outcome
    }
}
