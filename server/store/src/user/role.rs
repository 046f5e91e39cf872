//! Queries: roles, permissions, and their holders. The scheme of role names is not known here.
//! Names and targets are compared exactly, even if the engine ignores case. A row that cannot be
//! decoded grants nothing.

mod deletion;
mod held;
mod restoration;

use sea_orm::sea_query::Condition;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::audit::trail;
use crate::condition::{chunks, starts_with};
use crate::entity::{consumer_role, permission, role, role_permission, user_role};
use crate::error::StoreError;
use crate::feed::readable;
use crate::flag::is_set;
use crate::number::Id;
use crate::row::batch;
use crate::row::decode;
use crate::row::{self, Authorship, Deletion, Standard, soft_delete};

pub use deletion::{RoleRows, RoleSelection, delete_permissions, delete_roles, delete_rows, rows};
pub use held::{
    consumer_holds_any, permissions_of_consumer, permissions_of_user, roles_of_consumer,
    roles_of_user, user_holds_any,
};
pub use restoration::{deletions_of_roles, restore_roles};

/// Names to search for: exact ones and prefixes.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pub exact: Vec<String>,
    pub prefixes: Vec<String>,
}

pub async fn find(
    db: &impl ConnectionTrait,
    name: &str,
) -> Result<Option<role::Model>, StoreError> {
    let named = role::Entity::live().filter(role::Column::RoleName.eq(name));
    let found = decode::one(db, named).await?;
    Ok(found.filter(|role| role.role_name == name))
}

/// Locks the role with this name until the end of the transaction.
pub async fn lock(db: &impl ConnectionTrait, name: &str) -> Result<(), StoreError> {
    let row = role::Entity::live().filter(role::Column::RoleName.eq(name)).lock_exclusive();
    decode::all_repaired(db, row).await?;
    Ok(())
}

/// Roles with these names; unknown ones are omitted.
pub async fn named<S: AsRef<str>>(
    db: &impl ConnectionTrait,
    names: &[S],
) -> Result<Vec<role::Model>, StoreError> {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let mut found = Vec::new();
    for chunk in chunks(&names) {
        let named = role::Entity::live().filter(role::Column::RoleName.is_in(chunk));
        found.extend(readable::models(db, named).await?);
    }
    found.retain(|role| names.contains(&role.role_name.as_str()));
    Ok(found)
}

pub async fn permission(
    db: &impl ConnectionTrait,
    kind: &str,
    target: &str,
) -> Result<Option<permission::Model>, StoreError> {
    use permission::{Column, Entity};
    let found =
        Entity::live().filter(Column::PermissionType.eq(kind)).filter(Column::TargetId.eq(target));
    let found = decode::one(db, found).await?;
    Ok(found.filter(|permission| permission.target_id == target))
}

/// Permissions of these kinds on the target.
pub async fn permissions_on(
    db: &impl ConnectionTrait,
    kinds: &[&str],
    target: &str,
) -> Result<Vec<permission::Model>, StoreError> {
    use permission::{Column, Entity};
    let found = Entity::live()
        .filter(Column::TargetId.eq(target))
        .filter(Column::PermissionType.is_in(kinds.iter().copied()));
    let mut found = readable::models(db, found).await?;
    found.retain(|permission| permission.target_id == target);
    Ok(found)
}

/// Inserts a role without permissions.
pub async fn insert(
    db: &impl ConnectionTrait,
    name: &str,
    operator: &str,
) -> Result<role::Model, StoreError> {
    let row = role::Row { role_name: name.to_owned() };
    let created = row::insert(db, role::ActiveModel::of(row, Authorship::of(operator))).await?;
    trail::wrote("Role", created.id, &[("RoleName", Some(&created.role_name))]);
    Ok(created)
}

pub async fn insert_permission(
    db: &impl ConnectionTrait,
    kind: &str,
    target: &str,
    operator: &str,
) -> Result<permission::Model, StoreError> {
    let row = permission::Row { permission_type: kind.to_owned(), target_id: target.to_owned() };
    row::insert(db, permission::ActiveModel::of(row, Authorship::of(operator))).await
}

