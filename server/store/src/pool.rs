//! Opens connection pools: sizes, time-outs and pragmas. Knows no table.

use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{AssertSqlSafe, Executor, SqlSafeStr, SqlStr};
use sea_orm::{ConnectOptions, DatabaseConnection};

use crate::error::StoreError;
use crate::file::SqliteFile;
use crate::mysql_server::{self, MySqlServers};
use crate::opening::CONNECT_LIMIT;
use crate::pooler;
use crate::processor::ConnectionThread;
use crate::pulse::LONGEST;
use crate::retirement::Retirement;
use crate::start::connect;
use crate::suitability;
use crate::taken::note_taken;
use crate::url::{DatabaseUrl, Dialect};

/// Must remain well below the three seconds within which a publish has to fail if the database is
/// unreachable.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// Databases and proxies close connections after some time.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 60);
/// Sessions that are open outlive a change of the password, so that only a new one shows whether the
/// account may still sign in.
const SIGN_IN_INTERVAL: Duration = Duration::from_secs(60);
/// Idle connections are closed after this time, before the database does so.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);
/// Idle time after which a connection is tested before use.
const TEST_AFTER: Duration = Duration::from_secs(30);
/// Maximum time that a statement on MySQL and PostgreSQL waits for a lock of another transaction.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum time that SQLite waits for another process that has locked the same file. Like
/// `ACQUIRE_TIMEOUT`, it must remain well below three seconds.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// Statements that a connection to MySQL keeps prepared, unless its URL has this option. The server
/// limits those of all connections together, by default to 16,382.
const MYSQL_STATEMENTS: usize = 60;
const STATEMENTS_OPTION: &str = "statement-cache-capacity";
/// Connections of the common pool that read a SQLite file; more would only compete for the same
/// cores.
pub const SQLITE_READERS: u32 = 4;
/// Connections that are reserved for the work that applications wait for, opened on demand: the
/// scan, reconciliation, names and keys, heartbeats, and a few namespaces that are loaded at the
/// same time.
const RESERVED_CONNECTIONS: u32 = 5;
/// Connections to a database server beside those for requests, at most: the reserved ones, the one
/// for pings and one that replaces it, the one that signs in from time to time, and PostgreSQL's
/// listener or the lock of an import, which concern different databases.
pub const EXTRA_CONNECTIONS: u32 = RESERVED_CONNECTIONS + 4;
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
    /// Connections to MySQL or PostgreSQL for requests; there are up to `EXTRA_CONNECTIONS` more.
    pub max_connections: u32,
    /// Maximum time to wait for one of them.
    pub acquire_timeout: Duration,
    /// How long the first connection is tried again while the database server does not answer.
    pub start_patience: Duration,
    /// Time after which a ping is followed by another sign-in.
    pub sign_in_interval: Duration,
}

impl StoreOptions {
    pub fn new(setting: impl Into<String>) -> Self {
        Self {
            setting: setting.into(),
            max_connections: 16,
            acquire_timeout: ACQUIRE_TIMEOUT,
            start_patience: Duration::ZERO,
            sign_in_interval: SIGN_IN_INTERVAL,
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
    /// How a connection of its own is opened: one that replaces that for pings, one that only signs
    /// in, one for the lock of an import, or one that listens. Present if the database is behind a network.
    pub(super) ping_options: Option<ConnectOptions>,
    /// Stops the use of all connections of this database.
    pub(super) retirement: Retirement,
    /// The thread of the only connection that writes to a file.
    pub(super) writing: ConnectionThread,
    /// Present if the database is a file.
    pub(super) file: Option<SqliteFile>,
}

pub(super) async fn open(
    url: &DatabaseUrl,
    options: &StoreOptions,
    servers: &MySqlServers,
) -> Result<Pools, StoreError> {
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
            file.keep_open().await.map_err(|error| url.error(&options.setting, error))?;
            let (ping_options, file) = (None, Some(file));
            Ok(Pools { read, write, reserved, ping, ping_options, retirement, writing, file })
        }
        Dialect::MySql | Dialect::Postgres => {
            let with = |purpose| server_options(url, options, purpose, &retirement, servers);
            let few = |purpose, connections| {
                let mut few = with(purpose);
                few.max_connections(connections).min_connections(0).connect_lazy(true);
                few
            };
            let (with, few, mut one) = (
                with(Purpose::Work),
                few(Purpose::Work, RESERVED_CONNECTIONS),
                few(Purpose::Check, 1),
            );
            // A ping that has to connect first may be late on a busy machine, as if the database
            // did not answer.
            one.idle_timeout(MAX_LIFETIME);
            let db = connect(url, options, with).await?;
            let reserved = connect(url, options, few).await?;
            let ping = connect(url, options, one.clone()).await?;
            if url.dialect() == Dialect::Postgres {
                pooler::refuse(url, &options.setting, &db, &reserved).await?;
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

fn quiet(url: &DatabaseUrl, options: &StoreOptions) -> ConnectOptions {
    let mut with = ConnectOptions::new(url.expose());
    // Statements are not logged, because they contain values of items.
    with.sqlx_logging(false).record_stmt_in_spans(false).acquire_timeout(options.acquire_timeout);
    with
}

/// What connections to a server are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Queries and transactions.
    Work,
    /// Statements that read no table: pings, and those of the lock of an import. Nothing precedes
    /// their answer, neither a test of the connection nor what others committed.
    Check,
}

fn server_options(
    url: &DatabaseUrl,
    options: &StoreOptions,
    purpose: Purpose,
    retirement: &Retirement,
    servers: &MySqlServers,
) -> ConnectOptions {
    let mut with = quiet(url, options);
    // Work that has a turn waits for a shorter time, unless the node is starting.
    with.acquire_timeout(options.acquire_timeout.max(CONNECT_LIMIT))
        .max_connections(options.max_connections)
        .min_connections(2.min(options.max_connections))
        .idle_timeout(IDLE_TIMEOUT)
        .max_lifetime(MAX_LIFETIME)
        // The guard tests connections, and only those that were idle for a while.
        .test_before_acquire(false);
    if !url.has_option(STATEMENTS_OPTION) {
        with.map_sqlx_mysql_opts(|mysql| mysql.statement_cache_capacity(MYSQL_STATEMENTS));
    }
    let is_work = purpose == Purpose::Work;
    let test_after = is_work.then_some(TEST_AFTER);
    let (guard, servers) = (retirement.clone(), servers.clone());
    with.map_sqlx_mysql_pool_opts(move |pool| {
        let servers = servers.clone();
        guard.guard(pool, test_after).after_connect(move |connection, _| {
            let servers = servers.clone();
            Box::pin(async move {
                connection.execute(mysql_limits()).await?;
                mysql_server::prepare(connection, &servers, is_work).await?;
                note_taken(Duration::ZERO);
                Ok(())
            })
        })
    });
    let guard = retirement.clone();
    with.map_sqlx_postgres_pool_opts(move |pool| {
        guard.guard(pool, test_after).after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(postgres_limits()).await?;
                note_taken(Duration::ZERO);
                Ok(())
            })
        })
    });
    with
}

