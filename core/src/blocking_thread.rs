//! Runs work on the blocking threads of a runtime. While the operating system refuses to start
//! threads, the work waits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot::{self, Receiver};
use tokio::time::sleep;
use tracing::warn;

use crate::backoff::{Backoff, BackoffPolicy};

/// Pauses between the attempts to start a thread. They grow, because the runtime keeps an entry for
/// each attempt until it has a thread.
const PAUSE: BackoffPolicy =
    BackoffPolicy::doubling(Duration::from_secs(1), Duration::from_secs(8)).jittered(0.2);

/// Starts work on a blocking thread of the current runtime. The result arrives in the receiver,
/// which fails if the work panics or the runtime ends.
pub(crate) async fn start<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Receiver<T> {
    let (sender, result) = oneshot::channel();
    let work = move || {
        // The caller may have stopped waiting for the result.
        let _ = sender.send(work());
    };
    let work = Arc::new(Mutex::new(Some(work)));
    let runtime = Handle::current();
    let mut pause = Backoff::new(PAUSE);
    while !is_accepted(&runtime, &work) {
        if pause.is_at_start() {
            warn!(
                "the operating system refuses to start a thread; the work that needs it is delayed; raise the limit of threads of this process or container"
            );
        }
        sleep(pause.next_delay(&mut fastrand::Rng::new())).await;
    }
    result
}

/// Whether the work has begun or certainly will. Tokio panics if the system refuses a thread and no
/// other blocking thread is there. It has queued the work by then, and the next thread that starts
/// runs everything that is queued; therefore the first entry takes the work, and further ones find
/// nothing to do.
fn is_accepted<F: FnOnce() + Send + 'static>(
    runtime: &Handle,
    work: &Arc<Mutex<Option<F>>>,
) -> bool {
    let queued = work.clone();
    let run = move || {
        // Not locked while it runs.
        let taken = lock(&queued).take();
        if let Some(work) = taken {
            work();
        }
    };
    let has_begun = lock(work).is_none();
    has_begun || catch_unwind(AssertUnwindSafe(|| runtime.spawn_blocking(run))).is_ok()
}

fn lock<F>(work: &Mutex<Option<F>>) -> MutexGuard<'_, Option<F>> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

    use tokio::runtime::{Builder, Runtime};
    use tokio::time::timeout;

    use super::*;

    /// A runtime that cannot start its first threads. For Tokio, a thread that gets no name is like
    /// one that the system refuses: the work is queued, and the caller panics. It poisons a lock, at
    /// which the first thread ends once it is idle: only for tests that run one piece of work.
    pub(crate) fn refusing(threads: isize) -> Runtime {
        let left = AtomicIsize::new(threads);
        let name = move || {
            assert!(left.fetch_sub(1, Ordering::SeqCst) <= 0, "refused on purpose");
            "granted".to_owned()
        };
        Builder::new_current_thread().enable_all().thread_name_fn(name).build().unwrap()
    }

    /// B69
    #[test]
    fn work_waits_while_threads_are_refused_and_runs_once() {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = runs.clone();
        let runtime = refusing(1);
        let work = move || counted.fetch_add(1, Ordering::SeqCst);
        let result = runtime.block_on(async { start(work).await.await });
        assert_eq!(result, Ok(0));
        // Waits for its threads, which run both entries.
        drop(runtime);
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }

    /// B69: no system grants a stack of this size.
    #[test]
    fn a_thread_that_the_system_refuses_is_no_panic() {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_time().thread_stack_size(usize::MAX / 16).build().unwrap();
        let waiting = async { timeout(Duration::ZERO, start(|| ())).await };
        assert!(runtime.block_on(waiting).is_err());
    }

    #[tokio::test]
    async fn a_panic_of_the_work_is_an_error() {
        assert!(start::<()>(|| panic!("on purpose")).await.await.is_err());
    }
}
