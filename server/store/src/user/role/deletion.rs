//! Queries: roles and permissions are hidden, all that have certain names, or of these the rows
//! that a caller has read before.

use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter};

use super::Names;
use crate::audit::trail;
use crate::condition::chunks;
use crate::entity::{consumer_role, permission, role, role_permission, user_role};
use crate::error::StoreError;
use crate::number::Id;
use crate::row::{Deletion, Standard, decode};

/// Roles by their names, and permissions by their kinds and targets.
#[derive(Clone, Debug)]
pub struct RoleSelection<'n> {
    pub roles: &'n Names,
    pub kinds: &'n [&'n str],
    pub targets: &'n Names,
}

/// Rows of roles and of permissions. A role that is deleted and created again is another row.
#[derive(Clone, Debug, Default)]
pub struct RoleRows {
    pub roles: Vec<Id>,
    pub permissions: Vec<Id>,
}

impl RoleRows {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.permissions.is_empty()
    }
}

/// The rows that exist at present.
pub async fn rows(
    db: &impl ConnectionTrait,
    wanted: &RoleSelection<'_>,
) -> Result<RoleRows, StoreError> {
    let roles = live_roles(db, wanted.roles).await?.into_iter().map(|role| role.id).collect();
    let permissions = live_permissions(db, wanted.kinds, wanted.targets).await?;
    Ok(RoleRows { roles, permissions })
}

/// Hides those of the rows that still exist, with the grants of the roles.
pub async fn delete_rows(
    db: &impl ConnectionTrait,
    wanted: &RoleSelection<'_>,
    rows: &RoleRows,
    by: &Deletion,
) -> Result<(), StoreError> {
    let mut permissions = live_permissions(db, wanted.kinds, wanted.targets).await?;
    permissions.retain(|id| rows.permissions.contains(id));
    hide_permissions(db, &permissions, by).await?;
    let mut roles = live_roles(db, wanted.roles).await?;
    roles.retain(|role| rows.roles.contains(&role.id));
    hide_roles(db, &roles, by).await
}

/// Hides the roles with these names, with their grants to users and consumers, and their bindings
/// to permissions.
pub async fn delete_roles(
    db: &impl ConnectionTrait,
    names: &Names,
    by: &Deletion,
) -> Result<(), StoreError> {
    let found = live_roles(db, names).await?;
    hide_roles(db, &found, by).await
}

/// Hides the permissions on these targets, only of these kinds if any are given, with their
/// bindings to roles.
pub async fn delete_permissions(
    db: &impl ConnectionTrait,
    kinds: &[&str],
    targets: &Names,
    by: &Deletion,
) -> Result<(), StoreError> {
    let found = live_permissions(db, kinds, targets).await?;
    hide_permissions(db, &found, by).await
}

async fn live_roles(
    db: &impl ConnectionTrait,
    names: &Names,
) -> Result<Vec<role::Model>, StoreError> {
    let found = role::Entity::live().filter(names.condition(role::Column::RoleName));
    let found = decode::all_repaired(db, found).await?;
    Ok(found.into_iter().filter(|role| names.contains(&role.role_name)).collect())
}

async fn live_permissions(
    db: &impl ConnectionTrait,
    kinds: &[&str],
    targets: &Names,
) -> Result<Vec<Id>, StoreError> {
    use permission::{Column, Entity};
    let mut found = Entity::live().filter(targets.condition(Column::TargetId));
    if !kinds.is_empty() {
        found = found.filter(Column::PermissionType.is_in(kinds.iter().copied()));
    }
    let found = decode::all_repaired(db, found).await?;
    let of_target = found.iter().filter(|permission| targets.contains(&permission.target_id));
    Ok(of_target.map(|permission| permission.id).collect())
}

async fn hide_roles(
    db: &impl ConnectionTrait,
    roles: &[role::Model],
    by: &Deletion,
) -> Result<(), StoreError> {
    for role in roles {
        trail::deleted("Role", "RoleName", &role.role_name);
    }
    let ids: Vec<Id> = roles.iter().map(|role| role.id).collect();
    for chunk in chunks(&ids) {
        let of = |column: Expr| Condition::all().add(column);
        let users = of(user_role::Column::RoleId.is_in(chunk.iter().copied()));
        by.hide::<user_role::Entity>(db, users).await?;
        let consumers = of(consumer_role::Column::RoleId.is_in(chunk.iter().copied()));
        by.hide::<consumer_role::Entity>(db, consumers).await?;
        let bindings = of(role_permission::Column::RoleId.is_in(chunk.iter().copied()));
        by.hide::<role_permission::Entity>(db, bindings).await?;
        by.hide::<role::Entity>(db, of(role::Column::Id.is_in(chunk))).await?;
    }
    Ok(())
}

async fn hide_permissions(
    db: &impl ConnectionTrait,
    ids: &[Id],
    by: &Deletion,
) -> Result<(), StoreError> {
    use permission::{Column, Entity};
    for chunk in chunks(ids) {
        let bindings = Condition::all()
            .add(role_permission::Column::PermissionId.is_in(chunk.iter().copied()));
        by.hide::<role_permission::Entity>(db, bindings).await?;
        let permissions = Condition::all().add(Column::Id.is_in(chunk));
        by.hide::<Entity>(db, permissions).await?;
    }
    Ok(())
}
