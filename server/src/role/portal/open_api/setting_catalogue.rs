//! `/openapi/v1/settings/catalogue`: every known key of the ServerConfig tables with its value in
//! effect and the source of it, as far as this node knows: of another environment, its rows.

use std::collections::HashMap;

use axum::extract::State;
use castalia_core::protocol::namespace::DEFAULT_CLUSTER;
use serde::Deserialize;
use utoipa::IntoParams;

use super::server_setting::{rows_of_env, rows_of_portal};
use crate::error::Result;
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::extract::Query;
use crate::server_config::catalogue::{effect, has_credentials, is_secret};
use crate::server_config::keys::{self, AnyKey};
use crate::server_config::kind::{Shape, Table};
use crate::server_config::winners;
use crate::settings::role::Role;
use crate::settings::{Fixed, Origin, Settings};
use crate::wire::open_api::{KnownSetting, Setting, SettingSource};

#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct Catalogue {
    /// Environment; without one, the keys of the portal.
    #[param(nullable = false)]
    env: Option<String>,
}

pub(super) async fn list(
    State(portal): State<Portal>,
    Query(Catalogue { env }): Query<Catalogue>,
) -> Result<Json<Vec<KnownSetting>>> {
    let settings = &portal.state.settings;
    let (table, role, rows) = match &env {
        None => (Table::Portal, Some(Role::Portal), rows_of_portal(&portal).await?),
        Some(env) => {
            let environment = portal.state.environments.find(env)?;
            let role = environment.is_local().then_some(Role::Admin);
            (Table::Config, role, rows_of_env(&environment).await?)
        }
    };
    let rows = effective(rows, role.and(Some(&**settings)));
    let known = keys::ALL.iter().filter(|key| key.table() == table);
    let entry = |key: &&dyn AnyKey| {
        let fixed = role.and_then(|role| settings.fixed(role, key.name()));
        described(*key, fixed, rows.get(key.name()))
    };
    Ok(Json(known.map(entry).collect()))
}

/// The row of each key that applies to this node, or without settings to a node without a cluster.
fn effective(rows: Vec<Setting>, own: Option<&Settings>) -> HashMap<String, Setting> {
    let named = rows.into_iter().map(|row| {
        let cluster = row.cluster.clone().unwrap_or_else(|| DEFAULT_CLUSTER.to_owned());
        (row.key.clone().unwrap_or_default(), cluster, row)
    });
    let idc = own.and_then(|own| own.idc.as_deref());
    winners(named, idc, own.and_then(|own| own.cluster.as_deref()))
}

fn described(key: &dyn AnyKey, fixed: Option<&Fixed>, row: Option<&Setting>) -> KnownSetting {
    let Shape { name: kind, unit, minimum, maximum } = key.shape();
    let row_source = row.map(|row| source("table", row.cluster.clone()));
    let mut sources: Vec<_> =
        fixed.iter().flat_map(|fixed| &fixed.origins).map(of_node).chain(row_source).collect();
    let text = fixed.map(|fixed| &*fixed.text).or_else(|| row?.value.as_deref());
    let text = text.filter(|text| !text.trim().is_empty() && key.is_valid(text));
    let source = match text {
        Some(_) => sources.remove(0),
        None => source("default", None),
    };
    let default = key.default_text();
    let value = text.unwrap_or(&default).to_owned();
    let is_secret = is_secret(key.name());
    let number = |number: Option<u64>| number.and_then(|number| i64::try_from(number).ok());
    KnownSetting {
        key: Some(key.name().to_owned()),
        about: Some(key.about().to_owned()),
        kind: Some(kind.to_owned()),
        unit: unit.map(str::to_owned),
        minimum: number(minimum),
        maximum: number(maximum),
        valid: Some(key.form()),
        value: (!is_secret && !has_credentials(&value)).then_some(value),
        default_value: Some(default),
        is_secret,
        effect: Some(effect(key.name()).to_owned()),
        source: Some(Box::new(source)),
        hidden: Some(sources),
        data_change_last_modified_by: row.and_then(|row| row.data_change_last_modified_by.clone()),
        data_change_last_modified_time: row.and_then(|row| row.data_change_last_modified_time),
    }
}

fn of_node(origin: &Origin) -> SettingSource {
    let kind = if matches!(origin, Origin::File(_)) { "file" } else { "variable" };
    source(kind, Some(origin.to_string()))
}

fn source(kind: &str, name: Option<String>) -> SettingSource {
    SettingSource { kind: Some(kind.to_owned()), name }
}
