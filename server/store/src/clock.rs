//! The clock that all nodes share: that of the database, or for SQLite, which has one node, that of
//! the system. What one node stores and another compares must not depend on the clock of either.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};

use crate::error::StoreError;
use crate::row::now;

/// Name of the column with the shared time.
const COLUMN: &str = "now_millis";

/// The present time by the shared clock.
pub async fn shared_time(db: &impl ConnectionTrait) -> Result<DateTime<Utc>, StoreError> {
    let backend = db.get_database_backend();
    let Some(sql) = millis(backend) else { return Ok(now()) };
    let sql = format!("SELECT {sql} AS {COLUMN}");
    match db.query_one_raw(Statement::from_string(backend, sql)).await? {
        Some(row) => Ok(of(&row)),
        None => Ok(now()),
    }
}

/// The column that adds the shared time to a query, with its name; `None` where the time of the
/// system is used.
pub(crate) fn column(backend: DbBackend) -> Option<(Expr, &'static str)> {
    millis(backend).map(|sql| (Expr::cust(sql), COLUMN))
}

/// The shared time in a row of a query with the column.
pub(crate) fn of(row: &QueryResult) -> DateTime<Utc> {
    let millis: Option<i64> = row.try_get("", COLUMN).ok();
    millis.and_then(DateTime::from_timestamp_millis).unwrap_or_else(now)
}

/// Milliseconds since 1970 by the clock of the database.
fn millis(backend: DbBackend) -> Option<&'static str> {
    match backend {
        DbBackend::MySql => Some("CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)"),
        DbBackend::Postgres => Some("CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint)"),
        _ => None,
    }
}
