//! `/openapi/v1/.../namespaces`: namespaces of a cluster with their items, their differences from
//! the release, and their editors.

mod content;
mod marks;
pub(super) mod missing;
pub(super) mod usage;

use std::collections::BTreeSet;

use axum::extract::{Extension, State};
use castalia_core::protocol::wire::Configurations;
use serde::Deserialize;
use utoipa::IntoParams;

use self::content::NamespaceView;
use self::marks::compare;
use super::content_read::ContentRead;
use super::draft::stored;
use super::{By, people, required};
use crate::domain::audit_log::request::concern_apps;
use crate::domain::constraint::{APP_ID, NAME, check_members};
use crate::domain::permission::NamedRole;
use crate::domain::permission::requirement::{Requirement, Resource};
use crate::domain::portal_app;
use crate::domain::portal_namespace::{self, AppNamespace};
use crate::environment::{Address, Environment};
use crate::error::{Code, Error, Result};
use crate::http::request::Body;
use crate::http::request_memory::KeptBytes;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::access::refusal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::server_config::keys;
use crate::settings::environment::normalise;
use crate::wire::admin;
use crate::wire::open_api::{
    CreateNamespace, Item, Namespace, NamespaceExtend, NamespaceLock, Release,
};

/// The details of a namespace that are returned.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct View {
    /// Whether the items are listed.
    #[param(default = true)]
    pub(super) fill_item_detail: bool,
    /// Whether `extendInfo` is filled: how namespace and items differ from the latest release.
    #[param(default = false)]
    pub(super) extend_info: bool,
    /// Whether `extendInfo` has the number of differences where the items are not listed.
    #[param(default = false)]
    pub(super) count_changes: bool,
}

impl View {
    /// Whether it depends on the values of the namespaces.
    fn reads_values(self) -> bool {
        self.fill_item_detail || (self.extend_info && self.count_changes)
    }
}

#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Extended {
    /// Whether `extendInfo` is filled: how namespace and items differ from the latest release.
    #[param(default = false)]
    extend_info: bool,
}

impl Default for View {
    fn default() -> Self {
        Self { fill_item_detail: true, extend_info: false, count_changes: false }
    }
}

/// The namespaces of a cluster that the caller may see.
pub(super) async fn list(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(view): Query<View>,
    reading: ContentRead,
) -> Result<Json<Vec<Namespace>>> {
    let environment = portal.state.environments.find(&place.env)?;
    if !view.reads_values() {
        return seen(&portal, &caller, &environment, &place, view).await.map(Json);
    }
    let reader = portal.clone();
    let read = reading.of(&portal, environment, |environment| async move {
        seen(&reader, &caller, &environment, &place, view).await
    });
    let (found, _turn) = read.await?;
    let _kept = reading.keep(content::length_of(&found))?;
    Ok(Json(found))
}

async fn seen(
    portal: &Portal,
    caller: &Caller,
    environment: &Environment,
    place: &Resource,
    view: View,
) -> Result<Vec<Namespace>> {
    let found: Vec<admin::Namespace> =
        environment.get(Address::in_cluster(place, &["namespaces"])).await?;
    let names: Vec<_> =
        found.iter().filter_map(|namespace| namespace.namespace_name.as_deref()).collect();
    let visible = portal.visible(&caller.identity, place, &names).await?;
    let is_visible = |namespace: &&admin::Namespace| {
        namespace.namespace_name.as_deref().is_some_and(|name| visible.contains(name))
    };
    let visible = found.iter().filter(is_visible).cloned().collect();
    let visible = present(portal, place, visible).await?;
    let sees_all = visible.len() == found.len();
    let contents = content::of_list(environment, &visible, view, sees_all).await?;
    shown(portal, &place.app_id, visible, contents, view).await
}

/// Those whose definition the environment does not still have to delete.
async fn present(
    portal: &Portal,
    place: &Resource,
    found: Vec<admin::Namespace>,
) -> Result<Vec<admin::Namespace>> {
    let name = |row: &admin::Namespace| row.namespace_name.clone().unwrap_or_default();
    let places: Vec<_> =
        found.iter().map(|row| Resource { namespace: name(row), ..place.clone() }).collect();
    let present = portal.present_in(&place.env, &places).await?;
    let shown = found.into_iter().zip(present).filter(|(_, is_present)| *is_present);
    Ok(shown.map(|(row, _)| row).collect())
}

/// One namespace.
pub(super) async fn get(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
    Query(view): Query<View>,
    reading: ContentRead,
) -> Result<Json<Namespace>> {
    let environment = portal.state.environments.find(&place.env)?;
    let found = if view.reads_values() {
        // The revision is read with the items.
        stored(&environment, &place).await?
    } else {
        // The revision costs a read of all items.
        let address = Address::in_namespace(&place, &[]);
        let read = reading.of(&portal, environment.clone(), |environment| async move {
            environment.get::<admin::Namespace>(address).await
        });
        let (found, _turn) = read.await?;
        found
    };
    let read = read_one(&reading, &portal, environment, place.app_id, found, view);
    let (shown, _kept) = read.await?;
    Ok(Json(shown))
}

