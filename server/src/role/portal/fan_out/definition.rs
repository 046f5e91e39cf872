//! A definition of a namespace in one environment, as the portal has it.

use super::app::returned;
use crate::domain::portal_namespace::{self, AppNamespace};
use crate::environment::{Address, Environment};
use crate::error::Result;
use crate::state::PortalState;
use crate::wire::admin;

/// Creates a definition of the portal in an environment, and its namespace in each cluster of the
/// app.
pub(in crate::role::portal) async fn create(
    state: &PortalState,
    environment: &Environment,
    row: &AppNamespace,
    operator: &str,
) -> Result<()> {
    post(state, environment, of_app(&row.app_id), row, operator).await
}

/// The same in an environment that may have it, or lack the namespace in some clusters.
pub(in crate::role::portal) async fn write(
    state: &PortalState,
    environment: &Environment,
    row: &AppNamespace,
    operator: &str,
) -> Result<()> {
    let address = of_app(&row.app_id).with(&[("silentCreation", "true")]);
    post(state, environment, address, row, operator).await
}

async fn post(
    state: &PortalState,
    environment: &Environment,
    address: Address,
    row: &AppNamespace,
    operator: &str,
) -> Result<()> {
    environment.post(address, &body(row, operator)).await?;
    delete_orphan(state, environment, (&row.app_id, &row.name), operator).await.map(drop)
}

/// Deletes a definition in an environment if the portal does not have it, because it was deleted
/// while the environment was asked; returns whether that was so.
pub(in crate::role::portal) async fn delete_orphan(
    state: &PortalState,
    environment: &Environment,
    (app_id, name): (&str, &str),
    operator: &str,
) -> Result<bool> {
    let stored = portal_namespace::of_app(&state.store, app_id).await?;
    if stored.iter().any(|stored| stored.name == name) {
        return Ok(false);
    }
    delete(environment, app_id, name, operator).await?;
    let stored = portal_namespace::of_app(&state.store, app_id).await?;
    match stored.iter().any(|stored| stored.name == name) {
        true => Err(returned(name, environment)),
        false => Ok(true),
    }
}

/// Deletes a definition and its namespaces in an environment.
pub(in crate::role::portal) async fn delete(
    environment: &Environment,
    app_id: &str,
    name: &str,
    operator: &str,
) -> Result<()> {
    let address = Address::new(["apps", app_id, "appnamespaces", name]);
    environment.delete(address.with(&[("operator", operator)])).await
}

fn of_app(app_id: &str) -> Address {
    Address::new(["apps", app_id, "appnamespaces"])
}

/// A definition as the admin API accepts it.
fn body(row: &AppNamespace, operator: &str) -> admin::AppNamespace {
    admin::AppNamespace {
        name: Some(row.name.clone()),
        app_id: Some(row.app_id.clone()),
        comment: Some(row.comment.clone()),
        format: Some(row.format.clone()),
        is_public: row.is_public,
        data_change_created_by: Some(operator.to_owned()),
        data_change_last_modified_by: Some(operator.to_owned()),
        ..admin::AppNamespace::default()
    }
}
