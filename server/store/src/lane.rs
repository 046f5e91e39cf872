//! One of the two sets of connections of a database: those for requests, or those that are reserved
//! for the work that applications wait for. Knows no table, and not which callers use which set.

use crate::file::SqliteFile;
use crate::job::Job;
use crate::long_work::LongWork;
use crate::pulse::Pulse;
use crate::reader::Reader;
use crate::refusal::Refusals;
use crate::retirement::Retirement;
use crate::transaction::Transactions;
use crate::turns::Turns;
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

/// What both sets use.
pub(super) struct Lanes {
    /// Present on SQLite.
    pub(super) writer: Option<Writer>,
    pub(super) pulse: Pulse,
    pub(super) retirement: Retirement,
    pub(super) refusals: Refusals,
    pub(super) file: Option<SqliteFile>,
}

impl Lanes {
    /// The set with these turns, of which so many read at once. `is_divided` states whether work that
    /// takes long leaves turns to others.
    pub(super) fn lane(&self, turns: Turns, reads: u32, is_divided: bool) -> Lane {
        let pulse = self.pulse.clone();
        let writes = match &self.writer {
            Some(writer) => Writes::Writer(writer.clone()),
            None => {
                let (count, retirement) = (turns.count(), self.retirement.clone());
                let long = if is_divided { LongWork::of(count) } else { LongWork::unlimited() };
                let (turns, pulse) = (turns.clone(), pulse.clone());
                Writes::Transactions(Box::new(Transactions { turns, long, pulse, retirement }))
            }
        };
        let long = if is_divided { LongWork::of(reads) } else { LongWork::unlimited() };
        let (refusals, file) = (self.refusals.clone(), self.file.clone());
        Lane { reader: Reader::new(turns, reads, long, pulse, refusals, file), writes }
    }
}
