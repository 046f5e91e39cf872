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

/// Deletes a definition in an environment unless the portal has it, or one whose names differ only
/// in case; returns that one.
pub(in crate::role::portal) async fn delete_unless_in_use(
    state: &PortalState,
    environment: &Environment,
    (app_id, name): (&str, &str),
    operator: &str,
) -> Result<Option<AppNamespace>> {
    if let Some(stored) = portal_namespace::find_in_any_case(&state.store, app_id, name).await? {
        return Ok(Some(stored));
    }
    delete(environment, app_id, name, operator).await?;
    match portal_namespace::find_in_any_case(&state.store, app_id, name).await? {
        Some(_) => Err(returned(name, environment)),
        None => Ok(None),
    }
}

/// The same after the environment has received the definition, because it may have been deleted
/// meanwhile; returns whether the portal has none.
pub(in crate::role::portal) async fn delete_orphan(
    state: &PortalState,
    environment: &Environment,
    (app_id, name): (&str, &str),
    operator: &str,
) -> Result<bool> {
    let stored = delete_unless_in_use(state, environment, (app_id, name), operator).await?;
    let is_same = |row: &&AppNamespace| (row.app_id.as_str(), row.name.as_str()) == (app_id, name);
    if let Some(row) = stored.as_ref().filter(|row| !is_same(row)) {
        let (namespace, stored, env) = (name, &row.name, environment.name());
        tracing::warn!(
            app_id,
            namespace,
            stored,
            env,
            "an environment may keep an app namespace that the portal deleted, because the portal has one in another case; delete it there if the environment distinguishes case"
        );
    }
    Ok(stored.is_none())
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
