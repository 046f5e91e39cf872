//! Writes what must exist once. Every such table has a unique key, so of two transactions that look
//! for the same thing and find nothing, the later one fails; run once more, it finds what the other
//! one wrote and answers as if it had come later. Knows no table.

use futures_util::future::BoxFuture;

use crate::error::Result;
use crate::store::error::JobError as _;
use crate::store::{Store, StoreError, Transaction};

/// Runs a job in a transaction, and once more where another transaction was faster.
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
