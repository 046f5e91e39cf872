//! `/openapi/v1/access-requests`: users ask for roles, and administrators of the apps decide.

use axum::extract::{Extension, State};
use castalia_store::Id;
use serde::Deserialize;
use utoipa::IntoParams;

use super::favorite::own_name;
use super::{By, people, required};
use crate::domain::access_request::{
    self, AccessRequest as Row, AccessRequestState, Decision, NewRequest,
};
use crate::domain::audit_log::request::{concern, concern_app};
use crate::domain::event;
use crate::domain::permission::requirement::{Identity, Requirement, Resource};
use crate::error::{Code, Error, Result};
use crate::http::request::{Body, Path};
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::access::refusal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::wire::open_api::{AccessDecision, AccessRequest, NewAccessRequest};

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct RequestId {
    /// Row id of the request.
    #[serde(rename = "requestId")]
    request_id: i64,
}

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct OfApp {
    /// App.
    #[serde(rename = "appId")]
    app_id: String,
}

/// Requests a role for the signed-in user.
pub(super) async fn create(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Body(wanted): Body<NewAccessRequest>,
) -> Result<Json<AccessRequest>> {
    let user_id = own_name(&caller)?;
    let app_id = required(wanted.app_id, "appId")?;
    let role_type = required(wanted.role_type, "roleType")?;
    let env = match wanted.env.filter(|env| !env.is_empty()) {
        Some(env) => portal.state.environments.find(&env)?.name().to_owned(),
        None => String::new(),
    };
    let place = Resource {
        app_id,
        env,
        cluster: wanted.cluster_name.unwrap_or_default(),
        namespace: wanted.namespace_name.unwrap_or_default(),
    };
    concern(&place);
    let note = wanted.note.unwrap_or_default().trim().to_owned();
    let new = NewRequest { place, role_type, note };
    let (role, app_id) = (new.role()?, new.place.app_id.clone());
    for permission in &role.permissions {
        let (kind, target) = permission.pair();
        if portal.rights().holds(user_id, kind, target).await? {
            return Err(Error::bad_request(format!("{user_id} already authorized"))
                .with_code(Code::AlreadyAuthorized));
        }
    }
    let made = access_request::create(&portal.state.store, new, user_id).await?;
    portal.own.events.record(event::about_request(&app_id, user_id));
    one(&portal, (made, app_id)).await
}

/// The requests for an app: all of them for its administrators, otherwise the caller's own.
pub(super) async fn of_app(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(OfApp { app_id }): Query<OfApp>,
) -> Result<Json<Vec<AccessRequest>>> {
    let user_id = match may_decide(&portal, &caller.identity, &app_id).await? {
        true => None,
        false => caller.identity.user_id(),
    };
    let rows = access_request::of_app(&portal.state.store, &app_id, user_id).await?;
    let rows = rows.into_iter().map(|row| (row, app_id.clone())).collect();
    Ok(Json(bodies(&portal, rows).await?))
}

/// The open requests that the caller may decide.
pub(super) async fn waiting(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Vec<AccessRequest>>> {
    let apps = portal.rights().administered(&caller.identity).await?;
    let apps: Option<Vec<&str>> =
        apps.as_ref().map(|apps| apps.iter().map(String::as_str).collect());
    let mut rows = access_request::waiting(&portal.state.store, apps.as_deref()).await?;
    let is_within =
        |app_id: &str| caller.identity.is_within_scope(Requirement::AppAdmin, Some(&app(app_id)));
    rows.retain(|(_, app_id)| is_within(app_id));
    Ok(Json(bodies(&portal, rows).await?))
}

/// Grants or declines a request.
pub(super) async fn decide(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Path(RequestId { request_id }): Path<RequestId>,
    Query(by): Query<By>,
    Body(decision): Body<AccessDecision>,
) -> Result<Json<AccessRequest>> {
    let decision = Decision {
        is_granted: decision.granted,
        reason: decision.reason.unwrap_or_default().trim().to_owned(),
    };
    let (store, id) = (&portal.state.store, Id(request_id));
    let app_id = access_request::app_of(store, id).await?;
    app_id.as_deref().inspect(|app_id| concern_app(app_id));
    let may_decide = match &app_id {
        Some(app_id) => may_decide(&portal, &caller.identity, app_id).await?,
        // Only administrators learn which requests there are.
        None => {
            let apps = portal.rights().administered(&caller.identity).await?;
            apps.is_none_or(|apps| !apps.is_empty())
        }
    };
    if !may_decide {
        return Err(refusal(Requirement::AppAdmin));
    }
    access_request::check_decision(&decision)?;
    let app_id = app_id.ok_or_else(access_request::unknown)?;
    let operator = portal.operator(&caller, by.operator, None).await?;
    let decided = access_request::decide(store, (id, &app_id), decision, &operator).await?;
    portal.own.events.record(event::about_request(&app_id, &decided.user_id));
    one(&portal, (decided, app_id)).await
}

/// Withdraws an open request of the signed-in user.
pub(super) async fn withdraw(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Path(RequestId { request_id }): Path<RequestId>,
) -> Result<()> {
    let (store, id, user_id) = (&portal.state.store, Id(request_id), own_name(&caller)?);
    let app_id = access_request::app_of(store, id).await?;
    app_id.as_deref().inspect(|app_id| concern_app(app_id));
    access_request::withdraw(store, id, user_id).await?;
    if let Some(app_id) = app_id {
        portal.own.events.record(event::about_request(&app_id, user_id));
    }
    Ok(())
}

async fn may_decide(portal: &Portal, caller: &Identity, app_id: &str) -> Result<bool> {
    portal.allows(caller, Requirement::AppAdmin, &app(app_id)).await
}

fn app(app_id: &str) -> Resource {
    Resource { app_id: app_id.to_owned(), ..Resource::default() }
}

async fn one(portal: &Portal, row: (Row, String)) -> Result<Json<AccessRequest>> {
    let body = bodies(portal, vec![row]).await?.pop();
    Ok(Json(body.unwrap_or_default()))
}

/// The bodies of requests, with the display names of their users.
async fn bodies(portal: &Portal, rows: Vec<(Row, String)>) -> Result<Vec<AccessRequest>> {
    let users = rows.iter().flat_map(|(row, _)| [row.user_id.as_str(), row.decided_by.as_str()]);
    let names = people::called(portal, users).await?;
    let filled = |text: String| Some(text).filter(|text| !text.is_empty());
    let body = |(row, app_id): (Row, String)| AccessRequest {
        id: row.id.0,
        app_id: Some(app_id),
        env: filled(row.env),
        cluster_name: filled(row.cluster_name),
        namespace_name: filled(row.namespace_name),
        role_type: Some(row.role_type),
        user_display_name: names.get(&row.user_id).cloned(),
        user_id: Some(row.user_id),
        note: filled(row.note),
        state: Some(progress(row.state.0).to_owned()),
        created_time: Some(*row.created_time),
        decided_by_display_name: names.get(&row.decided_by).cloned(),
        decided_by: filled(row.decided_by),
        decided_time: row.decided_time.map(|time| *time),
        reason: filled(row.reason),
    };
    Ok(rows.into_iter().map(body).collect())
}

fn progress(state: i16) -> &'static str {
    match state {
        state if state == AccessRequestState::Open.code().0 => "open",
        state if state == AccessRequestState::Granted.code().0 => "granted",
        _ => "declined",
    }
}
