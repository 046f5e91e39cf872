//! `/openapi/v1/.../schema`: the JSON Schema of a namespace, and what of its items violates it.
//! `schema/publish.rs` refuses to publish such items.

pub(super) mod publish;

use axum::extract::{Extension, State};
use castalia_store::Id;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::IntoParams;

use self::publish::{Schema, ToPublish};
use super::branch::branch_of;
use super::content_read::ContentRead;
use super::draft::stored;
use super::{By, people};
use crate::domain::namespace_schema::{self, Checking, SCHEMA, SchemaKey};
use crate::domain::permission::requirement::Resource;
use crate::domain::portal_namespace;
use crate::environment::{Address, Environment};
use crate::error::{Code, Error, Result};
use crate::http::request::Body;
use crate::http::revision::{At, On};
use crate::json::Json;
use crate::role::portal::Portal;
use crate::role::portal::extract::Query;
use crate::role::portal::identity::Caller;
use crate::wire::admin;
use crate::wire::open_api::{NamespaceSchema, NewNamespaceSchema, SchemaViolation};

/// Maximum body, in bytes: the schema and its member.
const BODY: usize = SCHEMA + 1024;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct OfBranch {
    /// Gray branch whose items are checked on top of the release; those of the namespace by
    /// default.
    #[param(nullable = false)]
    branch_name: Option<String>,
}

/// The schema of a namespace, with its revision.
pub(super) async fn get(
    State(portal): State<Portal>,
    Extension(place): Extension<Resource>,
) -> Result<At<Json<NamespaceSchema>>> {
    let environment = portal.state.environments.find(&place.env)?;
    let key = key(&environment, &place).await?;
    let stored = namespace_schema::find(&portal.state.store, &key).await?;
    let revision = namespace_schema::revision(stored.as_ref().map(|row| row.text.as_str()));
    let by = stored.as_ref().map(|row| row.changed_by.clone());
    let names = people::called(&portal, by.as_deref().into_iter()).await?;
    let schema = stored.as_ref().map(|row| RawValue::from_string(row.text.clone())).transpose();
    let schema = schema.map_err(|error| {
        Error::unreadable("The stored schema is not JSON. Store it again.").caused_by(error)
    })?;
    Ok(At(
        revision,
        Json(NamespaceSchema {
            schema,
            data_change_last_modified_by_display_name: by
                .as_ref()
                .and_then(|name| names.get(name).cloned()),
            data_change_last_modified_by: by,
            data_change_last_modified_time: stored.map(|row| *row.changed_time),
        }),
    ))
}

/// Stores the schema of a namespace, or removes it. Items that violate it stay, but can no longer
/// be published.
pub(super) async fn put(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(by): Query<By>,
    On(base): On,
    Body(new): Body<NewNamespaceSchema, BODY>,
) -> Result<At<()>> {
    let Some(schema) = new.schema else {
        return Err(Error::bad_request("Params(schema) can not be empty; null removes the schema")
            .with_code(Code::MissingMember));
    };
    let text = schema.map(|schema| schema.get().to_owned());
    if let Some(text) = &text {
        let Resource { app_id, namespace, .. } = &place;
        let format = portal_namespace::format_of(&portal.state.store, app_id, namespace).await?;
        namespace_schema::check_format(namespace, format)?;
        let checking = Checking::to_know(caller.identity.unique_name()).await?;
        namespace_schema::check(&checking, text.clone()).await?;
    }
    let operator = portal.operator(&caller, by.operator, None).await?;
    let environment = portal.state.environments.find(&place.env)?;
    let key = key(&environment, &place).await?;
    let in_cluster = Address::in_cluster(&place, &[]);
    let cluster: admin::Cluster = environment.get(in_cluster).await?;
    if cluster.parent_cluster_id != 0 {
        let message = "A gray branch has the JSON Schema of its namespace";
        return Err(Error::bad_request(message).with_code(Code::InvalidSchema));
    }
    let revision = namespace_schema::revision(text.as_deref());
    namespace_schema::put(&portal.state.store, key, text, &operator, base).await?;
    Ok(At(revision, ()))
}

/// The namespace as its environment stores it, whose database may accept other spellings.
async fn key(environment: &Environment, place: &Resource) -> Result<SchemaKey> {
    let row = stored(environment, place).await?;
    Ok(SchemaKey {
        env: place.env.clone(),
        namespace_id: Id(row.id),
        app_id: row.app_id.unwrap_or_default(),
        cluster: row.cluster_name.unwrap_or_default(),
        namespace: row.namespace_name.unwrap_or_default(),
    })
}

/// What a publish would be refused for now; nothing without a schema.
pub(super) async fn violations(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Extension(place): Extension<Resource>,
    Query(of): Query<OfBranch>,
    reading: ContentRead,
) -> Result<Json<Vec<SchemaViolation>>> {
    let environment = portal.state.environments.find(&place.env)?;
    let Some(schema) = Schema::of(&portal, &environment, &place).await? else {
        return Ok(Json(Vec::new()));
    };
    let branch = match of.branch_name {
        Some(name) => Some(branch_of(&environment, &place, &name).await?),
        None => None,
    };
    let published = match &branch {
        Some(branch) => ToPublish::Branch { branch, without: &[] },
        None => ToPublish::Namespace,
    };
    let checking = Checking::to_know(caller.identity.unique_name()).await?;
    let (content, _turn) = published.content(&reading, &portal, &environment, &place).await?;
    let (found, _) = schema.violations(&checking, content).await?;
    let violation = |found: namespace_schema::Violation| SchemaViolation {
        path: Some(found.path),
        rule: Some(found.rule),
    };
    Ok(Json(found.into_iter().map(violation).collect()))
}