/// Binds the permission to the role.
pub async fn bind(
    db: &impl ConnectionTrait,
    role_id: Id,
    permission_id: Id,
    operator: &str,
) -> Result<(), StoreError> {
    let row = role_permission::Row { role_id: Some(role_id), permission_id: Some(permission_id) };
    row::insert(db, role_permission::ActiveModel::of(row, Authorship::of(operator))).await?;
    Ok(())
}

/// Whether a role has a permission.
pub async fn is_bound(
    db: &impl ConnectionTrait,
    role_id: Id,
    permission_id: Id,
) -> Result<bool, StoreError> {
    use role_permission::{Column, Entity};
    let found = Entity::live()
        .filter(Column::RoleId.eq(role_id))
        .filter(Column::PermissionId.eq(permission_id));
    Ok(!readable::models(db, found).await?.is_empty())
}

/// The grants of these roles to users, in their order.
pub async fn users_of_roles(
    db: &impl ConnectionTrait,
    role_ids: &[Id],
) -> Result<Vec<user_role::Model>, StoreError> {
    use user_role::{Column, Entity};
    let mut found = Vec::new();
    for chunk in chunks(role_ids) {
        let grants = Entity::live().filter(Column::RoleId.is_in(chunk)).order_by_asc(Column::Id);
        found.extend(readable::models(db, grants).await?);
    }
    Ok(found)
}

/// Grants the role to the users; returns how many did not have it.
pub async fn grant_to_users<S: AsRef<str>>(
    db: &impl ConnectionTrait,
    role_id: Id,
    user_ids: &[S],
    operator: &str,
) -> Result<usize, StoreError> {
    use user_role::{ActiveModel, Column, Entity, Row};
    let user_ids: Vec<&str> = user_ids.iter().map(AsRef::as_ref).collect();
    let mut held = Vec::new();
    for chunk in chunks(&user_ids) {
        let of_role = Entity::live().filter(Column::RoleId.eq(role_id));
        let found = decode::all_repaired(db, of_role.filter(Column::UserId.is_in(chunk))).await?;
        held.extend(found.into_iter().filter_map(|grant| grant.user_id));
    }
    let is_same = match db.get_database_backend() {
        DbBackend::MySql => |one: &str, other: &str| one.to_lowercase() == other.to_lowercase(),
        _ => |one: &str, other: &str| one == other,
    };
    let mut rows = Vec::new();
    for user_id in user_ids {
        if !held.iter().any(|holder| is_same(holder, user_id)) {
            held.push(user_id.to_owned());
            let row = Row { user_id: Some(user_id.to_owned()), role_id: Some(role_id) };
            rows.push(ActiveModel::of(row, Authorship::of(operator)));
        }
    }
    let within = Condition::all().add(Column::RoleId.eq(role_id));
    let created = batch::insert_all(db, rows, &within, &[Column::UserId]).await?;
    let role = role_id.0.to_string();
    for grant in &created {
        let fields = [("UserId", grant.user_id.as_deref()), ("RoleId", Some(&*role))];
        trail::wrote("UserRole", grant.id, &fields);
    }
    Ok(created.len())
}

/// Grants the role to a consumer; returns whether the consumer did not have it.
pub async fn grant_to_consumer(
    db: &impl ConnectionTrait,
    role_id: Id,
    consumer_id: Id,
    operator: &str,
) -> Result<bool, StoreError> {
    use consumer_role::{ActiveModel, Column, Entity, Row};
    let held = Entity::live()
        .filter(Column::RoleId.eq(role_id))
        .filter(Column::ConsumerId.eq(consumer_id));
    if !decode::all_repaired(db, held).await?.is_empty() {
        return Ok(false);
    }
    let row = Row { consumer_id: Some(consumer_id), role_id: Some(role_id) };
    let created = row::insert(db, ActiveModel::of(row, Authorship::of(operator))).await?;
    let (consumer, role) = (consumer_id.0.to_string(), role_id.0.to_string());
    let fields = [("ConsumerId", Some(consumer.as_str())), ("RoleId", Some(&role))];
    trail::wrote("ConsumerRole", created.id, &fields);
    Ok(true)
}

