//! The data directory and the files of SQLite databases: accessible only to their owner, and locked
//! while the node runs.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use castalia_store::Secret;

use super::{StartError, random_hex};
use crate::settings::Settings;
use crate::settings::role::Role;
use crate::settings::token::weakness;

/// Default database files.
pub(super) const CONFIG_FILE: &str = "config.db";
pub(super) const PORTAL_FILE: &str = "portal.db";
/// The settings that name other databases, for error messages.
pub(super) const CONFIG_SETTING: &str = "--config-db";
pub(super) const PORTAL_SETTING: &str = "--portal-db";
const METRICS_FILE: &str = "metrics.token";
const PASSWORD_FILE: &str = "initial-password";
/// How the names of all files begin that a node creates in its directory.
const OWN_FILES: [&str; 5] =
    [CONFIG_FILE, PORTAL_FILE, METRICS_FILE, PASSWORD_FILE, "castalia.lock"];

/// Held for the lifetime of the node. Two servers on one SQLite file would each serve stale data
/// after the other's changes.
#[derive(Debug)]
pub(super) struct DataDir {
    locks: Vec<File>,
}

impl DataDir {
    /// Creates and locks the directory if a database is in it, and locks each SQLite file that this
    /// node opens, wherever it is.
    pub(super) fn open(settings: &Settings) -> Result<Self, StartError> {
        let mut locks = Vec::new();
        if is_needed(settings) {
            make(&settings.data_dir)?;
            let path = settings.data_dir.join("castalia.lock");
            locks.push(lock(&path, &settings.data_dir)?);
        }
        let mut files: Vec<PathBuf> =
            sqlite_files(settings).iter().map(|file| real(file)).collect();
        files.sort();
        // Both databases may be in the same file.
        files.dedup();
        for file in files {
            let mut path = file.clone().into_os_string();
            path.push(".lock");
            locks.push(lock(Path::new(&path), &file)?);
        }
        Ok(Self { locks })
    }

    /// Locks the SQLite files themselves, by device and inode, because a hard link leads to the
    /// same file under another name. Creates files that do not exist.
    pub(super) fn lock_files(&mut self, settings: &Settings) -> Result<(), StartError> {
        let mut files: Vec<PathBuf> =
            sqlite_files(settings).iter().map(|file| real(file)).collect();
        files.sort();
        files.dedup();
        for file in files {
            self.locks.push(lock_file(&file)?);
        }
        Ok(())
    }
}

fn lock(path: &Path, what: &Path) -> Result<File, StartError> {
    let problem = |error: &dyn std::fmt::Display| {
        StartError::DataDir(format!("cannot write {}: {error}", path.display()))
    };
    let lock = private(OpenOptions::new().create(true).truncate(false)).open(path);
    let lock = lock.map_err(|error| problem(&error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(in_use(what)),
        Err(TryLockError::Error(error)) => Err(problem(&error)),
    }
}

/// Offset of a byte that SQLite never locks; a lock does not require that the byte exists.
#[cfg(target_os = "linux")]
const LOCK_BYTE: i64 = 1 << 50;

/// Only Linux has locks that belong to an open file, and that SQLite's own locks do not release.
fn lock_file(path: &Path) -> Result<File, StartError> {
    let problem = |error: &dyn std::fmt::Display| {
        StartError::DataDir(format!("cannot lock {}: {error}", path.display()))
    };
    let file = private(OpenOptions::new().create(true).truncate(false)).open(path);
    let file = file.map_err(|error| problem(&error))?;
    #[cfg(target_os = "linux")]
    {
        use nix::errno::Errno;
        use nix::fcntl::{FcntlArg, fcntl};
        use nix::libc::{F_WRLCK, SEEK_SET, flock};
        let lock = flock {
            l_type: F_WRLCK as i16,
            l_whence: SEEK_SET as i16,
            l_start: LOCK_BYTE,
            l_len: 1,
            l_pid: 0,
        };
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&lock)) {
            Ok(_) => {}
            Err(Errno::EAGAIN | Errno::EACCES) => return Err(in_use(path)),
            // The file system does not support such locks; the lock by name has to suffice.
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "cannot lock a database file; use by another server through a hard link is not detected");
            }
        }
    }
    Ok(file)
}

fn in_use(what: &Path) -> StartError {
    StartError::DataDir(format!(
        "{} is in use by another `castalia serve`; stop it or choose another directory or file",
        what.display()
    ))
}

