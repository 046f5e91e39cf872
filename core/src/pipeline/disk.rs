//! Work on files, off the runtime's own threads and never on more than two at once.

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::error::{Error, ErrorKind, Result};

/// Threads that disks may hold up, in the whole process.
static DISK: Semaphore = Semaphore::const_new(2);

/// Runs on a thread that may block, when the disk has room for another.
pub(super) async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    // The semaphore is never closed; a permit that is not there would only mean one thread more.
    let _permit = DISK.acquire().await.ok();
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|_| {
        let text = "reading or writing panicked";
        Err(Error::new(ErrorKind::Internal, "local cache", text))
    })
}
