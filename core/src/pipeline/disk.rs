//! Runs cache file operations on blocking threads, at most two at a time for each client.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::blocking_thread;
use crate::cache::FileCache;
use crate::error::{Error, ErrorKind, Result};

/// A hanging disk (a network mount, for instance) occupies at most this many threads of the
/// runtime.
const MAX_DISK_THREADS: usize = 2;

/// The cache files of a client and the permits to access them; cheap to clone.
#[derive(Clone)]
pub(crate) struct Disk {
    cache: Arc<FileCache>,
    permits: Arc<Semaphore>,
}

impl Disk {
    pub(crate) fn new(cache: FileCache) -> Self {
        Self { cache: Arc::new(cache), permits: Arc::new(Semaphore::new(MAX_DISK_THREADS)) }
    }

    /// Runs a cache operation on a blocking thread as soon as a permit is free.
    pub(super) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&FileCache) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        // The semaphore is never closed; without a permit there would only be one more thread. The
        // permit moves to the thread, because the caller may stop waiting while a slow disk still
        // occupies the thread.
        let permit = self.permits.acquire_owned().await.ok();
        let cache = self.cache;
        let work = move || {
            let _permit = permit;
            work(&cache)
        };
        blocking_thread::run(work).await.unwrap_or_else(|_| {
            let text = "the cache file operation panicked";
            Err(Error::new(ErrorKind::Internal, "local cache", text))
        })
    }
}
