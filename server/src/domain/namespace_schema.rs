//! The JSON Schema of a namespace: stored in the portal's database under the row id that the
//! namespace has in its environment, so that a later namespace of the same name does not inherit
//! it. What a schema may contain is in `namespace_schema/rules.rs`; what content violates is in
//! `violation.rs`.

mod document;
mod effort;
mod rules;
mod turn;
mod violation;

pub use self::rules::{SCHEMA, check};
pub use self::turn::Checking;
pub use self::violation::{Violation, refusal, violations};

pub use castalia_store::namespace::{NamespaceSchema, SchemaKey, SchemaPlace};

use castalia_core::protocol::namespace::Format;
use castalia_store::{Store, Transaction, audit, namespace};

use super::constraint::{self, APP_ID, NAME, check_width};
use super::revision::{Base, Replaced, Revision};
use super::unique;
use crate::error::{Code, Error, Result};

/// The namespaces of an environment that have a schema. Without any, it is not necessary to ask the
/// environment which namespace a caller names.
pub async fn places(store: &Store, env: &str) -> Result<Vec<SchemaPlace>> {
    Ok(namespace::places_with_schema(store, env).await?)
}

/// The schema of a namespace; none without the table.
pub async fn find(store: &Store, key: &SchemaKey) -> Result<Option<NamespaceSchema>> {
    Ok(namespace::schema(store, key).await?)
}

/// The revision of the text of a schema, or of its absence.
#[must_use]
pub fn revision(text: Option<&str>) -> Revision {
    Revision::of_texts([text])
}

/// Rejects a namespace of this format if it has no structure that a schema describes.
///
/// # Errors
/// Fails for XML and plain text.
pub fn check_format(namespace: &str, format: Format) -> Result<()> {
    match format {
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
    key: SchemaKey,
    text: Option<String>,
    operator: &str,
    base: Base,
) -> Result<()> {
    for (name, value, width) in [
        ("AppId", &*key.app_id, APP_ID),
        ("ClusterName", &key.cluster, NAME),
        ("NamespaceName", &key.namespace, NAME),
        ("ChangedBy", operator, constraint::OPERATOR),
    ] {
        check_width(value, name, width)?;
    }
    let input = (key, text, operator.to_owned(), base);
    let written = unique::write(store, input, |tx, (key, text, operator, base)| {
        Box::pin(put_in(tx, key, text.as_deref(), operator, base))
    });
    written.await.map_err(|error: Error| {
        error.for_unusable_table(
            "The table CastaliaNamespaceSchema cannot be used, so no namespace has a schema; run \
             `castalia migrate`",
        )
    })
}

async fn put_in(
    tx: &Transaction,
    key: &SchemaKey,
    text: Option<&str>,
    operator: &str,
    base: &Base,
) -> Result<()> {
    let row = namespace::lock_schema(tx, &key.env, key.namespace_id).await?;
    let (has_row, stored) = (row.is_some(), row.filter(|row| key.is_of(row)));
    base.check_row(&Replaced {
        what: "schema",
        texts: &[("schema", text, stored.as_ref().map(|row| row.text.as_str()))],
        by: stored.as_ref().map(|row| row.changed_by.as_str()),
        at: stored.as_ref().map(|row| *row.changed_time),
    })?;
    match (text, has_row) {
        (Some(text), false) => namespace::insert_schema(tx, key, text, operator).await?,
        (Some(text), true) => namespace::update_schema(tx, key, text, operator).await?,
        (None, true) => namespace::delete_schema(tx, &key.env, key.namespace_id).await?,
        (None, false) => {}
    }
    let before = revision(stored.as_ref().map(|row| row.text.as_str()));
    let after = revision(text);
    audit::replaced("CastaliaNamespaceSchema", key.namespace_id, before.as_str(), after.as_str());
    Ok(())
}
