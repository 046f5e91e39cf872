//! `/openapi/v1/consumers` and `/openapi/v1/consumer-tokens`: registers programs that call OpenAPI,
//! and grants them roles.

use std::collections::BTreeSet;

use axum::extract::{Extension, State};
use castalia_store::Page;
use castalia_store::time::is_storable;
use chrono::{DateTime, Local, NaiveDateTime, TimeZone as _, Utc};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{cluster, required};
use crate::domain::audit_log::request::concern_app;
use crate::domain::constraint::check_name;
use crate::domain::consumer::registration::{self, Details, Grant, NewConsumer, Registered};
use crate::domain::consumer::{revision, rotation};
use crate::domain::permission::Action;
use crate::domain::permission::requirement::Resource;
use crate::error::{Code, Error, Result};
use crate::http::request::{Body, Path};
use crate::http::revision::On;
use crate::json::{Json, OrEmpty};
use crate::role::portal::Portal;
use crate::role::portal::extract::{Paging, Query};
use crate::role::portal::identity::Caller;
use crate::wire::open_api::{
    AssignRole, Consumer, ConsumerGrant, ConsumerToken, CreateConsumer, UpdateConsumer,
};

/// Default number of consumers of a page, as in Apollo.
const PAGE_SIZE: u64 = 10;
/// Format of `expires`.
const EXPIRES: &str = "%Y%m%d%H%M%S";

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(super) struct Expiry {
    /// Local time at which the token expires, as `20991231235959`; 2099 by default.
    #[param(nullable = false)]
    expires: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct ConsumerId {
    /// Id of the consumer.
    #[serde(rename = "appId")]
    pub(super) app_id: String,
}

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct RoleName {
    /// Name of the role, as `ModifyNamespace+demo+application`.
    #[serde(rename = "roleName")]
    role_name: String,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(super) struct Replacement {
    /// Seconds for which the earlier token stays valid, at most 2592000; 0 by default.
    #[param(nullable = false)]
    overlap: u32,
    /// Local time at which the new token expires, as `20991231235959`; by default that of the
    /// earlier one; required if that has expired.
    #[param(nullable = false)]
    expires: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct OwnedToken {
    /// The token, or the id of its consumer.
    token: String,
}

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct Granted {
    /// `AppRole`, `NamespaceRole` or `ClusterRole`.
    r#type: String,
    /// Environments of a role on a namespace, separated by commas, all by default; those of a
    /// cluster.
    #[param(nullable = false)]
    envs: Option<String>,
    /// What is allowed, of `read`, `edit` and `release`, separated by commas. Without it, an
    /// `AppRole` allows to administer the app, another one to edit and to publish.
    #[param(nullable = false)]
    operations: Option<String>,
}

/// Registers a consumer and returns it with its token.
pub(super) async fn create(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(expiry): Query<Expiry>,
    Body(body): Body<CreateConsumer>,
) -> Result<Json<Consumer>> {
    let operator = portal.operator(&caller, None, None).await?;
    let rate_limit = rate_limit(body.rate_limit_enabled, body.rate_limit)?;
    let new = NewConsumer {
        app_id: required(body.app_id, "appId")?,
        details: Details {
            name: required(body.name, "name")?,
            org_id: required(body.org_id, "orgId")?,
            org_name: body.org_name.unwrap_or_default(),
            owner_name: required(body.owner_name, "ownerName")?,
            rate_limit,
        },
        creates_apps: body.allow_create_application,
        manages_users: body.allow_manage_users,
        expires: time(expiry.expires.as_deref())?,
    };
    concern_app(&new.app_id);
    portal.know(&caller, &[&new.details.owner_name]).await?;
    let (store, installation) = (&portal.state.store, portal.state.installation);
    let (made, token) = registration::register(store, installation, new, &operator).await?;
    Ok(Json(Consumer { token: Some(token), ..of_registered(made) }))
}

/// Changes the description of a consumer, and the limit of its tokens.
pub(super) async fn update(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(ConsumerId { app_id }): Query<ConsumerId>,
    On(base): On,
    Body(body): Body<UpdateConsumer>,
) -> Result<()> {
    let operator = portal.operator(&caller, None, None).await?;
    concern_app(&app_id);
    let details = Details {
        name: required(body.name, "name")?,
        org_id: required(body.org_id, "orgId")?,
        org_name: body.org_name.unwrap_or_default(),
        owner_name: required(body.owner_name, "ownerName")?,
        rate_limit: rate_limit(body.rate_limit_enabled, body.rate_limit)?,
    };
    portal.know(&caller, &[&details.owner_name]).await?;
    registration::update(&portal.state.store, &app_id, details, &operator, base).await
}

fn rate_limit(is_limited: bool, limit: i64) -> Result<i32> {
    if !is_limited {
        return Ok(0);
    }
    i32::try_from(limit).ok().filter(|limit| *limit > 0).ok_or_else(|| {
        Error::bad_request("rate limit must be greater than 1").with_code(Code::InvalidParameter)
    })
}

/// A page of consumers, without their tokens.
pub(super) async fn list(
    State(portal): State<Portal>,
    Query(paging): Query<Paging>,
) -> Result<Json<Vec<Consumer>>> {
    let Paging { page, size } = paging.or_size(PAGE_SIZE);
    let found = registration::list(&portal.state.store, &Page::new(page, size)).await?;
    Ok(Json(found.into_iter().map(of_registered).collect()))
}

/// The token of a consumer; an empty body if there is none.
pub(super) async fn token(
    State(portal): State<Portal>,
    Query(ConsumerId { app_id }): Query<ConsumerId>,
) -> Result<OrEmpty<ConsumerToken>> {
    concern_app(&app_id);
    let found = registration::token_of(&portal.state.store, &app_id).await?;
    Ok(OrEmpty(found.map(|row| {
        let token = (!registration::is_hashed(&row)).then(|| row.token.expose().to_owned());
        of_token(row, token)
    })))
}

/// Replaces the token of a consumer, and returns the new one.
pub(super) async fn rotate(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(ConsumerId { app_id }): Query<ConsumerId>,
    Query(Replacement { overlap, expires }): Query<Replacement>,
) -> Result<Json<ConsumerToken>> {
    let operator = portal.operator(&caller, None, None).await?;
    concern_app(&app_id);
    let expires = time(expires.as_deref())?;
    let (store, installation) = (&portal.state.store, portal.state.installation);
    let rotated = rotation::rotate(store, installation, &app_id, overlap, expires, &operator);
    let (row, token) = rotated.await?;
    Ok(Json(of_token(row, Some(token))))
}

fn of_token(row: registration::ConsumerToken, token: Option<String>) -> ConsumerToken {
    ConsumerToken {
        id: row.id.0,
        consumer_id: row.consumer_id.map(|id| id.0).unwrap_or_default(),
        token,
        rate_limit: row.rate_limit.into(),
        expires: expires(&row),
        data_change_created_by: Some(row.data_change_created_by),
        data_change_last_modified_by: row.data_change_last_modified_by,
        data_change_created_time: Some(*row.data_change_created_time),
        data_change_last_modified_time: row.data_change_last_time.map(|time| *time),
        ..ConsumerToken::default()
    }
}

/// The row has a local time.
fn expires(row: &registration::ConsumerToken) -> Option<DateTime<Utc>> {
    Local.from_local_datetime(&row.expires).earliest().map(|time| time.to_utc())
}

/// Deletes a consumer with its tokens and roles.
pub(super) async fn delete(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(ConsumerId { app_id }): Query<ConsumerId>,
    On(base): On,
) -> Result<()> {
    let operator = portal.operator(&caller, None, None).await?;
    concern_app(&app_id);
    registration::delete(&portal.state.store, &app_id, &operator, base).await
}

/// The names of the roles of a consumer.
pub(super) async fn roles(
    State(portal): State<Portal>,
    Query(ConsumerId { app_id }): Query<ConsumerId>,
) -> Result<Json<Vec<String>>> {
    Ok(Json(registration::roles(&portal.state.store, &app_id).await?))
}

/// Revokes a role from a consumer.
pub(super) async fn revoke_role(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(ConsumerId { app_id }): Query<ConsumerId>,
    Query(RoleName { role_name }): Query<RoleName>,
) -> Result<()> {
    let operator = portal.operator(&caller, None, None).await?;
    concern_app(&app_id);
    registration::revoke(&portal.state.store, &app_id, &role_name, &operator).await
}

/// Grants a consumer roles on an app, on a namespace or on clusters.
pub(super) async fn assign_role(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Path(OwnedToken { token }): Path<OwnedToken>,
    Query(granted): Query<Granted>,
    Body(body): Body<AssignRole>,
) -> Result<Json<Vec<ConsumerGrant>>> {
    let operator = portal.operator(&caller, None, None).await?;
    let app_id = required(body.app_id, "AppId")?;
    concern_app(&app_id);
    let app = Resource { app_id, ..Resource::default() };
    let (place, envs) = match granted.r#type.as_str() {
        "AppRole" => (app, None),
        "NamespaceRole" => {
            let namespace = required(body.namespace_name, "NamespaceName")?;
            // In the name of a role, an environment could follow.
            check_name(Some(&namespace), "NamespaceName")?;
            (Resource { namespace, ..app }, granted.envs)
        }
        "ClusterRole" => {
            let cluster = required(body.cluster_name, "ClusterName")?;
            check_name(Some(&cluster), "ClusterName")?;
            (Resource { cluster, ..app }, Some(required(granted.envs, "envs")?))
        }
        other => {
            let message = format!("type {other} is none of AppRole, NamespaceRole and ClusterRole");
            return Err(Error::bad_request(message).with_code(Code::InvalidParameter));
        }
    };
    let places = match envs {
        None => vec![place],
        Some(envs) => {
            let in_env = |env| Resource { env, ..place.clone() };
            named(&portal, &envs)?.into_iter().map(in_env).collect()
        }
    };
    let acts = granted.operations.as_deref().map(acts).transpose()?;
    let wanted = Grant { places, acts };
    let grants = cluster::with_roles(&portal, &wanted.places, &operator, || {
        registration::grant(&portal.state.store, &token, wanted.clone(), &operator)
    })
    .await?;
    let body = |row: registration::ConsumerGrant| ConsumerGrant {
        id: row.id.0,
        consumer_id: row.consumer_id.map(|id| id.0).unwrap_or_default(),
        role_id: row.role_id.map(|id| id.0).unwrap_or_default(),
        data_change_created_by: Some(row.data_change_created_by),
        data_change_last_modified_by: row.data_change_last_modified_by,
        data_change_created_time: Some(*row.data_change_created_time),
        data_change_last_modified_time: row.data_change_last_time.map(|time| *time),
        ..ConsumerGrant::default()
    };
    Ok(Json(grants.into_iter().map(body).collect()))
}

/// The environments of a list, each once and in its normalised spelling. An empty one is refused
/// like an empty list of operations.
fn named(portal: &Portal, envs: &str) -> Result<Vec<String>> {
    let names = envs.split(',').map(str::trim).filter(|name| !name.is_empty());
    let found: BTreeSet<_> = names
        .map(|name| Ok(portal.state.environments.find(name)?.name().to_owned()))
        .collect::<Result<_>>()?;
    if found.is_empty() {
        return Err(
            Error::bad_request("Params(envs) can not be empty").with_code(Code::InvalidParameter)
        );
    }
    Ok(found.into_iter().collect())
}

/// The operations of a list. An empty one is refused, because it is more likely an unset variable
/// of a script than the wish for what Apollo grants.
fn acts(operations: &str) -> Result<Vec<Action>> {
    let named = |name: &str| {
        Action::ALL.into_iter().find(|act| act.name() == name).ok_or_else(|| {
            let message = format!("operation `{name}` is none of read, edit and release");
            Error::bad_request(message).with_code(Code::InvalidParameter)
        })
    };
    operations.split(',').map(|name| named(name.trim())).collect()
}

/// The end of a token, if a request states one.
fn time(expires: Option<&str>) -> Result<Option<NaiveDateTime>> {
    let Some(text) = expires.filter(|text| !text.is_empty()) else { return Ok(None) };
    let time = NaiveDateTime::parse_from_str(text, EXPIRES).ok().filter(is_storable);
    time.map(Some).ok_or_else(|| {
        Error::bad_request(format!("Invalid expires format: {text}"))
            .with_code(Code::InvalidParameter)
    })
}

fn of_registered(found: Registered) -> Consumer {
    let revision = revision::of(&found).as_str().to_owned();
    let Registered { consumer, token, creates_apps, manages_users, last_used } = found;
    Consumer {
        consumer_id: consumer.id.0,
        app_id: Some(consumer.app_id),
        name: Some(consumer.name),
        org_id: Some(consumer.org_id),
        org_name: Some(consumer.org_name),
        owner_name: Some(consumer.owner_name),
        owner_email: Some(consumer.owner_email),
        token: None,
        allow_create_application: creates_apps,
        allow_manage_users: manages_users,
        expires: token.as_ref().and_then(expires),
        rate_limit: token.map(|token| token.rate_limit.into()).unwrap_or_default(),
        last_used_time: last_used,
        revision: Some(revision),
    }
}
