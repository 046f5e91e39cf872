//! The JSON Schema of a namespace: stored in the portal's database under the row id that the namespace
//! has in its environment, so that a later namespace of the same name does not inherit it. What a
//! schema may contain is in `namespace_schema/rules.rs`; what content violates is in `violation.rs`.

mod document;
mod effort;
mod rules;
mod violation;

pub use self::rules::{SCHEMA, check};
pub use self::violation::{Violation, refusal, violations};

pub use castalia_store::namespace::NamespaceSchema;

use castalia_core::protocol::namespace::Format;
use castalia_store::namespace::{self, SchemaKey};
use castalia_store::{Id, JobError as _, Store, Transaction};

use super::constraint::{self, APP_ID, NAME, check_width};
use super::permission::need::Resource;
use super::revision::{Base, Replaced, Revision};
use super::unique;
use crate::error::{Code, Error, Result};

/// Whether a namespace of this name, in any spelling that an environment may accept, may have a
/// schema. Only then it is worth to ask the environment for its row id.
pub async fn may_exist(store: &Store, place: &Resource) -> Result<bool> {
    let rows = namespace::schemas_of_app(store, &place.app_id, &place.env).await?;
    let is_it = |(cluster, name, _): &(String, String, Id)| {
        cluster.eq_ignore_ascii_case(&place.cluster) && name.eq_ignore_ascii_case(&place.namespace)
    };
    Ok(rows.iter().any(is_it))
}

/// The schema of a namespace with this row id; none without the table.
pub async fn find(store: &Store, env: &str, namespace_id: i64) -> Result<Option<NamespaceSchema>> {
    Ok(namespace::schema(store, env, Id(namespace_id)).await?)
}

/// The revision of a schema, or of its absence.
#[must_use]
pub fn revision(stored: Option<&NamespaceSchema>) -> Revision {
    Revision::of_texts([stored.map(|row| row.text.as_str())])
}

/// Rejects a namespace whose format has no structure that a schema describes.
///
/// # Errors
/// Fails for XML and plain text.
pub fn check_format(namespace: &str) -> Result<()> {
    match Format::of(namespace) {
        Format::Xml | Format::Txt => {
            let message = format!(
                "A JSON Schema describes namespaces of the formats properties, json, yaml and yml; {namespace} \
                 has another format"
            );
            Err(Error::bad_request(message).with_code(Code::InvalidSchema))
        }
        _ => Ok(()),
    }
}

/// Stores the text of a checked schema, or removes the schema.
///
/// # Errors
/// Fails if the schema is based on another revision, and without the table.
pub async fn put(
    store: &Store,
    place: &Resource,
    namespace_id: i64,
    text: Option<String>,
    operator: &str,
    base: Base,
) -> Result<()> {
    for (name, value, width) in [
        ("AppId", &*place.app_id, APP_ID),
        ("ClusterName", &place.cluster, NAME),
        ("NamespaceName", &place.namespace, NAME),
        ("ChangedBy", operator, constraint::OPERATOR),
    ] {
        check_width(value, name, width)?;
    }
    let key = SchemaKey {
        env: place.env.clone(),
        namespace_id: Id(namespace_id),
        app_id: place.app_id.clone(),
        cluster: place.cluster.clone(),
        namespace: place.namespace.clone(),
    };
    let input = (key, text, operator.to_owned(), base);
    let written = unique::write(store, input, |tx, (key, text, operator, base)| {
        Box::pin(put_in(tx, key, text.as_deref(), operator, base))
    });
    written.await.map_err(|error: Error| match error.store_error() {
        Some(cause) if cause.is_unusable_table() => Error::unavailable(
            "The table CastaliaNamespaceSchema cannot be used, so no namespace has a schema; run \
             `castalia migrate`",
        )
        .caused_by(cause.clone()),
        _ => error,
    })
}

async fn put_in(
    tx: &Transaction,
    key: &SchemaKey,
    text: Option<&str>,
    operator: &str,
    base: &Base,
) -> Result<()> {
    let stored = namespace::lock_schema(tx, &key.env, key.namespace_id).await?;
    base.check_row(&Replaced {
        what: "schema",
        texts: &[("schema", text, stored.as_ref().map(|row| row.text.as_str()))],
        by: stored.as_ref().map(|row| row.changed_by.as_str()),
        at: stored.as_ref().map(|row| *row.changed_time),
    })?;
    match (text, stored) {
        (Some(text), None) => namespace::insert_schema(tx, key, text, operator).await?,
        (Some(text), Some(_)) => namespace::update_schema(tx, key, text, operator).await?,
        (None, Some(_)) => namespace::delete_schema(tx, &key.env, key.namespace_id).await?,
        (None, None) => {}
    }
    Ok(())
}
