//! Opens connections of a pool, one at a time and each to its end, whoever waits for it. Work that
//! connects itself breaks off when it ends: a server that greets its clients late would never be
//! connected, and MySQL blocks a host that breaks off many connections. Knows no table.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use sea_orm::sqlx::{self, Pool};
use sea_orm::{ConnAcquireErr, DatabaseConnection, DbBackend, DbErr, RuntimeErr};
use tokio::time::{Instant, sleep, timeout};

use crate::Store;
use crate::error::is_refused_sign_in;
use crate::retirement::Retirement;
use crate::url::Dialect;

/// Maximum time to open a connection to a server, which may look up the name of its client first,
/// or be far away.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(20);
/// Pause between looks whether another connection has become idle.
const LOOK: Duration = Duration::from_millis(5);
/// Maximum time after which a new connection is idle: its pool tests it first.
const RETURN: Duration = Duration::from_secs(1);

tokio::task_local! {
    static TAKEN: Taken;
}

/// Notes the connection of a pool that some work takes.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken(Arc<Mutex<Option<TakenConnection>>>);

#[derive(Clone, Copy, Debug)]
struct TakenConnection {
    age: Duration,
    opened: Instant,
}

impl Taken {
    /// Forgets the connection of earlier work.
    pub(super) async fn note<T>(&self, work: impl Future<Output = T>) -> T {
        *self.0.lock() = None;
        self.note_more(work).await
    }

    /// Notes another connection if the work takes one.
    pub(super) async fn note_more<T>(&self, work: impl Future<Output = T>) -> T {
        TAKEN.scope(self.clone(), work).await
    }

    /// Age of the connection when it was taken last, zero if it was opened for the work; `None`
    /// while the work waits for its first one.
    pub(super) fn age(&self) -> Option<Duration> {
        self.0.lock().map(|taken| taken.age)
    }

    /// When the connection that was taken last was opened.
    pub(super) fn opened(&self) -> Option<Instant> {
        self.0.lock().map(|taken| taken.opened)
    }
}

/// Notes that the work of this task has a connection of this age.
pub(super) fn note_taken(age: Duration) {
    let now = Instant::now();
    let opened = now.checked_sub(age).unwrap_or(now);
    // Fails outside of `Taken::note`.
    let _ = TAKEN.try_with(|taken| *taken.0.lock() = Some(TakenConnection { age, opened }));
}

/// A connection that is being opened.
type Opening = Shared<BoxFuture<'static, Result<(), DbErr>>>;

/// Opens connections of one pool. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Opener {
    current: Arc<Mutex<Option<Opening>>>,
    retirement: Retirement,
}

impl Opener {
    pub(super) fn new(retirement: Retirement) -> Self {
        Self { current: Arc::default(), retirement }
    }

    /// Waits until a connection of the pool is idle; opens one if none is.
    pub(super) async fn ready(&self, db: &DatabaseConnection) -> Result<(), DbErr> {
        let begun = Instant::now();
        while idle(db) == Some(0) {
            if begun.elapsed() >= CONNECT_LIMIT {
                return Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout));
            }
            if let Ok(outcome) = timeout(LOOK, self.open(db)).await {
                outcome?;
            }
        }
        Ok(())
    }

    /// Opens one, unless another one is being opened. It returns to its pool. A sign-in that is
    /// refused has the same effect as that of work.
    fn open(&self, db: &DatabaseConnection) -> Opening {
        let mut current = self.current.lock();
        if let Some(opening) = &*current
            && opening.peek().is_none()
        {
            return opening.clone();
        }
        let (retirement, db) = (self.retirement.clone(), db.clone());
        let task = tokio::spawn(async move {
            let opened = acquire(&db).await;
            if opened.as_ref().is_err_and(is_refused_sign_in) {
                retirement.retire_refused();
            }
            opened
        });
        let opening = async move {
            let ended = |error| DbErr::Custom(format!("connecting ended early: {error}"));
            task.await.unwrap_or_else(|error| Err(ended(error)))
        };
        let opening = opening.boxed().shared();
        *current = Some(opening.clone());
        opening
    }
}

/// Number of idle connections; `None` for a file, whose pool opens them at once.
fn idle(db: &DatabaseConnection) -> Option<usize> {
    match db.get_database_backend() {
        DbBackend::MySql => Some(db.get_mysql_connection_pool().num_idle()),
        DbBackend::Postgres => Some(db.get_postgres_connection_pool().num_idle()),
        _ => None,
    }
}

/// Takes a connection and returns it.
async fn acquire(db: &DatabaseConnection) -> Result<(), DbErr> {
    match db.get_database_backend() {
        DbBackend::MySql => take(db.get_mysql_connection_pool()).await,
        DbBackend::Postgres => take(db.get_postgres_connection_pool()).await,
        _ => return Ok(()),
    }
    .map_err(|error| match error {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        error => DbErr::Conn(RuntimeErr::SqlxError(error.into())),
    })
}

async fn take<DB: sqlx::Database>(pool: &Pool<DB>) -> Result<(), sqlx::Error> {
    drop(pool.close_event().do_until(pool.acquire()).await??);
    let begun = Instant::now();
    while pool.num_idle() == 0 && begun.elapsed() < RETURN {
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
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
