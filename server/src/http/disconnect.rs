//! Work of a request that continues if the caller disconnects.

use std::future::pending;
use std::panic::resume_unwind;

use tokio::task::JoinError;
use tracing::Instrument as _;

/// Runs a part of a request to its end.
pub async fn to_the_end<F>(part: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    match tokio::spawn(part.in_current_span()).await.map_err(JoinError::try_into_panic) {
        Ok(output) => output,
        Err(Ok(panic)) => resume_unwind(panic),
        // The process ends, and this request with it.
        Err(Err(_)) => pending().await,
    }
}
