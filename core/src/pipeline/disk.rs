//! Runs cache file operations on blocking threads, at most two at a time for each client, and decides
//! which of their failures are logged.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use crate::blocking_thread;
use crate::cache::FileCache;
use crate::error::{Error, ErrorKind, Result};
use crate::last_warning::LastWarning;

/// A hanging disk (a network mount, for instance) occupies at most this many threads of the
/// runtime.
const MAX_DISK_THREADS: usize = 2;

/// The namespaces of an app whose files cannot be written. All its files are in one directory, so
/// that they often fail together.
#[derive(Default)]
struct Failing {
    /// Number of those whose failure is logged.
    logged: usize,
    warning: LastWarning,
}

/// The cache files of a client and the permits to access them; cheap to clone.
#[derive(Clone)]
pub(crate) struct Disk {
    cache: Arc<FileCache>,
    permits: Arc<Semaphore>,
    /// By app id.
    failing: Arc<Mutex<HashMap<String, Failing>>>,
}

impl Disk {
    pub(crate) fn new(cache: FileCache) -> Self {
        let permits = Arc::new(Semaphore::new(MAX_DISK_THREADS));
        Self { cache: Arc::new(cache), permits, failing: Arc::default() }
    }

    /// A write of a file of this app failed. Returns whether that is to be logged: if no other failure
    /// is, or, if the write of this file did not fail before, after a while.
    pub(super) fn log_failure(&self, app_id: &str, is_first: bool) -> bool {
        let mut failing = self.lock();
        let failing = failing.entry(app_id.to_owned()).or_default();
        let is_logged = failing.logged == 0 || (is_first && failing.warning.is_past());
        if is_logged {
            failing.logged += 1;
            failing.warning.set();
        }
        is_logged
    }

    /// A failure that was logged has ended.
    pub(super) fn end_failure(&self, app_id: &str) {
        if let Some(failing) = self.lock().get_mut(app_id) {
            failing.logged -= 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Failing>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
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
        blocking_thread::start(work).await.await.unwrap_or_else(|_| {
            let text = "the cache file operation panicked";
            Err(Error::new(ErrorKind::Internal, "local cache", text))
        })
    }
}
