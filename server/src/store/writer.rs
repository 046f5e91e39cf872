//! SQLite: one task owns the only writing connection and commits many jobs at once (group commit).
//! Knows no table and no rule; `Store::write` is the way in.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use tokio::sync::{mpsc, oneshot};

use crate::store::error::{JobError, StoreError};

/// Jobs of one commit; more would make the first of them wait for no gain.
const BATCH: usize = 64;
/// Waiting jobs; whoever comes later waits for a place.
const QUEUE: usize = 1024;

/// Hands jobs to the writer task, which ends with the last handle.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
}

impl Writer {
    pub(super) fn start(db: DatabaseConnection) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        tokio::spawn(work(db, queue));
        Self { jobs }
    }

    /// Runs the job in a transaction and answers after the commit. The job goes on when the caller stops waiting.
    pub(super) async fn write<I, T, E, F>(&self, input: I, run: F) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: JobError,
        F: for<'c> Fn(&'c DatabaseTransaction, &'c I) -> BoxFuture<'c, Result<T, E>>
            + Send
            + Sync
            + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Waiting { input, run, result: None, reply };
        if self.jobs.send(Box::new(job)).await.is_err() {
            return Err(StoreError::other("the writer task has ended").into());
        }
        answer.await.unwrap_or_else(|_| Err(StoreError::other("a write job panicked").into()))
    }
}

/// Begins a transaction that holds the write lock from its start: one that reads first and writes later would fail at
/// once, without waiting, when another process wrote in between.
pub(super) async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, StoreError> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    Ok(db.begin_with_options(options).await?)
}

/// A job whose types are known to its caller only.
trait Job: Send {
    /// Runs in the transaction, keeps the result, and says whether it was a success.
    fn run<'c>(&'c mut self, tx: &'c DatabaseTransaction) -> BoxFuture<'c, bool>;

    /// Answers the caller: with the error of the transaction if there is one, else with the kept result.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

struct Waiting<I, T, E, F> {
    input: I,
    run: F,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<I, T, E, F> Job for Waiting<I, T, E, F>
where
    I: Send + Sync + 'static,
    T: Send + 'static,
    E: JobError,
    F: for<'c> Fn(&'c DatabaseTransaction, &'c I) -> BoxFuture<'c, Result<T, E>>
        + Send
        + Sync
        + 'static,
{
    fn run<'c>(&'c mut self, tx: &'c DatabaseTransaction) -> BoxFuture<'c, bool> {
        Box::pin(async move {
            let outcome = AssertUnwindSafe((self.run)(tx, &self.input)).catch_unwind().await;
            self.result = outcome.ok();
            matches!(self.result, Some(Ok(_)))
        })
    }

    fn answer(self: Box<Self>, failure: Option<StoreError>) {
        let result = match failure {
            Some(error) => Some(Err(error.into())),
            None => self.result,
        };
        // Without a result the job panicked: the dropped reply says so. A caller that left needs none.
        if let Some(result) = result {
            let _ = self.reply.send(result);
        }
    }
}

async fn work(db: DatabaseConnection, mut queue: mpsc::Receiver<Box<dyn Job>>) {
    let mut jobs = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut jobs, BATCH).await > 0 {
        match together(&db, &mut jobs).await {
            Ok(true) => jobs.drain(..).for_each(|job| job.answer(None)),
            Ok(false) if jobs.len() == 1 => jobs.drain(..).for_each(|job| job.answer(None)),
            // One bad job must not cost the others more than time.
            Ok(false) => {
                for job in jobs.drain(..) {
                    alone(&db, job).await;
                }
            }
            Err(error) => jobs.drain(..).for_each(|job| job.answer(Some(error.clone()))),
        }
    }
}

/// Runs the jobs in one transaction. `false`: one failed, and nothing of any of them was kept.
async fn together(db: &DatabaseConnection, jobs: &mut [Box<dyn Job>]) -> Result<bool, StoreError> {
    let tx = begin(db).await?;
    for job in jobs {
        if !job.run(&tx).await {
            tx.rollback().await?;
            return Ok(false);
        }
    }
    tx.commit().await?;
    Ok(true)
}

async fn alone(db: &DatabaseConnection, mut job: Box<dyn Job>) {
    let failure = together(db, std::slice::from_mut(&mut job)).await.err();
    job.answer(failure);
}
