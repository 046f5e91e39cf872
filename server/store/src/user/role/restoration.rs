//! Queries: roles that were hidden are shown again, with the grants that were hidden with them.

use std::collections::BTreeMap;

use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::Names;
use crate::condition::chunks;
use crate::entity::{consumer_role, permission, role, role_permission, user_role};
use crate::error::StoreError;
use crate::number::Id;
use crate::restoration::{When, show_rows};
use crate::row::{Standard, decode};

/// Shows the roles with these names that were hidden then, with the grants and
/// permissions that were hidden with them. Of roles with one name the latest is shown, and none if
/// there is one already.
pub async fn restore_roles(
    db: &impl ConnectionTrait,
    names: &Names,
    when: When,
) -> Result<(), StoreError> {
    let named = || names.condition(role::Column::RoleName);
    let mut latest = BTreeMap::new();
    for role in decode::all_repaired(db, role::Entity::find().filter(named())).await? {
        let is_live = !role.is_deleted;
        if names.contains(&role.role_name) && (is_live || when.contains(role.deleted_at)) {
            let rank = (is_live, role.deleted_at, role.id);
            let known = latest.entry(role.role_name).or_insert(rank);
            *known = rank.max(*known);
        }
    }
    let mut by_time: BTreeMap<i64, Vec<Id>> = BTreeMap::new();
    for (_, at, id) in latest.into_values().filter(|(is_live, ..)| !is_live) {
        by_time.entry(at).or_default().push(id);
    }
    for (at, ids) in by_time {
        for chunk in chunks(&ids) {
            restore(db, &chunk, at).await?;
        }
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
