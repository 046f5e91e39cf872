//! Creates roles with their permissions, and grants them to users and consumers. Both are
//! idempotent.

use std::ops::RangeInclusive;

use castalia_store::app::App;
use castalia_store::user::role::{self, Names, RoleRows, RoleSelection};
use castalia_store::{Deletion, Id, Store, Transaction, app, consumer};

use super::requirement::Resource;
use super::{Action, NamedRole, Right};
use crate::domain::consumer::registration::unknown;
use crate::domain::unique;
use crate::error::Result;

/// Author of the roles that are created before any user signs in.
const SYSTEM: &str = "apollo";

/// The holders of a role.
#[derive(Debug, Clone, Copy)]
pub enum Grantee<'a> {
    /// Users, by name.
    Users(&'a [&'a str]),
    /// A consumer, by row id.
    Consumer(Id),
}

/// Creates the roles that belong to no app, if they or their permissions are missing.
pub async fn seed_system_roles(store: &Store) -> Result<()> {
    unique::write(store, (), |tx, ()| {
        Box::pin(async move {
            for role in [NamedRole::create_application(), NamedRole::manage_users()] {
                let role_id = ensure(tx, &role, SYSTEM).await?;
                for permission in &role.permissions {
                    let permission = ensure_permission(tx, permission.pair(), SYSTEM).await?;
                    if !role::is_bound(tx, role_id, permission).await? {
                        role::bind(tx, role_id, permission, SYSTEM).await?;
                    }
                }
            }
            Ok(())
        })
    })
    .await
}

/// Serialises transactions of the portal, for rules over several rows that no unique key ensures.
/// Locks a role that every installation has.
pub(crate) async fn lock_portal(tx: &Transaction) -> Result<()> {
    Ok(role::lock(tx, &NamedRole::create_application().name).await?)
}

/// What the roles to read, edit or publish all of a cluster are found by.
struct OfCluster {
    roles: Names,
    kinds: Vec<&'static str>,
    targets: Names,
}

impl OfCluster {
    fn new(place: &Resource) -> Self {
        let roles = roles_of_cluster(place);
        let permissions: Vec<_> = roles.iter().flat_map(|role| &role.permissions).collect();
        let exact = permissions.iter().map(|permission| permission.target.clone()).collect();
        Self {
            roles: names_of(&roles),
            kinds: permissions.iter().map(|permission| permission.right.name()).collect(),
            targets: Names { exact, ..Names::default() },
        }
    }

    fn wanted(&self) -> RoleSelection<'_> {
        RoleSelection { roles: &self.roles, kinds: &self.kinds, targets: &self.targets }
    }
}

/// The rows of a cluster's roles at present. If its environment has no such cluster afterwards,
/// they are left of an earlier one.
pub async fn cluster_rows(store: &Store, place: &Resource) -> Result<RoleRows> {
    Ok(role::rows(store.read(), &OfCluster::new(place).wanted()).await?)
}

/// Deletes these rows of a cluster's roles, with their grants. What was created since they were
/// read stays: it belongs to a later cluster.
pub async fn delete_cluster_rows(
    store: &Store,
    place: &Resource,
    rows: RoleRows,
    operator: &str,
) -> Result<()> {
    let input = (place.clone(), rows, operator.to_owned());
    unique::write(store, input, |tx, (place, rows, operator)| {
        Box::pin(async move {
            // Before anything is read, because a role may be granted at the same time.
            app::lock(tx, &place.app_id).await?;
            let found = OfCluster::new(place);
            Ok(role::delete_rows(tx, &found.wanted(), rows, &Deletion::by(operator)).await?)
        })
    })
    .await
}

/// Deletes the roles to read, edit or publish a namespace of an app, with their permissions and
/// grants.
pub async fn delete_namespace_roles(
    tx: &Transaction,
    app_id: &str,
    namespace: &str,
    by: &Deletion,
) -> Result<()> {
    let acts = Action::ALL.map(|act| act.in_namespace().name());
    let target = format!("{app_id}+{namespace}");
    role::delete_permissions(tx, &acts, &at_or_below(&[&target]), by).await?;
    Ok(role::delete_roles(tx, &names_of_namespace(app_id, namespace), by).await?)
}

/// Restores the roles that [`delete_namespace_roles`] deleted at this time, with their grants.
pub async fn restore_namespace_roles(
    tx: &Transaction,
    app_id: &str,
    namespace: &str,
    at: i64,
) -> Result<()> {
    Ok(role::restore_roles(tx, &names_of_namespace(app_id, namespace), at).await?)
}

