//! What an import created beside items, and its removal if the import fails: apps, definitions of
//! namespaces, and clusters. Whatever somebody else has added to since, or has a role on, stays, as
//! does an app that somebody else added to an environment. What is added while it is removed can be
//! restored, as after any deletion.

use castalia_core::protocol::namespace::{DEFAULT_CLUSTER, DEFAULT_NAMESPACE};
use castalia_store::Id;
use serde::de::IgnoredAny;

use crate::domain::permission::grant;
use crate::domain::permission::requirement::Resource;
use crate::domain::portal_app::{self, App};
use crate::domain::portal_namespace::{self, AppNamespace};
use crate::environment::{Address, Environment};
use crate::error::{Code, Error, Result, if_found};
use crate::role::portal::Portal;
use crate::role::portal::fan_out::{app, is_refusal};
use crate::role::portal::open_api::{app_namespace, cluster};
use crate::state::PortalState;
use crate::wire::admin;

/// An object that an import created.
pub(super) enum Object {
    /// An app in the portal, with the environments that did not have it before.
    App { row: App, lacking: Vec<Environment> },
    /// An app in an environment, which may be new in the portal as well.
    AppInEnv { row: App, env: String, is_new: bool },
    /// A definition of a namespace.
    Definition(AppNamespace),
    /// A cluster, with its id if the answer arrived.
    Cluster(Resource, Option<i64>),
}

impl Object {
    pub(super) fn app_id(&self) -> &str {
        match self {
            Object::App { row, .. } | Object::AppInEnv { row, .. } => &row.app_id,
            Object::Definition(row) => &row.app_id,
            Object::Cluster(place, _) => &place.app_id,
        }
    }

    /// Whether it is an app, of which nothing may be left when it is removed.
    pub(super) fn is_app(&self) -> bool {
        matches!(self, Object::App { .. } | Object::AppInEnv { .. })
    }

    /// Removes it, unless it was changed or others use it. Succeeds if somebody deleted it
    /// meanwhile.
    pub(super) async fn remove(&self, portal: &Portal, operator: &str) -> Result<()> {
        match self.remove_present(portal, operator).await {
            Err(error) if is_refusal(&error) && self.is_gone(portal).await? => Ok(()),
            removed => removed,
        }
    }

    async fn remove_present(&self, portal: &Portal, operator: &str) -> Result<()> {
        match self {
            Object::App { row, lacking } => remove_app(portal, row, lacking, operator).await,
            Object::AppInEnv { row, env, is_new } => {
                if *is_new {
                    check_app(portal, row).await?;
                }
                let environment = portal.state.environments.find(env)?;
                remove_app_in_env(&environment, &row.app_id, operator).await
            }
            Object::Definition(row) => remove_definition(portal, row, operator).await,
            Object::Cluster(place, id) => remove_cluster(portal, place, *id, operator).await,
        }
    }

    /// Whether it does not exist; somebody may have created another one in its place.
    async fn is_gone(&self, portal: &Portal) -> Result<bool> {
        let state = &portal.state;
        match self {
            Object::App { row, .. } => Ok(stored_app(state, row).await? != Some(row.id)),
            Object::AppInEnv { row, env, is_new } => {
                let stored = stored_app(state, row).await?;
                let is_replaced = *is_new && stored.is_some_and(|id| id != row.id);
                Ok(is_replaced || !has_app(&state.environments.find(env)?, &row.app_id).await?)
            }
            Object::Definition(row) => {
                let stored = portal_namespace::of_app(&state.store, &row.app_id).await?;
                Ok(stored.iter().all(|stored| stored.id != row.id))
            }
            Object::Cluster(place, id) => {
                let stored = stored_cluster(portal, place).await?;
                Ok(stored.is_none_or(|stored| id.is_some_and(|id| stored.id != id)))
            }
        }
    }
}

/// The id of the portal's app of this name.
async fn stored_app(state: &PortalState, row: &App) -> Result<Option<Id>> {
    let stored = portal_app::named(&state.store, &[&row.app_id]).await?;
    Ok(stored.into_iter().find(|stored| stored.app_id == row.app_id).map(|stored| stored.id))
}

async fn has_app(environment: &Environment, app_id: &str) -> Result<bool> {
    let found = environment.get::<admin::App>(Address::new(["apps", app_id])).await;
    Ok(if_found(found)?.is_some())
}

async fn stored_cluster(portal: &Portal, place: &Resource) -> Result<Option<admin::Cluster>> {
    let environment = portal.state.environments.find(&place.env)?;
    if_found(environment.get(Address::in_cluster(place, &[])).await)
}

/// Removes an app from the portal, if no environment has received it from somebody else.
async fn remove_app(
    portal: &Portal,
    row: &App,
    lacking: &[Environment],
    operator: &str,
) -> Result<()> {
    check_app(portal, row).await?;
    for environment in lacking {
        check(!has_app(environment, &row.app_id).await?)?;
    }
    portal_app::delete(&portal.state.store, row, operator).await?;
    app::delete_orphans(&portal.state, lacking, &row.app_id, operator).await;
    Ok(())
}

