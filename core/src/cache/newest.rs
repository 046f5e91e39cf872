//! Which cache file of a namespace is used if there are several: the newest that can be read.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::file::{Expected, names_to_read, read};
use super::{CachedContent, FileCache};
use crate::error::Error;
use crate::protocol::namespace::NamespaceKey;

impl FileCache {
    /// Paths at which a cache file of the namespace may be.
    pub(super) fn candidates(&self, identity: &NamespaceKey) -> Vec<PathBuf> {
        let mut directories = vec![self.directory(&identity.app_id)];
        // The root is read even if it cannot be written: files of earlier runs may still be there.
        // The opposite does not hold: other programs of the user share the fallback directory, and
        // theirs may be values of another environment.
        let root = self.first_choice(&identity.app_id);
        if !directories.contains(&root) {
            directories.push(root);
        }
        let names = names_to_read(identity);
        let paths = directories.iter().flat_map(|directory| {
            let paths = names.iter().map(|name| directory.join(name));
            paths.collect::<Vec<_>>()
        });
        paths.collect()
    }
}

/// The newest content of these files, the first of equally new ones, and the errors of those that
/// cannot be used.
pub(super) fn read_newest(
    paths: &[PathBuf],
    expected: Expected,
) -> (Option<CachedContent>, Vec<Error>) {
    let mut newest: Option<CachedContent> = None;
    let mut errors = Vec::new();
    for path in paths {
        match read(path, expected) {
            Ok(Some(found)) => {
                let is_newer = |known: &CachedContent| {
                    Recency::of(found.written_at) > Recency::of(known.written_at)
                };
                if newest.as_ref().is_none_or(is_newer) {
                    newest = Some(found);
                }
            }
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
    }
    (newest, errors)
}

/// How recent the latest of these files is; `None` if there is none.
pub(super) fn latest(paths: impl Iterator<Item = PathBuf>) -> Option<Recency> {
    let written_at =
        |path: PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    paths.filter_map(written_at).map(Recency::of).max()
}

/// How much the clock of a file server may be ahead of that of this machine.
const FAST_CLOCK: Duration = Duration::from_secs(15 * 60);

/// Orders files by the time at which they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Recency {
    /// Compared first. A file of the future is the oldest: the clock was set back since, and others
    /// were written afterwards.
    is_past: bool,
    written_at: SystemTime,
}

impl Recency {
    pub(super) fn of(written_at: SystemTime) -> Self {
        Self { is_past: written_at <= SystemTime::now() + FAST_CLOCK, written_at }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;

    use super::super::LoadNumber;
    use super::*;
    use crate::protocol::wire::Configurations;
    use crate::settings::CacheSettings;

    const NAME: &str = "order+default+a.properties";

    fn identity() -> NamespaceKey {
        NamespaceKey { app_id: "order".into(), cluster: "default".into(), namespace: "a".into() }
    }

    fn content(value: &str) -> Configurations {
        [("k".into(), value.into())].into_iter().collect()
    }

    fn cache(root: &tempfile::TempDir) -> FileCache {
        FileCache::new(&CacheSettings {
            root: root.path().into(),
            fallback: None,
            file_mode: 0o600,
            seed_dir: None,
            import_dir: None,
            is_local: false,
        })
    }

    fn store(cache: &FileCache, value: &str) {
        cache.store(LoadNumber::default(), &identity(), &content(value)).unwrap();
    }

    fn load(cache: &FileCache) -> Configurations {
        cache.load(&identity()).unwrap().unwrap().content
    }

    fn make_old(file: &Path) {
        let old = SystemTime::now() - Duration::from_secs(3600);
        File::open(file).unwrap().set_modified(old).unwrap();
    }

    /// A client that uses the fallback directory, as if the root could only be read: the tests may
    /// run as a user for whom no directory is read-only. The fallback has `1`, the root the later
    /// `2`.
    fn on_fallback() -> (tempfile::TempDir, FileCache, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let cache = cache(&root);
        store(&cache, "2");
        let fallback = root.path().join("fallback");
        cache.directories.lock().unwrap().insert("order".into(), fallback.clone());
        store(&cache, "1");
        let file = fallback.join(NAME);
        make_old(&file);
        (root, cache, file)
    }

    #[test]
    fn a_newer_file_of_the_root_comes_before_one_of_the_fallback_directory() {
        let (_root, cache, _) = on_fallback();
        assert_eq!(load(&cache), content("2"));
    }

    #[test]
    fn a_damaged_file_of_the_fallback_directory_does_not_hide_the_root() {
        let (_root, cache, file) = on_fallback();
        fs::write(&file, "#Persisted by DefaultConfig\nk=").unwrap();
        assert_eq!(load(&cache), content("2"));
    }

    /// After a rollback, the old file has the newest content.
    #[test]
    fn an_old_file_whose_content_is_stored_again_becomes_the_newest() {
        let (root, cache, _) = on_fallback();
        make_old(&root.path().join("order/config-cache").join(NAME));
        store(&cache, "3");
        assert_eq!(load(&cache), content("3"));

        let suffixed = root.path().join("fallback").join(format!("{NAME}.properties"));
        fs::write(&suffixed, "k=java\n").unwrap();
        make_old(&root.path().join("fallback").join(NAME));
        assert_eq!(load(&cache), content("java"));
        store(&cache, "3");
        // Even if both were written within one tick of the file system: the first of equals wins.
        assert_eq!(load(&cache), content("3"));
    }

    fn make_future(file: &Path) {
        let future = SystemTime::now() + Duration::from_secs(3600);
        File::options().write(true).open(file).unwrap().set_modified(future).unwrap();
    }

    /// B88: the file of another program has a later time than any that is written now.
    #[test]
    fn a_file_is_the_newest_although_the_clock_was_set_back() {
        let root = tempfile::tempdir().unwrap();
        let cache = cache(&root);
        store(&cache, "1");
        let file = root.path().join("order/config-cache").join(NAME);
        let suffixed = file.with_file_name(format!("{NAME}.properties"));
        fs::write(&suffixed, "k=java\n").unwrap();
        make_future(&suffixed);
        store(&cache, "2");
        assert_eq!(load(&cache), content("2"));
        #[cfg(unix)]
        {
            let inode = || std::os::unix::fs::MetadataExt::ino(&fs::metadata(&file).unwrap());
            let before = inode();
            store(&cache, "2");
            assert_eq!(inode(), before, "a refresh writes nothing");
        }
    }

    /// B107: the clock was set back after a file had been written.
    #[test]
    fn a_file_of_the_future_is_older_than_what_others_write() {
        let root = tempfile::tempdir().unwrap();
        let cache = cache(&root);
        store(&cache, "1");
        let file = root.path().join("order/config-cache").join(NAME);
        make_future(&file);
        assert_eq!(load(&cache), content("1"), "there is no other");
        fs::write(file.with_file_name(format!("{NAME}.properties")), "k=java\n").unwrap();
        assert_eq!(load(&cache), content("java"));
        store(&cache, "1");
        assert_eq!(load(&cache), content("1"), "it was written again");
    }

    #[test]
    fn the_fallback_directory_is_not_read_if_the_root_can_be_written() {
        let root = tempfile::tempdir().unwrap();
        let mut cache = cache(&root);
        let fallback = root.path().join("fallback");
        let other = fallback.join("order/config-cache");
        fs::create_dir_all(&other).unwrap();
        fs::write(other.join(NAME), "k=of another environment\n").unwrap();
        cache.fallback = Some(fallback);
        assert!(cache.load(&identity()).unwrap().is_none());
    }
}
