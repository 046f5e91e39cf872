//! Counts the statements that are sent to a database, so that tests can compare the cost of an
//! operation on few rows and on many, and remembers which statement of a write job failed and how
//! much the job wrote. Knows no table.

use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::{DatabaseConnection, Statement, Value};

use crate::Store;

/// Target of the events that show each statement.
const TRACED: &str = "castalia_store::statement";

/// Bytes that a statement writes at least, in pages of the table and of its indexes.
const LEAST: u64 = 16 * 1024;

/// What is known of the statements of a write job.
#[derive(Default)]
pub(super) struct Observed {
    /// The last one that failed.
    pub(super) failed: Option<Statement>,
    /// Bytes that they wrote, or would have written, estimated.
    pub(super) written: u64,
}

impl Observed {
    fn record(&mut self, statement: &Statement, has_failed: bool) {
        if !statement.sql.starts_with("SELECT") {
            let values = statement.values.iter().flat_map(|values| &values.0);
            self.written += LEAST + values.map(size).sum::<u64>();
        }
        if has_failed {
            self.failed = Some(statement.clone());
        }
    }
}

fn size(value: &Value) -> u64 {
    let bytes = match value {
        Value::String(Some(text)) => text.len(),
        Value::Bytes(Some(bytes)) => bytes.len(),
        _ => 0,
    };
    bytes as u64
}

tokio::task_local! {
    static OBSERVED: RefCell<Observed>;
}

/// The outcome of the work, and what is known of its statements.
pub(super) async fn observed<T>(work: impl Future<Output = T>) -> (T, Observed) {
    let work = async {
        let outcome = work.await;
        (outcome, OBSERVED.with(RefCell::take))
    };
    OBSERVED.scope(RefCell::default(), work).await
}

/// Number of statements of some connections. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct StatementCount(Arc<AtomicU64>);

impl StatementCount {
    /// Counts the statements of these connections, inside transactions and outside. Their clones
    /// made before are not included.
    pub(super) fn of<const N: usize>(connections: [&mut DatabaseConnection; N]) -> Self {
        let count = Self::default();
        for connection in connections {
            let count = count.clone();
            connection.set_metric_callback(move |info| {
                count.0.fetch_add(1, Ordering::Relaxed);
                // Without its parameters, which may be secrets.
                tracing::trace!(target: TRACED, sql = info.statement.sql, "statement");
                // Fails outside a write job.
                let _ = OBSERVED.try_with(|observed| {
                    observed.borrow_mut().record(info.statement, info.failed);
                });
            });
        }
        count
    }
}

impl Store {
    /// Statements that were sent to the database since it was opened, without those that begin and
    /// end transactions.
    pub fn statements(&self) -> u64 {
        self.shared.statements.0.load(Ordering::Relaxed)
    }
}
