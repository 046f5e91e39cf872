//! `/apollo/audit`: recorded operations and the fields that they set.

use axum::extract::State;
use serde::Serialize;

use super::body::bodies;
use super::request::QueryParameters;
use super::search::in_turn;
use super::{AdminAccess, AdminRoutes};
use crate::domain::audit_log::{self, AuditLog, AuditLogDataInfluence, LoggedOperation};
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
    let (name, page) = (parameters.text("opName")?, parameters.required_page()?);
    let (from, to) = (parameters.date("startDate")?, parameters.date("endDate")?);
    if !audit_log::is_enabled(&state.config) {
        return Ok(Json(Vec::new()));
    }
    Ok(Json(bodies(audit_log::named(&state.store, &name, from, to, &page).await?)))
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
    let search = async move { audit_log::search(&state.store, &text, &page).await };
    Ok(Json(bodies(in_turn(search).await?)))
}

impl From<AuditLog> for wire::AuditLog {
    fn from(row: AuditLog) -> Self {
        Self {
            id: row.id.0,
            trace_id: Some(row.trace_id),
            span_id: Some(row.span_id),
            parent_span_id: row.parent_span_id,
            follows_from_span_id: row.follows_from_span_id,
            operator: Some(row.operator),
            op_type: Some(row.op_type),
            op_name: Some(row.op_name),
            description: row.description,
            happened_time: Some(*row.data_change_created_time),
        }
    }
}

impl From<AuditLogDataInfluence> for wire::AuditLogDataInfluence {
    fn from(row: AuditLogDataInfluence) -> Self {
        Self {
            id: row.id.0,
            span_id: Some(row.span_id),
            influence_entity_name: Some(row.influence_entity_name),
            influence_entity_id: Some(row.influence_entity_id),
            field_name: row.field_name,
            field_old_value: row.field_old_value,
            field_new_value: row.field_new_value,
            happened_time: Some(*row.data_change_created_time),
        }
    }
}

impl From<LoggedOperation> for wire::AuditLogDetails {
    fn from(details: LoggedOperation) -> Self {
        Self { log: details.log.into(), data_influences: bodies(details.influences) }
    }
}