/// The public namespace that a namespace of another app overrides. Whoever sees the latter sees it
/// too, but for a token that is limited to other objects.
pub(super) async fn associated_public(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(wanted): Query<Extended>,
    reading: ContentRead,
) -> Result<Json<Namespace>> {
    let environment = portal.state.environments.find(&place.env)?;
    let address = Address::in_namespace(&place, &["associated-public-namespace"]);
    let found: admin::Namespace = environment.get(address).await?;
    let public = Resource {
        env: place.env,
        app_id: found.app_id.clone().unwrap_or_default(),
        cluster: found.cluster_name.clone().unwrap_or_default(),
        namespace: found.namespace_name.clone().unwrap_or_default(),
    };
    if !caller.identity.is_within_scope(Requirement::See, Some(&public)) {
        return Err(refusal(Requirement::See));
    }
    portal.check_missed_deletion_of(&public).await?;
    let view = View { extend_info: wanted.extend_info, ..View::default() };
    let read = read_one(&reading, &portal, environment, public.app_id, found, view);
    let (shown, _kept) = read.await?;
    Ok(Json(shown))
}

/// Deletes a namespace of one cluster.
pub(super) async fn delete(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
) -> Result<()> {
    let operator = portal.operator(&caller, by.operator, None).await?;
    let environment = portal.state.environments.find(&place.env)?;
    environment.delete(Address::in_namespace(&place, &[]).with(&[("operator", &operator)])).await
}

/// The present editor of a namespace.
pub(super) async fn lock(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
) -> Result<Json<NamespaceLock>> {
    let environment = portal.state.environments.find(&place.env)?;
    let lock: Option<admin::NamespaceLock> =
        environment.find(Address::in_namespace(&place, &["lock"])).await?;
    Ok(Json(NamespaceLock {
        is_locked: lock.is_some(),
        locked_by: lock.and_then(|lock| lock.data_change_created_by),
        is_emergency_publish_allowed: allows_emergency_publish(&portal, &place.env),
        namespace_name: Some(place.namespace),
    }))
}

/// Whether the editor may publish in an emergency.
pub(super) fn allows_emergency_publish(portal: &Portal, env: &str) -> bool {
    let envs = portal.state.config.get(&keys::EMERGENCY_PUBLISH);
    envs.iter().any(|name| normalise(name) == env)
}

