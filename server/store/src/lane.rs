//! One of the two sets of connections of a database: those for requests, or those that are reserved
//! for the work that applications wait for. Knows no table, and not which callers use which set.

use futures_util::future::BoxFuture;
use sea_orm::DatabaseTransaction;

use crate::error::JobError;
use crate::reader::Reader;
use crate::transaction::Transactions;
use crate::writer::Writer;

/// A set of connections.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) reader: Reader,
    pub(super) writes: Writes,
}

/// How write jobs are executed.
#[derive(Debug)]
pub(super) enum Writes {
    /// SQLite: by one task, whose connection is used for nothing else.
    Writer(Writer),
    Transactions(Transactions),
}

impl Writes {
    pub(super) async fn run<I, T, E, F>(&self, input: I, job: F) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: JobError,
        F: for<'c> Fn(&'c DatabaseTransaction, &'c I) -> BoxFuture<'c, Result<T, E>>
            + Send
            + Sync
            + 'static,
    {
        match self {
            Self::Writer(writer) => writer.write(input, job).await,
            Self::Transactions(transactions) => transactions.run(input, job).await,
        }
    }
}
