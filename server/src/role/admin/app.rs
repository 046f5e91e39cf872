//! `/apps`: apps.

use axum::extract::State;

use super::body::bodies;
use super::request::{AuditCaller, FormParameters, QueryParameters};
use super::{AdminAccess, AdminRoutes};
use crate::domain::app;
use crate::domain::audit_log::Recorder;
use crate::error::{Error, Result};
use crate::http::request::{Body, Path};
use crate::json::Json;
use crate::state::EnvironmentState;
use crate::wire::admin as wire;

pub(super) fn routes(routes: AdminRoutes) -> AdminRoutes {
    routes
        .post("/apps", AdminAccess::Token, create)
        .get("/apps", AdminAccess::Token, list)
        .get("/apps/{app_id}", AdminAccess::Token, find)
        .put("/apps/{app_id}", AdminAccess::Token, update)
        .delete("/apps/{app_id}", AdminAccess::Token, delete)
        .get("/apps/{app_id}/unique", AdminAccess::Token, is_unique)
}

async fn create(
    State(state): State<EnvironmentState>,
    AuditCaller(caller): AuditCaller,
    Body(body): Body<wire::App>,
) -> Result<Json<wire::App>> {
    let log = Recorder::new(&state.config, caller);
    let created = app::create(&state.store, &state.config, body.into(), log).await?;
    state.redefined().await;
    Ok(Json(created.into()))
}

async fn update(
    State(state): State<EnvironmentState>,
    Path(app_id): Path<String>,
    AuditCaller(caller): AuditCaller,
    Body(body): Body<wire::App>,
) -> Result<()> {
    if body.app_id.as_deref() != Some(app_id.as_str()) {
        return Err(Error::bad_request(
            "The App Id of path variable and request body is different",
        ));
    }
    app::update(&state.store, body.into(), Recorder::new(&state.config, caller)).await
}

async fn delete(
    State(state): State<EnvironmentState>,
    Path(app_id): Path<String>,
    AuditCaller(caller): AuditCaller,
    FormParameters(parameters): FormParameters,
) -> Result<()> {
    let operator = parameters.text("operator")?;
    app::delete(&state.store, &app_id, &operator, Recorder::new(&state.config, caller)).await?;
    state.redefined().await;
    state.published().await;
    Ok(())
}

async fn list(
    State(state): State<EnvironmentState>,
    QueryParameters(parameters): QueryParameters,
) -> Result<Json<Vec<wire::App>>> {
    let name = parameters.get("name").unwrap_or_default();
    Ok(Json(bodies(app::list(&state.store, name, &parameters.page()).await?)))
}

async fn find(
    State(state): State<EnvironmentState>,
    Path(app_id): Path<String>,
) -> Result<Json<wire::App>> {
    Ok(Json(app::find(&state.store, &app_id).await?.into()))
}

async fn is_unique(
    State(state): State<EnvironmentState>,
    Path(app_id): Path<String>,
) -> Result<Json<bool>> {
    Ok(Json(app::is_unique(&state.store, &app_id).await?))
}
