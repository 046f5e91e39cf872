//! SQLite: a writer that hangs, as when the disk does, is an outage until it continues, although
//! the jobs that it keeps waiting report none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use castalia_store::{Store, StoreError};
use tokio::sync::Barrier;
use tokio::time::sleep;

use crate::database::Database;

/// Longest wait for a trial write to be given up or to succeed, on a busy machine.
const LATEST: Duration = Duration::from_secs(60);

async fn becomes(store: &Store, is_writable: bool) {
    let begun = Instant::now();
    while store.status().is_writable() != is_writable {
        assert!(begun.elapsed() < LATEST, "{:?}", store.status());
        sleep(Duration::from_millis(20)).await;
    }
}

/// S74
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_hangs_is_an_outage() {
    let database = Database::sqlite();
    let store = database.config().await;
    let barrier = Arc::new(Barrier::new(2));
    let (other, entered) = (store.clone(), Arc::clone(&barrier));
    let hanging = tokio::spawn(async move {
        let job = other.write(entered, |_, barrier| {
            Box::pin(async move {
                barrier.wait().await;
                barrier.wait().await;
                Ok::<_, StoreError>(())
            })
        });
        job.await
    });
    barrier.wait().await;
    becomes(&store, false).await;
    barrier.wait().await;
    becomes(&store, true).await;
    // It may have continued too late for its caller.
    drop(hanging.await.unwrap());
}
