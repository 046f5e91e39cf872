//! Order of the writers of a file. A namespace or client that is closed while a slow disk writes its
//! file may be opened again meanwhile: the last write of its first writer must not replace the file
//! of the second one.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::process_local::{ProcessLocal, ProcessLocalCell};

/// Number of writers of all clients.
static COUNT: AtomicU64 = AtomicU64::new(0);
/// The last writer of each file that has begun to write. Locked only on blocking threads; a child
/// that is forked meanwhile has its own.
static LAST: ProcessLocalCell<Last> = ProcessLocalCell::new();

type Last = Mutex<HashMap<PathBuf, Writer>>;

/// Who writes files of namespaces; later ones are greater.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Writer(u64);

impl Writer {
    /// A writer that is later than all others.
    pub(crate) fn latest() -> Self {
        Self(COUNT.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Begins a write of this file; false if a later writer has begun one.
    pub(super) fn begin(self, path: &Path) -> bool {
        let all = last();
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        let last = all.entry(path.to_owned()).or_default();
        *last = self.max(*last);
        *last == self
    }

    /// Moves a file that was written to its path, or removes it if a later writer has begun.
    pub(super) fn finish(self, temporary: &Path, path: &Path) -> io::Result<()> {
        let all = last();
        // Kept, because a later writer must not compare its values with a file that is replaced
        // afterwards.
        let all = all.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(path).is_some_and(|last| *last > self) {
            true => fs::remove_file(temporary),
            false => fs::rename(temporary, path),
        }
    }
}

fn last() -> Arc<ProcessLocal<Last>> {
    let Ok(last) = LAST.get(|| Ok::<_, Infallible>(Mutex::default()));
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B89
    #[test]
    fn a_write_that_ends_after_a_later_one_has_begun_replaces_nothing() {
        let root = tempfile::tempdir().unwrap();
        let [path, temporary] = ["file", "temporary"].map(|name| root.path().join(name));
        let [first, second] = [Writer::latest(), Writer::latest()];
        for (writer, text) in [(first, "1"), (second, "2")] {
            fs::write(&temporary, text).unwrap();
            assert!(writer.begin(&path));
            writer.finish(&temporary, &path).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        fs::write(&temporary, "3").unwrap();
        first.finish(&temporary, &path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "2");
        assert!(!temporary.exists() && !first.begin(&path));
        assert!(first.begin(&root.path().join("other")), "another file");
    }
}
