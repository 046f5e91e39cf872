//! The file of a SQLite database: accessible only to its owner, and monitored while it is open.
//! Connections keep the file that they opened; if it is deleted or replaced, they would continue to
//! write to a file that has no name any more.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use sea_orm::DbErr;
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::{self, Connection as _, Executor as _, SqliteConnection};

use crate::error::StoreError;
use crate::pool::{BUSY_TIMEOUT, StoreOptions};
use crate::url::DatabaseUrl;

/// Suffixes of the files of a database: the file itself, its write-ahead log, and the index of the
/// log.
const SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];
/// Permissions of the group and of others.
const NOT_OWNER: u32 = 0o077;

/// Device and inode.
type FileIdentity = (u64, u64);

/// Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct SqliteFile {
    path: PathBuf,
    /// The files that the connections have open, as far as they are known.
    known: Arc<Mutex<[Option<FileIdentity>; SUFFIXES.len()]>>,
    /// A connection that is only kept open.
    kept: Arc<Mutex<Option<SqliteConnection>>>,
}

impl SqliteFile {
    /// Ensures that the file can be written and is accessible only to its owner. SQLite creates the
    /// other files with the same permissions.
    pub(super) fn prepare(url: &DatabaseUrl, options: &StoreOptions) -> Result<Self, StoreError> {
        let path = url
            .sqlite_file()
            .ok_or_else(|| url.error(&options.setting, "no file in the URL; use sqlite://FILE"))?;
        let mut open = OpenOptions::new();
        open.read(true).write(true).create(true).mode(0o600);
        match open.open(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let directory = path.parent().unwrap_or(Path::new("."));
                let problem = format!("the directory {} does not exist", directory.display());
                return Err(url.error(&options.setting, problem));
            }
            Err(error) => {
                let problem = format!("cannot read and write {}: {error}", path.display());
                return Err(url.error(&options.setting, problem));
            }
        }
        let file = Self { path, known: Arc::default(), kept: Arc::default() };
        for suffix in SUFFIXES {
            let path = file.beside(suffix);
            restrict(&path).map_err(|error| {
                let problem = format!(
                    "other users may read {} and its mode cannot be changed: {error}; make it the \
                     file of the server's user, with mode 0600",
                    path.display()
                );
                url.error(&options.setting, problem)
            })?;
        }
        Ok(file)
    }

    /// Opens a connection that is kept until the end. When the last one of a file is closed, SQLite
    /// removes the log and its index, and those that the next one creates would seem to replace
    /// them. Without it, none may be open for a moment: after a failed write each is replaced, and
    /// idle ones are closed.
    pub(super) async fn keep_open(&self) -> Result<(), sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(false)
            .busy_timeout(BUSY_TIMEOUT);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        // Only a connection that has read has the log open. It keeps no page that others change.
        connection.execute("SELECT COUNT(*) FROM sqlite_master").await?;
        *self.kept.lock() = Some(connection);
        Ok(())
    }

    /// Checks that the files are still those that the connections opened.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let mut known = self.known.lock();
        for (suffix, known) in SUFFIXES.iter().zip(known.iter_mut()) {
            let path = self.beside(suffix);
            let problem = match (fs::metadata(&path), &known) {
                (Ok(found), None) => {
                    *known = Some((found.dev(), found.ino()));
                    continue;
                }
                (Ok(found), Some(known)) if (found.dev(), found.ino()) == *known => continue,
                (Ok(_), Some(_)) => "was replaced".to_owned(),
                // SQLite creates the log with the first transaction.
                (Err(error), None) if error.kind() == ErrorKind::NotFound => continue,
                (Err(error), _) if error.kind() == ErrorKind::NotFound => "was deleted".to_owned(),
                (Err(error), _) => format!("cannot be found: {error}"),
            };
            return Err(StoreError::Storage(DbErr::Custom(format!(
                "{} {problem} while the server has it open; stop the server, put the file back \
                 (from a backup if it is lost) and start again",
                path.display()
            ))));
        }
        Ok(())
    }

    /// Fails if a new connection may have opened another file of this name. That connection is
    /// never closed: SQLite would consider it the last one of its file, copy the write-ahead
    /// log into that file, and remove the log that the other connections still need.
    pub(super) async fn set_aside_if_foreign(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<(), sqlx::Error> {
        let Some(known) = self.known.lock()[0] else { return Ok(()) };
        match fs::metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == known => Ok(()),
            _ => {
                let other = SqliteConnection::connect("sqlite::memory:").await?;
                std::mem::forget(std::mem::replace(connection, other));
                let problem = format!("{} was replaced or deleted", self.path.display());
                Err(sqlx::Error::Io(io::Error::other(problem)))
            }
        }
    }

    /// Ensures that changes of the directory survive a power failure: the name of a new file, and
    /// the removal of the journal when SQLite switched to the write-ahead log.
    pub(super) fn sync_directory(&self) -> io::Result<()> {
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
    }

    /// Forgets the files, because all connections but the one that writes are closed.
    pub(super) async fn release(&self) {
        let kept = self.kept.lock().take();
        if let Some(kept) = kept
            && let Err(error) = kept.close().await
        {
            tracing::debug!(%error, "a connection to the database file did not close");
        }
        *self.known.lock() = Default::default();
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(suffix);
        name.into()
    }
}

