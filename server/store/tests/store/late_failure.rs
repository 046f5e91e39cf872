//! A job that fails late, because it began while the database did not answer, says nothing about
//! the database that answers again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use castalia_store::{Store, StoreError};
use sea_orm::DbErr;
use tokio::sync::Barrier;

use crate::database::Database;

/// Longest wait for a trial write, which is sent each second, on a busy machine.
const RECOVERED: Duration = Duration::from_secs(60);

fn outage() -> StoreError {
    StoreError::Unavailable(DbErr::Custom("the connection is lost".to_owned()))
}

/// A job that fails when the barrier opens the second time.
async fn fail_late(store: Store, barrier: Arc<Barrier>) -> Result<(), StoreError> {
    let job = store.write(barrier, |_, barrier| {
        Box::pin(async move {
            barrier.wait().await;
            barrier.wait().await;
            Err(outage())
        })
    });
    job.await
}

async fn a_late_failure_is_no_outage(store: &Store) {
    let barrier = Arc::new(Barrier::new(2));
    let late = tokio::spawn(fail_late(store.clone(), barrier.clone()));
    barrier.wait().await;
    let failed: Result<(), StoreError> =
        store.write((), |_, ()| Box::pin(async { Err(outage()) })).await;
    failed.unwrap_err();
    assert!(!store.status().is_writable());
    let begun = Instant::now();
    while !store.status().is_writable() {
        assert!(begun.elapsed() < RECOVERED, "{:?}", store.status());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    barrier.wait().await;
    late.await.unwrap().unwrap_err();
    assert!(store.status().is_writable(), "{:?}", store.status());
}

#[tokio::test]
async fn a_late_failure_is_no_outage_on_mysql() {
    let Some(database) = Database::mysql().await else { return };
    a_late_failure_is_no_outage(&database.config().await).await;
}

#[tokio::test]
async fn a_late_failure_is_no_outage_on_postgres() {
    let Some(database) = Database::postgres().await else { return };
    a_late_failure_is_no_outage(&database.config().await).await;
}
