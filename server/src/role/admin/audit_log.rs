//! `/apollo/audit`: recorded operations and the fields that they set.

use axum::extract::State;
use serde::Serialize;

use super::body::bodies;
use super::long_read;
use super::request::QueryParameters;
use super::{AdminAccess, AdminRoutes};
use crate::domain::audit_log::{self, Search};
use crate::error::Result;
use crate::json::Json;
use crate::state::EnvironmentState;
use crate::wire::admin as wire;

pub(super) fn routes(routes: AdminRoutes) -> AdminRoutes {
    routes
        .get("/apollo/audit/properties", AdminAccess::Token, properties)
        .get("/apollo/audit/logs", AdminAccess::Token, logs)
        .get("/apollo/audit/trace", AdminAccess::Token, trace)
        .get("/apollo/audit/logs/opName", AdminAccess::Token, named)
        .get("/apollo/audit/logs/dataInfluences/field", AdminAccess::Token, field)
        .get("/apollo/audit/logs/by-name-or-type-or-operator", AdminAccess::Token, search)
}

#[derive(Debug, Serialize)]
struct Properties {
    enabled: bool,
}

async fn properties(State(state): State<EnvironmentState>) -> Json<Properties> {
    Json(Properties { enabled: audit_log::is_enabled(&state.config) })
}

async fn logs(
    State(state): State<EnvironmentState>,
    QueryParameters(parameters): QueryParameters,
) -> Result<Json<Vec<wire::AuditLog>>> {
    let page = parameters.required_page()?;
    if !audit_log::is_enabled(&state.config) {
        return Ok(Json(Vec::new()));
    }
    Ok(Json(bodies(audit_log::list(&state.store, &page).await?)))
}

async fn trace(
    State(state): State<EnvironmentState>,
    QueryParameters(parameters): QueryParameters,
) -> Result<Json<Vec<wire::AuditLogDetails>>> {
    let trace_id = parameters.text("traceId")?;
    if !audit_log::is_enabled(&state.config) {
        return Ok(Json(Vec::new()));
    }
    Ok(Json(bodies(audit_log::of_trace(&state.store, &trace_id).await?)))
}

async fn named(
    State(state): State<EnvironmentState>,
    QueryParameters(parameters): QueryParameters,
) -> Result<Json<Vec<wire::AuditLog>>> {
    let (name, page) = (Some(parameters.text("opName")?), parameters.required_page()?);
    let (from, to) = (parameters.date("startDate")?, parameters.date("endDate")?);
    let search = Search { name, from, to, ..Search::default() };
    if !audit_log::is_enabled(&state.config) {
        return Ok(Json(Vec::new()));
    }
    Ok(Json(bodies(audit_log::search(&state.store, &search, &page).await?)))
}

async fn field(
    State(state): State<EnvironmentState>,
    QueryParameters(parameters): QueryParameters,
) -> Result<Json<Vec<wire::AuditLogDataInfluence>>> {
    let (entity, id) = (parameters.text("entityName")?, parameters.text("entityId")?);
    let (field, page) = (parameters.text("fieldName")?, parameters.required_page()?);
    if !audit_log::is_enabled(&state.config) {
        return Ok(Json(Vec::new()));
    }
    Ok(Json(bodies(audit_log::of_field(&state.store, &entity, &id, &field, &page).await?)))
}

async fn search(
    State(state): State<EnvironmentState>,
    QueryParameters(parameters): QueryParameters,
) -> Result<Json<Vec<wire::AuditLog>>> {
    let (text, page) = (parameters.text("query")?, parameters.required_page()?);
    if !audit_log::is_enabled(&state.config) {
        return Ok(Json(Vec::new()));
    }
    let search = Search { text, ..Search::default() };
    let search = long_read::search(&state.store, |store| async move {
        audit_log::search(&store, &search, &page).await
    });
    Ok(Json(bodies(search.await?)))
}
