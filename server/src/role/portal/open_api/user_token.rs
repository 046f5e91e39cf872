//! `/openapi/v1/user-tokens`: access tokens of users. Users manage their own in a session; a token
//! reads what it allows.

use axum::extract::{Extension, State};
use castalia_store::Id;
use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::permission::requirement::{Identity, Requirement};
use crate::domain::permission::token_scope::{self, TokenScope, required};
use crate::domain::user_token::{self, Ending, Lifetimes, NewUserToken, Row, TokenStatus};
use crate::error::{Code, Error, Result};
use crate::http::request::{Body, Path};
use crate::http::route::Listed;
use crate::json::Json;
use crate::role::portal::access::refusal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::role::portal::{Portal, PortalAccess};
use crate::wire::open_api::{
    CreateUserToken, CurrentUserToken, NamespaceScope, TokenAction, UserTokenCapability,
    UserTokenSummary,
};

/// Kind of a caller with a user token, as in Apollo.
const AUTH_TYPE: &str = "USER_TOKEN";
/// Status that selects all tokens.
const ALL: &str = "all";

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct TokenId {
    /// Row id.
    #[serde(rename = "tokenId")]
    pub(super) token_id: i64,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(super) struct Filter {
    /// Part of the owners' user names, in any case.
    #[serde(rename = "userId")]
    #[param(nullable = false)]
    user_id: Option<String>,
    /// `active`, `expired`, `revoked` or `all`.
    #[param(nullable = false, default = "all")]
    status: Option<String>,
}

/// The tokens of the user, newest first.
pub(super) async fn list(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Vec<UserTokenSummary>>> {
    let rows = user_token::of_user(&portal.state.store, owner(&caller)?).await?;
    Ok(Json(rows.into_iter().map(summary).collect()))
}

/// Creates a token of the user, and returns its text.
pub(super) async fn create(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Body(body): Body<CreateUserToken>,
) -> Result<Json<UserTokenSummary>> {
    let rate_limit = i32::try_from(body.rate_limit.unwrap_or_default()).map_err(|_| {
        Error::bad_request("rateLimit is too large").with_code(Code::InvalidUserToken)
    })?;
    let new = NewUserToken {
        name: body.name.clone().unwrap_or_default(),
        rate_limit,
        expires: body.expires,
        scope: scope(&portal, body)?,
    };
    let (store, lifetimes) = (&portal.state.store, Lifetimes::of(&portal.state.config));
    let (owner, rights) = (owner(&caller)?, portal.rights());
    let (row, text) = user_token::create(store, &rights, lifetimes, owner, new).await?;
    Ok(Json(UserTokenSummary { token_value: Some(text.expose().to_owned()), ..summary(row) }))
}

/// Revokes a token of the user.
pub(super) async fn revoke(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Path(TokenId { token_id }): Path<TokenId>,
) -> Result<()> {
    end_own(&portal, &caller, token_id, Ending::Revoked).await
}

/// Deletes a token of the user.
pub(super) async fn delete(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Path(TokenId { token_id }): Path<TokenId>,
) -> Result<()> {
    end_own(&portal, &caller, token_id, Ending::Deleted).await
}

async fn end_own(portal: &Portal, caller: &Caller, id: i64, ending: Ending) -> Result<()> {
    let owner = owner(caller)?;
    user_token::end_early(&portal.state.store, Id(id), ending, Some(owner), owner).await
}

/// Replaces a token of the user by another one with the same scope and end.
pub(super) async fn rotate(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Path(TokenId { token_id }): Path<TokenId>,
) -> Result<Json<UserTokenSummary>> {
    let rotated = user_token::rotate(&portal.state.store, owner(&caller)?, Id(token_id));
    let (row, text) = rotated.await?;
    Ok(Json(UserTokenSummary { token_value: Some(text.expose().to_owned()), ..summary(row) }))
}

/// What the user may put into a token.
pub(super) async fn capabilities(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<UserTokenCapability>> {
    let operations = user_token::grantable(&portal.rights(), owner(&caller)?).await?;
    let Lifetimes { default, longest } = Lifetimes::of(&portal.state.config);
    Ok(Json(UserTokenCapability {
        operations: Some(operations.iter().map(|operation| operation.name().to_owned()).collect()),
        default_expire_days: default.into(),
        max_expire_days: longest.into(),
    }))
}

/// The tokens of all users, newest first.
pub(super) async fn list_all(
    State(portal): State<Portal>,
    Query(filter): Query<Filter>,
) -> Result<Json<Vec<UserTokenSummary>>> {
    let wanted = filter.status.as_deref().map(str::trim).unwrap_or_default();
    let status = TokenStatus::named(wanted);
    if status.is_none() && !wanted.is_empty() && !wanted.eq_ignore_ascii_case(ALL) {
        let message = format!("Invalid user token status:{wanted}");
        return Err(Error::bad_request(message).with_code(Code::InvalidParameter));
    }
    let part = filter.user_id.unwrap_or_default();
    let rows = user_token::all(&portal.state.store, &part, status).await?;
    Ok(Json(rows.into_iter().map(summary).collect()))
}

/// Revokes a token of any user.
pub(super) async fn revoke_any(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Path(TokenId { token_id }): Path<TokenId>,
) -> Result<()> {
    end_any(&portal, &caller, token_id, Ending::Revoked).await
}

/// Deletes a token of any user.
pub(super) async fn delete_any(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Path(TokenId { token_id }): Path<TokenId>,
) -> Result<()> {
    end_any(&portal, &caller, token_id, Ending::Deleted).await
}

async fn end_any(portal: &Portal, caller: &Caller, id: i64, ending: Ending) -> Result<()> {
    let operator = owner(caller)?;
    user_token::end_early(&portal.state.store, Id(id), ending, None, operator).await
}

/// The token of this request.
pub(super) async fn current(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<CurrentUserToken>> {
    let Identity::Token(token) = caller.identity else { return Err(refusal(Requirement::User)) };
    let row = user_token::find(&portal.state.store, token.id).await?;
    let is_readable = token.scope.is_some();
    let TokenScope { operations, app_ids, envs, namespaces } =
        token.scope.clone().unwrap_or_default();
    let routes = portal.own.document.routes().iter();
    let actions = token
        .scope
        .iter()
        .flat_map(|scope| routes.clone().filter_map(move |route| action(route, scope)));
    Ok(Json(CurrentUserToken {
        auth_type: Some(AUTH_TYPE.to_owned()),
        user_id: Some(row.user_id),
        token_id: row.id.0,
        token_name: Some(row.name),
        token_prefix: Some(row.token_prefix),
        rate_limit: row.rate_limit.into(),
        expires: shown(*row.expires),
        last_used_time: row.last_used_time.and_then(|time| shown(*time)),
        data_change_created_time: Some(iso(*row.data_change_created_time)),
        deny_all: !is_readable,
        all_operations: is_readable && operations.is_empty(),
        all_apps: is_readable && app_ids.is_empty(),
        all_envs: is_readable && envs.is_empty(),
        all_namespaces: is_readable && namespaces.is_empty(),
        operations: Some(operations),
        app_ids: Some(app_ids),
        envs: Some(envs),
        namespaces: Some(namespaces.into_iter().map(NamespaceScope::from).collect()),
        actions: Some(actions.collect()),
    }))
}

/// An operation of the API, if the scope allows it on some object.
fn action(route: &Listed<PortalAccess>, scope: &TokenScope) -> Option<TokenAction> {
    let about = route.operation?.about;
    let required = match route.access {
        PortalAccess::Call(requirement)
        | PortalAccess::Read(requirement, _)
        | PortalAccess::ByContent(requirement) => {
            scope.has_operation_for(requirement).then(|| required(requirement))??
        }
        PortalAccess::UserToken | PortalAccess::Open => &[],
        PortalAccess::Page | PortalAccess::Session(_) => return None,
    };
    let names = |operations: &[token_scope::TokenOperation]| {
        Some(operations.iter().map(|operation| operation.name().to_owned()).collect())
    };
    let granted: Vec<_> =
        required.iter().copied().filter(|operation| scope.allows(*operation)).collect();
    Some(TokenAction {
        id: Some(about.id.to_owned()),
        method: Some(route.method.to_string()),
        path: Some(route.path.to_owned()),
        required_operations: names(required),
        granted_operations: names(&granted),
        operation_match: Some(if required.is_empty() { "NONE" } else { "ANY" }.to_owned()),
        resource_scope: Some(about.tag.to_owned()),
        description: Some(about.summary.to_owned()),
    })
}

/// The user of the session.
pub(super) fn owner(caller: &Caller) -> Result<&str> {
    match &caller.identity {
        Identity::User(user_id) => Ok(user_id),
        Identity::Token(_) | Identity::Consumer(_) => Err(refusal(Requirement::Person)),
    }
}

/// The scope of a body, with environments in their normalised spellings.
fn scope(portal: &Portal, body: CreateUserToken) -> Result<TokenScope> {
    let env = |name: String| -> Result<String> {
        Ok(portal.state.environments.find(&name)?.name().to_owned())
    };
    let namespaces = body.namespaces.iter().flatten().map(|scope| {
        let NamespaceScope { app_id, env: env_name, cluster_name, namespace_name } = scope;
        if [app_id, env_name, cluster_name, namespace_name].iter().all(|name| name.is_none()) {
            return Err(unlimited("namespaces"));
        }
        let given = |name: &Option<String>| limit("namespaces", name.as_deref());
        Ok(token_scope::NamespaceScope {
            app_id: given(app_id)?,
            env: given(env_name)?.map(env).transpose()?,
            cluster_name: given(cluster_name)?,
            namespace_name: given(namespace_name)?,
        })
    });
    let namespaces = namespaces.collect::<Result<_>>()?;
    Ok(TokenScope {
        operations: limits("operations", body.operations)?,
        app_ids: limits("appIds", body.app_ids)?,
        envs: limits("envs", body.envs)?.into_iter().map(env).collect::<Result<_>>()?,
        namespaces,
    })
}

/// The names of a list that limit a token, sorted and without duplicates.
fn limits(list: &str, names: Option<Vec<String>>) -> Result<Vec<String>> {
    let names = names.into_iter().flatten();
    let names = names.filter_map(|name| limit(list, Some(&name)).transpose());
    let mut names = names.collect::<Result<Vec<_>>>()?;
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// A name that limits a token. An empty one is refused, because it is more likely an unset variable
/// of a script than the wish for a token without limits.
fn limit(list: &str, name: Option<&str>) -> Result<Option<String>> {
    let Some(name) = name.map(str::trim) else { return Ok(None) };
    if name.is_empty() {
        return Err(unlimited(list));
    }
    Ok((name != token_scope::ANY).then(|| name.to_owned()))
}

fn unlimited(list: &str) -> Error {
    let message = format!(
        "{list} has an entry without a name, which would not limit the token; name what it may be used for, or leave the list out"
    );
    Error::bad_request(message).with_code(Code::InvalidUserToken)
}

impl From<token_scope::NamespaceScope> for NamespaceScope {
    fn from(scope: token_scope::NamespaceScope) -> Self {
        let token_scope::NamespaceScope { app_id, env, cluster_name, namespace_name } = scope;
        Self { app_id, env, cluster_name, namespace_name }
    }
}

fn summary(row: Row) -> UserTokenSummary {
    let status = user_token::status(&row).name().to_owned();
    let scope = TokenScope::read(row.scopes.as_deref());
    let deny_all = scope.is_none();
    let scope = scope.unwrap_or_default();
    UserTokenSummary {
        id: row.id.0,
        status: Some(status),
        user_id: Some(row.user_id),
        name: Some(row.name),
        token_prefix: Some(row.token_prefix),
        token_value: None,
        deny_all,
        operations: Some(scope.operations),
        app_ids: Some(scope.app_ids),
        envs: Some(scope.envs),
        namespaces: Some(scope.namespaces.into_iter().map(NamespaceScope::from).collect()),
        rate_limit: row.rate_limit.into(),
        expires: shown(*row.expires),
        last_used_time: row.last_used_time.and_then(|time| shown(*time)),
        last_used_ip: row.last_used_ip,
        last_used_user_agent: row.last_used_user_agent,
        revoked_at: row.revoked_at.and_then(|time| shown(*time)),
        revoked_by: row.revoked_by,
        data_change_created_time: Some(iso(*row.data_change_created_time)),
    }
}

fn shown(stored: NaiveDateTime) -> Option<String> {
    user_token::time_of(stored).map(iso)
}

fn iso(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
