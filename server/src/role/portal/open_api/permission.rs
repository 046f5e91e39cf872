//! `/openapi/v1/apps/{appId}/.../roles`, `.../role-users` and `.../permissions`: who may do what on
//! an app, a namespace or a cluster. The path decides which of them it is.

use axum::extract::{Extension, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{By, cluster, people};
use crate::domain::constraint::{self, can_be_stored};
use crate::domain::permission::requirement::{Identity, Requirement, Resource};
use crate::domain::permission::{Action, NamedRole, assignment};
use crate::domain::portal_app;
use crate::error::{Code, Error, Result};
use crate::http::request::Path;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::access::refusal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::wire::open_api::{
    AppRoleUsers, ClusterRoleUsers, NamespaceInEnvRoleUsers, NamespaceRoleUsers,
    PermissionCondition, User,
};

/// The user whom a request concerns.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct Whom {
    /// User name.
    #[serde(rename = "userId")]
    user_id: String,
}

impl Whom {
    /// The name, which must not be empty.
    pub(super) fn user_id(self) -> Result<String> {
        if self.user_id.trim().is_empty() {
            return Err(
                Error::bad_request("userId should not be empty").with_code(Code::MissingParameter)
            );
        }
        Ok(self.user_id)
    }
}

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct RoleType {
    /// `Master` for an app, `ModifyNamespace` or `ReleaseNamespace` for a namespace,
    /// `ModifyNamespacesInCluster` or `ReleaseNamespacesInCluster` for a cluster.
    #[serde(rename = "roleType")]
    role_type: String,
}

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct PermissionType {
    /// Name of the permission, for example `ModifyNamespace`.
    #[serde(rename = "permissionType")]
    permission_type: String,
}

/// Grants a role to a user.
pub(super) async fn assign(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(RoleType { role_type }): Path<RoleType>,
    Query(whom): Query<Whom>,
    Query(by): Query<By>,
) -> Result<()> {
    let (role, user_id) = (place.role(&role_type)?, whom.user_id()?);
    let operator = portal.operator(&caller, by.operator, None).await?;
    portal.know(&caller, &[&user_id]).await?;
    cluster::with_roles(&portal, &[place], &operator, || {
        assignment::assign(&portal.state.store, role.clone(), &user_id, &operator)
    })
    .await
}

/// Revokes a role from a user.
pub(super) async fn revoke(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(RoleType { role_type }): Path<RoleType>,
    Query(whom): Query<Whom>,
    Query(by): Query<By>,
) -> Result<()> {
    let (role, user_id) = (place.role(&role_type)?, whom.user_id()?);
    let operator = portal.operator(&caller, by.operator, None).await?;
    assignment::revoke(&portal.state.store, role, &user_id, &operator).await
}

/// Whether a user has a permission. Users may ask about themselves, administrators about others.
pub(super) async fn probe(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(PermissionType { permission_type }): Path<PermissionType>,
    Query(whom): Query<Whom>,
) -> Result<Json<PermissionCondition>> {
    let user_id = whom.user_id()?;
    check_may_ask(&portal, &caller.identity, &user_id, &place).await?;
    let target = place.target();
    let has_permission = portal.rights().holds(&user_id, &permission_type, &target).await?;
    Ok(Json(PermissionCondition { has_permission }))
}

/// Users may ask about themselves, administrators about others.
pub(super) async fn check_may_ask(
    portal: &Portal,
    caller: &Identity,
    about: &str,
    place: &Resource,
) -> Result<()> {
    let may_ask = match caller {
        // Of tokens and consumers, the guard has checked that they may see the roles.
        Identity::User(user_id) if user_id != about => {
            portal.allows(caller, Requirement::AppAdmin, place).await?
        }
        _ => true,
    };
    if may_ask { Ok(()) } else { Err(refusal(Requirement::AppAdmin)) }
}

/// The administrators of an app.
pub(super) async fn masters(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
) -> Result<Json<AppRoleUsers>> {
    let roles = [NamedRole::master(&place.app_id)];
    let [masters] = holders(&portal, &caller, roles).await?;
    Ok(Json(AppRoleUsers { app_id: Some(place.app_id), master_users: Some(masters) }))
}

/// The editors and publishers of a namespace in all environments.
pub(super) async fn of_namespace(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
) -> Result<Json<NamespaceRoleUsers>> {
    let [modify, release] = operators(&portal, &caller, &place).await?;
    Ok(Json(NamespaceRoleUsers {
        app_id: Some(place.app_id),
        namespace_name: Some(place.namespace),
        modify_role_users: Some(modify),
        release_role_users: Some(release),
    }))
}

/// The editors and publishers of a namespace in one environment.
pub(super) async fn of_namespace_in_env(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
) -> Result<Json<NamespaceInEnvRoleUsers>> {
    let [modify, release] = operators(&portal, &caller, &place).await?;
    Ok(Json(NamespaceInEnvRoleUsers {
        app_id: Some(place.app_id),
        namespace_name: Some(place.namespace),
        modify_role_users: Some(modify),
        release_role_users: Some(release),
        env: Some(place.env),
    }))
}

/// The editors and publishers of all namespaces of a cluster.
pub(super) async fn of_cluster(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
) -> Result<Json<ClusterRoleUsers>> {
    let [modify, release] = operators(&portal, &caller, &place).await?;
    Ok(Json(ClusterRoleUsers {
        app_id: Some(place.app_id),
        env: Some(place.env),
        cluster: Some(place.cluster),
        modify_role_users: Some(modify),
        release_role_users: Some(release),
    }))
}

/// Creates the roles of a namespace or of a cluster that are missing.
pub(super) async fn create_roles(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
) -> Result<()> {
    let operator = portal.operator(&caller, by.operator, None).await?;
    let name = if place.cluster.is_empty() { &place.namespace } else { &place.cluster };
    if !can_be_stored(name, constraint::NAME) {
        let message = format!("`{name}` is not a name of a namespace or cluster");
        return Err(Error::bad_request(message).with_code(Code::InvalidName));
    }
    let roles = match place.cluster.is_empty() {
        true => {
            let envs = portal.state.environments.names();
            NamedRole::all_of_namespace(&place.app_id, &place.namespace, &envs)
        }
        false => Action::CHANGING.map(|act| place.role_to(act)).to_vec(),
    };
    portal_app::ensure_roles(&portal.state.store, &place.app_id, roles, &operator).await
}

async fn operators(portal: &Portal, caller: &Caller, place: &Resource) -> Result<[Vec<User>; 2]> {
    holders(portal, caller, Action::CHANGING.map(|act| place.role_to(act))).await
}

async fn holders<const N: usize>(
    portal: &Portal,
    caller: &Caller,
    roles: [NamedRole; N],
) -> Result<[Vec<User>; N]> {
    let holders = assignment::holders(&portal.state.store, roles).await?;
    people::described(portal, caller, holders).await
}