/// The SQLite files of this node. One whose directory does not exist is reported when it is opened.
fn sqlite_files(settings: &Settings) -> Vec<PathBuf> {
    let roles = [Role::Config, Role::Meta, Role::Admin];
    let mut files = Vec::new();
    for (is_used, url, file) in [
        (roles.iter().any(|role| settings.plays(*role)), &settings.config_db, CONFIG_FILE),
        (settings.plays(Role::Portal), &settings.portal_db, PORTAL_FILE),
    ] {
        let path = match url {
            _ if !is_used => None,
            Some(url) => url.sqlite_file(),
            None => Some(settings.data_dir.join(file)),
        };
        files.extend(path.filter(|path| {
            path.parent().is_some_and(|parent| parent.as_os_str().is_empty() || parent.is_dir())
        }));
    }
    files
}

/// A canonical path, equal for all paths that lead to the file.
fn real(path: &Path) -> PathBuf {
    if let Ok(path) = path.canonicalize() {
        return path;
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new(".")).canonicalize();
    match (parent, path.file_name()) {
        (Ok(parent), Some(name)) => parent.join(name),
        _ => path.to_owned(),
    }
}

fn is_needed(settings: &Settings) -> bool {
    (settings.serves_environment() && settings.config_db.is_none())
        || (settings.plays(Role::Portal) && settings.portal_db.is_none())
}

/// Creates the directory if a database is in it.
pub(super) fn make_if_needed(settings: &Settings) -> Result<(), StartError> {
    if is_needed(settings) { make(&settings.data_dir) } else { Ok(()) }
}

/// For commands that only read: connecting to a file that does not exist would create an empty
/// database.
pub(super) fn require_config_file(settings: &Settings) -> Result<(), StartError> {
    require_file(settings, settings.config_db.is_some(), CONFIG_FILE, CONFIG_SETTING)
}

/// Same as [`require_config_file`], for the portal.
pub(super) fn require_portal_file(settings: &Settings) -> Result<(), StartError> {
    require_file(settings, settings.portal_db.is_some(), PORTAL_FILE, PORTAL_SETTING)
}

fn require_file(
    settings: &Settings,
    has_url: bool,
    name: &str,
    flag: &str,
) -> Result<(), StartError> {
    let file = settings.data_dir.join(name);
    if has_url || file.exists() {
        return Ok(());
    }
    Err(StartError::DataDir(format!(
        "{} does not exist; specify the data directory of the server, or its database with {flag}",
        file.display()
    )))
}

/// Creates the directory with its parents, or removes the permissions of other users from an
/// existing one.
pub(super) fn make(path: &Path) -> Result<(), StartError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(path).map_err(|error| {
        StartError::DataDir(format!("cannot create {}: {error}", path.display()))
    })?;
    restrict(path)
}