/// Checks that an app of the portal is as it was created.
async fn check_app(portal: &Portal, row: &App) -> Result<()> {
    let store = &portal.state.store;
    let found = portal_app::find(store, &row.app_id).await?;
    let is_unchanged =
        found.id == row.id && portal_app::revision(&found) == portal_app::revision(row);
    let definitions = portal_namespace::of_app(store, &row.app_id).await?;
    let is_bare = definitions.iter().all(|definition| definition.name == DEFAULT_NAMESPACE);
    check(is_unchanged && is_bare && !grant::is_app_shared(store, row).await?)
}

async fn remove_app_in_env(environment: &Environment, app_id: &str, operator: &str) -> Result<()> {
    // It may not have received the app. One that does not exist has a list of clusters, too: an
    // empty one.
    if !has_app(environment, app_id).await? {
        return Ok(());
    }
    for cluster in &clusters(environment, app_id).await? {
        check(cluster == DEFAULT_CLUSTER)?;
        check_cluster(environment, &place_of(environment, app_id, cluster)).await?;
    }
    let keys: Vec<IgnoredAny> =
        environment.get(Address::new(["apps", app_id, "accesskeys"])).await?;
    check(keys.is_empty())?;
    app::delete(environment, app_id, operator).await
}

async fn remove_definition(portal: &Portal, row: &AppNamespace, operator: &str) -> Result<()> {
    let AppNamespace { app_id, name, .. } = row;
    let store = &portal.state.store;
    // A definition is never changed, but it may have been deleted and created again.
    let is_same = portal_namespace::find(store, app_id, name).await?.id == row.id;
    check(is_same && !grant::is_namespace_shared(store, app_id, name).await?)?;
    for environment in portal.state.environments.addressed() {
        let address = Address::new(["appnamespaces", name, "associated-namespaces", "count"]);
        let linked: i64 = if row.is_public { environment.get(address).await? } else { 0 };
        check(linked == 0)?;
        for cluster in if_found(clusters(&environment, app_id).await)?.unwrap_or_default() {
            let namespace = name.clone();
            let place = Resource { namespace, ..place_of(&environment, app_id, &cluster) };
            check_namespace(&environment, &place).await?;
        }
    }
    // All environments answered just now; one that is away since gets the deletion later.
    let _ = app_namespace::remove(portal, app_id, name, operator).await?;
    Ok(())
}

async fn remove_cluster(
    portal: &Portal,
    place: &Resource,
    id: Option<i64>,
    operator: &str,
) -> Result<()> {
    let environment = portal.state.environments.find(&place.env)?;
    let Some(found) = stored_cluster(portal, place).await? else { return Ok(()) };
    // It may have been deleted and created again.
    let is_same = id.is_none_or(|id| found.id == id);
    check(is_same && found.data_change_created_by.as_deref() == Some(operator))?;
    check_cluster(&environment, place).await?;
    check(!grant::is_cluster_shared(&portal.state.store, place).await?)?;
    cluster::remove(portal, place, operator).await
}

/// Checks that no namespace of a cluster was filled.
async fn check_cluster(environment: &Environment, place: &Resource) -> Result<()> {
    let namespaces: Vec<admin::Namespace> =
        environment.get(Address::in_cluster(place, &["namespaces"])).await?;
    for namespace in namespaces.into_iter().filter_map(|namespace| namespace.namespace_name) {
        check_namespace(environment, &Resource { namespace, ..place.clone() }).await?;
    }
    Ok(())
}

/// Checks that a namespace has no items, no release and no branch, where it exists.
async fn check_namespace(environment: &Environment, place: &Resource) -> Result<()> {
    let items = environment.get::<Vec<IgnoredAny>>(Address::in_namespace(place, &["items"])).await;
    let Some(items) = if_found(items)? else { return Ok(()) };
    check(items.is_empty())?;
    for part in [&["releases", "latest"][..], &["branches"]] {
        let found = environment.find::<IgnoredAny>(Address::in_namespace(place, part)).await?;
        check(found.is_none())?;
    }
    Ok(())
}

async fn clusters(environment: &Environment, app_id: &str) -> Result<Vec<String>> {
    let address = Address::new(["apps", app_id, "clusters"]);
    let clusters: Vec<admin::Cluster> = environment.get(address).await?;
    Ok(clusters.into_iter().filter_map(|cluster| cluster.name).collect())
}

fn place_of(environment: &Environment, app_id: &str, cluster: &str) -> Resource {
    Resource {
        app_id: app_id.to_owned(),
        env: environment.name().to_owned(),
        cluster: cluster.to_owned(),
        namespace: String::new(),
    }
}

fn check(is_untouched: bool) -> Result<()> {
    match is_untouched {
        true => Ok(()),
        false => {
            Err(Error::bad_request("it was changed, or others use it")
                .with_code(Code::PartlyFailed))
        }
    }
}
