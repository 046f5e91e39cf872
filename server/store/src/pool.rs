//! Opens connection pools: sizes, time-outs and pragmas. Knows no table.

use std::time::{Duration, Instant};

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{
    AssertSqlSafe, Connection as _, Executor, MySqlConnection, PgConnection, SqlSafeStr, SqlStr,
};
use sea_orm::{ConnectOptions, Database, DatabaseConnection};
use tokio::time::{sleep, timeout};

use crate::error::StoreError;
use crate::file::SqliteFile;
use crate::pooler;
use crate::processor::ConnectionThread;
use crate::pulse::LONGEST;
use crate::retirement::Retirement;
use crate::suitability;
use crate::url::{DatabaseUrl, Dialect};

/// Must remain well below the three seconds within which a publish has to fail if the database is
/// unreachable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// Databases and proxies close connections after some time.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 60);
/// Idle connections are closed after this time, before the database does so.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);
/// Idle time after which a connection is tested before use.
const TEST_AFTER: Duration = Duration::from_secs(30);
/// Maximum time that a statement on MySQL and PostgreSQL waits for a lock of another transaction.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum time that SQLite waits for another process that has locked the same file. Like
/// `ACQUIRE_TIMEOUT`, it must remain well below three seconds.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the first connections to a file that another process has locked are tried again.
const FILE_PATIENCE: Duration = Duration::from_secs(5);
const SERVER_RETRY: Duration = Duration::from_millis(200);
/// Pause between two attempts to open a file that another process is opening.
const FILE_RETRY: Duration = Duration::from_millis(10);
/// Statements that a connection to MySQL keeps prepared, unless its URL has this option. The server
/// limits those of all connections together, by default to 16,382.
const MYSQL_STATEMENTS: usize = 60;
const STATEMENTS_OPTION: &str = "statement-cache-capacity";
/// Connections of the common pool that read a SQLite file; more would only compete for the same
/// cores.
const SQLITE_READERS: u32 = 4;
/// Connections that are reserved for the work that applications wait for, opened on demand: the
/// scan, reconciliation, names and keys, heartbeats, and a few namespaces that are loaded at the
/// same time.
pub const RESERVED_CONNECTIONS: u32 = 5;
/// The same for a SQLite file, which has no heartbeats of other nodes and no network latency.
const SQLITE_RESERVED: u32 = 3;

/// Reserved connections to this kind of database.
pub(super) fn reserved(dialect: Dialect) -> u32 {
    match dialect {
        Dialect::Sqlite => SQLITE_RESERVED,
        Dialect::MySql | Dialect::Postgres => RESERVED_CONNECTIONS,
    }
}

/// Options of a connection.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The setting with the URL, in the user's spelling; errors name it.
    pub setting: String,
    /// Connections to MySQL or PostgreSQL, in addition to the reserved ones, the one for pings, the
    /// one for the lock of an import, and the one of PostgreSQL's listener.
    pub max_connections: u32,
    /// Maximum time to wait for one of them.
    pub acquire_timeout: Duration,
    /// How long the first connection is tried again while the database server does not answer.
    pub start_patience: Duration,
}

impl StoreOptions {
    pub fn new(setting: impl Into<String>) -> Self {
        Self {
            setting: setting.into(),
            max_connections: 16,
            acquire_timeout: ACQUIRE_TIMEOUT,
            start_patience: Duration::ZERO,
        }
    }
}

/// The connection pools of one database. On a server, and on a database in memory, `write` is the
/// same pool as `read`.
#[derive(Clone)]
pub(super) struct Pools {
    pub(super) read: DatabaseConnection,
    pub(super) write: DatabaseConnection,
    /// For the work that applications wait for.
    pub(super) reserved: DatabaseConnection,
    /// A separate connection for pings, which other work cannot occupy.
    pub(super) ping: DatabaseConnection,
    /// How a connection of its own is opened: one that replaces that for pings, one for the lock of
    /// an import, or one that listens. Present if the database is behind a network.
    pub(super) ping_options: Option<ConnectOptions>,
    /// Stops the use of all connections of this database.
    pub(super) retirement: Retirement,
    /// The thread of the only connection that writes to a file.
    pub(super) writing: ConnectionThread,
    /// Present if the database is a file.
    pub(super) file: Option<SqliteFile>,
}

