//! `/openapi/v1/apollo/audit`: what was done through the portal, for super administrators. Reading
//! the log is not recorded in it.

use axum::extract::{Extension, State};
use castalia_store::Page;
use castalia_store::time::is_storable;
use chrono::{DateTime, Local, NaiveDateTime, TimeZone as _, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::audit_log::{self, Search};
use crate::error::{Code, Error, Result};
use crate::http::search::IN_PORTAL;
use crate::json::Json;
use crate::json::schema::Named;
use crate::role::portal::Portal;
use crate::role::portal::extract::{Paging, Query};
use crate::role::portal::identity::Caller;
use crate::wire::admin::{AuditLog, AuditLogDataInfluence, AuditLogDetails};

/// Default number of elements of a page, as in Apollo.
const PAGE_SIZE: u64 = 10;
/// Format of dates without an offset, which are in local time.
const DATE: &str = "%Y-%m-%d %H:%M:%S%.f";

/// Properties of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditProperties {
    /// Whether operations are recorded.
    enabled: bool,
}

impl Named for AuditProperties {}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(super) struct NameFilter {
    /// Name of the operations, for example `App.create`.
    op_name: String,
    /// Only operations from this time on: local as `2026-05-31 14:44:28.0`, or with its offset as
    /// `2026-05-31T14:44:28Z`.
    #[param(nullable = false)]
    start_date: Option<String>,
    /// Only operations until this time.
    #[param(nullable = false)]
    end_date: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trace {
    /// Trace of the operations.
    trace_id: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(super) struct Field {
    /// Table of the row; `Resource` for the app, environment, cluster or namespace of a request.
    entity_name: String,
    /// Id of the row; of a `Resource` the id of its app.
    entity_id: String,
    /// Column of the row; `App`, `Env`, `Cluster` or `Namespace` of a `Resource`.
    field_name: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(super) struct WantedRecords {
    /// Part of the name, of the type or of the operator; all if empty.
    query: String,
    /// Only operations, and refused requests, on this app.
    #[param(nullable = false)]
    app_id: Option<String>,
    /// Only operations of this user or consumer.
    #[param(nullable = false)]
    operator: Option<String>,
    /// Only operations of this name, for example `App.create`.
    #[param(nullable = false)]
    op_name: Option<String>,
    /// Only operations from this time on: local as `2026-05-31 14:44:28.0`, or with its offset as
    /// `2026-05-31T14:44:28Z`.
    #[param(nullable = false)]
    start_date: Option<String>,
    /// Only operations until this time.
    #[param(nullable = false)]
    end_date: Option<String>,
}

/// Whether operations are recorded.
pub(super) async fn properties(State(portal): State<Portal>) -> Json<AuditProperties> {
    Json(AuditProperties { enabled: audit_log::is_enabled(&portal.state.config) })
}

/// Operations, newest first.
pub(super) async fn list(
    State(portal): State<Portal>,
    Query(paging): Query<Paging>,
) -> Result<Json<Vec<AuditLog>>> {
    shown(audit_log::list(&portal.state.store, &page(paging)).await)
}

/// Operations of one name, newest first.
pub(super) async fn named(
    State(portal): State<Portal>,
    Query(filter): Query<NameFilter>,
    Query(paging): Query<Paging>,
) -> Result<Json<Vec<AuditLog>>> {
    let (from, to) = (date(filter.start_date)?, date(filter.end_date)?);
    let search = Search { name: Some(filter.op_name), from, to, ..Search::default() };
    shown(audit_log::search(&portal.state.store, &search, &page(paging)).await)
}

/// The operations of a trace, with what they wrote.
pub(super) async fn trace(
    State(portal): State<Portal>,
    Query(Trace { trace_id }): Query<Trace>,
) -> Result<Json<Vec<AuditLogDetails>>> {
    shown(audit_log::of_trace(&portal.state.store, &trace_id).await)
}

/// The changes of a field of a row, newest first.
pub(super) async fn field(
    State(portal): State<Portal>,
    Query(Field { entity_name, entity_id, field_name }): Query<Field>,
    Query(paging): Query<Paging>,
) -> Result<Json<Vec<AuditLogDataInfluence>>> {
    let store = &portal.state.store;
    shown(audit_log::of_field(store, &entity_name, &entity_id, &field_name, &page(paging)).await)
}

/// Operations by text, app, operator, name and time, newest first. Reads the whole table if few
/// match, so that only some run concurrently.
pub(super) async fn search(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(wanted): Query<WantedRecords>,
    Query(paging): Query<Paging>,
) -> Result<Json<Vec<AuditLog>>> {
    let (from, to) = (date(wanted.start_date)?, date(wanted.end_date)?);
    let stated = |text: Option<String>| text.filter(|text| !text.is_empty());
    let search = Search {
        text: wanted.query,
        app_id: stated(wanted.app_id),
        operator: stated(wanted.operator),
        name: stated(wanted.op_name),
        from,
        to,
    };
    let store = portal.state.store.clone();
    let search = async move { audit_log::search(&store, &search, &page(paging)).await };
    shown(portal.run_search(&caller, IN_PORTAL.run(search)).await)
}

fn page(paging: Paging) -> Page {
    let Paging { page, size } = paging.or_size(PAGE_SIZE);
    Page::new(page, size)
}

fn shown<T, B: From<T>>(found: Result<Vec<T>>) -> Result<Json<Vec<B>>> {
    Ok(Json(found?.into_iter().map(B::from).collect()))
}

fn date(text: Option<String>) -> Result<Option<DateTime<Utc>>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let date = match DateTime::parse_from_rfc3339(&text) {
        Ok(date) => Some(date.to_utc()),
        Err(_) => {
            let local = NaiveDateTime::parse_from_str(&text, DATE).ok();
            local
                .and_then(|local| Local.from_local_datetime(&local).earliest())
                .map(|date| date.to_utc())
        }
    };
    date.filter(is_storable).map(Some).ok_or_else(|| {
        Error::bad_request(format!("Invalid audit date format: {text}"))
            .with_code(Code::InvalidParameter)
    })
}
