//! Connections that take long to open, as to a server that greets its clients late. A ping gives up
//! before, and the driver stops connecting when nobody waits for it. So a connection is opened for the
//! ping that follows. Knows no table.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sea_orm::sqlx::{self, Pool};
use sea_orm::{DatabaseConnection, DbBackend, DbErr, RuntimeErr};
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