/// Deletes all roles of an app, with their permissions and grants.
pub async fn delete_app_roles(tx: &Transaction, app_id: &str, by: &Deletion) -> Result<()> {
    let rights = Right::ALL.into_iter().filter(|right| !right.is_of_system());
    let rights: Vec<_> = rights.map(Right::name).collect();
    role::delete_permissions(tx, &rights, &at_or_below(&[app_id]), by).await?;
    Ok(role::delete_roles(tx, &names_of_app(app_id), by).await?)
}

/// Deletes the roles that Apollo, which does not know them, leaves of an earlier app of this name:
/// those for reading, and those for all of it.
pub async fn delete_left_of_app(tx: &Transaction, app_id: &str, by: &Deletion) -> Result<()> {
    let read = [Action::Read.in_namespace(), Action::Read.in_cluster()];
    let mut names = at_or_below(&read.map(|right| format!("{}+{app_id}", right.name())));
    names.exact.extend(Action::CHANGING.map(|act| NamedRole::app(act, app_id).name));
    Ok(role::delete_roles(tx, &names, by).await?)
}

/// Deletes those that it leaves of an earlier definition, in these environments and in all.
pub async fn delete_left_of_namespace(
    tx: &Transaction,
    (app_id, namespace): (&str, &str),
    envs: &[String],
    by: &Deletion,
) -> Result<()> {
    let in_env = |env: &String| NamedRole::namespace_in_env(Action::Read, app_id, namespace, env);
    let mut roles = vec![NamedRole::namespace(Action::Read, app_id, namespace)];
    roles.extend(envs.iter().map(in_env));
    Ok(role::delete_roles(tx, &names_of(&roles), by).await?)
}

/// Restores the roles that [`delete_app_roles`] deleted at this time, with their grants.
pub async fn restore_app_roles(tx: &Transaction, app_id: &str, at: i64) -> Result<()> {
    Ok(role::restore_roles(tx, &names_of_app(app_id), at).await?)
}

/// The times in this range, in milliseconds since 1970, at which roles of clusters of this name
/// were deleted.
pub async fn deletions_of_cluster_roles(
    store: &Store,
    place: &Resource,
    range: RangeInclusive<i64>,
) -> Result<Vec<i64>> {
    let names = names_of(&roles_of_cluster(place));
    Ok(role::deletions_of_roles(store.read(), &names, range).await?)
}

/// Restores the roles of a cluster that were deleted at this time, with their grants. What has
/// these names now is replaced: it was created for a cluster that did not exist. Returns false, and
/// changes nothing, if there are none.
pub async fn restore_cluster_roles(
    store: &Store,
    place: &Resource,
    at: i64,
    operator: &str,
) -> Result<bool> {
    let input = (place.clone(), at, operator.to_owned());
    unique::write(store, input, |tx, (place, at, operator)| {
        Box::pin(async move {
            // Before anything is read, because a role may be granted at the same time.
            app::lock(tx, &place.app_id).await?;
            let found = OfCluster::new(place);
            // Another caller may have restored them, and they would be replaced by nothing.
            if role::deletions_of_roles(tx, &found.roles, *at..=*at).await?.is_empty() {
                return Ok(false);
            }
            let present = role::rows(tx, &found.wanted()).await?;
            role::delete_rows(tx, &found.wanted(), &present, &Deletion::by(operator)).await?;
            role::restore_roles(tx, &found.roles, *at).await?;
            Ok(true)
        })
    })
    .await
}

/// Whether a cluster has roles.
pub async fn has_cluster_roles(store: &Store, place: &Resource) -> Result<bool> {
    let names: Vec<_> = roles_of_cluster(place).into_iter().map(|role| role.name).collect();
    Ok(!role::named(store.read(), &names).await?.is_empty())
}

/// Whether another user than its owner, or a consumer, has a role of an app.
pub async fn is_app_shared(store: &Store, app: &App) -> Result<bool> {
    is_held(store, &names_of_app(&app.app_id), &app.owner_name).await
}

/// Whether anybody has a role of a namespace of an app.
pub async fn is_namespace_shared(store: &Store, app_id: &str, namespace: &str) -> Result<bool> {
    is_held(store, &names_of_namespace(app_id, namespace), "").await
}