pub(super) async fn open(url: &DatabaseUrl, options: &StoreOptions) -> Result<Pools, StoreError> {
    let (retirement, writing) = (Retirement::default(), ConnectionThread::default());
    match url.dialect() {
        Dialect::Sqlite if url.is_memory() => {
            let db = connect(url, options, memory_options(url, options)).await?;
            let (read, write, reserved) = (db.clone(), db.clone(), db.clone());
            let (ping_options, file) = (None, None);
            Ok(Pools { read, write, reserved, ping: db, ping_options, retirement, writing, file })
        }
        Dialect::Sqlite => {
            let file = SqliteFile::prepare(url, options)?;
            let readers =
                |connections| file_options(url, options, connections, None, &retirement, &file);
            // The writer is opened first: it creates the header of the file and switches it to the
            // write-ahead log.
            let write = connect(
                url,
                options,
                file_options(url, options, 1, Some(&writing), &retirement, &file),
            )
            .await?;
            file.sync_directory().map_err(|error| url.error(&options.setting, error))?;
            let read = connect(url, options, readers(SQLITE_READERS)).await?;
            let reserved = connect(url, options, readers(SQLITE_RESERVED)).await?;
            let ping = connect(url, options, readers(1)).await?;
            let (ping_options, file) = (None, Some(file));
            Ok(Pools { read, write, reserved, ping, ping_options, retirement, writing, file })
        }
        Dialect::MySql | Dialect::Postgres => {
            let with = server_options(url, options, &retirement);
            let few = |connections| {
                let mut few = with.clone();
                few.max_connections(connections).min_connections(0).connect_lazy(true);
                few
            };
            let (few, mut one) = (few(RESERVED_CONNECTIONS), few(1));
            // A ping that has to connect first may be late on a busy machine, as if the database
            // did not answer.
            one.idle_timeout(MAX_LIFETIME);
            let db = connect(url, options, with).await?;
            let reserved = connect(url, options, few).await?;
            let ping = connect(url, options, one.clone()).await?;
            if url.dialect() == Dialect::Postgres {
                pooler::refuse(url, &options.setting, &db, &ping).await?;
            }
            suitability::check(url, &options.setting, &db).await?;
            let (read, ping_options, file) = (db.clone(), Some(one), None);
            Ok(Pools { read, write: db, reserved, ping, ping_options, retirement, writing, file })
        }
    }
}

/// Maximum number of concurrent reads in the common pool, so that a publish always finds a
/// connection.
pub(super) fn reads_at_once(pooled: u32) -> u32 {
    pooled - (pooled / 4).max(1)
}

async fn connect(
    url: &DatabaseUrl,
    options: &StoreOptions,
    with: ConnectOptions,
) -> Result<DatabaseConnection, StoreError> {
    let begun = Instant::now();
    let mut is_logged = false;
    loop {
        let error = match Database::connect(with.clone()).await {
            Ok(db) => return Ok(db),
            Err(error) => error,
        };
        let problem = StoreError::from(error.clone());
        let (patience, pause) = if problem.is_missing_database() {
            (Duration::ZERO, SERVER_RETRY)
        } else if problem.is_connection_lost() {
            (options.start_patience, SERVER_RETRY)
        } else if problem.is_retryable() {
            // SQLite itself does not wait for a process that is switching a new file to the
            // write-ahead log.
            (FILE_PATIENCE, FILE_RETRY)
        } else {
            (Duration::ZERO, Duration::ZERO)
        };
        let is_over = begun.elapsed() >= patience;
        if !is_over && (is_logged || !problem.is_connection_lost()) {
            sleep(pause).await;
            continue;
        }
        let reason = match problem.is_connection_lost() {
            true => refusal(url).await.unwrap_or_else(|| error.to_string()),
            false => error.to_string(),
        };
        if is_over {
            let remedy = match problem {
                StoreError::Storage(_) => "; check its rights, or restore it from a backup",
                _ => "",
            };
            return Err(url.error(&options.setting, format!("{reason}{remedy}")));
        }
        is_logged = true;
        tracing::warn!(
            setting = options.setting,
            reason,
            patience_seconds = options.start_patience.as_secs(),
            "the database does not answer yet; retrying"
        );
        sleep(pause).await;
    }
}

/// Why a database server rejects connections, which the pool reports as a time-out only; `None` if
/// a connection succeeds now.
async fn refusal(url: &DatabaseUrl) -> Option<String> {
    let connect = async {
        match url.dialect() {
            Dialect::Sqlite => None,
            Dialect::MySql => MySqlConnection::connect(url.expose()).await.err(),
            Dialect::Postgres => PgConnection::connect(url.expose()).await.err(),
        }
    };
    match timeout(ACQUIRE_TIMEOUT, connect).await {
        Ok(error) => error.map(|error| error.to_string()),
        Err(_) => Some(format!(
            "no answer within {} s: the server is busy, or it is not a database of this kind",
            ACQUIRE_TIMEOUT.as_secs()
        )),
    }
}

fn quiet(url: &DatabaseUrl, options: &StoreOptions) -> ConnectOptions {
    let mut with = ConnectOptions::new(url.expose());
    // Statements are not logged, because they contain values of items.
    with.sqlx_logging(false).record_stmt_in_spans(false).acquire_timeout(options.acquire_timeout);
    with
}

