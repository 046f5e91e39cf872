//! Where the tasks of a client run, and the two words that end them: stop, and stop at once.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::{Error, ErrorKind, Result};
use crate::monitor::ThreadMetrics;

/// All tasks of one client. Dropping it stops them without waiting.
#[derive(Debug)]
pub(crate) struct Tasks {
    live: Mutex<Live>,
}

#[derive(Debug)]
struct Live {
    /// Chosen at the first use: the caller's runtime, else the shared one.
    runtime: Option<Handle>,
    tracker: TaskTracker,
    stop: CancellationToken,
    /// Ends deliveries to listeners that are still not through.
    abandon: CancellationToken,
}

impl Tasks {
    /// No tasks yet.
    pub(crate) fn new() -> Self {
        let live = Live {
            runtime: None,
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
            abandon: CancellationToken::new(),
        };
        Self { live: Mutex::new(live) }
    }

    /// Fails unless tasks can be started.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] after [`Tasks::stop`]; [`ErrorKind::InvalidArgument`] where there is no runtime.
    pub(crate) fn ready(&self) -> Result<()> {
        let mut live = self.lock();
        if live.stop.is_cancelled() {
            let text = "the client is closed";
            return Err(Error::new(ErrorKind::Closed, "open", text));
        }
        if live.runtime.is_none() {
            live.runtime = Some(runtime()?);
        }
        Ok(())
    }

    /// Starts a task that ends when it is told to stop, after what it still has to finish.
    pub(crate) fn spawn_until_stopped<F>(&self, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let live = self.lock();
        live.spawn(task(live.stop.clone()));
    }

    /// Starts a task that is cut off when told to stop.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_until_stopped(|stop| async move {
            let _ = stop.run_until_cancelled_owned(task).await;
        });
    }

    /// Starts a task that ends by itself, and is cut off if it does not.
    pub(crate) fn spawn_delivery(&self, task: impl Future<Output = ()> + Send + 'static) {
        let live = self.lock();
        let abandon = live.abandon.clone();
        live.spawn(async move {
            let _ = abandon.run_until_cancelled_owned(task).await;
        });
    }

    /// The runtime that they run on; `None` before the first.
    pub(crate) fn threads(&self) -> Option<ThreadMetrics> {
        self.lock().runtime.as_ref().map(ThreadMetrics::of)
    }

    /// Tells the tasks to stop; does not wait.
    pub(crate) fn stop(&self) {
        let live = self.lock();
        live.stop.cancel();
        live.tracker.close();
    }

    /// Returns once all have stopped. After `drain` those that still deliver are cut off, and after `deadline` nobody waits
    /// any longer.
    pub(crate) async fn stopped(&self, drain: Duration, deadline: Duration) {
        let (tracker, abandon) = {
            let live = self.lock();
            (live.tracker.clone(), live.abandon.clone())
        };
        if timeout(drain, tracker.wait()).await.is_err() {
            abandon.cancel();
            let _ = timeout(deadline.saturating_sub(drain), tracker.wait()).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // `Tasks::ready` comes before every start; without a runtime nothing could be running.
        if let Some(runtime) = &self.runtime {
            self.tracker.spawn_on(task, runtime);
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The runtime of the caller, else the shared one.
fn runtime() -> Result<Handle> {
    if let Ok(handle) = Handle::try_current() {
        return Ok(handle);
    }
    #[cfg(feature = "blocking")]
    return crate::blocking::runtime();
    #[cfg(not(feature = "blocking"))]
    Err(Error::new(
        ErrorKind::InvalidArgument,
        "open",
        "there is no Tokio runtime; call this within one, or enable the feature `blocking`",
    ))
}
