//! One of the two sets of connections of a database: those for requests, or those that are reserved
//! for the work that applications wait for. Knows no table, and not which callers use which set.

use crate::job::Job;
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
    Transactions(Box<Transactions>),
}

impl Writes {
    /// Passes the job on; it is answered in any case.
    pub(super) async fn submit(&self, job: Job) {
        match self {
            Self::Writer(writer) => writer.submit(job).await,
            Self::Transactions(transactions) => transactions.submit(job),
        }
    }
}
