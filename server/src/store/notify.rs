//! PostgreSQL: tells every node at the commit that release messages were written. The other engines have no such
//! thing, and nobody may rely on it: a scan of the messages finds what was not told.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgListener;
use sea_orm::sqlx::{self, Executor};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, RuntimeErr, Statement};

use crate::store::error::StoreError;
use crate::store::sequence;

const CHANNEL: &str = "castalia_release";
/// Pause after a failed attempt to reach the database again.
const RETRY: Duration = Duration::from_millis(200);

/// Tells at the commit of this transaction, on PostgreSQL. Nothing is told when it rolls back. The same statement looks
/// whether ids are in order, because one of its own would cost a round trip.
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

/// Hears what [`notify`] tells. Keeps one connection of the pool for itself.
#[derive(Debug)]
pub struct Listener {
    inner: PgListener,
}

impl Listener {
    pub(super) async fn start(db: &DatabaseConnection) -> Result<Self, StoreError> {
        let mut inner = PgListener::connect_with(db.get_postgres_connection_pool())
            .await
            .map_err(to_store_error)?;
        inner.eager_reconnect(false);
        inner.listen(CHANNEL).await.map_err(to_store_error)?;
        Ok(Self { inner })
    }

    /// Waits until messages should be read: some were written, or some may have been written while the connection was
    /// lost. Reconnects by itself.
    pub async fn changed(&mut self) {
        match self.inner.try_recv().await {
            Ok(Some(_)) => return,
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "listening for release messages broke off"),
        }
        // Any statement connects again and listens; only then is nothing missed any more.
        while let Err(error) = self.inner.execute("SELECT 1").await {
            tracing::debug!(%error, "cannot listen for release messages, trying again");
            tokio::time::sleep(RETRY).await;
        }
    }
}

fn to_store_error(error: sqlx::Error) -> StoreError {
    DbErr::Conn(RuntimeErr::SqlxError(error.into())).into()
}
