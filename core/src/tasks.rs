//! Where the tasks of a client run, and the two words that end them: stop, and stop at once. In a forked child, which has none
//! of them, they are started again at the first call.

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

/// Starts everything again on these tasks.
type Restart = Box<dyn Fn(&Tasks) + Send + Sync>;

/// All tasks of one client. Dropping it stops them without waiting.
pub(crate) struct Tasks {
    current: ArcSwap<ProcessLocal<TaskRuntime>>,
    stopped: AtomicBool,
    /// What starts everything again in a forked child.
    restart: OnceLock<Restart>,
    restarting: Mutex<()>,
}

#[derive(Debug)]
struct TaskRuntime {
    /// Chosen at the first use: the caller's runtime, else the shared one.
    runtime: OnceLock<Handle>,
    tracker: TaskTracker,
    stop: CancellationToken,
    /// Ends deliveries to listeners that are still not through.
    abandon: CancellationToken,
}

impl Tasks {
    /// No tasks yet.
    pub(crate) fn new() -> Self {
        Self {
            current: ArcSwap::from_pointee(ProcessLocal::new(TaskRuntime::new())),
            stopped: AtomicBool::new(false),
            restart: OnceLock::new(),
            restarting: Mutex::new(()),
        }
    }

    /// Says what starts everything again in a forked child; once.
    pub(crate) fn set_restart(&self, restart: impl Fn(&Tasks) + Send + Sync + 'static) {
        let _ = self.restart.set(Box::new(restart));
    }

    /// Starts everything again if this is a child that was forked since.
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
            current.stop.cancel();
        }
        self.current.store(Arc::new(ProcessLocal::new(current)));
        if let Some(restart) = self.restart.get()
            && !self.stopped.load(Ordering::SeqCst)
            && self.ensure_runtime().is_ok()
        {
            restart(self);
        }
    }

    /// Fails after [`Tasks::stop`].
    pub(crate) fn check_open(&self) -> Result<()> {
        match self.stopped.load(Ordering::SeqCst) {
            true => Err(Error::new(ErrorKind::Closed, "open", "the client is closed")),
            false => Ok(()),
        }
    }

    /// Fails unless tasks can be started.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] after [`Tasks::stop`]; [`ErrorKind::InvalidArgument`] where there is no runtime.
    pub(crate) fn ensure_runtime(&self) -> Result<()> {
        self.check_open()?;
        let current = self.current.load();
        if current.runtime.get().is_none() {
            let _ = current.runtime.set(runtime()?);
        }
        Ok(())
    }

    /// Starts a task that ends when it is told to stop, after what it still has to finish.
    pub(crate) fn spawn_until_stopped<F>(&self, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let current = self.current.load();
        current.spawn(task(current.stop.clone()));
    }

    /// Starts a task that is cut off when told to stop.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_until_stopped(|stop| async move {
            let _ = stop.run_until_cancelled_owned(task).await;
        });
    }

    /// Starts a task that ends by itself, and is cut off if it does not.
    pub(crate) fn spawn_delivery(&self, task: impl Future<Output = ()> + Send + 'static) {
        let current = self.current.load();
        let abandon = current.abandon.clone();
        current.spawn(async move {
            let _ = abandon.run_until_cancelled_owned(task).await;
        });
    }

    /// The runtime that they run on; `None` before the first.
    pub(crate) fn threads(&self) -> Option<ThreadMetrics> {
        self.current.load().runtime.get().map(ThreadMetrics::of)
    }

    /// Tells the tasks to stop; does not wait.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        let current = self.current.load();
        if current.belongs_to_this_process() {
            current.stop.cancel();
            current.tracker.close();
        }
    }

    /// Returns once all have stopped. After `drain` those that still deliver are cut off, and after `deadline` nobody waits
    /// any longer. May be awaited anywhere, also where no Tokio runtime is.
    pub(crate) async fn wait_until_stopped(&self, drain: Duration, deadline: Duration) {
        let current = self.current.load_full();
        let Some(runtime) = current.runtime.get().filter(|_| current.belongs_to_this_process())
        else {
            return;
        };
        let within = |limit| {
            // The clock is that of the runtime which the tasks are on.
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
        // `Tasks::ensure_runtime` comes before every start; without a runtime nothing could be running.
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
