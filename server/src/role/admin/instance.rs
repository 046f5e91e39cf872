//! `/instances`: which running clients read which release.

use axum::extract::State;

use super::body::{bodies, page_body};
use super::request::{FormParameters, Parameters, QueryParameters};
use super::{AdminAccess, AdminRoutes};
use crate::domain::forgotten_instance;
use crate::domain::instance::{self, Instance, InstanceConfig, InstanceReads};
use crate::domain::namespace::NamespaceKey;
use crate::domain::release::Release;
use crate::error::Result;
use crate::json::Json;
use crate::state::EnvironmentState;
use crate::wire::admin as wire;

pub(super) fn routes(routes: AdminRoutes) -> AdminRoutes {
    routes
        .get("/instances/by-release", AdminAccess::Token, by_release)
        .get("/instances/by-namespace-and-releases-not-in", AdminAccess::Token, without_releases)
        .get("/instances/by-namespace", AdminAccess::Token, of_namespace)
        .delete("/instances/by-namespace", AdminAccess::Token, forget)
        .get("/instances/by-namespace/count", AdminAccess::Token, count)
}

fn key(parameters: &Parameters) -> Result<NamespaceKey> {
    Ok(NamespaceKey {
        app_id: parameters.text("appId")?,
        cluster: parameters.text("clusterName")?,
        namespace: parameters.text("namespaceName")?,
    })
}

async fn by_release(
    State(state): State<EnvironmentState>,
    QueryParameters(parameters): QueryParameters,
) -> Result<Json<wire::Page<wire::Instance>>> {
    let page = parameters.page();
    let found = instance::by_release(&state.store, parameters.number("releaseId")?, &page).await?;
    Ok(Json(page_body(&page, found)))
}

async fn without_releases(
    State(state): State<EnvironmentState>,
    QueryParameters(parameters): QueryParameters,
) -> Result<Json<Vec<wire::Instance>>> {
    let ids = parameters.ids("releaseIds")?;
    let limit = u64::try_from(parameters.number_or("limit", 0)?).ok().filter(|limit| *limit > 0);
    let key = key(&parameters)?;
    Ok(Json(bodies(instance::without_releases(&state.store, &key, &ids, limit).await?)))
}

async fn of_namespace(
    State(state): State<EnvironmentState>,
    QueryParameters(parameters): QueryParameters,
) -> Result<Json<wire::Page<wire::Instance>>> {
    let page = parameters.page();
    let app_id = parameters.get("instanceAppId").filter(|app_id| !app_id.is_empty());
    let found = instance::of_namespace(&state.store, &key(&parameters)?, app_id, &page).await?;
    Ok(Json(page_body(&page, found)))
}

async fn count(
    State(state): State<EnvironmentState>,
    QueryParameters(parameters): QueryParameters,
) -> Result<Json<u64>> {
    Ok(Json(instance::count(&state.store, &key(&parameters)?).await?))
}

async fn forget(
    State(state): State<EnvironmentState>,
    FormParameters(parameters): FormParameters,
) -> Result<()> {
    let (key, instance) = (key(&parameters)?, parameters.number("instanceId")?);
    let operator = parameters.text("operator")?;
    forgotten_instance::forget(&state.store, &key, instance, &operator).await?;
    state.instances.record_all_again();
    Ok(())
}

impl From<Instance> for wire::Instance {
    fn from(row: Instance) -> Self {
        Self {
            id: row.id.0,
            app_id: Some(row.app_id),
            cluster_name: Some(row.cluster_name),
            data_center: Some(row.data_center),
            ip: Some(row.ip),
            configs: None,
            data_change_created_time: Some(*row.data_change_created_time),
        }
    }
}

impl From<InstanceReads> for wire::Instance {
    /// The release is returned without its configurations.
    fn from(reader: InstanceReads) -> Self {
        let config = |(config, release): (InstanceConfig, Option<Release>)| wire::InstanceConfig {
            release: release
                .map(|release| Box::new(wire::Release { configurations: None, ..release.into() })),
            release_delivery_time: config.release_delivery_time.map(|time| *time),
            data_change_last_modified_time: Some(*config.data_change_last_time),
        };
        let configs = reader.configs.into_iter().map(config).collect();
        Self { configs: Some(configs), ..reader.instance.into() }
    }
}
