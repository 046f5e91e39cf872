//! A transaction that stays open, as that of a slow node, until a call waits for it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use castalia_store::{Store, StoreError, Transaction};
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How long the transaction stays open. A call that does not wait for it takes less: one that takes
/// longer is taken for one that waits, so that a busy machine fails no test.
const OPEN: Duration = Duration::from_millis(700);

/// Runs the work in a transaction, and the call while it is open. The work is committed afterwards,
/// and the call ends.
///
/// # Panics
/// Panics if the call ends before the transaction.
pub(crate) async fn beside<W, T>(store: &Store, work: W, call: impl Future<Output = T>) -> T
where
    W: for<'c> Fn(&'c Transaction) -> BoxFuture<'c, Result<(), StoreError>> + Send + Sync + 'static,
{
    // Whether the work is done, and whether it is committed: each is added once.
    let signals = Arc::new([Semaphore::new(0), Semaphore::new(0)]);
    let held = tokio::spawn(hold(store.clone(), work, Arc::clone(&signals)));
    signals[0].acquire().await.unwrap().forget();
    let mut call = pin!(call);
    let early = timeout(OPEN, &mut call).await;
    signals[1].add_permits(1);
    held.await.unwrap().unwrap();
    assert!(early.is_err(), "the call did not wait for the transaction");
    call.await
}

async fn hold<W>(store: Store, work: W, signals: Arc<[Semaphore; 2]>) -> Result<(), StoreError>
where
    W: for<'c> Fn(&'c Transaction) -> BoxFuture<'c, Result<(), StoreError>> + Send + Sync + 'static,
{
    store
        .write((work, signals), |tx, (work, signals)| {
            Box::pin(async move {
                work(tx).await?;
                signals[0].add_permits(1);
                // Returned afterwards, because a job may run again.
                let _permit = signals[1].acquire().await;
                Ok(())
            })
        })
        .await
}
