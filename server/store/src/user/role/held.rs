//! Queries: what users and consumers have through their roles.

use sea_orm::sea_query::Condition;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationDef, Select,
};

use crate::entity::{consumer_role, permission, role, role_permission, user_role};
use crate::error::StoreError;
use crate::feed::readable;
use crate::flag::is_surely_unset;
use crate::number::Id;
use crate::row::Standard;

/// Whether the user has one of the (kind, target) pairs through a role.
pub async fn user_holds_any(
    db: &impl ConnectionTrait,
    user_id: &str,
    pairs: &[(&str, &str)],
) -> Result<bool, StoreError> {
    let held = readable::models(db, held_by_user(user_id).filter(one_of(pairs))).await?;
    Ok(held.iter().any(|permission| is_one_of(permission, pairs)))
}

/// Whether the consumer has one of the (kind, target) pairs through a role.
pub async fn consumer_holds_any(
    db: &impl ConnectionTrait,
    consumer_id: Id,
    pairs: &[(&str, &str)],
) -> Result<bool, StoreError> {
    let held = readable::models(db, held_by_consumer(consumer_id).filter(one_of(pairs))).await?;
    Ok(held.iter().any(|permission| is_one_of(permission, pairs)))
}

/// All permissions of the user's roles.
pub async fn permissions_of_user(
    db: &impl ConnectionTrait,
    user_id: &str,
) -> Result<Vec<permission::Model>, StoreError> {
    readable::models(db, held_by_user(user_id)).await
}

/// All permissions of the consumer's roles.
pub async fn permissions_of_consumer(
    db: &impl ConnectionTrait,
    consumer_id: Id,
) -> Result<Vec<permission::Model>, StoreError> {
    readable::models(db, held_by_consumer(consumer_id)).await
}

/// The user's roles, by id.
pub async fn roles_of_user(
    db: &impl ConnectionTrait,
    user_id: &str,
) -> Result<Vec<role::Model>, StoreError> {
    let roles = role::Entity::live()
        .join(JoinType::InnerJoin, role_to_user())
        .filter(is_surely_unset(user_role::Column::IsDeleted.into_expr()))
        .filter(user_role::Column::UserId.eq(user_id))
        .order_by_asc(role::Column::Id);
    readable::models(db, roles).await
}

/// The consumer's roles, by id.
pub async fn roles_of_consumer(
    db: &impl ConnectionTrait,
    consumer_id: Id,
) -> Result<Vec<role::Model>, StoreError> {
    let roles = role::Entity::live()
        .join(JoinType::InnerJoin, role_to_consumer())
        .filter(is_surely_unset(consumer_role::Column::IsDeleted.into_expr()))
        .filter(consumer_role::Column::ConsumerId.eq(consumer_id))
        .order_by_asc(role::Column::Id);
    readable::models(db, roles).await
}

fn held_by_user(user_id: &str) -> Select<permission::Entity> {
    let to_user = role_permission::Entity::belongs_to(user_role::Entity)
        .from(role_permission::Column::RoleId)
        .to(user_role::Column::RoleId)
        .into();
    bound(to_user)
        .filter(is_surely_unset(user_role::Column::IsDeleted.into_expr()))
        .filter(user_role::Column::UserId.eq(user_id))
}

fn held_by_consumer(consumer_id: Id) -> Select<permission::Entity> {
    let to_consumer = role_permission::Entity::belongs_to(consumer_role::Entity)
        .from(role_permission::Column::RoleId)
        .to(consumer_role::Column::RoleId)
        .into();
    bound(to_consumer)
        .filter(is_surely_unset(consumer_role::Column::IsDeleted.into_expr()))
        .filter(consumer_role::Column::ConsumerId.eq(consumer_id))
}

/// Live permissions that are bound to a role with a holder.
fn bound(to_holder: RelationDef) -> Select<permission::Entity> {
    let to_binding = permission::Entity::belongs_to(role_permission::Entity)
        .from(permission::Column::Id)
        .to(role_permission::Column::PermissionId)
        .into();
    permission::Entity::live()
        .join(JoinType::InnerJoin, to_binding)
        .filter(is_surely_unset(role_permission::Column::IsDeleted.into_expr()))
        .join(JoinType::InnerJoin, to_holder)
}

fn role_to_user() -> RelationDef {
    role::Entity::belongs_to(user_role::Entity)
        .from(role::Column::Id)
        .to(user_role::Column::RoleId)
        .into()
}

fn role_to_consumer() -> RelationDef {
    role::Entity::belongs_to(consumer_role::Entity)
        .from(role::Column::Id)
        .to(consumer_role::Column::RoleId)
        .into()
}

fn one_of(pairs: &[(&str, &str)]) -> Condition {
    use permission::Column;
    pairs.iter().fold(Condition::any(), |any, (kind, target)| {
        let pair = Condition::all()
            .add(Column::PermissionType.eq(*kind))
            .add(Column::TargetId.eq(*target));
        any.add(pair)
    })
}

fn is_one_of(permission: &permission::Model, pairs: &[(&str, &str)]) -> bool {
    pairs.contains(&(permission.permission_type.as_str(), permission.target_id.as_str()))
}
