//! `/openapi/v1/.../accesskeys`: the secrets that sign the requests of an app's clients, in one
//! environment.

use axum::extract::{Extension, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{By, may_be_unsupported, people};
use crate::domain::access_key::new_secret;
use crate::domain::permission::requirement::Resource;
use crate::environment::Address;
use crate::error::Result;
use crate::http::request::Path;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::wire::admin::{self, UnsignedClients};
use crate::wire::open_api::AccessKey;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccessKeyId {
    /// Row id of the key.
    access_key_id: i64,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
pub(super) struct Activation {
    /// 0 rejects requests with an invalid signature, 1 only logs them.
    #[param(default = 0)]
    mode: i16,
    /// User that a consumer acts for. A signed-in user acts as that user.
    #[param(nullable = false)]
    operator: Option<String>,
}

/// The access keys of an app, with their secrets.
pub(super) async fn list(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
) -> Result<Json<Vec<AccessKey>>> {
    let environment = portal.state.environments.find(&place.env)?;
    let found: Vec<admin::AccessKey> = environment.get(address(&place, &[])).await?;
    shown(&portal, found).await.map(Json)
}

/// The clients that an observed access key of an app would refuse. Apollo's admin service does not
/// know them.
pub(super) async fn unsigned(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
) -> Result<Json<UnsignedClients>> {
    let environment = portal.state.environments.find(&place.env)?;
    match environment.get(address(&place, &["unsigned"])).await {
        Err(error) if may_be_unsupported(&error) => Ok(Json(UnsignedClients::default())),
        found => found.map(Json),
    }
}

/// Creates an access key with a random secret. It takes effect when it is enabled.
pub(super) async fn create(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
) -> Result<Json<AccessKey>> {
    let operator = portal.operator(&caller, by.operator, None).await?;
    let environment = portal.state.environments.find(&place.env)?;
    let body = admin::AccessKey {
        secret: Some(new_secret()?),
        app_id: Some(place.app_id.clone()),
        data_change_created_by: Some(operator.clone()),
        data_change_last_modified_by: Some(operator),
        ..admin::AccessKey::default()
    };
    let made: admin::AccessKey = environment.create(address(&place, &[]), &body).await?;
    Ok(Json(shown(&portal, vec![made]).await?.swap_remove(0)))
}

/// Enables an access key.
pub(super) async fn enable(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(AccessKeyId { access_key_id }): Path<AccessKeyId>,
    Query(activation): Query<Activation>,
) -> Result<()> {
    let operator = portal.operator(&caller, activation.operator, None).await?;
    let environment = portal.state.environments.find(&place.env)?;
    let address = address(&place, &[&access_key_id.to_string(), "enable"]);
    let mode = activation.mode.to_string();
    environment.put_empty(address.with(&[("mode", &mode), ("operator", &operator)])).await
}

/// Disables an access key.
pub(super) async fn disable(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(AccessKeyId { access_key_id }): Path<AccessKeyId>,
    Query(by): Query<By>,
) -> Result<()> {
    let operator = portal.operator(&caller, by.operator, None).await?;
    let environment = portal.state.environments.find(&place.env)?;
    let address = address(&place, &[&access_key_id.to_string(), "disable"]);
    environment.put_empty(address.with(&[("operator", &operator)])).await
}

/// Deletes a disabled access key.
pub(super) async fn delete(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Path(AccessKeyId { access_key_id }): Path<AccessKeyId>,
    Query(by): Query<By>,
) -> Result<()> {
    let operator = portal.operator(&caller, by.operator, None).await?;
    let environment = portal.state.environments.find(&place.env)?;
    let address = address(&place, &[&access_key_id.to_string()]);
    environment.delete(address.with(&[("operator", &operator)])).await
}

fn address(place: &Resource, rest: &[&str]) -> Address {
    Address::new(["apps", &place.app_id, "accesskeys"].iter().chain(rest))
}

async fn shown(portal: &Portal, keys: Vec<admin::AccessKey>) -> Result<Vec<AccessKey>> {
    let mut keys: Vec<_> = keys.into_iter().map(AccessKey::from).collect();
    people::name_people(portal, &mut keys).await?;
    Ok(keys)
}
