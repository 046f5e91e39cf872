//! Runs the client's tasks and stops them in two stages: gracefully (`stop`), then immediately
//! (`abandon`). In a forked child, which has none of them, and after their runtime has ended, the
//! first call starts them again.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

use crate::error::{Error, ErrorKind, Result};
use crate::monitor::ThreadMetrics;
use crate::process_local::{ProcessLocal, ProcessLocalCell};

/// Restarts the work of a client whose tasks are gone; false if that failed.
type Restart = Box<dyn Fn(&Tasks) -> bool + Send + Sync>;

/// Clients that had a listener at some time. Swapped instead of locked, because a child may be
/// forked at any moment.
static LISTENING: ArcSwapOption<Vec<Weak<Tasks>>> = ArcSwapOption::const_empty();

/// All tasks of one client. Dropping it stops them without waiting.
pub(crate) struct Tasks {
    current: ArcSwap<ProcessLocal<TaskRuntime>>,
    stopped: AtomicBool,
    /// Whether the client is one of [`LISTENING`].
    is_listening: AtomicBool,
    /// Called when the tasks are gone.
    restart: OnceLock<Restart>,
    /// Held during a restart, so that concurrent first calls start everything only once. A child
    /// that is forked meanwhile has its own.
    restarting: ProcessLocalCell<Mutex<()>>,
}

#[derive(Debug)]
struct TaskRuntime {
    /// Chosen at the first use: the caller's runtime, or the shared one.
    runtime: OnceLock<Handle>,
    tracker: TaskTracker,
    /// What runs after the tasks of `tracker`.
    last: TaskTracker,
    /// Asks all tasks to end.
    stop: CancellationToken,
    /// Ends deliveries to listeners that have not finished in time.
    abandon: CancellationToken,
    /// Whether the runtime has ended, and with it the tasks.
    is_lost: Arc<AtomicBool>,
    /// Whether a restart on it is complete.
    is_restarted: AtomicBool,
}

/// A task. The guard is dropped first: whoever waits for the task finds the runtime lost.
struct Guarded {
    guard: RuntimeGuard,
    task: BoxFuture<'static, ()>,
}

/// Notices that a runtime dropped a task.
struct RuntimeGuard {
    stop: CancellationToken,
    is_lost: Arc<AtomicBool>,
    has_ended: bool,
}

