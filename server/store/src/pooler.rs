//! Refuses a pooler in front of PostgreSQL that lends one session to several connections, as
//! PgBouncer does in transaction mode. Limits, the isolation level and notifications belong to a
//! session, so that a node would lose them there without an error. Knows no table.

use sea_orm::DatabaseConnection;
use sea_orm::sqlx::{self, Connection as _, PgConnection, Row as _, raw_sql};
use tokio::time::timeout;

use crate::error::StoreError;
use crate::pulse::LONGEST;
use crate::url::DatabaseUrl;

const REFUSAL: &str = "a pooler in front of PostgreSQL shares sessions between connections \
     (transaction or statement mode), which loses limits, the isolation level and notifications; use \
     its session mode with as many connections to the database as the nodes open, or connect to \
     PostgreSQL directly";

/// Fails unless each of two connections has a session of its own.
pub(super) async fn refuse(
    url: &DatabaseUrl,
    setting: &str,
    first: &DatabaseConnection,
    second: &DatabaseConnection,
) -> Result<(), StoreError> {
    match timeout(LONGEST, shares_sessions(first, second)).await {
        Ok(Ok(false)) => Ok(()),
        Ok(Ok(true)) => Err(url.error(setting, REFUSAL)),
        Ok(Err(error)) => Err(url.error(setting, error)),
        Err(_) => Err(url.error(setting, "the database does not answer")),
    }
}

/// Whether two connections that are open at the same time have one session, or one connection has
/// several in turn.
async fn shares_sessions(
    first: &DatabaseConnection,
    second: &DatabaseConnection,
) -> Result<bool, sqlx::Error> {
    let mut first = first.get_postgres_connection_pool().acquire().await?;
    let mut second = second.get_postgres_connection_pool().acquire().await?;
    let before = session(&mut first).await?;
    let mut transaction = second.begin().await?;
    let beside = session(&mut transaction).await?;
    let after = session(&mut first).await?;
    transaction.rollback().await?;
    Ok(before == beside || before != after)
}

/// The id of the process that serves the session. Not with a prepared statement: the session may
/// know another one by the same name.
async fn session(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    raw_sql("SELECT pg_backend_pid()").fetch_one(connection).await?.try_get(0)
}