/// Removes the permissions of all users except the owner from an existing file, because it contains
/// secrets.
fn restrict(path: &Path) -> io::Result<()> {
    let mode = match fs::metadata(path) {
        Ok(found) => found.permissions().mode(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if mode & NOT_OWNER == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700))?;
    tracing::warn!(
        file = %path.display(),
        "a database file was accessible to other users; restricted it to its owner"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait as _, TransactionTrait as _};

    use super::*;
    use crate::mysql_server::MySqlServers;
    use crate::pool;

    /// A request passes the check, then somebody replaces the file, then the pool opens a
    /// connection for the request.
    #[tokio::test]
    async fn a_connection_to_another_file_of_the_name_does_not_take_the_log_away() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.db");
        let url: DatabaseUrl = format!("sqlite://{}", path.display()).parse().unwrap();
        // Opening takes long on a busy disk; the connection that is refused below is tried as long.
        let options = StoreOptions {
            acquire_timeout: std::time::Duration::from_secs(10),
            ..StoreOptions::new("test")
        };
        let pools = pool::open(&url, &options, &MySqlServers::default()).await.unwrap();
        let file = pools.file.clone().unwrap();
        file.check().unwrap();
        pools
            .write
            .execute_unprepared("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
            .await
            .unwrap();
        let moved = directory.path().join("moved");
        fs::rename(&path, &moved).unwrap();
        fs::copy(&moved, &path).unwrap();
        let occupied = pools.reserved.begin().await.unwrap();
        let answer = pools.reserved.execute_unprepared("SELECT a FROM t").await;
        assert!(answer.is_err(), "a new connection reads the copy: {answer:?}");
        drop(occupied);
        for pool in [pools.reserved, pools.ping, pools.read, pools.write] {
            pool.close().await.unwrap();
        }
        fs::rename(&moved, &path).unwrap();
        let again = pool::open(&url, &options, &MySqlServers::default()).await.unwrap();
        let found = again.read.execute_unprepared("SELECT a FROM t").await;
        assert!(found.is_ok(), "the log is gone, and with it the table: {found:?}");
    }

    /// S103
    #[tokio::test]
    async fn the_log_remains_while_all_connections_are_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("portal.db");
        let url: DatabaseUrl = format!("sqlite://{}", path.display()).parse().unwrap();
        let options = StoreOptions {
            acquire_timeout: std::time::Duration::from_secs(10),
            ..StoreOptions::new("test")
        };
        let pools = pool::open(&url, &options, &MySqlServers::default()).await.unwrap();
        let file = pools.file.clone().unwrap();
        pools.write.execute_unprepared("CREATE TABLE t (a)").await.unwrap();
        file.check().unwrap();
        // So that no file system uses their inodes again.
        for suffix in &SUFFIXES[1..] {
            fs::hard_link(file.beside(suffix), directory.path().join(format!("kept{suffix}")))
                .unwrap();
        }
        // They were idle for long when a write failed.
        for pool in [&pools.reserved, &pools.ping, &pools.read] {
            pool.close_by_ref().await.unwrap();
        }
        pools.retirement.retire_all();
        pools.write.execute_unprepared("INSERT INTO t VALUES (1)").await.unwrap();
        file.check().unwrap();
        file.release().await;
        pools.write.close().await.unwrap();
        assert!(!file.beside("-wal").exists(), "the log was not written to the file");
    }
}
