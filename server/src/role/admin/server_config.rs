//! `/server/config`: limits and switches in the config database.

use axum::extract::State;

use super::body::{author, bodies};
use super::request::FormParameters;
use super::{AdminAccess, AdminRoutes};
use crate::domain::constraint::Author;
use crate::domain::server_config::{self, Setting};
use crate::error::Result;
use crate::http::request::Body;
use crate::http::revision::On;
use crate::json::Json;
use crate::state::EnvironmentState;
use crate::wire::admin as wire;

pub(super) fn routes(routes: AdminRoutes) -> AdminRoutes {
    routes
        .get("/server/config/find-all-config", AdminAccess::Token, list)
        .post("/server/config", AdminAccess::Token, put)
        .delete("/server/config", AdminAccess::Token, delete)
}

async fn list(State(state): State<EnvironmentState>) -> Result<Json<Vec<wire::ServerConfig>>> {
    Ok(Json(bodies(server_config::list(&state.store).await?)))
}

async fn put(
    State(state): State<EnvironmentState>,
    On(base): On,
    Body(body): Body<wire::ServerConfig>,
) -> Result<Json<wire::ServerConfig>> {
    let row = server_config::put(&state.store, body.into(), base).await?;
    state.reconfigured().await;
    Ok(Json(row.into()))
}

async fn delete(
    State(state): State<EnvironmentState>,
    On(base): On,
    FormParameters(parameters): FormParameters,
) -> Result<()> {
    let (key, cluster) = (parameters.text("key")?, parameters.text("cluster")?);
    let operator = parameters.text("operator")?;
    server_config::delete(&state.store, &key, &cluster, &operator, base).await?;
    state.reconfigured().await;
    Ok(())
}

impl From<Setting> for wire::ServerConfig {
    fn from(row: Setting) -> Self {
        let revision = server_config::revision(Some(&row.value), row.comment.as_deref());
        Self {
            revision: Some(revision.as_str().to_owned()),
            key: Some(row.key),
            cluster: Some(row.cluster),
            value: Some(row.value),
            comment: row.comment,
            id: row.id.0,
            is_deleted: row.is_deleted,
            deleted_at: row.deleted_at,
            data_change_created_by: Some(row.data_change_created_by),
            data_change_created_time: Some(*row.data_change_created_time),
            data_change_last_modified_by: row.data_change_last_modified_by,
            data_change_last_modified_time: row.data_change_last_time.map(|time| *time),
        }
    }
}

impl From<wire::ServerConfig> for server_config::ConfigDraft {
    fn from(body: wire::ServerConfig) -> Self {
        Self {
            key: body.key,
            cluster: body.cluster,
            value: body.value,
            comment: body.comment,
            author: author!(body),
        }
    }
}