/// Limits in the database itself, so that it does not continue to work for a caller that received
/// an error, and does not keep the locks of a node that disappeared. MySQL executes the first
/// comment, and MariaDB the second one. MySQL limits only statements that read, and not idle
/// transactions. A shorter limit of its administrator is kept.
///
/// Strict whatever the server's default is: otherwise a character that a column cannot store
/// becomes `?`, and a long value is cut, in a change that is acknowledged. A row with the id 0 (a
/// rehearsal) uses up no id. A statement outside of a transaction is committed even if the server's
/// default is that it is not, and a commit neither begins another transaction nor ends the session.
fn mysql_limits() -> SqlStr {
    let (longest, lock, idle) = (LONGEST.as_secs(), LOCK_TIMEOUT.as_secs(), idle_limit().as_secs());
    let milliseconds = LONGEST.as_millis();
    AssertSqlSafe(format!(
        "SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',STRICT_ALL_TABLES,STRICT_TRANS_TABLES,NO_AUTO_VALUE_ON_ZERO'), \
         autocommit = 1, completion_type = 0, innodb_lock_wait_timeout = {lock}, lock_wait_timeout = {lock}, \
         wait_timeout = {idle} \
         /*!50708 , max_execution_time = IF(@@SESSION.max_execution_time BETWEEN 1 AND {milliseconds}, \
         @@SESSION.max_execution_time, {milliseconds}) */ \
         /*M!100301 , max_statement_time = {longest}, idle_transaction_timeout = {longest} */"
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
/// is read. A commit without `synchronous_commit` may be lost after it was acknowledged. PostgreSQL
/// 13 has no limit for idle sessions.
fn postgres_limits() -> SqlStr {
    let (longest, lock, idle) = (LONGEST.as_secs(), LOCK_TIMEOUT.as_secs(), idle_limit().as_secs());
    AssertSqlSafe(format!(
        "SET default_transaction_isolation = 'read committed'; \
         SET statement_timeout = '{longest}s'; SET lock_timeout = '{lock}s'; \
         SET idle_in_transaction_session_timeout = '{longest}s'; \
         SELECT set_config(name, '{idle}s', false) FROM pg_settings WHERE name = 'idle_session_timeout'; \
         SELECT set_config(name, CASE setting WHEN 'off' THEN 'on' ELSE setting END, false) FROM pg_settings WHERE name = 'synchronous_commit'; \
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

#[cfg(test)]
mod tests {
    use super::*;

    /// S98: MariaDB, on which the tests run, skips the limit of MySQL, and MySQL that of MariaDB.
    #[test]
    fn reads_on_mysql_and_statements_on_mariadb_are_limited() {
        let limits = mysql_limits();
        let limits = limits.as_str();
        let of_mysql = "/*!50708 , max_execution_time = IF(@@SESSION.max_execution_time BETWEEN 1 AND 30000, \
                        @@SESSION.max_execution_time, 30000) */";
        let of_maria_db = "/*M!100301 , max_statement_time = 30, idle_transaction_timeout = 30 */";
        assert!(limits.starts_with("SET SESSION ") && limits.contains(of_mysql), "{limits}");
        assert!(limits.ends_with(of_maria_db), "{limits}");
    }
}
