//! How long work waits for a connection to a server. A server may greet a client so late that the
//! work has given up by then, and the driver stops connecting when nobody waits for it. So a
//! connection is opened for the work that follows. Knows no table.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sea_orm::sqlx::{self, Pool};
use sea_orm::{ConnAcquireErr, DatabaseConnection, DbBackend, DbErr, RuntimeErr};
use tokio::time::timeout;

use crate::Store;
use crate::error::is_refused_sign_in;
use crate::retirement::Retirement;
use crate::url::Dialect;

/// Maximum time to open a connection to a server, which may look up the name of its client first,
/// or be far away.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(20);

tokio::task_local! {
    static TAKEN: Taken;
}

/// Notes the connection of a pool that some work takes.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken(Arc<Mutex<Option<Duration>>>);

impl Taken {
    /// Forgets the connection of earlier work.
    pub(super) async fn note<T>(&self, work: impl Future<Output = T>) -> T {
        *self.0.lock() = None;
        TAKEN.scope(self.clone(), work).await
    }

    /// Age of the connection when it was taken last, zero if it was opened for the work; `None`
    /// while the work waits for its first one.
    pub(super) fn age(&self) -> Option<Duration> {
        *self.0.lock()
    }
}

/// Notes that the work of this task has a connection of this age.
pub(super) fn note_taken(age: Duration) {
    // Fails outside of `Taken::note`.
    let _ = TAKEN.try_with(|taken| *taken.0.lock() = Some(age));
}

/// Opens connections for later work, one at a time. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Opener {
    /// Held while one is being opened.
    turn: Arc<tokio::sync::Mutex<()>>,
    retirement: Retirement,
}

impl Opener {
    pub(super) fn new(retirement: Retirement) -> Self {
        Self { turn: Arc::default(), retirement }
    }

    /// Opens one in the background, unless another one is being opened. It returns to its pool. A
    /// sign-in that is refused has the same effect as that of work.
    pub(super) fn open(&self, db: &DatabaseConnection) {
        let Ok(turn) = Arc::clone(&self.turn).try_lock_owned() else { return };
        let (retirement, db) = (self.retirement.clone(), db.clone());
        tokio::spawn(async move {
            let _turn = turn;
            let opened = match db.get_database_backend() {
                DbBackend::MySql => open(db.get_mysql_connection_pool()).await,
                DbBackend::Postgres => open(db.get_postgres_connection_pool()).await,
                _ => Ok(()),
            };
            let Err(error) = opened else { return };
            tracing::debug!(%error, "cannot open a connection to the database in the background");
            if is_refused_sign_in(&DbErr::Conn(RuntimeErr::SqlxError(error.into()))) {
                retirement.retire_refused();
            }
        });
    }
}

async fn open<DB: sqlx::Database>(pool: &Pool<DB>) -> Result<(), sqlx::Error> {
    pool.close_event().do_until(pool.acquire()).await?.map(drop)
}

impl Store {
    /// From now on, work that finds no connection in time fails. Before, as during a start, it
    /// waits as long as it takes to open one.
    pub fn end_start(&self) {
        self.shared.is_starting.store(false, Ordering::Release);
    }

    /// Opens a connection of each pool, however long a server takes to greet: with one for pings,
    /// work that waits for others does not pass for work on a database that does not answer. What
    /// fails here fails again where it is needed.
    pub(super) async fn open_connections(&self) {
        if self.dialect() == Dialect::Sqlite {
            return;
        }
        let reserved = self.shared.reserved.reader.connect();
        let opened = async { tokio::join!(self.shared.write.ping(), reserved) };
        drop(timeout(CONNECT_LIMIT, opened).await);
        self.shared.pulse.connect().await;
    }
}

/// A pool, and how long work waits for one of its connections. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    db: DatabaseConnection,
    patience: Duration,
    /// During a start nobody waits for an answer, and the first connections are opened.
    is_starting: Arc<AtomicBool>,
    opener: Opener,
    retirement: Retirement,
}

impl Opening {
    pub(super) fn new(
        db: DatabaseConnection,
        patience: Duration,
        is_starting: Arc<AtomicBool>,
        retirement: Retirement,
    ) -> Self {
        Self { db, patience, is_starting, opener: Opener::new(retirement.clone()), retirement }
    }

    pub(super) fn db(&self) -> &DatabaseConnection {
        &self.db
    }

    /// Maximum time that work waits for its turn, or for a connection.
    pub(super) fn patience(&self) -> Duration {
        match self.is_starting.load(Ordering::Acquire) {
            true => self.patience.max(CONNECT_LIMIT),
            false => self.patience,
        }
    }

    /// Runs work that takes a connection of the pool, unless it has none in time.
    pub(super) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        // The pool of a file has the limit itself.
        if self.db.get_database_backend() == DbBackend::Sqlite {
            return work.await;
        }
        let taken = Taken::default();
        let mut work = pin!(taken.note(work));
        let outcome = match timeout(self.patience(), &mut work).await {
            Ok(outcome) => outcome,
            Err(_) if taken.age().is_some() => work.await,
            Err(_) => {
                self.opener.open(&self.db);
                Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))
            }
        };
        // Those that are open are accepted until they end, so that some work would go on for long.
        if outcome.as_ref().is_err_and(is_refused_sign_in) {
            self.retirement.retire_refused();
        }
        outcome
    }
}
