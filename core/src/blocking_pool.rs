//! Limits how many of the runtime's blocking threads application functions may occupy, in all
//! clients of the process together. A function that never returns can only delay functions of the
//! same kind.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::sync::oneshot::Receiver;
use tokio::sync::oneshot::error::RecvError;
use tokio::time::timeout;

use crate::blocking_thread;
use crate::process_local::ProcessLocalCell;

// Tokio stops at 512 blocking threads; these limits leave most of them to the application's own
// work.

/// Change listeners.
pub(crate) static LISTENER_POOL: BlockingPool = BlockingPool::new(64);
/// Functions that a load waits for: validators, sources and secret providers.
pub(crate) static HOOK_POOL: BlockingPool = BlockingPool::new(64);
/// Drops of listener functions. Closing a client drops all of them at once, hence the small limit.
pub(crate) static DROP_POOL: BlockingPool = BlockingPool::new(2);

/// An application function that runs longer, or waits longer for a thread, is logged.
const SLOW: Duration = Duration::from_secs(30);

/// A limited number of blocking threads for one kind of function.
pub(crate) struct BlockingPool {
    limit: usize,
    /// One semaphore for each process: a forked child does not have the threads that hold the
    /// parent's permits.
    permits: ProcessLocalCell<Arc<Semaphore>>,
}

impl BlockingPool {
    const fn new(limit: usize) -> Self {
        Self { limit, permits: ProcessLocalCell::new() }
    }

    /// Starts a function on a blocking thread as soon as a permit is free. The receiver fails if the
    /// function panics or the runtime ends.
    pub(crate) async fn start<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Receiver<T> {
        let made = || Ok::<_, Infallible>(Arc::new(Semaphore::new(self.limit)));
        let Ok(permits) = self.permits.get(made);
        // The semaphore is never closed. The permit moves to the thread, because the caller may
        // stop waiting while the function still occupies the thread.
        let permit = Semaphore::acquire_owned(Arc::clone(&permits)).await.ok();
        let work = move || {
            let _permit = permit;
            work()
        };
        blocking_thread::start(work).await
    }

    /// Runs a function on a blocking thread and waits for its result.
    ///
    /// # Errors
    /// If the function panics or the runtime ends.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, RecvError> {
        self.start(work).await.await
    }
}

/// Waits for a call of an application function, and calls `report` once if that takes more than
/// 30 s: a function that never returns must not stop its client without a log record.
pub(crate) async fn warn_if_slow<T>(call: impl Future<Output = T>, report: impl FnOnce()) -> T {
    let mut call = pin!(call);
    if let Ok(output) = timeout(SLOW, &mut call).await {
        return output;
    }
    report();
    call.await
}
