//! What was deleted of an app, and its restoration, which Apollo's admin API lacks.

use std::time::Duration;

use axum::extract::State;

use super::body::bodies;
use super::request::QueryParameters;
use super::{AdminAccess, AdminRoutes};
use crate::disconnect::to_the_end;
use crate::domain::restoration::{self, Deleted, DeletedKind, Restored};
use crate::error::Result;
use crate::http::request::{Body, Path};
use crate::json::Json;
use crate::state::EnvironmentState;
use crate::wire::admin as wire;

/// Time in which all nodes read changed access keys, as they do each second.
const KEYS_READ: Duration = Duration::from_secs(3);

pub(super) fn routes(routes: AdminRoutes) -> AdminRoutes {
    routes.get("/apps/{app_id}/deleted", AdminAccess::Token, list).post(
        "/apps/{app_id}/restorations",
        AdminAccess::Token,
        restore,
    )
}

async fn list(
    State(state): State<EnvironmentState>,
    Path(app_id): Path<String>,
) -> Result<Json<Vec<wire::Deleted>>> {
    Ok(Json(bodies(restoration::list(&state.store, &app_id).await?)))
}

async fn restore(
    State(state): State<EnvironmentState>,
    Path(app_id): Path<String>,
    QueryParameters(parameters): QueryParameters,
    Body(body): Body<wire::Deleted>,
) -> Result<()> {
    let operator = parameters.text("operator")?;
    let deleted = Deleted {
        kind: DeletedKind::from_name(&body.kind)?,
        app_id,
        cluster: body.cluster_name,
        namespace: body.namespace_name,
        created: body.created_at,
        at: body.deleted_at,
        operator: None,
    };
    let changes = state.changes.clone();
    let change = changes.track_future(async move { apply(&state, deleted, &operator).await });
    // Also beyond the limit of changes that continue: an app would remain without its namespaces.
    to_the_end(change).await
}

async fn apply(state: &EnvironmentState, deleted: Deleted, operator: &str) -> Result<()> {
    let EnvironmentState { store, config, .. } = state;
    let restored = restoration::restore(store, config, deleted.clone(), operator).await?;
    state.redefined().await;
    if let Restored::WithoutContent(app) = restored {
        tokio::time::sleep(KEYS_READ).await;
        restoration::restore_content(store, deleted, app, operator).await?;
    }
    state.published().await;
    Ok(())
}

impl From<Deleted> for wire::Deleted {
    fn from(deleted: Deleted) -> Self {
        Self {
            kind: deleted.kind.name().to_owned(),
            cluster_name: deleted.cluster,
            namespace_name: deleted.namespace,
            created_at: deleted.created,
            deleted_at: deleted.at,
            deleted_by: deleted.operator,
        }
    }
}
