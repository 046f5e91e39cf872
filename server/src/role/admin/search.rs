//! Searches over whole tables, a few at once: each keeps a connection for as long as it takes, and with enough of them at once
//! nothing else would get one, not even what clients wait for.

use std::future::Future;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::error::{Error, Result};

/// Searches of this process at once. Half of the connections that read a SQLite file.
static RUNNING: Semaphore = Semaphore::const_new(2);
/// How long a search waits for its turn before its caller is asked to repeat it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs a search when its turn comes. It keeps its turn to its end even if its caller stops waiting, since the database goes on, too.
///
/// # Errors
/// Fails if there are too many, or if the search fails.
pub(super) async fn in_turn<T: Send + 'static>(
    search: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let Ok(Ok(turn)) = tokio::time::timeout(PATIENCE, RUNNING.acquire()).await else {
        metrics::counter!("castalia_refused_searches_total").increment(1);
        return Err(Error::unavailable("Too many searches at once; repeat it in a moment."));
    };
    let running = tokio::spawn(async move {
        let found = search.await;
        drop(turn);
        found
    });
    running.await.unwrap_or_else(|error| Err(Error::internal("a search panicked", error)))
}
