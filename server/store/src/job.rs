//! A write job: what the writer task and the transactions run. Only its work knows the types of the
//! input and of the result, so that the compiler generates the machinery of transactions once, and
//! not for each of the many jobs. Knows no table and no engine.

use std::any::TypeId;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use sea_orm::DatabaseTransaction;
use tokio::sync::oneshot;
use tokio::time::{Duration, Instant, timeout, timeout_at};

use crate::audit::trail::{TrailStep, written};
use crate::error::{JobError, StoreError};
use crate::pulse::Pulse;
use crate::refusal::Refusals;
use crate::statement::{Observed, observed};

/// Duration after which a job takes long.
const SLOW: Duration = Duration::from_secs(2);
/// Additional time for the last batch that starts before a job's deadline.
const GRACE: Duration = Duration::from_secs(15);

/// How a run of a job ended.
#[derive(Clone)]
pub(crate) enum Verdict {
    /// Commit.
    Done,
    /// Roll back; with the error of the store, if that was the reason.
    Failed(Option<StoreError>),
}

/// The work of a job, whose types are known only to its caller.
pub(crate) trait Work: Send + Sync {
    /// The function that it runs.
    fn function(&self) -> TypeId;

    /// Runs in the transaction, and keeps the result for the caller.
    fn run<'c>(&'c self, tx: &'c DatabaseTransaction) -> BoxFuture<'c, Verdict>;
}

/// The result of the last run of a work. Cheap to clone.
pub(crate) struct LastResult<T, E>(Arc<Mutex<Option<Result<T, E>>>>);

impl<T, E: JobError> LastResult<T, E> {
    /// The work of a function, and its result.
    pub(crate) fn of<I, F>(input: I, run: F) -> (Box<dyn Work>, Self)
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'c> Fn(&'c DatabaseTransaction, &'c I) -> BoxFuture<'c, Result<T, E>>
            + Send
            + Sync
            + 'static,
    {
        let result = Arc::new(Mutex::new(None));
        (Box::new(Typed { input, run, result: Arc::clone(&result) }), Self(result))
    }

    /// Takes the result, after the answer to the job.
    pub(crate) fn take(self) -> Result<T, E> {
        let result = self.0.lock().take();
        result.unwrap_or_else(|| Err(panicked().into()))
    }
}

struct Typed<I, T, E, F> {
    input: I,
    run: F,
    result: Arc<Mutex<Option<Result<T, E>>>>,
}

impl<I, T, E, F> Work for Typed<I, T, E, F>
where
    I: Send + Sync + 'static,
    T: Send + 'static,
    E: JobError,
    F: for<'c> Fn(&'c DatabaseTransaction, &'c I) -> BoxFuture<'c, Result<T, E>>
        + Send
        + Sync
        + 'static,
{
    fn function(&self) -> TypeId {
        TypeId::of::<F>()
    }

    fn run<'c>(&'c self, tx: &'c DatabaseTransaction) -> BoxFuture<'c, Verdict> {
        let running = (self.run)(tx, &self.input);
        Box::pin(async move {
            let result = running.await;
            let verdict = match &result {
                Ok(_) => Verdict::Done,
                Err(error) => Verdict::Failed(error.store_error().cloned()),
            };
            *self.result.lock() = Some(result);
            verdict
        })
    }
}

/// Work that waits for a transaction, and its caller for the answer.
pub(crate) struct Job {
    work: Box<dyn Work>,
    step: Option<TrailStep>,
    refusals: Refusals,
    /// The verdict on the last run, or the error that replaces its result. `None` if it panicked.
    outcome: Option<Result<Verdict, StoreError>>,
    /// Bytes that the last run wrote.
    written: u64,
    reply: oneshot::Sender<Result<Verdict, StoreError>>,
    deadline: Instant,
}

/// The answer to a job.
pub(crate) struct JobAnswer {
    receiver: oneshot::Receiver<Result<Verdict, StoreError>>,
    deadline: Instant,
}

impl Job {
    /// Prepares a job that runs from now on, and its answer. The transaction also stores the step
    /// of an audit trail.
    pub(crate) fn new(
        work: Box<dyn Work>,
        step: Option<TrailStep>,
        refusals: Refusals,
    ) -> (Self, JobAnswer) {
        let (reply, receiver) = oneshot::channel();
        // One deadline for all attempts, because the caller waits for all of them.
        let deadline = Pulse::deadline();
        (
            Self { work, step, refusals, outcome: None, written: 0, reply, deadline },
            JobAnswer { receiver, deadline },
        )
    }

    /// Runs the work in the transaction.
    pub(crate) async fn run(&mut self, tx: &DatabaseTransaction) -> Verdict {
        let run = AssertUnwindSafe(run(&*self.work, self.step.as_ref(), tx)).catch_unwind();
        let (outcome, Observed { failed, written }) = observed(run).await;
        self.written = written;
        self.outcome = outcome.ok();
        let verdict = match &self.outcome {
            Some(Ok(verdict)) => verdict.clone(),
            Some(Err(error)) => Verdict::Failed(Some(error.clone())),
            None => Verdict::Failed(None),
        };
        if let (Some(statement), Verdict::Failed(Some(error))) = (failed, &verdict) {
            self.refusals.note(&statement, error);
        }
        verdict
    }

    /// What it has in common with jobs that probably take as long.
    pub(crate) fn kind(&self) -> TypeId {
        self.work.function()
    }

    /// The time when its caller stops waiting; the job must not start later.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Answers the caller: with the error of the transaction if there is one, else with the outcome
    /// of the last run.
    pub(crate) fn answer(self, failure: Option<StoreError>) {
        // Without an outcome the job panicked, which the dropped reply signals. A caller that
        // stopped waiting needs no reply.
        if let Some(outcome) = failure.map(Err).or(self.outcome) {
            if let Err(error) | Ok(Verdict::Failed(Some(error))) = &outcome {
                self.refusals.note_size(self.written, error);
            }
            let _ = self.reply.send(outcome);
        }
    }
}

async fn run(
    work: &dyn Work,
    step: Option<&TrailStep>,
    tx: &DatabaseTransaction,
) -> Result<Verdict, StoreError> {
    let Some(step) = step else { return Ok(work.run(tx).await) };
    let (verdict, written) = written(work.run(tx)).await;
    if let Verdict::Done = verdict {
        step.store(tx, written).await?;
    }
    Ok(verdict)
}

impl JobAnswer {
    /// Waits for it, as long as the job may take; calls `late` if it takes long. The error replaces
    /// the result of the work.
    pub(crate) async fn receive(mut self, late: impl FnOnce()) -> Result<Verdict, StoreError> {
        let answered = match timeout(SLOW, &mut self.receiver).await {
            Ok(answer) => Ok(answer),
            Err(_) => {
                late();
                timeout_at(self.deadline + GRACE, self.receiver).await
            }
        };
        match answered {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(panicked()),
            // The job may still be running and commit later.
            Err(_) => Err(no_answer()),
        }
    }
}

fn panicked() -> StoreError {
    StoreError::other("a write job panicked")
}

fn no_answer() -> StoreError {
    StoreError::CommitUnknown(sea_orm::DbErr::Custom("no answer".into()))
}
