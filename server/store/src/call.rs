//! Queries: how many calls of a consumer, or with an access token of a user, each day had.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::sea_query::{Expr, Func, SimpleExpr};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QuerySelect};

use crate::entity::{consumer_audit, user_token_audit};
use crate::error::StoreError;
use crate::number::Id;

/// A day in UTC, and its number of calls.
pub type CallsOfDay = (NaiveDate, u64);

/// The days since a time on which the consumer called.
pub async fn of_consumer(
    db: &impl ConnectionTrait,
    consumer_id: Id,
    since: DateTime<Utc>,
) -> Result<Vec<CallsOfDay>, StoreError> {
    use consumer_audit::{Column, Entity};
    per_day::<Entity>(db, Column::ConsumerId.eq(consumer_id), Column::DataChangeCreatedTime, since)
        .await
}

/// The days since a time on which the token was used.
pub async fn of_user_token(
    db: &impl ConnectionTrait,
    token_id: Id,
    since: DateTime<Utc>,
) -> Result<Vec<CallsOfDay>, StoreError> {
    use user_token_audit::{Column, Entity};
    per_day::<Entity>(db, Column::TokenId.eq(token_id), Column::DataChangeCreatedTime, since).await
}

async fn per_day<E: EntityTrait>(
    db: &impl ConnectionTrait,
    of: SimpleExpr,
    time: E::Column,
    since: DateTime<Utc>,
) -> Result<Vec<CallsOfDay>, StoreError> {
    let column = Expr::col(time);
    // Connections are in UTC, and SQLite stores texts that begin with the day.
    let day = match db.get_database_backend() {
        DbBackend::Postgres => Func::cust("TO_CHAR").arg(column).arg("YYYY-MM-DD"),
        DbBackend::MySql => Func::cust("DATE_FORMAT").arg(column).arg("%Y-%m-%d"),
        _ => Func::cust("SUBSTR").arg(column).arg(1).arg(10),
    };
    let day = SimpleExpr::from(day);
    let days = E::find()
        .filter(of)
        .filter(time.gte(since))
        .select_only()
        .expr_as(day, "day")
        .expr_as(Expr::cust("COUNT(*)"), "calls")
        .group_by(Expr::cust("1"));
    let found: Vec<(String, i64)> = days.into_tuple().all(db).await?;
    let of_day = |(day, calls): (String, i64)| {
        let day = NaiveDate::parse_from_str(&day, "%Y-%m-%d").ok()?;
        Some((day, u64::try_from(calls).unwrap_or_default()))
    };
    Ok(found.into_iter().filter_map(of_day).collect())
}
