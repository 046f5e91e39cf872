#![forbid(unsafe_code)]
//! The database layer: connects by URL, reads, runs write jobs in transactions, and contains the
//! queries of each aggregate. Supports three dialects behind one interface: SQLite (one writer
//! task), MySQL/MariaDB and PostgreSQL (plain transactions). Callers pass and receive plain rows:
//! no other crate depends on the object-relational mapper. Knows no rule of the service, no HTTP
//! and no role: `domain` decides what a change means.

mod access;
pub mod access_key;
pub mod app;
pub mod audit;
pub mod call;
pub mod clock;
mod combined;
mod condition;
pub mod consumer;
pub mod entity;
pub mod error;
pub mod event;
pub mod feed;
mod file;
mod flag;
mod import_lock;
pub mod installation;
pub mod instance;
pub mod item;
mod job;
mod lane;
pub mod length;
mod long_work;
pub mod message;
pub mod migration;
mod mysql_server;
pub mod namespace;
pub mod notice;
mod notify;
pub mod number;
mod opening;
pub mod page;
pub mod pending_change;
mod pool;
mod pooler;
mod processor;
mod pulse;
mod reader;
mod refusal;
mod rehearsal;
pub mod release;
pub mod removal;
pub mod restoration;
mod retirement;
mod row;
pub mod secret;
mod sequence;
pub mod server_config;
pub mod service_registry;
mod sign_in;
mod start;
mod statement;
mod status;
mod suitability;
mod taken;
mod template;
pub mod time;
mod transaction;
mod trial;
mod turns;
mod url;
pub mod user;
mod writer;

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use futures_util::future::BoxFuture;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, Statement};
use tokio::sync::Mutex;

use audit::Trail;
use file::SqliteFile;
use job::{Job, LastResult, Verdict, Work};
use lane::{Lane, Lanes};
use mysql_server::MySqlServers;
use pool::Pools;
use pulse::Pulse;
use refusal::Refusals;
use retirement::Retirement;
use sign_in::SignIn;
use statement::StatementCount;
use status::StatusRecord;
use turns::Turns;
use writer::Writer;

pub use error::{JobError, StoreError};
pub use import_lock::ImportLock;
pub use migration::{Origin, Part};
pub use notify::Listener;
pub use number::{Id, Small};
pub use page::{Page, Paged, Sort};
pub use pool::{EXTRA_CONNECTIONS, SQLITE_READERS, StoreOptions};
pub use reader::Reader;
pub use row::{Authorship, Deletion, now};
pub use secret::Secret;
pub use status::Status;
pub use time::StoredTime;
pub use url::{DatabaseUrl, Dialect};

/// The transaction of a write job: the job sees its own changes, other transactions see them after
/// the commit.
pub type Transaction = DatabaseTransaction;

/// Runs queries: the handle for reads, or the transaction of a write job.
pub trait Connection: ConnectionTrait {}

impl Connection for Reader {}

impl Connection for Transaction {}

/// One database. Cheap to clone.
///
/// Methods that reach into the drivers return boxed futures: an `async fn` would be compiled again,
/// with everything that it calls, in each crate that calls it.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
    is_reserved: bool,
    /// Whether it runs trial writes, whose refusals show nothing about a table.
    is_trial: bool,
}

#[derive(Debug)]
struct Shared {
    url: DatabaseUrl,
    options: StoreOptions,
    /// For requests of users and scripts.
    common: Lane,
    /// For the work that applications wait for.
    reserved: Lane,
    write: DatabaseConnection,
    pulse: Pulse,
    retirement: Retirement,
    sign_in: SignIn,
    servers: MySqlServers,
    status: StatusRecord,
    refusals: Refusals,
    statements: StatementCount,
    is_starting: Arc<AtomicBool>,
    /// Whether a trial write after a conflict is running.
    is_on_trial: AtomicBool,
    /// When a trial write last followed a write that takes long.
    slow_checked: parking_lot::Mutex<Option<Instant>>,
    /// Held by the caller of this process that may import.
    imports: Arc<Mutex<()>>,
    file: Option<SqliteFile>,
}

