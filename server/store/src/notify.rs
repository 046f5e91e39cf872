//! PostgreSQL: notifies every node at the commit that release messages were written. The other
//! engines do not support this, and no caller may rely on it: a scan finds messages without a
//! notification.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgListener;
use sea_orm::sqlx::{self, Executor};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, RuntimeErr, Statement};

use crate::error::StoreError;
use crate::sequence;

const CHANNEL: &str = "castalia_release";
/// Pause between attempts to reconnect to the database.
const RETRY: Duration = Duration::from_millis(200);

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

/// Receives the notifications of [`notify`]. Occupies one connection of the pool.
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

    /// Waits until messages should be read: some were written, or may have been written while the
    /// connection was lost. Reconnects automatically.
    pub async fn changed(&mut self) {
        match self.inner.try_recv().await {
            Ok(Some(_)) => return,
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(%error, "the connection that listens for release messages failed")
            }
        }
        // Any statement reconnects and listens again; messages can be missed until then.
        while let Err(error) = self.inner.execute("SELECT 1").await {
            tracing::debug!(%error, "cannot listen for release messages; retrying");
            tokio::time::sleep(RETRY).await;
        }
    }
}

fn to_store_error(error: sqlx::Error) -> StoreError {
    DbErr::Conn(RuntimeErr::SqlxError(error.into())).into()
}
