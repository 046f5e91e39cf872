//! What an environment deleted, and its restoration there, after which the environment has what the
//! portal has: something may have been deleted or changed meanwhile.

use std::ops::RangeInclusive;

use castalia_store::Store;

use super::{app, definition};
use crate::domain::permission::requirement::Resource;
use crate::domain::permission::{Action, grant};
use crate::domain::portal_app::App;
use crate::domain::portal_namespace::AppNamespace;
use crate::domain::portal_restoration::{self, Namesakes};
use crate::domain::restoration::{Deleted, DeletedKind};
use crate::domain::{portal_app, portal_namespace};
use crate::environment::{Address, Environment};
use crate::error::{Code, Error, Result, if_found};
use crate::state::PortalState;
use crate::wire::admin;

/// The clocks of an environment and of the portal differ by less than this, in milliseconds.
pub(in crate::role::portal) const SKEW: i64 = 60_000;

/// Restores in an environment what was deleted with an app or a definition of the portal that was
/// created then; returns whether there was anything to restore.
pub(in crate::role::portal) async fn restore_with(
    state: &PortalState,
    environment: &Environment,
    (whole, created): (&Deleted, i64),
    operator: &str,
) -> Result<bool> {
    if is_there(environment, whole).await? {
        return Ok(false);
    }
    let mut found = deleted(environment, &whole.app_id).await?;
    found.retain(|one| (one.kind, &one.namespace) == (whole.kind, &whole.namespace));
    match deleted_with(&found, created, whole.at) {
        Some(one) if one.kind == DeletedKind::App => {
            restore_app(state, environment, one, operator).await.map(|()| true)
        }
        Some(one) => restore_definition(state, environment, one, operator).await.map(|()| true),
        // Deleted when the environment was reachable again, or by a clock that differs.
        None if found.iter().any(|one| one.at >= created.saturating_sub(SKEW)) => {
            let message = "what was deleted there has another time, and may be of another deletion";
            Err(Error::bad_request(message).with_code(Code::NotDeleted))
        }
        None => Ok(false),
    }
}

/// The last app that the environment deleted of those that were this one, although the portal has
/// it: its deletion failed half-way, or its restoration.
pub(super) async fn last_of(
    state: &PortalState,
    environment: &Environment,
    app: &App,
) -> Result<Option<Deleted>> {
    let mut found = deleted(environment, &app.app_id).await?;
    found.retain(|one| one.kind == DeletedKind::App);
    if found.is_empty() {
        return Ok(None);
    }
    let namesakes = Namesakes::of(&state.store, app.clone()).await?;
    Ok(found.into_iter().filter(|one| namesakes.was_present(one, SKEW)).max_by_key(|one| one.at))
}

/// The same of a definition.
pub(super) async fn last_of_definition(
    state: &PortalState,
    environment: &Environment,
    row: &AppNamespace,
) -> Result<Option<Deleted>> {
    let mut found = deleted(environment, &row.app_id).await?;
    found.retain(|one| (one.kind, &one.namespace) == (DeletedKind::AppNamespace, &row.name));
    let found = portal_restoration::those_of_definition(&state.store, row, found, SKEW).await?;
    Ok(found.into_iter().max_by_key(|one| one.at))
}

/// Restores an app that the portal has had all the time. Its clusters have roles again: they may
/// have been deleted meanwhile.
pub(in crate::role::portal) async fn restore_lost_app(
    state: &PortalState,
    environment: &Environment,
    one: &Deleted,
    operator: &str,
) -> Result<()> {
    restore_app(state, environment, one, operator).await?;
    let (app_id, env) = (&one.app_id, environment.name());
    let clusters: Vec<admin::Cluster> =
        environment.get(Address::new(["apps", app_id, "clusters"])).await?;
    let roles = clusters.into_iter().filter_map(|cluster| cluster.name).flat_map(|cluster| {
        let (app_id, env) = (app_id.clone(), env.to_owned());
        let place = Resource { app_id, env, cluster, ..Resource::default() };
        Action::CHANGING.map(|act| place.role_to(act))
    });
    portal_app::ensure_roles(&state.store, app_id, roles.collect(), operator).await
}