/// Whether anybody has a role of a cluster.
pub async fn is_cluster_shared(store: &Store, place: &Resource) -> Result<bool> {
    is_held(store, &names_of(&roles_of_cluster(place)), "").await
}

/// Whether a user, except for this one, or a consumer has one of the roles.
async fn is_held(store: &Store, names: &Names, except: &str) -> Result<bool> {
    let (users, consumers) = role::holders(store.read(), names).await?;
    Ok(consumers > 0 || users.iter().any(|user| user != except))
}

fn roles_of_cluster(place: &Resource) -> Vec<NamedRole> {
    Action::ALL.map(|act| place.role_to(act)).to_vec()
}

fn names_of(roles: &[NamedRole]) -> Names {
    Names { exact: roles.iter().map(|role| role.name.clone()).collect(), ..Names::default() }
}

fn names_of_namespace(app_id: &str, namespace: &str) -> Names {
    at_or_below(&Action::ALL.map(|act| NamedRole::namespace(act, app_id, namespace).name))
}

fn names_of_app(app_id: &str) -> Names {
    let own = [NamedRole::master(app_id).name, NamedRole::manage_app_master(app_id).name];
    let acts = Action::ALL.map(|act| [act.in_namespace(), act.in_cluster()]).concat();
    let acts = acts.iter().map(|right| format!("{}+{app_id}", right.name()));
    let mut names = at_or_below(&acts.collect::<Vec<_>>());
    names.exact.extend(own);
    names
}

/// These names, and those that continue one of them with another part.
fn at_or_below<S: AsRef<str>>(names: &[S]) -> Names {
    Names {
        exact: names.iter().map(|name| name.as_ref().to_owned()).collect(),
        prefixes: names.iter().map(|name| format!("{}+", name.as_ref())).collect(),
    }
}

/// Creates the roles of a namespace for all environments and for each of the given ones, and
/// permits a user to edit and publish it in all of them.
pub async fn open_namespace(
    tx: &Transaction,
    (app_id, namespace): (&str, &str),
    envs: &[String],
    user: Option<&str>,
    operator: &str,
) -> Result<()> {
    for role in NamedRole::all_of_namespace(app_id, namespace, envs) {
        ensure(tx, &role, operator).await?;
    }
    if let Some(user) = user {
        for act in Action::CHANGING {
            give(
                tx,
                &NamedRole::namespace(act, app_id, namespace),
                Grantee::Users(&[user]),
                operator,
            )
            .await?;
        }
    }
    Ok(())
}

/// Locks a consumer that is about to be given a role until the end of the transaction: its deletion
/// would not find the role.
///
/// # Errors
/// Fails if the consumer was deleted.
pub(crate) async fn lock_consumer(tx: &Transaction, id: Id) -> Result<()> {
    consumer::lock_by_id(tx, id).await?.map(drop).ok_or_else(unknown)
}

/// Grants a role to those who do not have it; creates it if it is missing.
///
/// # Errors
/// Fails if the consumer does not exist. Users are not looked up.
pub async fn give(
    tx: &Transaction,
    role: &NamedRole,
    holder: Grantee<'_>,
    operator: &str,
) -> Result<()> {
    let role_id = ensure(tx, role, operator).await?;
    match holder {
        Grantee::Users(names) => {
            role::grant_to_users(tx, role_id, names, operator).await?;
        }
        Grantee::Consumer(id) => {
            lock_consumer(tx, id).await?;
            role::grant_to_consumer(tx, role_id, id, operator).await?;
        }
    }
    Ok(())
}

/// The row id of a role; creates the role with its permissions if it is missing.
pub async fn ensure(tx: &Transaction, role: &NamedRole, operator: &str) -> Result<Id> {
    if let Some(found) = role::find(tx, &role.name).await? {
        return Ok(found.id);
    }
    let mut permissions = Vec::with_capacity(role.permissions.len());
    for permission in &role.permissions {
        permissions.push(ensure_permission(tx, permission.pair(), operator).await?);
    }
    let role_id = role::insert(tx, &role.name, operator).await?.id;
    for permission_id in permissions {
        role::bind(tx, role_id, permission_id, operator).await?;
    }
    Ok(role_id)
}

async fn ensure_permission(
    tx: &Transaction,
    (kind, target): (&str, &str),
    operator: &str,
) -> Result<Id> {
    if let Some(found) = role::permission(tx, kind, target).await? {
        return Ok(found.id);
    }
    Ok(role::insert_permission(tx, kind, target, operator).await?.id)
}
