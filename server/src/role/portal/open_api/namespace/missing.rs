//! Namespaces that the portal defines and an environment lacks, because it was away when they were
//! created. One that the environment has from an earlier definition, which it still has to delete,
//! is not the portal's.

use std::collections::BTreeSet;

use axum::extract::{Extension, State};

use crate::domain::pending_change;
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
    let names: BTreeSet<_> = missing.into_iter().map(|missing| missing.definition.name).collect();
    Ok(Json(names.into_iter().collect()))
}

/// Creates them. Those that would be deleted with earlier ones keep no other from being created.
pub(in super::super) async fn create(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
) -> Result<()> {
    let operator = portal.operator(&caller, by.operator, None).await?;
    let environment = portal.state.environments.find(&place.env)?;
    let missing = missing(&portal, &environment, &place).await?;
    let (behind, others): (Vec<_>, Vec<_>) =
        missing.into_iter().partition(|missing| missing.is_behind);
    for MissingDefinition { definition, .. } in others {
        definition::write(&portal.state, &environment, &definition, &operator).await?;
    }
    let objects: Vec<_> = behind.iter().map(|missing| object(&missing.definition)).collect();
    portal.check_missed_deletions(environment.name(), &objects).await
}

/// A definition that the environment lacks, or a private one without a namespace in the cluster.
struct MissingDefinition {
    definition: AppNamespace,
    /// Whether the environment still has to delete an earlier one.
    is_behind: bool,
}

async fn missing(
    portal: &Portal,
    environment: &Environment,
    place: &Resource,
) -> Result<Vec<MissingDefinition>> {
    let definitions: Vec<admin::AppNamespace> =
        environment.get(Address::new(["apps", &place.app_id, "appnamespaces"])).await?;
    let namespaces: Vec<admin::Namespace> =
        environment.get(Address::in_cluster(place, &["namespaces"])).await?;
    let defined: BTreeSet<_> = definitions.into_iter().filter_map(|row| row.name).collect();
    let present: BTreeSet<_> =
        namespaces.into_iter().filter_map(|row| row.namespace_name).collect();
    let store = &portal.state.store;
    let own = portal_namespace::of_app(store, &place.app_id).await?;
    let objects: Vec<_> = own.iter().map(object).collect();
    let behind = pending_change::are_deletions_missed(store, environment.name(), &objects).await?;
    let missing = own.into_iter().zip(behind).filter(|(row, is_behind)| {
        let is_present = row.is_public || present.contains(&row.name);
        *is_behind || !defined.contains(&row.name) || !is_present
    });
    let missing =
        missing.map(|(definition, is_behind)| MissingDefinition { definition, is_behind });
    Ok(missing.collect())
}

fn object(definition: &AppNamespace) -> (&str, &str) {
    (&definition.app_id, &definition.name)
}
