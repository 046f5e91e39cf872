//! The data directory: made with rights for its owner only, and locked for as long as the node runs.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{StartError, random_hex};
use crate::role::Role;
use crate::settings::Settings;
use crate::store::Secret;

/// Held for the life of the node; two servers on one SQLite file would each serve what the other does not know.
#[derive(Debug)]
pub(super) struct DataDir {
    _lock: Option<File>,
}

impl DataDir {
    /// Makes and locks the directory where a database lives in it; otherwise there is nothing to hold.
    pub(super) fn open(settings: &Settings) -> Result<Self, StartError> {
        if !is_needed(settings) {
            return Ok(Self { _lock: None });
        }
        make(&settings.data_dir)?;
        let path = settings.data_dir.join("castalia.lock");
        let problem = |error: &dyn std::fmt::Display| {
            StartError::DataDir(format!("cannot write {}: {error}", path.display()))
        };
        let lock = private(OpenOptions::new().create(true).truncate(false)).open(&path);
        let lock = lock.map_err(|error| problem(&error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: Some(lock) }),
            Err(TryLockError::WouldBlock) => Err(StartError::DataDir(format!(
                "{} is in use by another `castalia serve`; stop it or choose another directory",
                settings.data_dir.display()
            ))),
            Err(TryLockError::Error(error)) => Err(problem(&error)),
        }
    }
}

fn is_needed(settings: &Settings) -> bool {
    (settings.serves_environment() && settings.config_db.is_none())
        || (settings.plays(Role::Portal) && settings.portal_db.is_none())
}

/// Makes the directory where a database lives in it.
pub(super) fn make_if_needed(settings: &Settings) -> Result<(), StartError> {
    if is_needed(settings) { make(&settings.data_dir) } else { Ok(()) }
}

/// For commands that only read: connecting to a file that does not exist would make an empty database.
pub(super) fn require_config_file(settings: &Settings) -> Result<(), StartError> {
    let file = settings.data_dir.join("config.db");
    if settings.config_db.is_some() || file.exists() {
        return Ok(());
    }
    Err(StartError::DataDir(format!(
        "{} does not exist; name the data directory of the server, or its database with --config-db",
        file.display()
    )))
}

/// Makes the directory, parents included.
fn make(path: &Path) -> Result<(), StartError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(|error| StartError::DataDir(format!("cannot make {}: {error}", path.display())))
}

/// The metrics token: given, or read from the directory, or made there now.
pub(super) fn metrics_token(settings: &Settings) -> Result<Secret, StartError> {
    if let Some(token) = &settings.metrics_token {
        return Ok(token.clone());
    }
    make(&settings.data_dir)?;
    let path = settings.data_dir.join("metrics.token");
    let problem = |error: &std::io::Error| {
        StartError::DataDir(format!("cannot use {}: {error}", path.display()))
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Secret::new(text.trim())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let token = random_hex()?;
            let file = private(OpenOptions::new().create_new(true)).open(&path);
            let mut file = file.map_err(|error| problem(&error))?;
            writeln!(file, "{token}").map_err(|error| problem(&error))?;
            Ok(Secret::new(token))
        }
        Err(error) => Err(problem(&error)),
    }
}

/// Stores the password that a start generated where only the owner of the directory can read it. The log is not such a place.
pub(super) fn store_password(settings: &Settings, password: &str) -> Result<PathBuf, StartError> {
    make(&settings.data_dir)?;
    let path = settings.data_dir.join("initial-password");
    let written = match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => private(OpenOptions::new().create_new(true))
            .open(&path)
            .and_then(|mut file| writeln!(file, "{password}")),
    };
    written
        .map(|()| path.clone())
        .map_err(|error| StartError::DataDir(format!("cannot write {}: {error}", path.display())))
}

/// For writing, with rights for the owner only.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.write(true)
}

/// URL of a SQLite file in the directory.
pub(super) fn sqlite_url(settings: &Settings, file: &str) -> String {
    let path: PathBuf = settings.data_dir.join(file);
    format!("sqlite://{}", path.display())
}
