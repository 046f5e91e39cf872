//! The directory of the cache files: whether it can be written, and the temporary files in it.

use std::fs::{self, DirBuilder, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::file::file_name;
use crate::protocol::namespace::NamespaceKey;

/// Name prefix of the files that test whether the directory can be written.
const PROBE: &str = ".probe.";
/// Size of such a file. A full disk often still creates an empty one, and has no block for it.
const PROBE_BYTES: usize = 4096;
/// Age at which a temporary file belongs to a killed process. A younger one may belong to another
/// process that is writing.
pub(super) const STALE_AFTER: Duration = Duration::from_secs(60);

pub(super) fn app_directory(root: &Path, app_id: &str) -> PathBuf {
    root.join(app_id).join("config-cache")
}

pub(super) fn temporary_name(identity: &NamespaceKey) -> String {
    // The leading dot and the suffix keep the file out of every client's reading, including Java's.
    format!(".{}.{}.tmp", file_name(identity), unique())
}

/// A part of a name that no other client uses. Containers that share a directory all have the
/// process id 1, and a forked child continues the random numbers of its parent.
fn unique() -> String {
    format!("{}.{:016x}", std::process::id(), fastrand::u64(..))
}

pub(super) fn create_directory(directory: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    // Other users may list the directory, as with the Java client; the files themselves are
    // private.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o755);
    builder.create(directory)
}

/// The first of two directories, or the fallback if only that one can be used. `fill` writes the
/// file that tests it.
pub(super) fn choose(
    first: PathBuf,
    fallback: Option<PathBuf>,
    fill: impl Fn(File) -> std::io::Result<()>,
) -> PathBuf {
    match (check_usable(&first, &fill), fallback) {
        (Err(error), Some(fallback)) if check_usable(&fallback, &fill).is_ok() => {
            let (path, using) = (first.display(), fallback.display());
            tracing::warn!(%path, %using, %error, "cannot use the cache directory; using another one");
            fallback
        }
        // If neither can be written, each write fails and is logged under the configured path.
        _ => first,
    }
}

/// Tests whether files can be written in the directory, creating it if necessary. Permissions are
/// not enough: the disk may be read-only or full.
fn check_usable(
    directory: &Path,
    fill: impl Fn(File) -> std::io::Result<()>,
) -> std::io::Result<()> {
    create_directory(directory)?;
    let probe = directory.join(format!("{PROBE}{}.tmp", unique()));
    let filled = fill(File::create_new(&probe)?);
    // Also if the disk is full.
    let removed = fs::remove_file(&probe);
    filled.and(removed)
}

pub(super) fn fill(mut probe: File) -> std::io::Result<()> {
    probe.write_all(&[0; PROBE_BYTES])?;
    // Some file systems only notice then that the disk is full.
    probe.sync_all()
}

pub(super) fn remove_stale(directory: &Path, app_id: &str) {
    // Only names that this client creates: the directory may be shared with other programs.
    let prefixes = [format!(".{app_id}+"), PROBE.to_owned()];
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let written = entry.metadata().and_then(|metadata| metadata.modified());
        let age = written.ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        if prefixes.iter().any(|prefix| name.starts_with(prefix))
            && name.ends_with(".tmp")
            && age.is_some_and(|age| age > STALE_AFTER)
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// B53: `/dev/full` can be opened and has no space.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_noticed() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        assert_eq!(fill(full).unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    }

    /// B53
    #[test]
    fn the_fallback_is_chosen_if_only_the_first_directory_is_on_a_full_disk() {
        let root = tempfile::tempdir().unwrap();
        let [first, fallback] = ["first", "fallback"].map(|name| root.path().join(name));
        for full_disks in 0..3 {
            let tried = Cell::new(0);
            let fill = |probe| {
                tried.set(tried.get() + 1);
                match tried.get() > full_disks {
                    true => fill(probe),
                    false => Err(std::io::ErrorKind::StorageFull.into()),
                }
            };
            let chosen = choose(first.clone(), Some(fallback.clone()), fill);
            assert_eq!(chosen == fallback, full_disks == 1, "{full_disks}");
            assert_eq!(fs::read_dir(&first).unwrap().count(), 0, "no probe is left");
        }
    }

    #[test]
    fn a_directory_that_can_be_written_is_left_empty() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("order/config-cache");
        check_usable(&directory, fill).unwrap();
        assert_eq!(fs::read_dir(directory).unwrap().count(), 0);
    }
}
