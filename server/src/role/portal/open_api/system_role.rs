//! `/openapi/v1/system/...` and `/openapi/v1/permissions/root`: the roles that belong to no app,
//! and the permission to appoint administrators of an app.

use std::collections::BTreeMap;

use axum::extract::{Extension, State};

use super::By;
use super::permission::{Whom, check_may_ask};
use crate::domain::permission::requirement::{Identity, Requirement, Resource};
use crate::domain::permission::{NamedRole, assignment};
use crate::domain::portal_app;
use crate::error::{Code, Error, Result};
use crate::http::request::Body;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::server_config::keys;
use crate::wire::open_api::PermissionCondition;

/// One flag with its name.
type Flag = Json<BTreeMap<String, bool>>;

fn flag(name: &str, value: bool) -> Flag {
    Json(BTreeMap::from([(name.to_owned(), value)]))
}

/// Whether a user is a super administrator.
pub(super) async fn is_root(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(whom): Query<Whom>,
) -> Result<Json<PermissionCondition>> {
    let user_id = whom.user_id()?;
    check_may_ask(&portal, &caller.identity, &user_id, &Resource::default()).await?;
    Ok(Json(PermissionCondition { has_permission: portal.rights().is_root(&user_id) }))
}

/// Whether a user may create apps.
pub(super) async fn may_create_apps(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(whom): Query<Whom>,
) -> Result<Flag> {
    let (user_id, nothing) = (whom.user_id()?, Resource::default());
    check_may_ask(&portal, &caller.identity, &user_id, &nothing).await?;
    let user = Identity::User(user_id);
    let may = portal.rights().allow(&user, Requirement::CreateApp, &nothing).await?;
    Ok(flag("hasCreateApplicationPermission", may))
}

/// The users with the role to create apps.
pub(super) async fn app_creators(State(portal): State<Portal>) -> Result<Json<Vec<String>>> {
    let roles = [NamedRole::create_application()];
    let [holders] = assignment::holders(&portal.state.store, roles).await?;
    Ok(Json(holders))
}

/// Grants users the role to create apps.
pub(super) async fn add_app_creators(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(by): Query<By>,
    Body(user_ids): Body<Vec<String>>,
) -> Result<()> {
    if user_ids.is_empty() {
        return Err(Error::bad_request("userIds should not be null or empty")
            .with_code(Code::MissingMember));
    }
    let operator = portal.operator(&caller, by.operator, None).await?;
    let role = NamedRole::create_application();
    portal.know(&caller, &user_ids).await?;
    assignment::assign_all(&portal.state.store, role, &user_ids, &operator).await
}

/// Revokes from a user the role to create apps.
pub(super) async fn remove_app_creator(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(whom): Query<Whom>,
    Query(by): Query<By>,
) -> Result<()> {
    let user_id = whom.user_id()?;
    let operator = portal.operator(&caller, by.operator, None).await?;
    let role = NamedRole::create_application();
    assignment::revoke_if_any(&portal.state.store, role, &user_id, &operator).await.map(drop)
}

/// Whether appointing administrators of an app requires a permission of its own.
pub(super) async fn is_appointing_limited(State(portal): State<Portal>) -> Flag {
    let is_limited = portal.state.config.get(&keys::MANAGE_APP_MASTER);
    flag("isManageAppMasterPermissionEnabled", is_limited)
}

/// Permits a user to appoint administrators of an app.
pub(super) async fn allow_to_appoint(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(whom): Query<Whom>,
    Query(by): Query<By>,
) -> Result<()> {
    let user_id = whom.user_id()?;
    let operator = portal.operator(&caller, by.operator, None).await?;
    portal_app::find(&portal.state.store, &place.app_id).await?;
    let role = NamedRole::manage_app_master(&place.app_id);
    portal.know(&caller, &[&user_id]).await?;
    assignment::assign_all(&portal.state.store, role, &[user_id], &operator).await
}

/// Ends that permission.
pub(super) async fn forbid_to_appoint(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(whom): Query<Whom>,
    Query(by): Query<By>,
) -> Result<()> {
    let user_id = whom.user_id()?;
    let operator = portal.operator(&caller, by.operator, None).await?;
    portal_app::find(&portal.state.store, &place.app_id).await?;
    let role = NamedRole::manage_app_master(&place.app_id);
    assignment::revoke_if_any(&portal.state.store, role, &user_id, &operator).await.map(drop)
}