impl Tasks {
    /// Chooses no runtime and starts nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            current: ArcSwap::from_pointee(ProcessLocal::new(TaskRuntime::new())),
            stopped: AtomicBool::new(false),
            is_listening: AtomicBool::new(false),
            restart: OnceLock::new(),
            restarting: ProcessLocalCell::new(),
        }
    }

    /// Sets the function that restarts everything in a forked child, or after the runtime has
    /// ended. Only the first call has an effect.
    pub(crate) fn set_restart(&self, restart: impl Fn(&Tasks) -> bool + Send + Sync + 'static) {
        let _ = self.restart.set(Box::new(restart));
    }

    /// Restarts everything if this process was forked since the tasks were started, or if their
    /// runtime has ended. If that fails, the next call tries again.
    pub(crate) fn resume(&self) {
        if self.current.load().is_running() {
            return;
        }
        let Ok(restarting) = self.restarting.get(|| Ok::<_, Infallible>(Mutex::new(())));
        let _restarting = restarting.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = self.current.load_full();
        if previous.is_running() {
            return;
        }
        let current = Arc::new(ProcessLocal::new(TaskRuntime::new()));
        if self.stopped.load(Ordering::SeqCst) {
            // A client that was closed stays closed.
            current.close();
            self.current.store(current);
            return;
        }
        // A child that a listener forked inherits the context of a runtime without threads.
        let runtime = match previous.belongs_to_this_process() {
            true => runtime(),
            false => runtime_of_child(),
        };
        let Ok(runtime) = runtime else { return };
        current.start_on(&runtime);
        current.is_restarted.store(false, Ordering::SeqCst);
        // Stored before the restart, which starts tasks.
        self.current.store(current.clone());
        if self.restart.get().is_some_and(|restart| !restart(self)) {
            current.stop.cancel();
            self.current.store(previous);
        } else if self.stopped.load(Ordering::SeqCst) {
            current.close();
        }
        current.is_restarted.store(true, Ordering::SeqCst);
    }

    /// Whether the tasks ended with their runtime.
    pub(crate) fn are_lost(&self) -> bool {
        let current = self.current.load();
        current.belongs_to_this_process() && current.is_lost.load(Ordering::SeqCst)
    }

    /// Notes that the client has a listener.
    pub(crate) fn listens(self: &Arc<Self>) {
        if self.is_listening.swap(true, Ordering::SeqCst) {
            return;
        }
        LISTENING.rcu(|known| {
            let known = known.iter().flat_map(|known| known.iter());
            let open = known.filter(|tasks| tasks.strong_count() > 0).cloned();
            Some(Arc::new(open.chain([Arc::downgrade(self)]).collect()))
        });
    }

    /// Restarts the clients that had a listener, in a forked child; false if that failed for one.
    #[cfg(feature = "host")]
    pub(crate) fn resume_listening() -> bool {
        let mut all_run = true;
        for tasks in LISTENING.load_full().iter().flat_map(|known| known.iter()) {
            if let Some(tasks) = tasks.upgrade() {
                tasks.resume();
                all_run &= tasks.current.load().is_running();
            }
        }
        all_run
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
        if !current.is_usable() || current.runtime.get().is_none() {
            current.start_on(&runtime()?);
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

    /// Starts a task that ends by itself; only the immediate stop, whose token it receives, cancels
    /// it.
    pub(crate) fn spawn_delivery<F>(&self, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let current = self.current.load();
        let abandon = current.abandon.clone();
        let task = task(abandon.clone());
        current.spawn(async move {
            let _ = abandon.run_until_cancelled_owned(task).await;
        });
    }

    /// Runs a future after [`Tasks::stop`], once all tasks have ended. If this process has no
    /// runtime for them, or the runtime ends first, the future is dropped instead.
    pub(crate) fn spawn_last(&self, last: impl Future<Output = ()> + Send + 'static) {
        let current = self.current.load();
        if let Some(runtime) = current.runtime.get().filter(|_| current.is_usable()) {
            let tasks = current.tracker.clone();
            let last = async move {
                tasks.wait().await;
                last.await;
            };
            current.last.spawn_on(last, runtime);
        }
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
            current.close();
        }
    }

    /// Returns once all tasks have ended, and what runs after them. Deliveries are cancelled after
    /// `drain`; after `deadline` this returns even if tasks remain. May be awaited outside of a
    /// Tokio runtime.
    pub(crate) async fn wait_until_stopped(&self, drain: Duration, deadline: Duration) {
        let current = self.current.load_full();
        let Some(runtime) = current.runtime.get().filter(|_| current.is_usable()) else {
            return;
        };
        let within = |limit| {
            // `timeout` needs the timer of a runtime, and the caller may be outside of one.
            let _entered = runtime.enter();
            timeout(limit, current.ended())
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
            last: TaskTracker::new(),
            stop: CancellationToken::new(),
            abandon: CancellationToken::new(),
            is_lost: Arc::default(),
            is_restarted: AtomicBool::new(true),
        }
    }

    /// Chooses the runtime. If another thread was first, its runtime is used.
    fn start_on(&self, runtime: &Handle) {
        if self.runtime.set(runtime.clone()).is_ok() {
            let stop = self.stop.clone();
            // One that waits for nothing else: all others may have ended.
            runtime.spawn(self.guarded(async move { stop.cancelled().await }));
        }
    }

    /// Asks all tasks to end, and lets [`TaskRuntime::ended`] return.
    fn close(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.last.close();
    }

    /// Returns once all tasks have ended, and what runs after them.
    async fn ended(&self) {
        self.tracker.wait().await;
        self.last.wait().await;
    }

    /// A task whose drop by the runtime is noticed.
    fn guarded(&self, task: impl Future<Output = ()> + Send + 'static) -> Guarded {
        let (stop, is_lost) = (self.stop.clone(), self.is_lost.clone());
        Guarded { guard: RuntimeGuard { stop, is_lost, has_ended: false }, task: Box::pin(task) }
    }
}

impl ProcessLocal<TaskRuntime> {
    /// Whether tasks of this process run, or can be started.
    fn is_usable(&self) -> bool {
        self.belongs_to_this_process() && !self.is_lost.load(Ordering::SeqCst)
    }

    /// The same, once a restart is complete.
    fn is_running(&self) -> bool {
        self.is_usable() && self.is_restarted.load(Ordering::SeqCst)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // Set, because every start calls `Tasks::ensure_runtime` first.
        if let Some(runtime) = self.runtime.get().filter(|_| self.is_usable()) {
            self.tracker.spawn_on(self.guarded(task), runtime);
        }
    }
}

impl Future for Guarded {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let polled = self.task.as_mut().poll(context);
        self.guard.has_ended |= polled.is_ready();
        polled
    }
}

impl Drop for RuntimeGuard {
    fn drop(&mut self) {
        let is_dropped = !self.has_ended && !self.stop.is_cancelled() && !thread::panicking();
        if is_dropped && !self.is_lost.swap(true, Ordering::SeqCst) {
            info!("the Tokio runtime of a client has ended; its next call restarts its tasks");
        }
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The shared runtime, or without one the caller's.
fn runtime_of_child() -> Result<Handle> {
    #[cfg(feature = "blocking")]
    return crate::blocking::runtime();
    #[cfg(not(feature = "blocking"))]
    runtime()
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    /// B52: a process was forked while a thread of it restarted the tasks.
    #[test]
    fn a_child_does_not_wait_for_a_restart_of_its_parent() {
        let tasks = Tasks::new();
        tasks.current.load().is_lost.store(true, Ordering::SeqCst);
        let inherited = tasks.restarting.inherit(Mutex::new(()));
        let _held = inherited.lock().unwrap();
        let (resumed, is_resumed) = sync_channel(1);
        thread::spawn(move || {
            tasks.resume();
            resumed.send(tasks.are_lost()).unwrap();
        });
        assert_eq!(is_resumed.recv_timeout(Duration::from_secs(60)), Ok(false));
    }
}
