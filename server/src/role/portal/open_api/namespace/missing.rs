//! Namespaces that the portal defines and an environment lacks, because it was away when they were
//! created.

use std::collections::BTreeSet;

use axum::extract::{Extension, State};

use crate::domain::permission::requirement::Resource;
use crate::domain::portal_namespace::{self, AppNamespace};
use crate::environment::{Address, Environment};
use crate::error::Result;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::extract::Query;
use crate::role::portal::fan_out::definition;
use crate::role::portal::identity::Caller;
use crate::role::portal::open_api::By;
use crate::wire::admin;

/// The missing namespaces of a cluster, by name.
pub(in super::super) async fn list(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
) -> Result<Json<Vec<String>>> {
    let environment = portal.state.environments.find(&place.env)?;
    let missing = missing(&portal, &environment, &place).await?;
    let names: BTreeSet<_> = missing.into_iter().map(|row| row.name).collect();
    Ok(Json(names.into_iter().collect()))
}

/// Creates them.
pub(in super::super) async fn create(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
) -> Result<()> {
    let operator = portal.operator(&caller, by.operator, None).await?;
    let environment = portal.state.environments.find(&place.env)?;
    for row in missing(&portal, &environment, &place).await? {
        definition::write(&portal.state, &environment, &row, &operator).await?;
    }
    Ok(())
}

/// Definitions that the environment lacks, and private ones without a namespace in the cluster.
async fn missing(
    portal: &Portal,
    environment: &Environment,
    place: &Resource,
) -> Result<Vec<AppNamespace>> {
    let definitions: Vec<admin::AppNamespace> =
        environment.get(Address::new(["apps", &place.app_id, "appnamespaces"])).await?;
    let namespaces: Vec<admin::Namespace> =
        environment.get(Address::in_cluster(place, &["namespaces"])).await?;
    let defined: BTreeSet<_> = definitions.into_iter().filter_map(|row| row.name).collect();
    let present: BTreeSet<_> =
        namespaces.into_iter().filter_map(|row| row.namespace_name).collect();
    let mut own = portal_namespace::of_app(&portal.state.store, &place.app_id).await?;
    own.retain(|row| {
        !defined.contains(&row.name) || !(row.is_public || present.contains(&row.name))
    });
    Ok(own)
}