fn server_options(
    url: &DatabaseUrl,
    options: &StoreOptions,
    retirement: &Retirement,
) -> ConnectOptions {
    let mut with = quiet(url, options);
    with.max_connections(options.max_connections)
        .min_connections(2.min(options.max_connections))
        .idle_timeout(IDLE_TIMEOUT)
        .max_lifetime(MAX_LIFETIME)
        // The guard tests connections, and only those that were idle for a while.
        .test_before_acquire(false);
    if !url.has_option(STATEMENTS_OPTION) {
        with.map_sqlx_mysql_opts(|mysql| mysql.statement_cache_capacity(MYSQL_STATEMENTS));
    }
    let guard = retirement.clone();
    with.map_sqlx_mysql_pool_opts(move |pool| {
        guard.guard(pool, Some(TEST_AFTER)).after_connect(|connection, _| {
            Box::pin(async move { connection.execute(mysql_limits()).await.map(|_| ()) })
        })
    });
    let guard = retirement.clone();
    with.map_sqlx_postgres_pool_opts(move |pool| {
        guard.guard(pool, Some(TEST_AFTER)).after_connect(|connection, _| {
            Box::pin(async move { connection.execute(postgres_limits()).await.map(|_| ()) })
        })
    });
    with
}

/// Limits in the database itself, so that it does not continue to work for a caller that received
/// an error, and does not keep the locks of a node that disappeared. MySQL skips the comment and
/// has no limit for the statement.
///
/// Strict whatever the server's default is: otherwise a character that a column cannot store
/// becomes `?`, and a long value is cut, in a change that is acknowledged. A row with the id 0 (a
/// rehearsal) uses up no id. A statement outside of a transaction is committed even if the server's
/// default is that it is not, and a commit neither begins another transaction nor ends the session.
fn mysql_limits() -> SqlStr {
    let (longest, lock, idle) = (LONGEST.as_secs(), LOCK_TIMEOUT.as_secs(), idle_limit().as_secs());
    AssertSqlSafe(format!(
        "SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',STRICT_ALL_TABLES,STRICT_TRANS_TABLES,NO_AUTO_VALUE_ON_ZERO'), \
         autocommit = 1, completion_type = 0, innodb_lock_wait_timeout = {lock}, lock_wait_timeout = {lock}, \
         wait_timeout = {idle} /*M!100301 , max_statement_time = {longest}, \
         idle_transaction_timeout = {longest} */"
    ))
    .into_sql_str()
}

/// How long a session may be idle; longer than the pool keeps it so.
fn idle_limit() -> Duration {
    2 * IDLE_TIMEOUT + LONGEST
}

/// Same as [`mysql_limits`]. Keepalives end the session of a node that disappeared from the
/// network. The isolation level is set here and not with each transaction, which would cost a round
/// trip each: whatever the default of the database or the role is, a row lock has to refresh what
/// is read. PostgreSQL 13 has no limit for idle sessions.
fn postgres_limits() -> SqlStr {
    let (longest, lock, idle) = (LONGEST.as_secs(), LOCK_TIMEOUT.as_secs(), idle_limit().as_secs());
    AssertSqlSafe(format!(
        "SET default_transaction_isolation = 'read committed'; \
         SET statement_timeout = '{longest}s'; SET lock_timeout = '{lock}s'; \
         SET idle_in_transaction_session_timeout = '{longest}s'; \
         SELECT set_config(name, '{idle}s', false) FROM pg_settings WHERE name = 'idle_session_timeout'; \
         SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
    ))
    .into_sql_str()
}

/// One connection that is never closed, because the database exists only as long as the connection.
fn memory_options(url: &DatabaseUrl, options: &StoreOptions) -> ConnectOptions {
    let mut with = quiet(url, options);
    with.max_connections(1).idle_timeout(None).max_lifetime(None).test_before_acquire(false);
    with.map_sqlx_sqlite_opts(|sqlite| sqlite.foreign_keys(true));
    with
}

/// Options of connections that only read, unless the thread of the one that writes is to be noted.
fn file_options(
    url: &DatabaseUrl,
    options: &StoreOptions,
    connections: u32,
    writing: Option<&ConnectionThread>,
    retirement: &Retirement,
    file: &SqliteFile,
) -> ConnectOptions {
    let mut with = quiet(url, options);
    with.max_connections(connections).max_lifetime(None).test_before_acquire(false);
    let query_only = writing.is_none();
    if query_only {
        // Each connection has a thread and a page cache.
        with.idle_timeout(IDLE_TIMEOUT);
    } else {
        with.idle_timeout(None);
        // A commit may wait for another process as long as SQLite itself does.
        with.acquire_timeout(BUSY_TIMEOUT + options.acquire_timeout);
    }
    with.map_sqlx_sqlite_opts(move |sqlite: SqliteConnectOptions| {
        let sqlite = sqlite
            // `SqliteFile::prepare` has created it. A connection that is opened after somebody
            // deleted the file must not create an empty one, which would look like a replacement.
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            // In files, a large change fails where only the data directory can be written.
            .pragma("temp_store", "memory");
        if query_only { sqlite.pragma("query_only", "on") } else { sqlite }
    });
    let (guard, file, writing) = (retirement.clone(), file.clone(), writing.cloned());
    with.map_sqlx_sqlite_pool_opts(move |pool| {
        let (file, writing) = (file.clone(), writing.clone());
        guard.guard(pool, None).after_connect(move |connection, _| {
            let (file, writing) = (file.clone(), writing.clone());
            Box::pin(async move {
                file.set_aside_if_foreign(connection).await?;
                match writing {
                    Some(thread) => thread.note(connection).await,
                    None => Ok(()),
                }
            })
        })
    });
    with
}
