//! Opens connection pools: sizes, time-outs and pragmas. Knows no table.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection};
use tokio::time::sleep;

use crate::store::error::StoreError;
use crate::store::url::{DatabaseUrl, Dialect};

/// Must stay well below the three seconds in which a publish has to fail when the database is away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// Databases and proxies drop connections that live long.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 60);
/// An idle connection is asked whether it still lives after this long.
const TEST_AFTER: Duration = Duration::from_secs(30);
/// How long SQLite waits for another process that writes to the same file.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause between two attempts to open a file that another process is opening.
const RETRY: Duration = Duration::from_millis(10);
/// Readers of a SQLite file; more only compete for the same cores.
const SQLITE_READERS: u32 = 4;

/// How a store connects.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The setting that gave the URL, as the user knows it; errors name it.
    pub setting: String,
    /// Connections to MySQL or PostgreSQL.
    pub max_connections: u32,
    /// How long to wait for one of them.
    pub acquire_timeout: Duration,
}

impl StoreOptions {
    pub fn new(setting: impl Into<String>) -> Self {
        Self { setting: setting.into(), max_connections: 16, acquire_timeout: ACQUIRE_TIMEOUT }
    }
}

/// The connections of one database. `write` is the same pool as `read` on a server, and on a database in memory.
#[derive(Clone, Debug)]
pub(super) struct Pools {
    pub(super) read: DatabaseConnection,
    pub(super) write: DatabaseConnection,
}

pub(super) async fn open(url: &DatabaseUrl, options: &StoreOptions) -> Result<Pools, StoreError> {
    match url.dialect() {
        Dialect::Sqlite if url.is_memory() => {
            let db = connect(url, options, memory_options(url, options)).await?;
            Ok(Pools { read: db.clone(), write: db })
        }
        Dialect::Sqlite => {
            prepare_file(url, options)?;
            // The writer first: it creates the file's header and switches it to the write-ahead log.
            let write = connect(url, options, file_options(url, options, 1, false)).await?;
            let read =
                connect(url, options, file_options(url, options, SQLITE_READERS, true)).await?;
            Ok(Pools { read, write })
        }
        Dialect::MySql | Dialect::Postgres => {
            let db = connect(url, options, server_options(url, options)).await?;
            Ok(Pools { read: db.clone(), write: db })
        }
    }
}

async fn connect(
    url: &DatabaseUrl,
    options: &StoreOptions,
    with: ConnectOptions,
) -> Result<DatabaseConnection, StoreError> {
    let begun = Instant::now();
    loop {
        match Database::connect(with.clone()).await {
            Ok(db) => return Ok(db),
            // SQLite itself does not wait for a process that is just switching a new file to the write-ahead log.
            Err(error)
                if StoreError::from(error.clone()).is_retryable()
                    && begun.elapsed() < BUSY_TIMEOUT =>
            {
                sleep(RETRY).await;
            }
            Err(error) => return Err(url.error(&options.setting, error)),
        }
    }
}

fn quiet(url: &DatabaseUrl, options: &StoreOptions) -> ConnectOptions {
    let mut with = ConnectOptions::new(url.expose());
    // Statements are not logged: they hold values of items.
    with.sqlx_logging(false).record_stmt_in_spans(false).acquire_timeout(options.acquire_timeout);
    with
}

fn server_options(url: &DatabaseUrl, options: &StoreOptions) -> ConnectOptions {
    let mut with = quiet(url, options);
    with.max_connections(options.max_connections)
        .min_connections(2.min(options.max_connections))
        .max_lifetime(MAX_LIFETIME)
        .test_before_acquire_if_idle_for(TEST_AFTER);
    with
}

/// One connection that never closes: the database lives and dies with it.
fn memory_options(url: &DatabaseUrl, options: &StoreOptions) -> ConnectOptions {
    let mut with = quiet(url, options);
    with.max_connections(1).idle_timeout(None).max_lifetime(None).test_before_acquire(false);
    with.map_sqlx_sqlite_opts(|sqlite| sqlite.foreign_keys(true));
    with
}

fn file_options(
    url: &DatabaseUrl,
    options: &StoreOptions,
    connections: u32,
    query_only: bool,
) -> ConnectOptions {
    let mut with = quiet(url, options);
    with.max_connections(connections).idle_timeout(None).max_lifetime(None);
    with.test_before_acquire(false);
    if !query_only {
        // A commit may wait for another process as long as SQLite itself does.
        with.acquire_timeout(BUSY_TIMEOUT + options.acquire_timeout);
    }
    with.map_sqlx_sqlite_opts(move |sqlite: SqliteConnectOptions| {
        let sqlite = sqlite
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true);
        if query_only { sqlite.pragma("query_only", "on") } else { sqlite }
    });
    with
}

/// Makes sure that the file can be written, with rights for its owner only. SQLite gives the files beside it the same.
fn prepare_file(url: &DatabaseUrl, options: &StoreOptions) -> Result<(), StoreError> {
    let path = file_path(url, options)?;
    let mut open = OpenOptions::new();
    open.read(true).write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
    match open.open(&path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let directory = path.parent().unwrap_or(Path::new("."));
            Err(url.error(&options.setting, format!("no directory {}", directory.display())))
        }
        Err(error) => Err(url
            .error(&options.setting, format!("cannot read and write {}: {error}", path.display()))),
    }
}

fn file_path(url: &DatabaseUrl, options: &StoreOptions) -> Result<PathBuf, StoreError> {
    let sqlite: SqliteConnectOptions =
        url.expose().parse().map_err(|error| url.error(&options.setting, error))?;
    let path = sqlite.get_filename().to_owned();
    if path.as_os_str().is_empty() {
        return Err(url.error(&options.setting, "name a file: sqlite://FILE"));
    }
    Ok(path)
}
