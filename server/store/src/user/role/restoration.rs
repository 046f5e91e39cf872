//! Queries: roles that were hidden are shown again, with the grants that were hidden with them.

use std::ops::RangeInclusive;

use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::Names;
use crate::condition::chunks;
use crate::entity::{consumer_role, permission, role, role_permission, user_role};
use crate::error::StoreError;
use crate::feed::readable;
use crate::flag::is_set;
use crate::number::Id;
use crate::restoration::show_rows;
use crate::row::{Standard, decode};

/// The times in this range, in milliseconds since 1970, at which roles with these names were
/// hidden.
pub async fn deletions_of_roles(
    db: &impl ConnectionTrait,
    names: &Names,
    range: RangeInclusive<i64>,
) -> Result<Vec<i64>, StoreError> {
    use role::Column;
    let found = role::Entity::find()
        .filter(is_set(Column::IsDeleted.into_expr()))
        .filter(Column::DeletedAt.between(*range.start(), *range.end()))
        .filter(names.condition(Column::RoleName));
    let found = readable::models(db, found).await?.into_iter();
    Ok(found.filter(|role| names.contains(&role.role_name)).map(|role| role.deleted_at).collect())
}

/// Shows the roles with these names that were hidden at this time, with the grants and permissions
/// that were hidden with them.
pub async fn restore_roles(
    db: &impl ConnectionTrait,
    names: &Names,
    at: i64,
) -> Result<(), StoreError> {
    let hidden = role::Entity::find()
        .filter(is_set(role::Column::IsDeleted.into_expr()))
        .filter(role::Column::DeletedAt.eq(at))
        .filter(names.condition(role::Column::RoleName));
    let hidden = decode::all_repaired(db, hidden).await?;
    let named = hidden.iter().filter(|role| names.contains(&role.role_name));
    let ids: Vec<Id> = named.map(|role| role.id).collect();
    for chunk in chunks(&ids) {
        restore(db, &chunk, at).await?;
    }
    Ok(())
}

async fn restore(db: &impl ConnectionTrait, roles: &[Id], at: i64) -> Result<(), StoreError> {
    let of = |column: sea_orm::sea_query::Expr| Condition::all().add(column);
    let ids = || roles.iter().copied();
    show_rows::<role::Entity>(db, of(role::Column::Id.is_in(ids())), at).await?;
    show_rows::<user_role::Entity>(db, of(user_role::Column::RoleId.is_in(ids())), at).await?;
    let consumers = of(consumer_role::Column::RoleId.is_in(ids()));
    show_rows::<consumer_role::Entity>(db, consumers, at).await?;
    let bindings = role_permission::Column::RoleId.is_in(ids());
    show_rows::<role_permission::Entity>(db, of(bindings.clone()), at).await?;
    let permissions = role_permission::Entity::live().filter(bindings).select_only();
    let permissions = permissions.column(role_permission::Column::PermissionId);
    let permissions: Vec<Id> = permissions.into_tuple().all(db).await?;
    for chunk in chunks(&permissions) {
        let permissions = of(permission::Column::Id.is_in(chunk));
        show_rows::<permission::Entity>(db, permissions, at).await?;
    }
    Ok(())
}
