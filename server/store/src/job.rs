//! A write job without its types: what the writer task and the transactions run. Erasing the types
//! here lets the compiler generate the machinery of transactions once, and not for each of the many
//! jobs. Knows no table and no engine.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sea_orm::DatabaseTransaction;
use tokio::sync::oneshot;
use tokio::time::{Duration, Instant, timeout, timeout_at};

use crate::audit::trail::TrailStep;
use crate::error::{JobError, StoreError};
use crate::pulse::Pulse;
use crate::refusal::Refusals;
use crate::statement::with_failed;

/// Duration after which a job takes long.
const SLOW: Duration = Duration::from_secs(2);
/// Additional time for the last batch that starts before a job's deadline.
const GRACE: Duration = Duration::from_secs(15);

/// How a run of a job ended.
pub(crate) enum Verdict {
    /// Commit.
    Done,
    /// Roll back; with the error of the store, if that was the reason.
    Failed(Option<StoreError>),
}

/// A job whose types are known only to its caller.
pub(crate) trait Job: Send {
    /// Runs in the transaction, and stores the result.
    fn run<'c>(&'c mut self, tx: &'c DatabaseTransaction) -> BoxFuture<'c, Verdict>;

    /// The time when its caller stops waiting; the job must not start later.
    fn deadline(&self) -> Instant;

    /// Answers the caller: with the error of the transaction if there is one, else with the stored
    /// result.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

/// The answer to a job.
pub(crate) struct Answer<T, E> {
    receiver: oneshot::Receiver<Result<T, E>>,
    deadline: Instant,
}

/// Prepares a job that runs from now on, and its answer. The transaction also stores the step of an
/// audit trail.
pub(crate) fn prepare<I, T, E, F>(
    input: I,
    run: F,
    step: Option<TrailStep>,
    refusals: Refusals,
) -> (Box<dyn Job>, Answer<T, E>)
where
    I: Send + Sync + 'static,
    T: Send + 'static,
    E: JobError,
    F: for<'c> Fn(&'c DatabaseTransaction, &'c I) -> BoxFuture<'c, Result<T, E>>
        + Send
        + Sync
        + 'static,
{
    let (reply, receiver) = oneshot::channel();
    // One deadline for all attempts, because the caller waits for all of them.
    let deadline = Pulse::deadline();
    let job = Waiting { input, run, step, refusals, result: None, reply, deadline };
    (Box::new(job), Answer { receiver, deadline })
}

impl<T, E: JobError> Answer<T, E> {
    /// Waits for it, as long as the job may take; calls `late` if it takes long.
    pub(crate) async fn receive(mut self, late: impl FnOnce()) -> Result<T, E> {
        let answered = match timeout(SLOW, &mut self.receiver).await {
            Ok(answer) => Ok(answer),
            Err(_) => {
                late();
                timeout_at(self.deadline + GRACE, self.receiver).await
            }
        };
        match answered {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(StoreError::other("a write job panicked").into()),
            // The job may still be running and commit later.
            Err(_) => Err(no_answer().into()),
        }
    }
}

fn no_answer() -> StoreError {
    StoreError::CommitUnknown(sea_orm::DbErr::Custom("no answer".into()))
}

struct Waiting<I, T, E, F> {
    input: I,
    run: F,
    step: Option<TrailStep>,
    refusals: Refusals,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
    deadline: Instant,
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
    fn run<'c>(&'c mut self, tx: &'c DatabaseTransaction) -> BoxFuture<'c, Verdict> {
        Box::pin(async move {
            let job = (self.run)(tx, &self.input);
            let job = async {
                match &self.step {
                    Some(step) => step.run(tx, job).await,
                    None => job.await,
                }
            };
            let (outcome, failed) = with_failed(AssertUnwindSafe(job).catch_unwind()).await;
            self.result = outcome.ok();
            match &self.result {
                Some(Ok(_)) => Verdict::Done,
                Some(Err(error)) => {
                    let error = error.store_error();
                    if let (Some(sql), Some(error)) = (failed, error) {
                        self.refusals.note(&sql, error);
                    }
                    Verdict::Failed(error.cloned())
                }
                None => Verdict::Failed(None),
            }
        })
    }

    fn deadline(&self) -> Instant {
        self.deadline
    }

    fn answer(self: Box<Self>, failure: Option<StoreError>) {
        let result = match failure {
            Some(error) => Some(Err(error.into())),
            None => self.result,
        };
        // Without a result the job panicked, which the dropped reply signals. A caller that stopped
        // waiting needs no reply.
        if let Some(result) = result {
            let _ = self.reply.send(result);
        }
    }
}