/// Restores an app, whose details and definitions are then as the portal has them now.
async fn restore_app(
    state: &PortalState,
    environment: &Environment,
    one: &Deleted,
    operator: &str,
) -> Result<()> {
    let app_id = &one.app_id;
    restore(environment, one, operator).await?;
    // Deleted in the portal meanwhile.
    if app::delete_orphan(state, environment, app_id, operator).await? {
        return portal_app::find(&state.store, app_id).await.map(drop);
    }
    let present = portal_app::find(&state.store, app_id).await?;
    app::put(environment, &present, operator).await?;
    write_definitions(state, environment, app_id, operator).await
}

/// Definitions that the portal deleted or replaced while the environment did not have the app.
pub(super) async fn write_definitions(
    state: &PortalState,
    environment: &Environment,
    app_id: &str,
    operator: &str,
) -> Result<()> {
    let store = &state.store;
    let present = portal_namespace::of_app(store, app_id).await?;
    let deleted = portal_restoration::definitions(store, app_id).await?;
    let found: Vec<admin::AppNamespace> =
        environment.get(Address::new(["apps", app_id, "appnamespaces"])).await?;
    let named = |name: &str| found.iter().find(|one| one.name.as_deref() == Some(name));
    let is_same = |row: &AppNamespace, one: &admin::AppNamespace| {
        one.is_public == row.is_public && one.format.as_deref() == Some(&*row.format)
    };
    for name in deleted.iter().map(|one| one.namespace.as_str()) {
        let row = present.iter().find(|row| row.name == name);
        if named(name).is_some_and(|one| row.is_none_or(|row| !is_same(row, one))) {
            definition::delete(environment, app_id, name, operator).await?;
        }
    }
    for row in &present {
        if named(&row.name).is_none_or(|one| !is_same(row, one)) {
            definition::write(state, environment, row, operator).await?;
        }
    }
    Ok(())
}

/// Restores a definition, unless it was deleted in the portal meanwhile.
pub(in crate::role::portal) async fn restore_definition(
    state: &PortalState,
    environment: &Environment,
    one: &Deleted,
    operator: &str,
) -> Result<()> {
    restore(environment, one, operator).await?;
    let name = (one.app_id.as_str(), one.namespace.as_str());
    match definition::delete_orphan(state, environment, name, operator).await? {
        true => portal_namespace::find(&state.store, name.0, name.1).await.map(drop),
        false => Ok(()),
    }
}

/// Whether an environment has the cluster, by exactly this name.
pub(in crate::role::portal) async fn has_cluster(
    environment: &Environment,
    place: &Resource,
) -> Result<bool> {
    let found: Vec<admin::Cluster> =
        environment.get(Address::new(["apps", &place.app_id, "clusters"])).await?;
    Ok(found.iter().any(|one| one.name.as_deref() == Some(&*place.cluster)))
}

/// Of deletions in an environment, the one that belongs to the deletion in the portal of an object
/// that was created then. The portal deletes after its environments, but their clocks may differ.
fn deleted_with(found: &[Deleted], created: i64, at: i64) -> Option<&Deleted> {
    let before = found.iter().filter(|one| (created..=at).contains(&one.at));
    let after = found.iter().filter(|one| (at..at + SKEW).contains(&one.at));
    before.max_by_key(|one| one.at).or_else(|| after.min_by_key(|one| one.at))
}

/// Whether an environment has the app or the definition: it was not reachable when this was
/// deleted.
async fn is_there(environment: &Environment, deleted: &Deleted) -> Result<bool> {
    let app_id = &deleted.app_id;
    if deleted.kind == DeletedKind::App {
        let found = environment.get::<admin::App>(Address::new(["apps", app_id])).await;
        return if_found(found).map(|app| app.is_some());
    }
    has_definition(environment, (app_id, &deleted.namespace)).await
}

/// Whether an environment has the definition, by exactly this name.
pub(super) async fn has_definition(
    environment: &Environment,
    (app_id, name): (&str, &str),
) -> Result<bool> {
    let address = Address::new(["apps", app_id, "appnamespaces"]);
    let found: Option<Vec<admin::AppNamespace>> = if_found(environment.get(address).await)?;
    Ok(found.is_some_and(|found| found.iter().any(|row| row.name.as_deref() == Some(name))))
}

