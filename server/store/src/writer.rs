//! SQLite: one task owns the only writing connection and commits many jobs at once (group commit).
//! It has a separate thread: every statement waits for the thread of the connection, and two
//! threads that wake each other cost a fraction of the time that the async scheduler needs to find
//! an idle worker, twice for each statement. After an error of a transaction the connection is in
//! an unknown state: it is closed and replaced. Knows no table and no rule; callers use
//! `Store::write`.

use std::io;
use std::thread;

use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::error::StoreError;
use crate::file::SqliteFile;
use crate::job::{Job, Verdict};
use crate::processor::ConnectionThread;
use crate::retirement::Retirement;

/// Maximum number of jobs in one commit; with more, the first of them would wait longer without
/// benefit.
const BATCH: usize = 64;
/// Maximum number of waiting jobs; further callers wait until the queue has space, or until their
/// time is over.
const QUEUE: usize = 1024;

/// Passes jobs to the writer task, which ends with the last handle.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    pub(super) fn start(
        db: DatabaseConnection,
        thread: ConnectionThread,
        file: Option<SqliteFile>,
        retirement: Retirement,
    ) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (runtime, connection) =
            (Handle::current(), WriteConnection { db, thread, file, retirement });
        let work = move || runtime.block_on(work(connection, queue));
        thread::Builder::new().name("writer".into()).spawn(work)?;
        Ok(Self { jobs })
    }

    /// Queues the job; it is answered after the commit.
    pub(super) async fn submit(&self, job: Job) {
        match timeout_at(job.deadline(), self.jobs.reserve()).await {
            Ok(Ok(queue)) => queue.send(job),
            Ok(Err(_)) => job.answer(Some(StoreError::other("the writer task has ended"))),
            Err(_) => job.answer(Some(waited_too_long())),
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
struct WriteConnection {
    db: DatabaseConnection,
    thread: ConnectionThread,
    file: Option<SqliteFile>,
    retirement: Retirement,
}

async fn work(connection: WriteConnection, mut queue: mpsc::Receiver<Job>) {
    let mut jobs = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut jobs, BATCH).await > 0 {
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

fn is_late(job: &mut Job) -> bool {
    job.deadline() <= Instant::now()
}

/// Says nothing about the file: whether the writer hangs or is only behind, a trial write shows.
fn waited_too_long() -> StoreError {
    StoreError::Busy(DbErr::Custom("waited too long".into()))
}

impl WriteConnection {
    /// Runs the jobs in one transaction. Returns false if one failed, in which case all of them
    /// were rolled back.
    async fn together(&self, jobs: &mut [Job]) -> Result<bool, StoreError> {
        if let Some(file) = &self.file {
            file.check()?;
        }
        let _beside = self.thread.beside_this();
        let tx = self.sound(begin(&self.db).await)?;
        for job in jobs {
            if let Verdict::Failed(_) = job.run(&tx).await {
                // After a full disk SQLite has already rolled back, so this may fail. Closing the
                // connection ends the transaction in any case.
                drop(self.sound(tx.rollback().await.map_err(StoreError::from)));
                return Ok(false);
            }
        }
        let committed =
            tx.commit().await.map_err(|error| StoreError::from(error).while_committing());
        self.sound(committed)?;
        Ok(true)
    }

    /// Ensures that the connection is not used again after an error of a transaction.
    fn sound<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if outcome.is_err() {
            self.retirement.retire_all();
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::time::timeout;

    use super::*;
    use crate::job::LastResult;
    use crate::refusal::Refusals;

    /// Longer than the deadline of a job and the time for its last batch.
    const IN_TIME: Duration = Duration::from_secs(60);

    async fn write(writer: &Writer) -> Result<Verdict, StoreError> {
        let (work, _) = LastResult::of((), |_, ()| Box::pin(async { Ok::<_, StoreError>(()) }));
        let (job, answer) = Job::new(work, None, Refusals::default());
        let ((), answer) = tokio::join!(writer.submit(job), answer.receive(|| {}));
        answer
    }

    /// S74
    #[tokio::test(start_paused = true)]
    async fn callers_for_whose_jobs_the_queue_has_no_space_are_answered_in_time() {
        // Nothing takes a job from the queue, as while the writer is blocked.
        let (jobs, _queue) = mpsc::channel(1);
        let writer = Writer { jobs };
        let answers = timeout(IN_TIME, join_all((0..3).map(|_| write(&writer)))).await.unwrap();
        let [queued, others @ ..] = &answers[..] else { panic!("{}", answers.len()) };
        assert!(matches!(queued, Err(StoreError::CommitUnknown(_))));
        for answer in others {
            assert!(matches!(answer, Err(StoreError::Busy(_))), "it was never queued");
        }
    }
}
