//! `/openapi/v1/server/...`: the settings in the portal database and in the config database of each
//! environment.

use axum::extract::{Extension, State};
use castalia_core::protocol::namespace::DEFAULT_CLUSTER;
use serde::Deserialize;
use utoipa::IntoParams;

use super::people;
use crate::domain::audit_log::request::concern_other;
use crate::domain::constraint::{NAME, check_members};
use crate::domain::permission::requirement::Resource;
use crate::domain::server_config::of_portal::{self, PortalSetting};
use crate::domain::server_config::{COMMENT, KEY, VALUE, revision};
use crate::domain::user::NewRoots;
use crate::environment::{Address, Environment};
use crate::error::{Code, Error, Result};
use crate::http::request::Body;
use crate::http::revision::On;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::server_config::keys;
use crate::server_config::kind::Table;
use crate::state::PortalState;
use crate::wire::admin;
use crate::wire::open_api::Setting;

/// Field of the audit log with the name of a setting.
const KEY_FIELD: &str = "Key";

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct SettingKey {
    /// Name of the setting.
    key: String,
}

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct SettingInCluster {
    /// Name of the setting.
    key: String,
    /// Cluster of nodes.
    cluster: String,
}

/// The settings in the portal database.
pub(super) async fn list(State(portal): State<Portal>) -> Result<Json<Vec<Setting>>> {
    let mut settings = rows_of_portal(&portal).await?;
    people::name_people(&portal, &mut settings).await?;
    Ok(Json(settings))
}

pub(super) async fn rows_of_portal(portal: &Portal) -> Result<Vec<Setting>> {
    let rows = of_portal::list(&portal.state.store).await?;
    Ok(rows.into_iter().map(of_row).collect())
}

/// Creates or changes a setting in the portal database; it takes effect at once on this node.
pub(super) async fn put(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    On(base): On,
    Body(setting): Body<Setting>,
) -> Result<Json<Setting>> {
    let operator = portal.operator(&caller, None, None).await?;
    let (key, value) = checked(&setting, Table::Portal)?;
    concern_other("", KEY_FIELD, &key);
    let roots = new_roots(&portal, &key, Some(&value));
    let texts = (key, value, setting.comment);
    let row = of_portal::put(&portal.state.store, texts, roots, &operator, base).await?;
    portal.state.reconfigured().await;
    Ok(Json(of_row(row)))
}

/// Deletes a setting in the portal database; its default applies at once on this node.
pub(super) async fn delete(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    On(base): On,
    Query(SettingKey { key }): Query<SettingKey>,
) -> Result<()> {
    let operator = portal.operator(&caller, None, None).await?;
    concern_other("", KEY_FIELD, &key);
    let roots = new_roots(&portal, &key, None);
    of_portal::delete(&portal.state.store, &key, roots, &operator, base).await?;
    portal.state.reconfigured().await;
    Ok(())
}

/// The list of super administrators that a setting becomes with this value.
fn new_roots(portal: &Portal, key: &str, value: Option<&str>) -> Option<NewRoots> {
    let PortalState { config, settings, .. } = &portal.state;
    NewRoots::of((key, value), config, &settings.sign_in)
}

/// The settings in the config database of an environment.
pub(super) async fn list_in_env(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
) -> Result<Json<Vec<Setting>>> {
    let mut settings = rows_of_env(&environment(&portal, &place)?).await?;
    people::name_people(&portal, &mut settings).await?;
    Ok(Json(settings))
}

pub(super) async fn rows_of_env(environment: &Environment) -> Result<Vec<Setting>> {
    let address = Address::new(["server", "config", "find-all-config"]);
    let found: Vec<admin::ServerConfig> = environment.get(address).await?;
    Ok(found.into_iter().map(Setting::from).collect())
}

/// Creates or changes a setting in the config database of an environment.
pub(super) async fn put_in_env(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Body(setting): Body<Setting>,
) -> Result<Json<Setting>> {
    let operator = portal.operator(&caller, None, None).await?;
    let (key, value) = checked(&setting, Table::Config)?;
    concern_other("", KEY_FIELD, &key);
    let body = admin::ServerConfig {
        key: Some(key),
        value: Some(value),
        cluster: Some(setting.cluster.unwrap_or_else(|| DEFAULT_CLUSTER.to_owned())),
        comment: setting.comment,
        data_change_created_by: Some(operator.clone()),
        data_change_last_modified_by: Some(operator),
        ..admin::ServerConfig::default()
    };
    let address = Address::new(["server", "config"]);
    let made: admin::ServerConfig = environment(&portal, &place)?.create(address, &body).await?;
    Ok(Json(made.into()))
}

/// Deletes a setting in the config database of an environment.
pub(super) async fn delete_in_env(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(SettingInCluster { key, cluster }): Query<SettingInCluster>,
) -> Result<()> {
    let operator = portal.operator(&caller, None, None).await?;
    concern_other("", KEY_FIELD, &key);
    let parameters = [("key", key.as_str()), ("cluster", &cluster), ("operator", &operator)];
    let address = Address::new(["server", "config"]).with(&parameters);
    environment(&portal, &place)?.delete(address).await
}

fn environment(portal: &Portal, place: &Resource) -> Result<Environment> {
    portal.state.environments.find(&place.env)
}

/// Key and value, which must not be blank; all texts fit into their columns. A known key has a
/// value of its kind, because another one would have no effect. The value may be a secret.
fn checked(setting: &Setting, table: Table) -> Result<(String, String)> {
    let filled = |text: &Option<String>, member: &str| {
        text.clone().filter(|text| !text.trim().is_empty()).ok_or_else(|| {
            let message = format!("ServerConfig.{member} cannot be blank");
            Error::bad_request(message).with_code(Code::Blank)
        })
    };
    let (key, value) = (filled(&setting.key, "Key")?, filled(&setting.value, "Value")?);
    check_members([
        ("key", Some(&*key), KEY),
        ("value", Some(&*value), VALUE),
        ("comment", setting.comment.as_deref(), COMMENT),
        ("cluster", setting.cluster.as_deref(), NAME),
    ])?;
    match keys::named(table, &key).filter(|known| !known.is_plain(&value)) {
        None => Ok((key, value)),
        Some(known) => {
            let message = format!("The value of {key} is invalid; expected: {}", known.form());
            Err(Error::bad_request(message).with_code(Code::InvalidSetting))
        }
    }
}

fn of_row(row: PortalSetting) -> Setting {
    let revision = revision(Some(&row.value), row.comment.as_deref());
    Setting {
        revision: Some(revision.as_str().to_owned()),
        id: row.id.0,
        key: Some(row.key),
        value: Some(row.value),
        comment: row.comment,
        data_change_created_by: Some(row.data_change_created_by),
        data_change_last_modified_by: row.data_change_last_modified_by,
        data_change_created_time: Some(*row.data_change_created_time),
        data_change_last_modified_time: row.data_change_last_time.map(|time| *time),
        ..Setting::default()
    }
}