/// Restores the roles that the portal deleted with a cluster, which its environment deleted at this
/// time; `others` are the times at which it deleted other clusters of the name. Returns false, and
/// changes nothing, if there are none.
pub(in crate::role::portal) async fn restore_cluster_roles(
    store: &Store,
    (place, namesakes): (&Resource, &Namesakes),
    (at, others): (i64, &[i64]),
    operator: &str,
) -> Result<bool> {
    let range = at.saturating_sub(SKEW)..=at.saturating_add(SKEW);
    let mut times = grant::deletions_of_cluster_roles(store, place, range).await?;
    times.retain(|time| !namesakes.was_of_deleted(*time));
    match deleted_with_cluster(&times, at, others) {
        Some(time) => grant::restore_cluster_roles(store, place, time, operator).await,
        None => Ok(false),
    }
}

/// Of the times at which roles of clusters of one name were deleted, the one that belongs to the
/// deletion of a cluster. The portal deletes roles just after their cluster, so that a time belongs
/// to the last deletion before it. One before the deletion is only possible if the clocks differ,
/// and is left out if another deletion may explain it.
fn deleted_with_cluster(times: &[i64], at: i64, others: &[i64]) -> Option<i64> {
    let is_any_in = |range: RangeInclusive<i64>| others.iter().any(|other| range.contains(other));
    let after = times.iter().filter(|time| **time >= at && !is_any_in(at..=**time));
    let before =
        times.iter().filter(|time| **time < at && !is_any_in(**time - SKEW..=**time + SKEW));
    after.min().or_else(|| before.max()).copied()
}

/// The times at which an environment deleted other clusters with the name of this one.
pub(in crate::role::portal) async fn deletions_of_namesakes(
    environment: &Environment,
    one: &Deleted,
) -> Result<Vec<i64>> {
    let is_other = |other: &Deleted| {
        (other.kind, &other.cluster) == (one.kind, &one.cluster) && other.at != one.at
    };
    let found = deleted(environment, &one.app_id).await?;
    Ok(found.into_iter().filter(is_other).map(|other| other.at).collect())
}

/// What was deleted of an app in an environment; nothing where Apollo's admin service is asked,
/// which has no such list.
pub(in crate::role::portal) async fn deleted(
    environment: &Environment,
    app_id: &str,
) -> Result<Vec<Deleted>> {
    let address = Address::new(["apps", app_id, "deleted"]);
    let found: Vec<admin::Deleted> = if_found(environment.get(address).await)?.unwrap_or_default();
    let one = |one: admin::Deleted| {
        Ok(Deleted {
            kind: DeletedKind::from_name(&one.kind)?,
            app_id: app_id.to_owned(),
            cluster: one.cluster_name,
            namespace: one.namespace_name,
            created: one.created_at,
            at: one.deleted_at,
            operator: one.deleted_by,
        })
    };
    found.into_iter().map(one).collect()
}

/// Restores what the environment's list contains.
pub(in crate::role::portal) async fn restore(
    environment: &Environment,
    deleted: &Deleted,
    operator: &str,
) -> Result<()> {
    let body = admin::Deleted {
        kind: deleted.kind.name().to_owned(),
        cluster_name: deleted.cluster.clone(),
        namespace_name: deleted.namespace.clone(),
        created_at: deleted.created,
        deleted_at: deleted.at,
        deleted_by: None,
    };
    let address = Address::new(["apps", &deleted.app_id, "restorations"]);
    environment.post(address.with(&[("operator", operator)]), &body).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_belong_to_the_last_deletion_of_a_cluster_before_their_own() {
        let with = deleted_with_cluster;
        // Later ones were deleted with nothing that the environment lists.
        assert_eq!(with(&[1_005, 1_030], 1_000, &[]), Some(1_005));
        assert_eq!(with(&[1_005, 2_005], 1_000, &[2_000]), Some(1_005));
        assert_eq!(with(&[1_005, 2_005], 2_000, &[1_000]), Some(2_005));
        // The roles of this cluster were not deleted, or it had none.
        assert_eq!(with(&[1_005], 2_000, &[1_000]), None);
        assert_eq!(with(&[2_005], 1_000, &[2_000]), None);
        assert_eq!(with(&[], 1_000, &[]), None);
    }

    #[test]
    fn roles_were_deleted_before_their_cluster_if_its_clock_is_ahead() {
        let with = deleted_with_cluster;
        assert_eq!(with(&[940, 970], 1_000, &[]), Some(970));
        assert_eq!(with(&[970], 1_000, &[970 - SKEW - 1]), Some(970));
        assert_eq!(with(&[970], 1_000, &[970 - SKEW]), None);
        assert_eq!(with(&[970], 1_000, &[1_010]), None);
    }
}
