//! `/apps/{app_id}/clusters`: clusters.

use axum::extract::State;

use super::body::bodies;
use super::request::{FormParameters, QueryParameters};
use super::{AdminAccess, AdminRoutes};
use crate::domain::cluster;
use crate::error::Result;
use crate::http::request::{Body, Path};
use crate::json::Json;
use crate::state::EnvironmentState;
use crate::wire::admin as wire;

pub(super) fn routes(routes: AdminRoutes) -> AdminRoutes {
    routes
        .post("/apps/{app_id}/clusters", AdminAccess::Token, create)
        .get("/apps/{app_id}/clusters", AdminAccess::Token, list)
        .get("/apps/{app_id}/clusters/{cluster}", AdminAccess::Token, find)
        .delete("/apps/{app_id}/clusters/{cluster}", AdminAccess::Token, delete)
        // `cluster` is singular in this path, as in Apollo.
        .get("/apps/{app_id}/cluster/{cluster}/unique", AdminAccess::Token, is_unique)
}

async fn create(
    State(state): State<EnvironmentState>,
    Path(app_id): Path<String>,
    QueryParameters(parameters): QueryParameters,
    Body(body): Body<wire::Cluster>,
) -> Result<Json<wire::Cluster>> {
    let with_namespaces = parameters.flag("autoCreatePrivateNamespace", true)?;
    let created = cluster::create(&state.store, &app_id, body.into(), with_namespaces).await?;
    state.redefined().await;
    Ok(Json(created.into()))
}

async fn list(
    State(state): State<EnvironmentState>,
    Path(app_id): Path<String>,
) -> Result<Json<Vec<wire::Cluster>>> {
    Ok(Json(bodies(cluster::list(&state.store, &app_id).await?)))
}

async fn find(
    State(state): State<EnvironmentState>,
    Path((app_id, cluster)): Path<(String, String)>,
) -> Result<Json<wire::Cluster>> {
    Ok(Json(cluster::find(state.store.read(), &app_id, &cluster).await?.into()))
}

async fn delete(
    State(state): State<EnvironmentState>,
    Path((app_id, cluster)): Path<(String, String)>,
    FormParameters(parameters): FormParameters,
) -> Result<()> {
    cluster::delete(&state.store, &app_id, &cluster, &parameters.text("operator")?).await?;
    state.published().await;
    Ok(())
}

async fn is_unique(
    State(state): State<EnvironmentState>,
    Path((app_id, cluster)): Path<(String, String)>,
) -> Result<Json<bool>> {
    Ok(Json(cluster::is_unique(&state.store, &app_id, &cluster).await?))
}
