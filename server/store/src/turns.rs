//! Whose turn it is to use a connection of a pool: one caller for each connection. So a caller with a
//! turn waits for nobody, and only until its connection is open, however late the server greets its
//! clients. Knows no table.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{ConnAcquireErr, DatabaseConnection, DbErr};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// A pool and its turns. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    db: DatabaseConnection,
    free: Arc<Semaphore>,
    patience: Duration,
}

impl Turns {
    /// The turns of a pool of this size; those who wait for one give up after this time.
    pub(super) fn new(db: DatabaseConnection, pooled: u32, patience: Duration) -> Self {
        Self { db, free: semaphore(pooled), patience }
    }

    pub(super) fn db(&self) -> &DatabaseConnection {
        &self.db
    }

    /// Waits for a turn. It ends when the permit is dropped, which must outlive the connection.
    pub(super) async fn take(&self) -> Result<OwnedSemaphorePermit, DbErr> {
        self.wait(&self.free).await
    }

    /// Waits for one of the turns that part of the callers have.
    pub(super) async fn wait(&self, free: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, DbErr> {
        match timeout(self.patience, Arc::clone(free).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)),
        }
    }
}

/// So many permits.
pub(super) fn semaphore(permits: u32) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(usize::try_from(permits).unwrap_or(Semaphore::MAX_PERMITS)))
}
