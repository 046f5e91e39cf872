//! Runs the client's tasks and stops them in two stages: gracefully (`stop`), then immediately
//! (`abandon`). In a forked child, which has none of them, the first call starts them again.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::{Error, ErrorKind, Result};
use crate::monitor::ThreadMetrics;
use crate::process_local::ProcessLocal;

/// Restarts the work of a client in a forked child.
type Restart = Box<dyn Fn(&Tasks) + Send + Sync>;

/// All tasks of one client. Dropping it stops them without waiting.
pub(crate) struct Tasks {
    current: ArcSwap<ProcessLocal<TaskRuntime>>,
    stopped: AtomicBool,
    /// Called in a forked child.
    restart: OnceLock<Restart>,
    /// Held while a forked child restarts, so that concurrent first calls start everything only
    /// once.
    restarting: Mutex<()>,
}

#[derive(Debug)]
struct TaskRuntime {
    /// Chosen at the first use: the caller's runtime, or the shared one.
    runtime: OnceLock<Handle>,
    tracker: TaskTracker,
    /// Asks all tasks to end.
    stop: CancellationToken,
    /// Ends deliveries to listeners that have not finished in time.
    abandon: CancellationToken,
}

impl Tasks {
    /// Chooses no runtime and starts nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            current: ArcSwap::from_pointee(ProcessLocal::new(TaskRuntime::new())),
            stopped: AtomicBool::new(false),
            restart: OnceLock::new(),
            restarting: Mutex::new(()),
        }
    }

    /// Sets the function that restarts everything in a forked child. Only the first call has an
    /// effect.
    pub(crate) fn set_restart(&self, restart: impl Fn(&Tasks) + Send + Sync + 'static) {
        let _ = self.restart.set(Box::new(restart));
    }

    /// Restarts everything if this process was forked since the tasks were started.
    pub(crate) fn resume_after_fork(&self) {
        if self.current.load().belongs_to_this_process() {
            return;
        }
        let _restarting = self.restarting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.current.load().belongs_to_this_process() {
            return;
        }
        let current = TaskRuntime::new();
        if self.stopped.load(Ordering::SeqCst) {
            // A client that was closed before the fork stays closed.
            current.stop.cancel();
        }
        // Stored before the restart: `restart` spawns on the new runtime.
        self.current.store(Arc::new(ProcessLocal::new(current)));
        if let Some(restart) = self.restart.get()
            && !self.stopped.load(Ordering::SeqCst)
            && self.ensure_runtime().is_ok()
        {
            restart(self);
        }
    }

    /// Fails after [`Tasks::stop`].
    ///
    /// # Errors
    /// [`ErrorKind::Closed`].
    pub(crate) fn check_open(&self) -> Result<()> {
        match self.stopped.load(Ordering::SeqCst) {
            true => Err(Error::new(ErrorKind::Closed, "open", "the client is closed")),
            false => Ok(()),
        }
    }

    /// Fails unless tasks can be started.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] after [`Tasks::stop`]; [`ErrorKind::InvalidArgument`] if there is no
    /// runtime.
    pub(crate) fn ensure_runtime(&self) -> Result<()> {
        self.check_open()?;
        let current = self.current.load();
        if current.runtime.get().is_none() {
            // Fails if another thread was first; its runtime is used then.
            let _ = current.runtime.set(runtime()?);
        }
        Ok(())
    }

    /// Starts a task that receives the token of the graceful stop, and ends by itself after it.
    pub(crate) fn spawn_until_stopped<F>(&self, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let current = self.current.load();
        current.spawn(task(current.stop.clone()));
    }

    /// Starts a task that is cancelled by the graceful stop.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_until_stopped(|stop| async move {
            let _ = stop.run_until_cancelled_owned(task).await;
        });
    }

    /// Starts a task that ends by itself; only the immediate stop cancels it.
    pub(crate) fn spawn_delivery(&self, task: impl Future<Output = ()> + Send + 'static) {
        let current = self.current.load();
        let abandon = current.abandon.clone();
        current.spawn(async move {
            let _ = abandon.run_until_cancelled_owned(task).await;
        });
    }

    /// Metrics of the runtime; `None` before the first task.
    pub(crate) fn threads(&self) -> Option<ThreadMetrics> {
        self.current.load().runtime.get().map(ThreadMetrics::of)
    }

    /// Stops the tasks gracefully; does not wait.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        let current = self.current.load();
        // A forked child has no tasks, and the token's lock may be held by a thread of the parent.
        if current.belongs_to_this_process() {
            current.stop.cancel();
            current.tracker.close();
        }
    }

    /// Returns once all tasks have ended. Deliveries are cancelled after `drain`; after `deadline`
    /// this returns even if tasks remain. May be awaited outside of a Tokio runtime.
    pub(crate) async fn wait_until_stopped(&self, drain: Duration, deadline: Duration) {
        let current = self.current.load_full();
        let Some(runtime) = current.runtime.get().filter(|_| current.belongs_to_this_process())
        else {
            return;
        };
        let within = |limit| {
            // `timeout` needs the timer of a runtime, and the caller may be outside of one.
            let _entered = runtime.enter();
            timeout(limit, current.tracker.wait())
        };
        if within(drain).await.is_err() {
            current.abandon.cancel();
            let _ = within(deadline.saturating_sub(drain)).await;
        }
    }
}

impl TaskRuntime {
    fn new() -> Self {
        Self {
            runtime: OnceLock::new(),
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
            abandon: CancellationToken::new(),
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // Set, because every start calls `Tasks::ensure_runtime` first.
        if let Some(runtime) = self.runtime.get() {
            self.tracker.spawn_on(task, runtime);
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The caller's runtime, or the shared one.
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
