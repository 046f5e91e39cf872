//! How long work waits for a connection to a server. A server may greet its clients so late that
//! the work, or a ping, has given up by then, and the driver stops connecting when nobody waits for
//! it. So a connection is opened for those that follow. Knows no table.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sea_orm::sqlx::{self, Pool};
use sea_orm::{ConnAcquireErr, DatabaseConnection, DbBackend, DbErr, RuntimeErr};
use tokio::time::timeout;

use crate::Store;
use crate::sign_in::SignIn;
use crate::taken::{forget_taken, has_taken};
use crate::url::Dialect;

/// Maximum time to open a connection to a server, which may look up the name of its client first,
/// or be far away.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(20);
/// Maximum time that work with a turn waits for its connection while pings are answered. It does
/// not notice that another one has become idle meanwhile.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Waits for work that takes a connection, unless it has none in time. The driver stops connecting
/// when the work ends, so that another connection is opened for the work that follows.
pub(super) async fn with_connection<T>(
    db: &DatabaseConnection,
    opener: &Opener,
    patience: Duration,
    work: impl Future<Output = Result<T, DbErr>>,
) -> Result<T, DbErr> {
    // The pool of a file has the limit itself.
    if db.get_database_backend() == DbBackend::Sqlite {
        return work.await;
    }
    // That of an earlier attempt is lost.
    forget_taken();
    let mut work = pin!(opener.sign_in.run(work));
    match timeout(patience, &mut work).await {
        Ok(outcome) => outcome,
        Err(_) if has_taken() => work.await,
        Err(_) => {
            opener.open(db);
            Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))
        }
    }
}

/// Opens connections that nobody waits for, one at a time. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Opener {
    /// Held while one is being opened.
    turn: Arc<tokio::sync::Mutex<()>>,
    sign_in: SignIn,
}

impl Opener {
    pub(super) fn new(sign_in: SignIn) -> Self {
        Self { turn: Arc::default(), sign_in }
    }

    /// Opens one in the background, unless another one is being opened. It returns to its pool. Its
    /// outcome decides whether the account may sign in: the work before it has given up.
    pub(super) fn open(&self, db: &DatabaseConnection) {
        let Ok(turn) = Arc::clone(&self.turn).try_lock_owned() else { return };
        let (sign_in, db) = (self.sign_in.clone(), db.clone());
        tokio::spawn(async move {
            let _turn = turn;
            let opened = match db.get_database_backend() {
                DbBackend::MySql => open(db.get_mysql_connection_pool()).await,
                DbBackend::Postgres => open(db.get_postgres_connection_pool()).await,
                _ => Ok(()),
            };
            let error = opened.err().map(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())));
            sign_in.end(error.as_ref(), true);
            if let Some(error) = error {
                tracing::debug!(%error, "cannot open a connection to the database in the background");
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
        let (write, pulse) = (self.shared.write.ping(), self.shared.pulse.connect());
        let opened = async { tokio::join!(write, self.shared.reserved.reader.connect(), pulse) };
        drop(timeout(CONNECT_LIMIT, opened).await);
    }
}
