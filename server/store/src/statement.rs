//! Counts the statements that are sent to a database, so that tests can compare the cost of an
//! operation on few rows and on many, and remembers which statement of a write job failed. Knows no
//! table.

use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::DatabaseConnection;

use crate::Store;

/// Target of the events that show each statement.
const TRACED: &str = "castalia_store::statement";

tokio::task_local! {
    /// The last statement of a write job that failed.
    static FAILED: RefCell<Option<String>>;
}

/// The outcome of the work, and the last of its statements that failed.
pub(super) async fn with_failed<T>(work: impl Future<Output = T>) -> (T, Option<String>) {
    let work = async {
        let outcome = work.await;
        (outcome, FAILED.with(RefCell::take))
    };
    FAILED.scope(RefCell::default(), work).await
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
                if info.failed {
                    // Fails outside a write job.
                    let _ = FAILED.try_with(|last| last.replace(Some(info.statement.sql.clone())));
                }
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
