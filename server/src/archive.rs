//! Zip archives of exports and imports. Entries are written and read one at a time, so that memory
//! holds one of them and not the archive. An archive is a file without a name among the temporary
//! files; no path in it becomes a path on disk. Knows nothing about the content of entries.

mod reader;
mod writer;

use tokio::task::spawn_blocking;

use crate::error::{Error, Result};

pub use self::reader::{ArchiveLimits, ArchiveReader};
pub use self::writer::ArchiveWriter;

/// Runs work with files or compression where it does not delay other requests.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Error::internal("the work on an archive was aborted", error)))
}
