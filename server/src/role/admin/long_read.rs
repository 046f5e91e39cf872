//! Reads that may last: of contents, which may have megabytes, and searches over whole tables. A
//! SQLite file has few connections that read it, and they leave one to all other requests.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use castalia_store::{SQLITE_READERS, Store};

use crate::disconnect::to_the_end;
use crate::error::{Error, Result};
use crate::http::search::IN_ENVIRONMENT;
use crate::turns::KeyedTurns;

/// Those of one file at a time: one less than the connections that read it.
const OF_FILE: usize = SQLITE_READERS as usize - 1;
/// Longest wait for those of others: longer than for a connection, because each of them may last.
const PATIENCE: Duration = Duration::from_secs(5);

static TURNS: LazyLock<KeyedTurns<PathBuf>> = LazyLock::new(KeyedTurns::default);

/// Reads contents. It continues if the caller disconnects, because the database does so as well.
///
/// # Errors
/// Fails if the read fails.
pub(super) async fn contents<T, F>(store: &Store, read: impl FnOnce(Store) -> F) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    in_turn(store, read(store.clone())).await
}

/// The same for a search, of which only a few run concurrently on any database.
///
/// # Errors
/// Fails if there are too many, or if the search fails.
pub(super) async fn search<T, F>(store: &Store, search: impl FnOnce(Store) -> F) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let (search, store) = (search(store.clone()), store.clone());
    IN_ENVIRONMENT.run(async move { in_turn(&store, search).await }).await
}

async fn in_turn<T: Send + 'static>(
    store: &Store,
    read: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let Some(file) = store.url().sqlite_file() else { return read.await };
    let turn = TURNS.wait_at_most(PATIENCE, file, OF_FILE).await.ok_or_else(|| {
        Error::unavailable("Too many long reads of this database are running; retry in a moment.")
    })?;
    to_the_end(async move {
        let _turn = turn;
        read.await
    })
    .await
}