/// Revokes the role from the users; returns how many had it.
pub async fn revoke_from_users<S: AsRef<str>>(
    db: &impl ConnectionTrait,
    role_id: Id,
    user_ids: &[S],
    operator: &str,
) -> Result<u64, StoreError> {
    use user_role::{Column, Entity};
    let user_ids: Vec<&str> = user_ids.iter().map(AsRef::as_ref).collect();
    trail::deleted("UserRole", "RoleId", &role_id.0.to_string());
    for user_id in &user_ids {
        trail::deleted("UserRole", "UserId", user_id);
    }
    let mut revoked = 0;
    for chunk in chunks(&user_ids) {
        let condition =
            Condition::all().add(Column::RoleId.eq(role_id)).add(Column::UserId.is_in(chunk));
        revoked += soft_delete::<Entity>(db, condition, operator).await?;
    }
    Ok(revoked)
}

/// Revokes all roles from a user; returns how many there were.
pub async fn revoke_all(
    db: &impl ConnectionTrait,
    user_id: &str,
    by: &Deletion,
) -> Result<u64, StoreError> {
    trail::deleted("UserRole", "UserId", user_id);
    let condition = Condition::all().add(user_role::Column::UserId.eq(user_id));
    by.hide::<user_role::Entity>(db, condition).await
}

/// Deletes the grants of a user that were hidden, such as those of a deleted app, so that no
/// restoration shows them. Returns their number.
pub async fn delete_hidden(db: &impl ConnectionTrait, user_id: &str) -> Result<u64, StoreError> {
    use user_role::{Column, Entity};
    let hidden = Entity::delete_many()
        .filter(is_set(Column::IsDeleted.into_expr()))
        .filter(Column::UserId.eq(user_id));
    Ok(hidden.exec(db).await?.rows_affected)
}

/// Revokes the role from the consumer; returns whether it had it.
pub async fn revoke_from_consumer(
    db: &impl ConnectionTrait,
    role_id: Id,
    consumer_id: Id,
    operator: &str,
) -> Result<bool, StoreError> {
    use consumer_role::{Column, Entity};
    trail::deleted("ConsumerRole", "RoleId", &role_id.0.to_string());
    trail::deleted("ConsumerRole", "ConsumerId", &consumer_id.0.to_string());
    let condition =
        Condition::all().add(Column::RoleId.eq(role_id)).add(Column::ConsumerId.eq(consumer_id));
    Ok(soft_delete::<Entity>(db, condition, operator).await? > 0)
}

/// The users with any of the roles with these names, and the number of grants to consumers.
pub async fn holders(
    db: &impl ConnectionTrait,
    names: &Names,
) -> Result<(Vec<String>, usize), StoreError> {
    let (mut users, mut consumers) = (Vec::new(), 0);
    for chunk in chunks(&matching(db, names).await?) {
        let ids = || chunk.iter().copied();
        let of_users = user_role::Entity::live().filter(user_role::Column::RoleId.is_in(ids()));
        let of_users = readable::models(db, of_users).await?;
        users.extend(of_users.into_iter().filter_map(|grant| grant.user_id));
        let of_consumers =
            consumer_role::Entity::live().filter(consumer_role::Column::RoleId.is_in(ids()));
        consumers += readable::models(db, of_consumers).await?.len();
    }
    Ok((users, consumers))
}

/// The ids of the roles with these names.
async fn matching(db: &impl ConnectionTrait, names: &Names) -> Result<Vec<Id>, StoreError> {
    let found = role::Entity::live().filter(names.condition(role::Column::RoleName));
    let found = readable::models(db, found).await?.into_iter();
    Ok(found.filter(|role| names.contains(&role.role_name)).map(|role| role.id).collect())
}

impl Names {
    fn condition<C: ColumnTrait>(&self, column: C) -> Condition {
        let mut any = Condition::any().add(column.is_in(self.exact.iter().map(String::as_str)));
        for prefix in &self.prefixes {
            any = any.add(starts_with(column, prefix));
        }
        any
    }

    fn contains(&self, text: &str) -> bool {
        self.exact.iter().any(|exact| exact == text)
            || self.prefixes.iter().any(|prefix| text.starts_with(prefix.as_str()))
    }
}
