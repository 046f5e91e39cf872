//! Writes rows that must be unique. Every such table has a unique key, so of two transactions that
//! search for the same row and find nothing, the later one fails. It is then run once more, finds
//! the row of the other one, and answers as if it had started later. Knows no table.

use castalia_store::error::JobError as _;
use castalia_store::{Store, StoreError, Transaction};
use futures_util::future::BoxFuture;

use crate::error::Result;

/// Runs a job in a transaction, and once more if it violates a unique key.
pub async fn write<I, T, F>(store: &Store, input: I, job: F) -> Result<T>
where
    I: Clone + Send + Sync + 'static,
    T: Send + 'static,
    F: for<'c> Fn(&'c Transaction, &'c I) -> BoxFuture<'c, Result<T>>
        + Clone
        + Send
        + Sync
        + 'static,
{
    match store.write(input.clone(), job.clone()).await {
        Err(error) if error.store_error().is_some_and(StoreError::is_duplicate) => {
            store.write(input, job).await
        }
        outcome => outcome,
    }
}
