//! The cache file of a namespace, with the location, name and format that the official Java client
//! reads and writes, so that both can share it.
//!
//! Every function here blocks; the pipeline calls them on blocking threads.

mod directory;
mod file;
mod newest;
mod order;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use self::directory::{
    app_directory, choose, create_directory, fill, remove_stale, temporary_name,
};
use self::file::{Expected, failed, file_name, read, read_bytes, text};
use self::newest::{Recency, latest, read_newest};
pub(crate) use self::order::LoadNumber;
use self::order::in_order;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::namespace::NamespaceKey;
use crate::protocol::wire::{ApolloConfig, Configurations};
use crate::settings::CacheSettings;

const OPERATION: &str = "local cache";

/// Content of a cache file and its modification time.
#[derive(Debug)]
pub(crate) struct CachedContent {
    pub(crate) content: Configurations,
    pub(crate) written_at: SystemTime,
}

/// Reads and writes the cache files of all apps of a client.
#[derive(Debug)]
pub(crate) struct FileCache {
    root: PathBuf,
    fallback: Option<PathBuf>,
    file_mode: u32,
    /// What the cache files may contain.
    expected: Expected,
    /// Files in the format of cache files that are shipped with the program; read if there is no
    /// cache file.
    seed_dir: Option<PathBuf>,
    /// Cache files of the Go client, imported if there is no cache file.
    import_dir: Option<PathBuf>,
    /// Directory of each app id, chosen at its first use. Locked only on blocking threads, never
    /// on those of readers.
    directories: Mutex<HashMap<String, PathBuf>>,
}

impl FileCache {
    /// Opens no file; the directories are created at their first use.
    pub(crate) fn new(settings: &CacheSettings) -> Self {
        Self {
            root: settings.root.clone(),
            fallback: settings.fallback.clone(),
            file_mode: settings.file_mode,
            expected: if settings.is_local { Expected::Edited } else { Expected::Written },
            seed_dir: settings.seed_dir.clone(),
            import_dir: settings.import_dir.clone(),
            directories: Mutex::default(),
        }
    }

    /// Reads the namespace from the seed directory; `None` if there is no such file.
    ///
    /// # Errors
    /// As [`FileCache::load`].
    pub(crate) fn load_seed(&self, identity: &NamespaceKey) -> Result<Option<CachedContent>> {
        match &self.seed_dir {
            Some(folder) => read(&folder.join(file_name(identity)), Expected::Edited),
            None => Ok(None),
        }
    }

    /// Reads the newest cache file; `None` if there is none. Files that cannot be used hide no
    /// other one.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if no file can be read, [`ErrorKind::Parse`] if all are damaged.
    pub(crate) fn load(&self, identity: &NamespaceKey) -> Result<Option<CachedContent>> {
        let (newest, mut errors) = read_newest(&self.candidates(identity), self.expected);
        let found = newest.or_else(|| {
            self.import(identity).unwrap_or_else(|error| {
                errors.push(error);
                None
            })
        });
        let mut errors = errors.into_iter();
        // Callers log the error that they get.
        let returned = if found.is_none() { errors.next() } else { None };
        for error in errors {
            tracing::warn!(%error, "passed over a cache file that cannot be used");
        }
        returned.map_or(Ok(found), Err)
    }

    /// Converts a cache file of the Go client and leaves the original unchanged, so that the
    /// program can still return to that client.
    fn import(&self, identity: &NamespaceKey) -> Result<Option<CachedContent>> {
        let Some(folder) = &self.import_dir else {
            return Ok(None);
        };
        // The Go client's name has no cluster: its clusters overwrite each other's files.
        let name = format!("{}-{}.json", identity.app_id, identity.namespace);
        let path = folder.join(name);
        let Some((bytes, written_at)) = read_bytes(&path)? else {
            return Ok(None);
        };
        let content = serde_json::from_slice::<ApolloConfig>(&bytes).map_err(|error| {
            Error::new(ErrorKind::Parse, OPERATION, "the file is not a cache file of the Go client")
                .with("path", path.display().to_string())
                .with_position_of(&error)
        })?;
        let content = content.configurations.unwrap_or_default();
        // The values are usable even if they cannot be stored in the new format.
        if let Err(error) = self.store(LoadNumber::default(), identity, &content) {
            tracing::warn!(%error, "read the Go client's cache file, but could not convert it to this client's format");
        }
        Ok(Some(CachedContent { content, written_at }))
    }

    /// Writes the file, unless it has this content already and is the newest, or has the values of
    /// a later load.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the file cannot be written. The old file is then unchanged.
    pub(crate) fn store(
        &self,
        load: LoadNumber,
        identity: &NamespaceKey,
        content: &Configurations,
    ) -> Result<()> {
        let directory = self.directory(&identity.app_id);
        let path = directory.join(file_name(identity));
        in_order(load, &path, || {
            if self.is_stored(identity, &path, content) {
                return Ok(());
            }
            // Written under a temporary name and renamed, so that a reader, in this process or
            // another, sees either the old file or the new one. Lock files would outlive a killed
            // process.
            let temporary = directory.join(temporary_name(identity));
            let written = create_directory(&directory)
                .and_then(|()| self.write(&temporary, content))
                .and_then(|()| fs::rename(&temporary, &path));
            written.map_err(|error| {
                // Fails if the file was never created; the error below is the one that matters.
                let _ = fs::remove_file(&temporary);
                failed("cannot write the cache file; check the directory", &path, error)
            })
        })
    }

    /// Whether the file has this content and is the newest of the namespace. The parsed content is
    /// compared, because the date in the head always differs. After a rollback it may be that of an
    /// old file, which is written again to become the newest.
    fn is_stored(&self, identity: &NamespaceKey, path: &Path, content: &Configurations) -> bool {
        let others = self.candidates(identity).into_iter().filter(|other| other != path);
        let latest = latest(others);
        matches!(read(path, self.expected), Ok(Some(known)) if known.content == *content
            && latest <= Some(Recency::of(known.written_at)))
    }

    fn write(&self, path: &Path, content: &Configurations) -> std::io::Result<()> {
        let mut file = self.create(path)?;
        file.write_all(text(content).as_bytes())?;
        // Without this the rename may reach the disk before the content: a power failure would
        // leave an empty file.
        file.sync_all()
    }

    fn create(&self, path: &Path) -> std::io::Result<File> {
        let mut options = OpenOptions::new();
        // `create_new` fails on an existing file or link instead of writing through it.
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, self.file_mode);
        options.open(path)
    }

    /// The directory below the configured root.
    fn first_choice(&self, app_id: &str) -> PathBuf {
        app_directory(&self.root, app_id)
    }

    /// The directory of an app id: below the root, or below the user's cache directory if the root
    /// cannot be written.
    fn directory(&self, app_id: &str) -> PathBuf {
        let mut directories = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(directory) = directories.get(app_id) {
            return directory.clone();
        }
        let first = self.first_choice(app_id);
        let fallback = self.fallback.as_ref().map(|root| app_directory(root, app_id));
        let chosen = choose(first, fallback, fill);
        // At the first use only: a client that runs creates no stale files.
        remove_stale(&chosen, app_id);
        directories.insert(app_id.to_owned(), chosen.clone());
        chosen
    }
}

#[cfg(test)]
mod tests;