impl Store {
    /// Opens the database that the URL names. Errors name the setting of the URL.
    pub fn connect(url: &str, options: StoreOptions) -> BoxFuture<'_, Result<Self, StoreError>> {
        Box::pin(Self::open(url, options))
    }

    async fn open(url: &str, options: StoreOptions) -> Result<Self, StoreError> {
        let url = DatabaseUrl::from_str(url)
            .map_err(|problem| StoreError::setting(&options.setting, problem))?;
        let servers = MySqlServers::default();
        let mut pools = pool::open(&url, &options, &servers).await?;
        let counted = [&mut pools.read, &mut pools.write, &mut pools.reserved];
        let statements = StatementCount::of(counted);
        let Pools { read, write, reserved, ping, ping_options, retirement, writing, file } = pools;
        let is_server = url.dialect() != Dialect::Sqlite;
        let (pooled, interval) = (write.clone(), options.sign_in_interval);
        let sign_in = SignIn::new(retirement.clone());
        let pulse = Pulse::new(ping, ping_options, pooled, &retirement, &sign_in, interval);
        let (pooled, kept) = (options.max_connections, pool::reserved(url.dialect()));
        let is_starting = Arc::new(AtomicBool::new(!options.start_patience.is_zero()));
        let turns = |db, pooled| {
            let (patience, is_starting) = (options.acquire_timeout, Arc::clone(&is_starting));
            Turns::new(db, pooled, patience, &retirement, &sign_in, is_starting)
        };
        let (read, reserved) = (turns(read, pooled), turns(reserved, kept));
        let writer = match is_server {
            true => None,
            false => {
                let writer =
                    Writer::start(write.clone(), writing, file.clone(), retirement.clone());
                Some(writer.map_err(|error| {
                    StoreError::setting(&options.setting, format!("cannot start a thread: {error}"))
                })?)
            }
        };
        let refusals = Refusals::default();
        let lanes = Lanes {
            writer,
            pulse: pulse.clone(),
            retirement: retirement.clone(),
            refusals: refusals.clone(),
            file: file.clone(),
        };
        let reads = if is_server { pool::reads_at_once(pooled) } else { pooled };
        let shared = Shared {
            url,
            // A file has no locks on tables or rows.
            common: lanes.lane(read, reads, is_server),
            reserved: lanes.lane(reserved, kept, false),
            options,
            write,
            pulse,
            retirement,
            sign_in,
            servers,
            status: StatusRecord::new(),
            refusals,
            statements,
            is_starting,
            is_on_trial: AtomicBool::new(false),
            slow_checked: parking_lot::Mutex::default(),
            imports: Arc::default(),
            file,
        };
        let store = Self { shared: Arc::new(shared), is_reserved: false, is_trial: false };
        store.open_connections().await;
        Ok(store)
    }

    pub fn dialect(&self) -> Dialect {
        self.shared.url.dialect()
    }

    /// The location of the database, in a form that may be logged.
    pub fn url(&self) -> &DatabaseUrl {
        &self.shared.url
    }

    /// The setting that contains the URL.
    pub fn setting(&self) -> &str {
        &self.shared.options.setting
    }

    /// The same database, over connections that only such handles use. They serve the work that
    /// applications wait for (release messages, releases, names, access keys, the list of
    /// services), so that requests of users and scripts cannot delay it, however many there are and
    /// however long they take.
    #[must_use]
    pub fn reserved(&self) -> Self {
        Self { is_reserved: true, ..self.clone() }
    }

    /// Maximum number of concurrent queries of such handles.
    #[must_use]
    pub fn reserved_reads(&self) -> usize {
        pool::reserved(self.dialect()) as usize
    }

    fn noted_refusals(&self) -> Refusals {
        if self.is_trial { Refusals::default() } else { self.shared.refusals.clone() }
    }

    fn lane(&self) -> &Lane {
        if self.is_reserved { &self.shared.reserved } else { &self.shared.common }
    }

    /// For queries outside a transaction. Must not be used inside a write job: only the job's
    /// transaction sees the job's changes, and holding a second connection can exhaust the pool.
    pub fn read(&self) -> &Reader {
        &self.lane().reader
    }

    /// Runs the job in a transaction, which is committed if the job succeeds and rolled back if it
    /// returns an error. The job may run more than once (after a deadlock, or when another job of a
    /// group commit failed), so it must not have effects outside the transaction. It runs to its
    /// end even if the caller stops waiting.
    ///
    /// A job must not continue after an error of the database: PostgreSQL has then aborted the
    /// transaction and would answer a commit with success. Where a duplicate is expected, use a
    /// separate transaction.
    ///
    /// In the scope of an [`audit::Trail`], the transaction also stores what the trail records.
    pub async fn write<I, T, E, F>(&self, input: I, job: F) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: JobError,
        F: for<'c> Fn(&'c Transaction, &'c I) -> BoxFuture<'c, Result<T, E>>
            + Send
            + Sync
            + 'static,
    {
        let (work, result) = LastResult::of(input, job);
        self.run(work).await?;
        result.take()
    }

    /// Runs the work in a transaction. The error replaces its result.
    fn run(&self, work: Box<dyn Work>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let began = Instant::now();
            let step = Trail::step(&self.shared);
            let (job, answer) = Job::new(work, step.clone(), self.noted_refusals());
            // The limit of the answer includes the wait for space in the queue.
            let submit = self.lane().writes.submit(job);
            let ((), answer) = tokio::join!(submit, answer.receive(|| self.check_slow()));
            if let Some(step) = step {
                step.end(matches!(answer, Ok(Verdict::Done)));
            }
            match &answer {
                // The statement that failed is repeated until it succeeds; its rows may be damaged,
                // and others not.
                Ok(Verdict::Failed(Some(error))) if error.is_storage() => {
                    if !self.is_trial {
                        self.check_extent();
                    }
                }
                Err(error) | Ok(Verdict::Failed(Some(error))) => self.note_failure(error, began),
                Ok(_) => {}
            }
            answer.map(drop)
        })
    }

    /// The outcome of the last writes; performs no query.
    pub fn status(&self) -> Status {
        self.shared.status.get()
    }

    /// Checks that the database answers within two seconds, over a separate connection and
    /// regardless of the last write, and that a SQLite file is still the one that was opened.
    pub fn ping(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            if let Some(file) = &self.shared.file {
                file.check()?;
            }
            self.shared.pulse.ping().await
        })
    }

    /// Closes connections that are in a state which no other user of the pool may see.
    fn retire_connections(&self) {
        self.shared.retirement.retire_all();
    }

    fn write_pool(&self) -> &DatabaseConnection {
        &self.shared.write
    }

    /// Closes all connections; running work is finished first, later work fails. On SQLite, all
    /// data is in the main database file afterwards, so that copying this file is sufficient.
    pub fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let shared = &self.shared;
            if let Some(file) = &shared.file {
                shared.common.reader.close().await?;
                shared.reserved.reader.close().await?;
                shared.pulse.close().await?;
                let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
                if file.check().is_ok()
                    && let Err(error) = shared.write.execute_unprepared(checkpoint).await
                {
                    tracing::warn!(%error, "cannot truncate the write-ahead log; keep it beside the database file");
                }
                file.release().await;
            }
            shared.write.close_by_ref().await?;
            shared.pulse.close().await?;
            shared.reserved.reader.close().await?;
            Ok(shared.common.reader.close().await?)
        })
    }

    /// Reads a SQLite file completely; other databases check themselves.
    pub fn check_integrity(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            if self.shared.file.is_none() {
                return Ok(());
            }
            // No time limit, because reading a large file takes long.
            let statement = Statement::from_string(DbBackend::Sqlite, "PRAGMA quick_check(1)");
            let row = self.shared.write.query_one_raw(statement).await?;
            let found: String =
                row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
            if found == "ok" {
                return Ok(());
            }
            let problem = format!(
                "{}: the file is damaged ({found}); restore it from a backup",
                self.shared.url
            );
            Err(StoreError::setting(self.setting(), problem))
        })
    }
}
