//! Grants and revokes the roles of users at the request of an administrator, and lists their
//! holders. `grant.rs` creates roles together with their objects.

use std::collections::HashMap;

use castalia_store::user::role;
use castalia_store::{Id, Store, Transaction, app};

use super::NamedRole;
use super::grant;
use crate::domain::{unique, user};
use crate::error::{Code, Error, Result};

/// Grants a role to a user.
///
/// # Errors
/// Fails if there is no such user or role, or if the user has the role.
pub async fn assign(store: &Store, role: NamedRole, user_id: &str, operator: &str) -> Result<()> {
    let account = user::existing(store, user_id).await?;
    let input = (role, account, operator.to_owned());
    unique::write(store, input, |tx, (role, account, operator)| {
        Box::pin(async move {
            lock_app(tx, role).await?;
            user::lock_same(tx, account).await?;
            let user_id = &account.username;
            let found = role::find(tx, &role.name).await?;
            let role_id = found.ok_or_else(|| unknown(role))?.id;
            if role::grant_to_users(tx, role_id, &[user_id], operator).await? > 0 {
                return Ok(());
            }
            Err(Error::bad_request(format!("{user_id} already authorized"))
                .with_code(Code::AlreadyAuthorized))
        })
    })
    .await
}

/// Grants a role to users, except to those who have it; creates the role if it is missing.
///
/// # Errors
/// Fails if a user does not exist.
pub async fn assign_all(
    store: &Store,
    role: NamedRole,
    user_ids: &[String],
    operator: &str,
) -> Result<()> {
    let user_ids = user::all_existing(store, user_ids).await?;
    let input = (role, user_ids, operator.to_owned());
    unique::write(store, input, |tx, (role, user_ids, operator)| {
        Box::pin(async move {
            lock_app(tx, role).await?;
            let names: Vec<_> = user_ids.iter().map(String::as_str).collect();
            user::lock_existing(tx, &names).await?;
            let role_id = grant::ensure(tx, role, operator).await?;
            role::grant_to_users(tx, role_id, user_ids, operator).await?;
            Ok(())
        })
    })
    .await
}

/// Revokes a role from a user, who may no longer exist.
///
/// # Errors
/// Fails if there is no such role.
pub async fn revoke(store: &Store, role: NamedRole, user_id: &str, operator: &str) -> Result<()> {
    let message = unknown(&role);
    match revoke_if_any(store, role, user_id, operator).await? {
        true => Ok(()),
        false => Err(message),
    }
}

/// The same for a role that is created when it is granted first; returns whether it exists.
pub async fn revoke_if_any(
    store: &Store,
    role: NamedRole,
    user_id: &str,
    operator: &str,
) -> Result<bool> {
    let input = (role.name, user_id.to_owned(), operator.to_owned());
    store
        .write(input, |tx, (name, user_id, operator)| {
            Box::pin(async move {
                let Some(found) = role::find(tx, name).await? else { return Ok(false) };
                role::revoke_from_users(tx, found.id, &[user_id], operator).await?;
                Ok(true)
            })
        })
        .await
}

/// The names of the users with each of these roles, sorted.
pub async fn holders<const N: usize>(
    store: &Store,
    roles: [NamedRole; N],
) -> Result<[Vec<String>; N]> {
    let names = roles.map(|role| role.name);
    let found = role::named(store.read(), &names).await?;
    let ids: Vec<Id> = found.iter().map(|role| role.id).collect();
    let grants = role::users_of_roles(store.read(), &ids).await?;
    let role_names: HashMap<Id, &str> =
        found.iter().map(|role| (role.id, role.role_name.as_str())).collect();
    Ok(names.map(|name| {
        let is_of = |id: &Id| role_names.get(id) == Some(&name.as_str());
        let of_role = grants.iter().filter(|grant| grant.role_id.as_ref().is_some_and(is_of));
        let mut holders: Vec<_> = of_role.filter_map(|grant| grant.user_id.clone()).collect();
        holders.sort_unstable();
        holders.dedup();
        holders
    }))
}

/// Locks the app of a role, so that nobody gets a role of an app that is being deleted.
async fn lock_app(tx: &Transaction, role: &NamedRole) -> Result<()> {
    if let Some(app_id) = NamedRole::app_of(&role.name) {
        app::lock(tx, app_id).await?.ok_or_else(|| unknown(role))?;
    }
    Ok(())
}

fn unknown(role: &NamedRole) -> Error {
    let message = format!(
        "Role {} doesn't exist! Check the names, or create the role with `permission-init`.",
        role.name
    );
    Error::bad_request(message).with_code(Code::UnknownRole)
}
