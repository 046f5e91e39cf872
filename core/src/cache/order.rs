//! Order of the writes of a file. A slow disk may delay a write until its namespace, or its client,
//! was closed and opened again: the values of an earlier load must not replace those of a later
//! one.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;
use crate::process_local::ProcessLocalCell;

/// Number of loads of all clients.
static LOADS: AtomicU64 = AtomicU64::new(0);
/// The load whose values each file has. Locked only on blocking threads; a child that is forked
/// meanwhile has its own.
static FILES: ProcessLocalCell<Files> = ProcessLocalCell::new();

/// One lock for each file: a disk that hangs must not delay the files of others. As many as
/// namespaces were ever open.
type Files = Mutex<HashMap<PathBuf, Arc<Mutex<LoadNumber>>>>;

/// Number of a load, which confirmed the values that are stored; later loads have greater ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LoadNumber(u64);

impl LoadNumber {
    /// A number that is greater than all others.
    pub(crate) fn next() -> Self {
        Self(LOADS.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// Makes a file have the values of a load, unless it has those of a later one. Waits for another
/// write of the file. A write that fails excludes no earlier load.
///
/// # Errors
/// That of `write`.
pub(super) fn in_order(
    load: LoadNumber,
    path: &Path,
    write: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let file = file(path);
    let mut stored = file.lock().unwrap_or_else(PoisonError::into_inner);
    if *stored <= load {
        write()?;
        *stored = load;
    }
    Ok(())
}

fn file(path: &Path) -> Arc<Mutex<LoadNumber>> {
    let Ok(files) = FILES.get(|| Ok::<_, Infallible>(Mutex::default()));
    let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
    files.entry(path.to_owned()).or_default().clone()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::mpsc::sync_channel;
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::error::{Error, ErrorKind};

    /// B89, B99: the file has the values of the latest load, whoever wrote before. Each test has
    /// paths of its own, because the files are those of the process.
    #[test]
    fn only_a_write_that_succeeded_excludes_earlier_loads() {
        let path = Path::new("/order/excludes");
        let written = RefCell::new(Vec::new());
        let write = |name: &'static str, load| {
            in_order(load, path, || {
                written.borrow_mut().push(name);
                Ok(())
            })
        };
        let [first, second, third] = [(); 3].map(|()| LoadNumber::next());
        write("first", first).unwrap();
        let failed = || Err(Error::new(ErrorKind::Io, "test", "on purpose"));
        in_order(third, path, failed).unwrap_err();
        write("second", second).unwrap();
        write("late first", first).unwrap();
        write("second again", second).unwrap();
        write("third", third).unwrap();
        write("late second", second).unwrap();
        write("import", LoadNumber::default()).unwrap();
        assert_eq!(*written.borrow(), ["first", "second", "second again", "third"]);
    }

    /// B89: it may not replace the file after a later load was stored, or compared with it.
    #[test]
    fn a_write_waits_for_another_one_of_its_file() {
        let path = Path::new("/order/waits");
        let write = || {
            assert!(file(path).try_lock().is_err());
            Ok(())
        };
        in_order(LoadNumber::next(), path, write).unwrap();
        assert!(file(path).try_lock().is_ok());
    }

    /// B105
    #[test]
    fn a_disk_that_hangs_delays_no_other_file() {
        let load = LoadNumber::next();
        let hanging = || {
            let (written, is_written) = sync_channel(1);
            // On another thread, so that a lock that is held fails the test instead of ending it
            // never.
            thread::spawn(move || {
                in_order(load, Path::new("/order/other"), || {
                    written.send(()).unwrap();
                    Ok(())
                })
            });
            is_written.recv_timeout(Duration::from_secs(60)).unwrap();
            Ok(())
        };
        in_order(load, Path::new("/order/hanging"), hanging).unwrap();
    }
}
