//! PostgreSQL: notifies every node at the commit that release messages were written. The other
//! engines do not support this, and no caller may rely on it: a scan finds messages without a
//! notification.

use std::future::Future;
use std::io;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sea_orm::sqlx::postgres::PgListener;
use sea_orm::sqlx::{self, Executor, PgPool};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DbBackend, DbErr, RuntimeErr, Statement};
use tokio::time::{Instant, timeout, timeout_at};

use crate::Store;
use crate::error::StoreError;
use crate::pulse::silence;
use crate::sequence;
use crate::url::Dialect;

const CHANNEL: &str = "castalia_release";
/// Interval of the statements that test the connection: if it is lost in a way that neither side
/// learns of, it is as silent as if nothing was published. They also keep the server from ending
/// the session because it is idle.
const TEST_INTERVAL: Duration = Duration::from_secs(15);
/// Maximum time for the answer to a statement.
const TEST_LIMIT: Duration = Duration::from_secs(2);

/// Sends a notification with the commit of this transaction, on PostgreSQL; none if it is rolled
/// back. The same statement checks that ids are in order, because a separate one would cost a round
/// trip.
pub(super) async fn notify(db: &impl ConnectionTrait, message: &str) -> Result<(), StoreError> {
    if db.get_database_backend() == DbBackend::Postgres {
        let sql = format!("SELECT {}, pg_notify($1, $2)", sequence::behind());
        let values = [CHANNEL.into(), message.into()];
        let told = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        let row = db.query_one_raw(told).await?;
        let behind: Option<String> = row.map(|row| row.try_get_by(0)).transpose()?;
        sequence::check(&behind.unwrap_or_default())?;
    }
    Ok(())
}

impl Store {
    /// Listens for release messages that any node commits; `None` if the engine does not support
    /// that.
    pub fn listen(&self) -> BoxFuture<'_, Result<Option<Listener>, StoreError>> {
        Box::pin(async move {
            match (self.dialect(), self.shared.pulse.remote()) {
                (Dialect::Postgres, Some(options)) => {
                    let listener = self.shared.sign_in.run(Listener::start(options)).await?;
                    Ok(Some(listener))
                }
                _ => Ok(None),
            }
        })
    }
}

/// Receives the notifications of [`notify`] over a connection of its own. If that is lost, the
/// listener is replaced as a whole: `PgListener` keeps a connection that failed with some errors.
#[derive(Debug)]
pub struct Listener {
    pool: PgPool,
    inner: PgListener,
    next_test: Instant,
}

impl Listener {
    /// The options are those of a pool with one connection.
    async fn start(options: ConnectOptions) -> Result<Self, DbErr> {
        let db = Database::connect(options).await?;
        let pool = db.get_postgres_connection_pool().clone();
        let mut inner = PgListener::connect_with(&pool).await.map_err(of_connection)?;
        inner.eager_reconnect(false);
        let mut listener = Self { pool, inner, next_test: Instant::now() + TEST_INTERVAL };
        in_time(listener.inner.listen(CHANNEL)).await?;
        Ok(listener)
    }

    /// Waits until messages were written.
    ///
    /// # Errors
    /// Fails if the connection is lost. Messages may have been written since, and only another
    /// listener hears of later ones.
    pub async fn changed(&mut self) -> Result<(), StoreError> {
        loop {
            match timeout_at(self.next_test, self.inner.try_recv()).await {
                Ok(Ok(Some(_))) => return Ok(()),
                Ok(Ok(None)) => {
                    let error = io::Error::from(io::ErrorKind::UnexpectedEof);
                    return Err(of_connection(error.into()).into());
                }
                Ok(Err(error)) => return Err(of_connection(error).into()),
                Err(_) => in_time(self.inner.execute("SELECT 1")).await?,
            }
            self.next_test = Instant::now() + TEST_INTERVAL;
        }
    }
}

impl Drop for Listener {
    /// Closes the pool without waiting for a connection that may be lost: `PgListener` returns it
    /// from a task, after a statement that may never be answered.
    fn drop(&mut self) {
        drop(self.pool.close());
    }
}

async fn in_time<T>(statement: impl Future<Output = Result<T, sqlx::Error>>) -> Result<(), DbErr> {
    match timeout(TEST_LIMIT, statement).await {
        Ok(answer) => answer.map(drop).map_err(of_connection),
        Err(_) => Err(silence("the database did not answer the listener within 2 s")),
    }
}

fn of_connection(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}
