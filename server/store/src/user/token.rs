//! Queries: personal tokens of users and the calls made with them. Times of tokens are local times
//! without a zone, as a Java portal writes them; the zone is not known here.

use chrono::{DateTime, NaiveDateTime, Utc};
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Set,
};

use crate::audit::trail;
use crate::entity::user_token::{ActiveModel, Column, Entity, Model};
use crate::entity::user_token_audit;
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::Id;
use crate::row::decode;
use crate::row::{self, Authorship, Deletion, Standard, now, soft_delete};

pub use crate::entity::user_token::{Model as UserToken, Row as UserTokenRow};

/// A call made with a token.
#[derive(Clone, Debug)]
pub struct UserTokenCall {
    pub token_id: Id,
    pub user_id: String,
    pub method: String,
    /// Path and query.
    pub uri: String,
    pub time: DateTime<Utc>,
}

/// The last call made with a token.
#[derive(Clone, Debug)]
pub struct Usage {
    pub token_id: Id,
    pub time: NaiveDateTime,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
}

pub async fn by_id(db: &impl ConnectionTrait, id: Id) -> Result<Option<Model>, StoreError> {
    decode::one(db, Entity::live_by_id(id)).await
}

/// The token with this prefix, even if it expired or was revoked.
pub async fn by_prefix(
    db: &impl ConnectionTrait,
    prefix: &str,
) -> Result<Option<Model>, StoreError> {
    let found = Entity::live().filter(Column::TokenPrefix.eq(prefix));
    let found = readable::models(db, found.limit(1)).await?.pop();
    Ok(found.filter(|token| token.token_prefix == prefix))
}

/// The user's tokens, newest first.
pub async fn of_user(db: &impl ConnectionTrait, user_id: &str) -> Result<Vec<Model>, StoreError> {
    let tokens = Entity::live().filter(Column::UserId.eq(user_id)).order_by_desc(Column::Id);
    readable::models(db, tokens).await
}

/// All users' tokens, newest first.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    readable::models(db, Entity::live().order_by_desc(Column::Id)).await
}

pub async fn insert(
    db: &impl ConnectionTrait,
    row: UserTokenRow,
    author: Authorship,
) -> Result<Model, StoreError> {
    let created = row::insert(db, ActiveModel::of(row, author)).await?;
    let fields = [("UserId", Some(created.user_id.as_str())), ("Name", Some(&created.name))];
    trail::wrote("UserToken", created.id, &fields);
    Ok(created)
}

/// Revokes the token; returns whether it was in force until then, expired or not. Of concurrent
/// transactions, one revokes it.
pub async fn revoke(
    db: &impl ConnectionTrait,
    id: Id,
    operator: &str,
    time: NaiveDateTime,
) -> Result<bool, StoreError> {
    let revoked = Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(Some(time)))
        .col_expr(Column::RevokedBy, Expr::value(Some(operator)))
        .col_expr(Column::DataChangeLastModifiedBy, Expr::value(Some(operator)))
        .col_expr(Column::DataChangeLastTime, Expr::value(Some(now())))
        .filter(Column::Id.eq(id))
        .filter(Column::RevokedAt.is_null())
        .exec(db)
        .await?;
    let is_new = revoked.rows_affected > 0;
    if is_new {
        trail::wrote("UserToken", id, &[("RevokedBy", Some(operator))]);
    }
    Ok(is_new)
}

/// Records the last calls; the tokens are otherwise unchanged.
pub async fn record_usage(db: &impl ConnectionTrait, usages: &[Usage]) -> Result<(), StoreError> {
    for usage in usages {
        Entity::update_many()
            .col_expr(Column::LastUsedTime, Expr::value(Some(usage.time)))
            .col_expr(Column::LastUsedIp, Expr::value(usage.ip.clone()))
            .col_expr(Column::LastUsedUserAgent, Expr::value(usage.user_agent.clone()))
            // MySQL updates this column automatically unless it is set.
            .col_expr(Column::DataChangeLastTime, Expr::col(Column::DataChangeLastTime))
            .filter(Column::Id.eq(usage.token_id))
            .exec(db)
            .await?;
    }
    Ok(())
}

/// Hides the token; returns whether it existed.
pub async fn delete(db: &impl ConnectionTrait, id: Id, operator: &str) -> Result<bool, StoreError> {
    trail::deleted("UserToken", "Id", &id.0.to_string());
    Ok(soft_delete::<Entity>(db, Condition::all().add(Column::Id.eq(id)), operator).await? > 0)
}

/// Hides all tokens of the user; returns how many there were.
pub async fn delete_of_user(
    db: &impl ConnectionTrait,
    user_id: &str,
    by: &Deletion,
) -> Result<u64, StoreError> {
    trail::deleted("UserToken", "UserId", user_id);
    by.hide::<Entity>(db, Condition::all().add(Column::UserId.eq(user_id))).await
}

/// Records calls made with tokens.
pub async fn record_calls(
    db: &impl ConnectionTrait,
    calls: &[UserTokenCall],
) -> Result<(), StoreError> {
    let rows = calls.iter().map(|call| user_token_audit::ActiveModel {
        id: ActiveValue::NotSet,
        token_id: Set(Some(call.token_id)),
        user_id: Set(call.user_id.clone()),
        uri: Set(call.uri.clone()),
        method: Set(call.method.clone()),
        data_change_created_time: Set(call.time.into()),
        data_change_last_time: Set(Some(call.time.into())),
    });
    if !calls.is_empty() {
        user_token_audit::Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}
