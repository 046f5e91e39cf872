//! How many of the runtime's blocking threads functions of the application may hold at once, in all clients of the process
//! together: those that block hold up nothing but each other. Does not know what runs.

use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use crate::process_local::ProcessLocalCell;

/// Change listeners.
pub(crate) static LISTENER_POOL: BlockingPool = BlockingPool::new(64);
/// Functions that a load waits for: validators, sources and secret providers.
pub(crate) static HOOK_POOL: BlockingPool = BlockingPool::new(64);
/// Functions that are dropped: when a client is closed, all of them at once.
pub(crate) static DROP_POOL: BlockingPool = BlockingPool::new(2);

/// The blocking threads that one kind of functions may hold.
pub(crate) struct BlockingPool {
    limit: usize,
    /// Of each process its own: a forked child has none of the threads that hold permits.
    permits: ProcessLocalCell<Arc<Semaphore>>,
}

impl BlockingPool {
    const fn new(limit: usize) -> Self {
        Self { limit, permits: ProcessLocalCell::new() }
    }

    /// Starts this on a thread that may block, once there is one.
    pub(crate) async fn start<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let made = || Ok::<_, Infallible>(Arc::new(Semaphore::new(self.limit)));
        let Ok(permits) = self.permits.get(made);
        // The semaphore is never closed. The thread holds the permit, not the caller, which may stop waiting.
        let permit = Semaphore::acquire_owned(Arc::clone(&permits)).await.ok();
        spawn_blocking(move || {
            let _permit = permit;
            work()
        })
    }

    /// Runs this on a thread that may block, once there is one.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        self.start(work).await.await
    }
}
