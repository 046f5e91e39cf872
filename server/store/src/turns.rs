//! Whose turn it is to use a connection of a pool: one caller for each connection, besides some
//! checks of the store itself. So a caller with a turn waits for no other, only until its connection
//! is open: the server may greet its clients late. Knows no table.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sea_orm::sqlx;
use sea_orm::{DatabaseConnection, DbErr, RuntimeErr};
use thiserror::Error;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::opening::{CONNECT_LIMIT, Opener, PATIENCE, with_connection};
use crate::retirement::Retirement;
use crate::sign_in::SignIn;

/// A pool and its turns. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    db: DatabaseConnection,
    /// Size of the pool: up to this many of its connections may turn out to be lost.
    pooled: u32,
    free: Arc<Semaphore>,
    patience: Duration,
    opener: Opener,
    retirement: Retirement,
    /// During a start nobody waits for an answer, and the first connections are opened.
    is_starting: Arc<AtomicBool>,
}

impl Turns {
    /// The turns of a pool of this size; those who wait for one give up after this time.
    pub(super) fn new(
        db: DatabaseConnection,
        pooled: u32,
        patience: Duration,
        retirement: &Retirement,
        sign_in: &SignIn,
        is_starting: Arc<AtomicBool>,
    ) -> Self {
        let (free, opener) = (semaphore(pooled), Opener::new(sign_in.clone()));
        let retirement = retirement.clone();
        Self { db, pooled, free, patience, opener, retirement, is_starting }
    }

    /// This time, but during a start as long as it takes to open a connection.
    fn limit(&self, patience: Duration) -> Duration {
        if self.is_starting.load(Ordering::Acquire) { CONNECT_LIMIT } else { patience }
    }

    pub(super) fn count(&self) -> u32 {
        self.pooled
    }

    pub(super) fn db(&self) -> &DatabaseConnection {
        &self.db
    }

    /// Waits for a turn. It ends when the permit is dropped, which must outlive the connection.
    /// Whoever has a turn must not wait for another permit, whose holders may wait for a turn.
    pub(super) async fn take(&self) -> Result<OwnedSemaphorePermit, DbErr> {
        self.in_time(self.patience, Arc::clone(&self.free).acquire_owned()).await
    }

    /// The same for callers who wait for other permits before.
    pub(super) async fn take_after<T>(
        &self,
        others: impl Future<Output = Result<T, AcquireError>>,
    ) -> Result<(T, OwnedSemaphorePermit), DbErr> {
        let all = async { Ok((others.await?, Arc::clone(&self.free).acquire_owned().await?)) };
        self.in_time(self.patience, all).await
    }

    /// Waits for permits that precede a turn, at most for this time or as long as for a turn.
    pub(super) async fn in_time<T>(
        &self,
        patience: Duration,
        permits: impl Future<Output = Result<T, AcquireError>>,
    ) -> Result<T, DbErr> {
        match timeout(self.limit(patience.max(self.patience)), permits).await {
            Ok(Ok(permits)) => Ok(permits),
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }

    /// Runs work that takes a connection of the pool, unless it has none in time. Its caller has a
    /// turn.
    pub(super) async fn run<T>(
        &self,
        work: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        with_connection(&self.db, &self.opener, self.limit(PATIENCE), work).await
    }

    /// The same for work that changes nothing: it is repeated with the next connection while those
    /// of the pool are lost.
    pub(super) async fn repeat<T, F>(&self, work: impl Fn() -> F) -> Result<T, DbErr>
    where
        F: Future<Output = Result<T, DbErr>>,
    {
        for _ in 0..self.pooled {
            match self.run(work()).await {
                Err(error) if self.retirement.is_lost(&error) => {}
                outcome => return outcome,
            }
        }
        self.run(work()).await
    }
}

/// Why work has no turn in time: other work of this node has all that it may have. Says nothing
/// about the database, which may be well.
#[derive(Debug, Error)]
#[error("other work of this node has all of them that this work may use")]
pub(super) struct Busy;

fn busy() -> DbErr {
    let error = sqlx::Error::Io(io::Error::new(io::ErrorKind::WouldBlock, Busy));
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}

/// So many permits.
pub(super) fn semaphore(permits: u32) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(usize::try_from(permits).unwrap_or(Semaphore::MAX_PERMITS)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{StoreError, is_dead_connection};

    /// S99
    #[test]
    fn work_without_a_turn_says_nothing_about_the_database() {
        assert!(!is_dead_connection(&busy()));
        let error = StoreError::from(busy());
        assert!(error.is_busy() && error.is_connection_lost() && !error.is_outage(), "{error}");
    }
}
