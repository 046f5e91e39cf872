//! `/openapi/v1/envs/{env}/apps/{appId}/clusters`: clusters of one environment, and their roles.

use axum::extract::{Extension, State};

use super::{By, check_same_app, people, required};
use crate::domain::cluster::COMMENT;
use crate::domain::constraint::{NAME, check_members, check_name};
use crate::domain::permission::requirement::Resource;
use crate::domain::permission::{Action, NamedRole, grant};
use crate::domain::{access_request, portal_app};
use crate::environment::{Address, Environment};
use crate::error::{Code, Error, Reaction, Result, if_found};
use crate::http::request::Body;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::extract::Query;
use crate::role::portal::fan_out;
use crate::role::portal::fan_out::restoration::has_cluster;
use crate::role::portal::identity::Caller;
use crate::wire::admin;
use crate::wire::open_api::Cluster;

/// Creates a cluster with all namespaces that the app defines.
pub(super) async fn create(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Body(cluster): Body<Cluster>,
) -> Result<Json<Cluster>> {
    let name = required(cluster.name, "name")?;
    check_same_app(&place.app_id, &required(cluster.app_id, "appId")?)?;
    let comment = cluster.comment.as_deref();
    check_members([("name", Some(&*name), NAME), ("comment", comment, COMMENT)])?;
    check_name(Some(&name), "Cluster")?;
    let operator = portal.operator(&caller, None, cluster.data_change_created_by).await?;
    let body = admin::Cluster {
        name: Some(name.clone()),
        app_id: Some(place.app_id.clone()),
        comment: cluster.comment.or_else(|| Some(String::new())),
        data_change_created_by: Some(operator.clone()),
        data_change_last_modified_by: Some(operator.clone()),
        ..admin::Cluster::default()
    };
    let place = Resource { cluster: name, ..place };
    let made = make(&portal, &place, &body, &operator).await;
    match &made {
        Ok(_) => open(&portal, &place, &operator).await?,
        Err(error) if error.reaction() == Reaction::BadRequest => {
            complete(&portal, &[place], &operator).await?;
        }
        Err(_) => {}
    }
    shown(&portal, made?).await
}

async fn make(
    portal: &Portal,
    place: &Resource,
    body: &admin::Cluster,
    operator: &str,
) -> Result<admin::Cluster> {
    prepare(portal, place, operator).await?;
    let environment = portal.state.environments.find(&place.env)?;
    environment.create(Address::new(["apps", &place.app_id, "clusters"]), body).await
}

/// One cluster, or a branch.
pub(super) async fn get(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
) -> Result<Json<Cluster>> {
    let environment = portal.state.environments.find(&place.env)?;
    let found: admin::Cluster = environment.get(Address::in_cluster(&place, &[])).await?;
    shown(&portal, found).await
}

/// Deletes a cluster with everything in it.
pub(super) async fn delete(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
) -> Result<()> {
    let operator = portal.operator(&caller, by.operator, None).await?;
    remove(&portal, &place, &operator).await
}

/// The same without the request.
pub(super) async fn remove(portal: &Portal, place: &Resource, operator: &str) -> Result<()> {
    let environment = portal.state.environments.find(&place.env)?;
    let address = Address::in_cluster(place, &[]).with(&[("operator", operator)]);
    let deleted = environment.delete(address).await;
    // An earlier call may have deleted the cluster, and failed to delete its roles.
    if let Err(error) = &deleted
        && error.reaction() != Reaction::NotFound
    {
        return deleted;
    }
    if end(portal, &environment, place, operator).await.map_err(fan_out::half_deleted)? {
        access_request::forget_place(&portal.state.store, place).await;
    }
    deleted
}

/// Deletes the roles of a cluster, unless its environment has one of this name, and returns whether
/// it did. Somebody may have created or restored the cluster since it was deleted, and granted
/// roles: what the environment has is read after the roles, and only the roles that were read are
/// deleted. Hence they were there when the cluster was not.
async fn end(
    portal: &Portal,
    environment: &Environment,
    place: &Resource,
    operator: &str,
) -> Result<bool> {
    let store = &portal.state.store;
    let mut rows = grant::cluster_rows(store, place).await?;
    loop {
        if if_found(has_cluster(environment, place).await)?.unwrap_or_default() {
            return Ok(false);
        }
        if !rows.is_empty() {
            grant::delete_cluster_rows(store, place, rows, operator).await?;
        }
        // One may have been granted since they were read. Without any, none can be granted.
        rows = grant::cluster_rows(store, place).await?;
        if rows.is_empty() {
            return Ok(true);
        }
    }
}

/// Deletes the roles that are left of a cluster whose deletion failed half-way, or by whoever
/// deleted it in the environment alone. Before a cluster of this name is created: afterwards they
/// would be its own, and somebody may have granted them.
///
/// # Errors
/// Fails if the environment has a cluster of this name and there are roles.
pub(super) async fn prepare(portal: &Portal, place: &Resource, operator: &str) -> Result<()> {
    if grant::cluster_rows(&portal.state.store, place).await?.is_empty() {
        return Ok(());
    }
    let environment = portal.state.environments.find(&place.env)?;
    if end(portal, &environment, place, operator).await? {
        return Ok(());
    }
    // The environment would say the same, or create the cluster if it was deleted meanwhile: with
    // these roles.
    let message = format!("cluster already exists for clusterName:{}", place.cluster);
    Err(Error::bad_request(message).with_code(Code::ClusterExists))
}

/// Creates the roles that clusters lack, as far as their environments have these clusters by
/// exactly these names; returns whether one does. A node may have ended after it created a cluster
/// and before it created the roles, and an environment that was away receives the first cluster of
/// an app without them. Nobody is granted anything. An environment that cannot be asked is left
/// out, because the refusal that its caller has received is more useful than its failure.
async fn complete(portal: &Portal, places: &[Resource], operator: &str) -> Result<bool> {
    let mut is_any_there = false;
    for place in places.iter().filter(|place| !place.cluster.is_empty()) {
        let environment = portal.state.environments.find(&place.env)?;
        if has_cluster(&environment, place).await.unwrap_or_default() {
            open(portal, place, operator).await?;
            is_any_there = true;
        }
    }
    Ok(is_any_there)
}

/// Grants roles. If one of them does not exist, those that the clusters of these places lack are
/// created, and it grants once more.
pub(super) async fn with_roles<T, F: Future<Output = Result<T>>>(
    portal: &Portal,
    places: &[Resource],
    operator: &str,
    grant: impl Fn() -> F,
) -> Result<T> {
    let granted = grant().await;
    let is_unknown = granted.as_ref().is_err_and(|error| error.code() == Code::UnknownRole);
    if is_unknown && complete(portal, places, operator).await? {
        return grant().await;
    }
    granted
}

/// Creates the roles that a cluster lacks.
pub(super) async fn open(portal: &Portal, place: &Resource, operator: &str) -> Result<()> {
    let store = &portal.state.store;
    portal_app::ensure_roles(store, &place.app_id, roles(place), operator).await
}

/// The roles of a new cluster.
pub(super) fn roles(place: &Resource) -> Vec<NamedRole> {
    Action::CHANGING.map(|act| place.role_to(act)).to_vec()
}

async fn shown(portal: &Portal, cluster: admin::Cluster) -> Result<Json<Cluster>> {
    let mut cluster = [Cluster::from(cluster)];
    people::name_people(portal, &mut cluster).await?;
    let [cluster] = cluster;
    Ok(Json(cluster))
}
