//! MySQL and PostgreSQL: runs a write job in a separate transaction, and repeats it after a
//! deadlock, but not after it waited in vain for a lock. Knows no table.

use std::any::TypeId;
use std::future::Future;
use std::time::Duration;

use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbBackend, IsolationLevel, TransactionTrait,
};
use tokio::time::{Instant, sleep};

use crate::error::StoreError;
use crate::job::{Job, Verdict};
use crate::long_work::LongWork;
use crate::pool::LOCK_TIMEOUT;
use crate::pulse::Pulse;
use crate::retirement::Retirement;
use crate::sequence;
use crate::taken::Taken;
use crate::turns::Turns;

/// Maximum number of runs of a transaction that conflicts with others. Of several that lock rows in
/// different orders, each run may be the one that the database chooses to end.
const ATTEMPTS: u32 = 10;
/// Maximum pause before the first repetition; it doubles with each one, up to the longest.
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Maximum number of sequences that are corrected for one transaction; none writes to more tables.
const SEQUENCES: u32 = 8;

/// The pool of a server.
#[derive(Clone, Debug)]
pub(super) struct Transactions {
    pub(super) turns: Turns,
    /// Jobs with the same function are of one kind.
    pub(super) long: LongWork<TypeId>,
    pub(super) pulse: Pulse,
    pub(super) retirement: Retirement,
}

impl Transactions {
    /// Runs the job in a separate transaction, and answers it. In a separate task, so that a client
    /// that disconnects cannot interrupt a publish.
    pub(super) fn submit(&self, job: Job) {
        let transactions = self.clone();
        tokio::spawn(async move { transactions.run(job).await });
    }

    async fn run(&self, mut job: Job) {
        // Waiting for a turn is not waiting for a lock.
        let mut first_turn = None;
        let (mut attempt, mut moved) = (1, 0);
        loop {
            // The error of the store, and whether it is also the job's own result.
            let (error, failure) = match self.once(&mut job, &mut first_turn).await {
                Ok(Verdict::Done) => return job.answer(None),
                Ok(Verdict::Failed(error)) => (error, None),
                Err(error) => (Some(error.clone()), Some(error)),
            };
            match error {
                Some(error)
                    if error.is_retryable()
                        && attempt < ATTEMPTS
                        && first_turn.is_none_or(|turn| turn.elapsed() < LOCK_TIMEOUT) =>
                {
                    if error.is_outdated() {
                        self.retirement.retire_all();
                    }
                    tracing::debug!(attempt, "transaction met another one, trying again");
                    sleep(pause(attempt)).await;
                    attempt += 1;
                }
                Some(StoreError::SequenceBehind { table }) if moved < SEQUENCES => {
                    let set_forward = sequence::set_forward(&self.turns, &table);
                    let taken = Taken::default();
                    let watched = self.watch(job.deadline(), &taken, set_forward);
                    if let Err(problem) = watched.await.flatten() {
                        tracing::debug!(%problem, "cannot set a sequence forward");
                        return job.answer(failure);
                    }
                    moved += 1;
                }
                _ => return job.answer(failure),
            }
        }
    }

    async fn once(
        &self,
        job: &mut Job,
        first_turn: &mut Option<Instant>,
    ) -> Result<Verdict, StoreError> {
        let (kind, taken) = (job.kind(), Taken::default());
        let begin = async {
            // As long as for a lock, which others of its kind probably wait for.
            let permit = self.turns.in_time(LOCK_TIMEOUT, self.long.enter(kind)).await?;
            let turn = self.turns.take().await?;
            first_turn.get_or_insert_with(Instant::now);
            Ok::<_, StoreError>((permit, turn, self.begin().await?))
        };
        let (permit, _turn, tx) = self.watch(job.deadline(), &taken, begin).await??;
        let work = Box::pin(self.run_in(tx, job, &taken));
        self.long.run(kind, permit.is_some(), work).await
    }

    /// Runs the job in a transaction that has begun, and ends it.
    async fn run_in(
        &self,
        tx: DatabaseTransaction,
        job: &mut Job,
        taken: &Taken,
    ) -> Result<Verdict, StoreError> {
        let deadline = job.deadline();
        let verdict = self.watch(deadline, taken, job.run(&tx)).await?;
        match verdict {
            Verdict::Done => {
                let committed = self.watch(deadline, taken, self.commit(tx)).await;
                committed.map_err(StoreError::while_committing)??;
            }
            // Awaited, so that row locks end now; a lost connection has been rolled back by the
            // server.
            Verdict::Failed(_) => {
                if let Err(problem) = self.watch(deadline, taken, tx.rollback()).await? {
                    // The depth that sqlx assumes is wrong now.
                    self.retirement.retire_all();
                    tracing::debug!(%problem, "rollback failed");
                }
            }
        }
        Ok(verdict)
    }

    /// Beginning a transaction changes nothing, so it is repeated with the next connection if the
    /// pooled one is lost.
    async fn begin(&self) -> Result<DatabaseTransaction, StoreError> {
        let db = self.turns.db();
        Ok(self.turns.repeat(|| db.begin_with_config(isolation(db), None)).await?)
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
        taken: &Taken,
        work: impl Future<Output = T>,
    ) -> Result<T, StoreError> {
        Ok(self.pulse.watch(deadline, taken, work).await?)
    }
}

/// The other transactions probably need a moment to finish. Random, so that two that were repeated
/// at the same time do not meet again.
fn pause(attempt: u32) -> Duration {
    let longest = PAUSE.saturating_mul(1 << (attempt - 1).min(8)).min(LONGEST_PAUSE);
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// MySQL's default level keeps the snapshot of the first read, which a later row lock does not
/// refresh, and locks the gaps between rows, so that deleting one app would block edits of all
/// others. Sessions on PostgreSQL are started with the level.
fn isolation(db: &DatabaseConnection) -> Option<IsolationLevel> {
    (db.get_database_backend() == DbBackend::MySql).then_some(IsolationLevel::ReadCommitted)
}