/// The databases contain secrets, and users with write access to the directory can replace them.
/// The permissions of a directory with other files are not changed; it is rejected if other users
/// may write to it.
fn restrict(path: &Path) -> Result<(), StartError> {
    let problem = |error| unreadable(path, &error);
    let mode = std::fs::metadata(path).map_err(problem)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let mut is_ours = true;
    for entry in std::fs::read_dir(path).map_err(problem)? {
        let entry = entry.map_err(problem)?;
        let name = entry.file_name();
        let is_own = OWN_FILES.iter().any(|own| name.to_string_lossy().starts_with(own));
        is_ours &= is_own;
        if is_own && mode & 0o002 != 0 {
            check_owner(&entry.path())?;
        }
    }
    let restricted = std::fs::Permissions::from_mode(0o700);
    if is_ours && mode & 0o1000 == 0 && std::fs::set_permissions(path, restricted).is_ok() {
        tracing::warn!(
            directory = %path.display(),
            "the data directory was accessible to other users; restricted it to its owner"
        );
        return Ok(());
    }
    // In a sticky directory such as /tmp, no user can replace the files of another.
    let is_sticky = mode & 0o1000 != 0;
    match mode & 0o022 {
        0 => Ok(()),
        _ if is_sticky => Ok(()),
        _ => Err(StartError::DataDir(format!(
            "other users may write to {0}: make it a directory of the server's user alone, with \
             `chown USER {0}` and `chmod 700 {0}`, or name a directory in it, which the server creates: \
             --data-dir {0}/castalia",
            path.display()
        ))),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> StartError {
    StartError::DataDir(format!("cannot read {}: {error}", path.display()))
}

/// Rejects a file that another user created where anybody may: its secrets are known, or its rows
/// are those of a stranger. Files of the group are accepted, because volumes of containers change
/// it.
fn check_owner(file: &Path) -> Result<(), StartError> {
    let metadata = std::fs::symlink_metadata(file);
    let owner = metadata.map_err(|error| unreadable(file, &error))?.uid();
    if [0, nix::unistd::geteuid().as_raw()].contains(&owner) {
        return Ok(());
    }
    Err(StartError::DataDir(format!(
        "another user created {0}, in a directory in which anybody may; delete the file, or make it that of the \
         server's user with `chown USER {0}` if you know its content",
        file.display()
    )))
}

/// The metrics token: from the settings, else from its file, else generated and stored.
pub(super) fn metrics_token(settings: &Settings) -> Result<Secret, StartError> {
    if let Some(token) = &settings.metrics_token {
        return Ok(token.clone());
    }
    make(&settings.data_dir)?;
    let path = settings.data_dir.join(METRICS_FILE);
    let problem = |error: &std::io::Error| {
        StartError::DataDir(format!("cannot use {}: {error}", path.display()))
    };
    let stored = match File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(problem(&error)),
        Ok(file) => {
            check_mode(&file, &settings.data_dir).map_err(|error| problem(&error))?;
            std::io::read_to_string(file).map_err(|error| problem(&error))?
        }
    };
    if stored.trim().is_empty() {
        return generated_token(&path, random_hex()?).map_err(|error| problem(&error));
    }
    match weakness(stored.trim()) {
        Some(weakness) => Err(StartError::DataDir(format!(
            "cannot use {}: {weakness}; delete the file, and the server generates a token",
            path.display()
        ))),
        None => Ok(Secret::new(stored.trim())),
    }
}

/// Rejects a token that other users can replace, in a directory that stays open to them, such as
/// /tmp. In one that was restricted its mode is tightened, since volumes of containers change the
/// mode of files.
fn check_mode(file: &File, directory: &Path) -> std::io::Result<()> {
    if file.metadata()?.permissions().mode() & 0o022 == 0 {
        return Ok(());
    }
    if std::fs::metadata(directory)?.permissions().mode() & 0o022 == 0 {
        drop(file.set_permissions(std::fs::Permissions::from_mode(0o600)));
        return Ok(());
    }
    Err(std::io::Error::other(
        "another user can write the file, and so knows its token; delete it, and the server generates one",
    ))
}

/// Stores a token in a file that is absent or, after a full disk, empty; or returns the one that a
/// node in the same directory stored meanwhile.
fn generated_token(path: &Path, token: String) -> std::io::Result<Secret> {
    let mut file =
        private(OpenOptions::new().create(true).truncate(false).read(true)).open(path)?;
    // Some file systems of containers have no locks; two nodes that start at once are rare.
    if let Err(error) = file.lock() {
        tracing::debug!(file = %path.display(), %error, "cannot lock the file");
    }
    let mut stored = String::new();
    file.read_to_string(&mut stored)?;
    if !stored.trim().is_empty() {
        return Ok(Secret::new(stored.trim()));
    }
    writeln!(file, "{token}")?;
    file.sync_all()?;
    Ok(Secret::new(token))
}

/// Waits until no other node seeds a database from this directory: of two that share one, the
/// slower would replace the password file of the faster. `None` if the file system has no locks.
pub(super) fn lock_for_seed(settings: &Settings) -> Result<Option<File>, StartError> {
    make(&settings.data_dir)?;
    let directory = File::open(&settings.data_dir).ok();
    Ok(directory.filter(|directory| directory.lock().is_ok()))
}

/// Stores a generated password in a file that only the owner of the directory can read. It must not
/// be logged.
pub(super) fn store_password(settings: &Settings, password: &str) -> Result<PathBuf, StartError> {
    make(&settings.data_dir)?;
    let path = settings.data_dir.join(PASSWORD_FILE);
    let written = match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => private(OpenOptions::new().create_new(true))
            .open(&path)
            .and_then(|mut file| writeln!(file, "{password}").and_then(|()| file.sync_all()))
            // The account that has the password outlives a loss of power.
            .and_then(|()| sync_directory(&settings.data_dir)),
    };
    written.map(|()| path.clone()).map_err(|error| {
        StartError::DataDir(format!(
            "cannot write the administrator's password to {}: {error}; make the directory writable \
             or specify a password with --admin-password-file",
            path.display()
        ))
    })
}

/// Tolerates file systems whose directories cannot be synced.
fn sync_directory(directory: &Path) -> std::io::Result<()> {
    use std::io::ErrorKind;
    match File::open(directory)?.sync_all() {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
            Ok(())
        }
        synced => synced,
    }
}

/// Removes the file of a password that is not valid.
pub(super) fn forget_password(file: &Path) {
    if let Err(error) = std::fs::remove_file(file) {
        tracing::warn!(file = %file.display(), %error, "the password in this file is not in use; delete the file");
    }
}

/// Opens for writing, with permissions for the owner only.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600).write(true)
}

/// URL of a SQLite file in the directory.
pub(super) fn sqlite_url(settings: &Settings, file: &str) -> String {
    let path: PathBuf = settings.data_dir.join(file);
    format!("sqlite://{}", path.display())
}