/// Creates namespaces of definitions in the given clusters. Permissions on all apps are checked
/// before anything is created; a later failure does not stop the others.
pub(super) async fn associate(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(by): Query<By>,
    Body(wanted): Body<Vec<CreateNamespace>>,
) -> Result<()> {
    let places = wanted
        .into_iter()
        .map(|wanted| wanted_place(&portal, wanted))
        .collect::<Result<Vec<_>>>()?;
    let apps: BTreeSet<_> = places.iter().map(|place| place.app_id.as_str()).collect();
    concern_apps(apps);
    for place in &places {
        portal.check_place(&caller, Requirement::CreateNamespace, place).await?;
    }
    let operator = portal.operator(&caller, by.operator, None).await?;
    let mut failed = Vec::new();
    for place in &places {
        match make(&portal, place, &operator).await {
            Ok(()) => portal.edited(place, &operator),
            Err(error) => {
                tracing::debug!(app_id = place.app_id, env = place.env, namespace = place.namespace, %error, "cannot create a namespace");
                let Resource { env, cluster, namespace, .. } = place;
                failed.push(format!("{env}/{cluster}/{namespace} ({})", error.message()));
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Error::bad_request(format!("create namespace failed for: {}", failed.join(", ")))
        .with_code(Code::PartlyFailed))
}

fn wanted_place(portal: &Portal, wanted: CreateNamespace) -> Result<Resource> {
    let env = required(wanted.env, "env")?;
    check_members([
        ("appId", wanted.app_id.as_deref(), APP_ID),
        ("clusterName", wanted.cluster_name.as_deref(), NAME),
        ("appNamespaceName", wanted.app_namespace_name.as_deref(), NAME),
    ])?;
    Ok(Resource {
        env: portal.state.environments.find(&env)?.name().to_owned(),
        app_id: required(wanted.app_id, "appId")?,
        cluster: required(wanted.cluster_name, "clusterName")?,
        namespace: required(wanted.app_namespace_name, "appNamespaceName")?,
    })
}

/// The admin role creates a namespace of any name in any cluster; here both must exist.
pub(super) async fn make(portal: &Portal, place: &Resource, operator: &str) -> Result<()> {
    let environment = portal.state.environments.find(&place.env)?;
    let _: admin::Cluster = environment.get(Address::in_cluster(place, &[])).await?;
    let store = &portal.state.store;
    let names = [place.namespace.clone()];
    let definitions = portal_namespace::definitions_of(store, &place.app_id, &names).await?;
    if definitions.is_empty() {
        return Err(Error::bad_request(format!(
            "There is no namespace {} to associate",
            place.namespace
        )));
    }
    // Before the namespace: a node that ends in between leaves none without roles, for which the
    // creation could not be repeated.
    let envs = portal.state.environments.names();
    let roles = NamedRole::all_of_namespace(&place.app_id, &place.namespace, &envs);
    portal_app::ensure_roles(store, &place.app_id, roles, operator).await?;
    let body = admin::Namespace {
        app_id: Some(place.app_id.clone()),
        cluster_name: Some(place.cluster.clone()),
        namespace_name: Some(place.namespace.clone()),
        data_change_created_by: Some(operator.to_owned()),
        data_change_last_modified_by: Some(operator.to_owned()),
        ..admin::Namespace::default()
    };
    let _: admin::Namespace =
        environment.create(Address::in_cluster(place, &["namespaces"]), &body).await?;
    portal_namespace::open(store, &place.app_id, &place.namespace, operator).await
}

/// A namespace as callers see it, and the memory that its caller is charged for. Items are read as
/// soon as the caller may.
pub(super) async fn read_one(
    reading: &ContentRead,
    portal: &Portal,
    environment: Environment,
    app_id: String,
    found: admin::Namespace,
    view: View,
) -> Result<(Namespace, KeptBytes)> {
    let reader = portal.clone();
    let one = |environment: Environment| async move {
        let contents = vec![content::of_one(&environment, &found, view).await?];
        shown(&reader, &app_id, vec![found], contents, view).await
    };
    let (shown, _turn) = if view.reads_values() {
        let (shown, turn) = reading.of(portal, environment, one).await?;
        (shown, Some(turn))
    } else {
        (one(environment).await?, None)
    };
    let kept = reading.keep(content::length_of(&shown))?;
    Ok((shown.into_iter().next().unwrap_or_default(), kept))
}

/// Namespaces as callers see them.
async fn shown(
    portal: &Portal,
    app_id: &str,
    namespaces: Vec<admin::Namespace>,
    contents: Vec<NamespaceView>,
    view: View,
) -> Result<Vec<Namespace>> {
    let names: Vec<_> =
        namespaces.iter().filter_map(|namespace| namespace.namespace_name.clone()).collect();
    let definitions = portal_namespace::definitions_of(&portal.state.store, app_id, &names).await?;
    let mut shown: Vec<_> = namespaces
        .into_iter()
        .zip(contents)
        .map(|(namespace, content)| {
            let name = namespace.namespace_name.as_deref().unwrap_or_default();
            let definition = definitions.get(name);
            full(namespace, content, definition, view)
        })
        .collect();
    people::name_people(portal, &mut shown).await?;
    Ok(shown)
}

fn full(
    namespace: admin::Namespace,
    content: NamespaceView,
    definition: Option<&AppNamespace>,
    view: View,
) -> Namespace {
    let mut shown: Vec<_> = content.items.iter().cloned().map(Item::from).collect();
    let mut extend = NamespaceExtend {
        item_modified_cnt: content.changes,
        is_gray: content.is_gray,
        locked_by: content.locked_by.clone(),
        parent_app_id: definition.map(|definition| definition.app_id.clone()),
        ..NamespaceExtend::default()
    };
    if view.fill_item_detail && view.extend_info {
        extend.item_modified_cnt = compare(namespace.id, content, &mut shown);
    }
    Namespace {
        comment: definition.map(|definition| definition.comment.clone()),
        format: definition.map(|definition| definition.format.clone()),
        is_public: definition.map(|definition| definition.is_public),
        items: Some(shown),
        extend_info: view.extend_info.then(|| Box::new(extend)),
        ..Namespace::from(namespace)
    }
}

/// The values that clients read now; empty before the first publish.
pub(super) async fn released(
    environment: &Environment,
    place: &Resource,
) -> Result<Configurations> {
    Ok(latest_release(environment, place).await?.1)
}

/// The same with the id of their release, 0 before the first publish.
pub(super) async fn latest_release(
    environment: &Environment,
    place: &Resource,
) -> Result<(i64, Configurations)> {
    let address = Address::in_namespace(place, &["releases", "latest"]);
    let latest: Option<admin::Release> = environment.find(address).await?;
    let id = latest.as_ref().map_or(0, |release| release.id);
    let configurations = latest.map(Release::from).and_then(|release| release.configurations);
    Ok((id, configurations.map(|configurations| *configurations).unwrap_or_default()))
}
