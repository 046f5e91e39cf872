//! Archives of exports and imports: `castalia-archive` on threads where its work with files and
//! compression does not delay other requests. An archive is a file without a name among the
//! temporary files.

use std::error::Error as StdError;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::iter::successors;
use std::sync::Arc;

use castalia_archive::{Reader, Refused, Writer};
use tokio::task::spawn_blocking;

pub use castalia_archive::Limits as ArchiveLimits;

use crate::error::{Code, Error, Result};

/// An archive that somebody sent, whose list of entries was checked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ArchiveReader(Arc<Reader>);

impl ArchiveReader {
    /// Reads the list of entries.
    ///
    /// # Errors
    /// Fails if the archive cannot be accepted; see [`Reader::open`].
    pub async fn open(file: File, limits: ArchiveLimits) -> Result<Self> {
        blocking(move || {
            let reader = Reader::open(file, limits).map_err(refused)?;
            Ok(Self(Arc::new(reader)))
        })
        .await
    }

    /// The paths of the entries, in their order, with `/` as separator.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.paths()
    }

    /// The text of an entry, by its position among the paths.
    ///
    /// # Errors
    /// Fails if the entry cannot be accepted; see [`Reader::read`].
    pub async fn read(&self, position: usize) -> Result<String> {
        let reader = Arc::clone(&self.0);
        blocking(move || reader.read(position).map_err(refused)).await
    }
}

/// A new file without a name, in the directory for temporary files.
///
/// # Errors
/// Fails if that directory cannot be written.
pub fn temporary_file() -> Result<File> {
    tempfile::tempfile().map_err(no_temporary_files)
}

/// The error for a temporary file that cannot be written.
pub fn unwritable(error: io::Error) -> Error {
    if is_out_of_space(&error) {
        no_temporary_files(error)
    } else {
        Error::internal("cannot write a temporary file", error)
    }
}

fn no_temporary_files(error: io::Error) -> Error {
    let message = "The server cannot store temporary files, which files that are sent and exports need. \
                   Set TMPDIR to a directory that it can write and that has enough space.";
    Error::unavailable(message).caused_by(error)
}

/// Whether an operator can provide the space that is missing. An archive reports the error of its
/// file as the cause of its own.
fn is_out_of_space(error: &(dyn StdError + 'static)) -> bool {
    use ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    successors(Some(error), |error| StdError::source(*error)).any(|error| {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        matches!(kind, Some(StorageFull | QuotaExceeded | FileTooLarge))
    })
}

/// An archive that is being written.
#[derive(Debug)]
pub struct ArchiveWriter(Writer);

impl ArchiveWriter {
    /// Starts an empty archive.
    ///
    /// # Errors
    /// Fails if the folder for temporary files cannot be written.
    pub async fn new() -> Result<Self> {
        blocking(|| Ok(Self(Writer::new(temporary_file()?)))).await
    }

    /// Appends an entry. `path` has `/` as separator.
    ///
    /// # Errors
    /// Fails if the temporary file cannot be written, for example because the disk is full.
    pub async fn add(mut self, path: String, content: String) -> Result<Self> {
        blocking(move || {
            self.0.add(&path, content.as_bytes()).map_err(unwritable)?;
            Ok(self)
        })
        .await
    }

    /// Completes the archive and returns it with its length, ready to be read from its start.
    ///
    /// # Errors
    /// Same as [`Self::add`].
    pub async fn finish(self) -> Result<(File, u64)> {
        blocking(move || self.0.finish().map_err(unwritable)).await
    }
}

/// Runs work with files or compression where it does not delay other requests.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Error::internal("the work on an archive was aborted", error)))
}

fn refused(Refused(message): Refused) -> Error {
    Error::bad_request(message).with_code(Code::InvalidArchive)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Reaction;

    /// S48: a text that is written at once, and one that is written at the end.
    #[tokio::test]
    async fn an_archive_that_exceeds_the_space_is_refused_for_now() {
        for length in [1, 1 << 20] {
            let full = File::options().write(true).open("/dev/full").unwrap();
            let content = (0..length).map(|_| fastrand::alphanumeric()).collect();
            let archive = ArchiveWriter(Writer::new(full)).add("a".to_owned(), content).await;
            let error = match archive {
                Ok(archive) => archive.finish().await.unwrap_err(),
                Err(error) => error,
            };
            assert_eq!(error.reaction(), Reaction::Unavailable, "{length}: {error:?}");
            assert!(error.message().contains("TMPDIR"), "{length}: {error:?}");
        }
    }

    #[test]
    fn only_missing_space_is_temporary() {
        let reaction = |kind: ErrorKind| unwritable(kind.into()).reaction();
        for kind in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge] {
            assert_eq!(reaction(kind), Reaction::Unavailable, "{kind}");
        }
        assert_eq!(reaction(ErrorKind::Other), Reaction::Internal);
    }
}
