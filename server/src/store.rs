//! The database layer: connects by URL, reads, runs write jobs in transactions, and holds the queries of each aggregate.
//! Three dialects behind one face: SQLite (one writer task), MySQL/MariaDB and PostgreSQL (plain transactions).
//! It knows no rule of the service, no HTTP and no role: what a change means is decided in `domain`.

pub mod access_key;
pub mod app;
pub mod audit;
mod condition;
pub mod consumer;
pub mod entity;
pub mod error;
pub mod feed;
pub mod installation;
pub mod instance;
pub mod item;
pub mod message;
pub mod migration;
pub mod namespace;
mod notify;
pub mod number;
pub mod page;
mod pool;
mod reader;
pub mod release;
pub mod removal;
pub mod row;
pub mod secret;
pub mod server_config;
pub mod service_registry;
mod transaction;
mod url;
pub mod user;
mod writer;

use std::str::FromStr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction};

use pool::Pools;
use writer::Writer;

pub use error::{JobError, StoreError};
pub use migration::{Origin, Part};
pub use notify::Listener;
pub use number::{Id, Small};
pub use page::{Page, Paged, Sort};
pub use pool::StoreOptions;
pub use reader::Reader;
pub use row::{Authorship, InNamespace, Standard, insert, now, soft_delete, soft_remove, update};
pub use secret::Secret;
pub use url::{DatabaseUrl, Dialect};

/// What a write job works on: it sees its own changes, and others see them after the commit.
pub type Transaction = DatabaseTransaction;

/// One database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    url: DatabaseUrl,
    options: StoreOptions,
    reader: Reader,
    write: DatabaseConnection,
    /// Present on SQLite, where all writes go through one task.
    writer: Option<Writer>,
}

impl Store {
    /// Opens the database that the URL names. Errors name the setting that the URL came from.
    pub async fn connect(url: &str, options: StoreOptions) -> Result<Self, StoreError> {
        let url = DatabaseUrl::from_str(url)
            .map_err(|problem| StoreError::setting(&options.setting, problem))?;
        let Pools { read, write } = pool::open(&url, &options).await?;
        let writer = (url.dialect() == Dialect::Sqlite).then(|| Writer::start(write.clone()));
        let shared = Shared {
            url,
            reader: Reader::new(read, options.max_connections),
            options,
            write,
            writer,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    pub fn dialect(&self) -> Dialect {
        self.shared.url.dialect()
    }

    /// Where the data is, in a form that may be printed.
    pub fn url(&self) -> &DatabaseUrl {
        &self.shared.url
    }

    /// The setting that the URL came from.
    pub fn setting(&self) -> &str {
        &self.shared.options.setting
    }

    /// For queries outside a transaction. Never ask for it inside a write job: the job's transaction sees its own
    /// changes, and a second connection held at the same time can use up the pool.
    pub fn read(&self) -> &Reader {
        &self.shared.reader
    }

    /// Runs the job in a transaction: all of it is kept, or nothing when it answers an error. It may run more than
    /// once (after a deadlock, or when a neighbour in a group commit failed), so it must not act outside of the
    /// transaction. It runs to its end even when the caller stops waiting.
    ///
    /// A job must not go on after an error of the database: PostgreSQL has then given the transaction up and would
    /// answer a commit with success. Where a duplicate is expected, use a transaction of its own or `tx.begin()`.
    pub async fn write<I, T, E, F>(&self, input: I, job: F) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: JobError,
        F: for<'c> Fn(&'c DatabaseTransaction, &'c I) -> BoxFuture<'c, Result<T, E>>
            + Send
            + Sync
            + 'static,
    {
        match &self.shared.writer {
            Some(writer) => writer.write(input, job).await,
            None => {
                let pooled = self.shared.options.max_connections;
                transaction::run(self.shared.write.clone(), pooled, input, job).await
            }
        }
    }

    /// Hears of release messages that any node commits; `None` where the engine cannot tell.
    pub async fn listen(&self) -> Result<Option<Listener>, StoreError> {
        match self.dialect() {
            Dialect::Postgres => Ok(Some(Listener::start(&self.shared.write).await?)),
            Dialect::Sqlite | Dialect::MySql => Ok(None),
        }
    }

    /// Whether the database answers. Asks over a connection of the pool.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read()
            .query_one_raw(sea_orm::Statement::from_string(
                self.shared.write.get_database_backend(),
                "SELECT 1",
            ))
            .await?;
        Ok(())
    }

    fn write_pool(&self) -> &DatabaseConnection {
        &self.shared.write
    }

    /// Closes all connections; what runs is finished first, what comes later fails.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.shared.write.close_by_ref().await?;
        Ok(self.shared.reader.close().await?)
    }
}
