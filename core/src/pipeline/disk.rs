//! Work on cache files, off the runtime's own threads and never on more than two for a client.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::cache::FileCache;
use crate::error::{Error, ErrorKind, Result};

/// Threads that a disk may hold up.
const MAX_DISK_THREADS: usize = 2;

/// The cache files of a client, and the room for work on them; cheap to clone.
#[derive(Clone)]
pub(crate) struct Disk {
    cache: Arc<FileCache>,
    permits: Arc<Semaphore>,
}

impl Disk {
    pub(crate) fn new(cache: FileCache) -> Self {
        Self { cache: Arc::new(cache), permits: Arc::new(Semaphore::new(MAX_DISK_THREADS)) }
    }

    /// Runs on a thread that may block, when the disk has room for another.
    pub(super) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&FileCache) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        // The semaphore is never closed; a permit that is not there would only mean one thread more. The thread holds it, not
        // the caller, who may stop waiting while a slow disk still holds the thread up.
        let permit = self.permits.acquire_owned().await.ok();
        let cache = self.cache;
        let done = spawn_blocking(move || {
            let _permit = permit;
            work(&cache)
        })
        .await;
        done.unwrap_or_else(|_| {
            let text = "reading or writing panicked";
            Err(Error::new(ErrorKind::Internal, "local cache", text))
        })
    }
}
