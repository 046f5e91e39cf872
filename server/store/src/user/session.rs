//! Queries: sessions of browsers. The value of the cookie is never stored; rows are found by its
//! hash.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel,
    QueryFilter, QuerySelect, QueryTrait,
};

use crate::clock;
use crate::entity::castalia_session::{Column, Entity, Model};
use crate::error::StoreError;

pub use crate::entity::castalia_session::Model as Session;

pub async fn create(db: &impl ConnectionTrait, session: &Model) -> Result<(), StoreError> {
    let row = session.clone().into_active_model().reset_all();
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// The session if it has not expired, with the present time by the shared clock; `None` also for a
/// row that cannot be decoded.
pub async fn find(
    db: &impl ConnectionTrait,
    id_hash: &str,
) -> Result<Option<(Model, DateTime<Utc>)>, StoreError> {
    let backend = db.get_database_backend();
    let mut session = Entity::find_by_id(id_hash);
    if let Some((time, name)) = clock::column(backend) {
        session = session.expr_as(time, name);
    }
    let Some(found) = db.query_one_raw(session.build(backend)).await? else { return Ok(None) };
    let now = clock::of(&found);
    // An expiry that is no time is decoded as long past.
    let is_valid = |row: &Model| row.id_hash == id_hash && *row.expiry_time > now;
    Ok(Model::from_query_result(&found, "").ok().filter(is_valid).map(|row| (row, now)))
}

/// Names of the users with sessions, without duplicates and those that cannot be decoded.
pub async fn users(db: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let names = Entity::find().select_only().column(Column::UserId).distinct();
    let rows = db.query_all_raw(names.build(db.get_database_backend())).await?;
    Ok(rows.iter().filter_map(|row| row.try_get_by(0).ok()).collect())
}

/// Records that the session was used.
pub async fn touch(
    db: &impl ConnectionTrait,
    id_hash: &str,
    seen: DateTime<Utc>,
    expiry: DateTime<Utc>,
) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::LastSeenTime, Expr::value(seen))
        .col_expr(Column::ExpiryTime, Expr::value(expiry))
        .filter(Column::IdHash.eq(id_hash))
        .exec(db)
        .await?;
    Ok(())
}

/// Returns whether the session existed.
pub async fn delete(db: &impl ConnectionTrait, id_hash: &str) -> Result<bool, StoreError> {
    Ok(Entity::delete_by_id(id_hash).exec(db).await?.rows_affected > 0)
}

/// Ends all sessions of the user except for the one with the given hash.
pub async fn delete_of_user(
    db: &impl ConnectionTrait,
    user_id: &str,
    except: Option<&str>,
) -> Result<u64, StoreError> {
    let mut gone = Entity::delete_many().filter(Column::UserId.eq(user_id));
    if let Some(except) = except {
        gone = gone.filter(Column::IdHash.ne(except));
    }
    Ok(gone.exec(db).await?.rows_affected)
}

pub async fn delete_expired(
    db: &impl ConnectionTrait,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let gone = Entity::delete_many().filter(Column::ExpiryTime.lte(now));
    Ok(gone.exec(db).await?.rows_affected)
}
