//! Bodies of `/openapi/v1/.../schema`: the JSON Schema of a namespace, and what violates it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::wire::body::{Member, body};

/// The JSON Schema of a namespace.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceSchema {
    /// The schema with its members in the order in which they were stored; null if the namespace
    /// has none.
    #[schema(value_type = Option<Object>, required)]
    pub schema: Option<Box<RawValue>>,
    /// User name of the last editor.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub data_change_last_modified_by: Option<String>,
    /// Display name of the last editor.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub data_change_last_modified_by_display_name: Option<String>,
    /// Time of the last change, as `2026-05-31T14:44:28.000+0800`.
    #[serde(serialize_with = "Member::write", skip_serializing_if = "Member::is_absent")]
    #[schema(value_type = String, nullable = false)]
    pub data_change_last_modified_time: Option<DateTime<Utc>>,
}

impl crate::json::schema::Named for NamespaceSchema {}

/// The JSON Schema that a namespace is to have.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct NewNamespaceSchema {
    /// The schema; null removes it.
    // `None` if the member is absent, which is more likely a mistake than a removal.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Object>, required)]
    pub schema: Option<Option<Box<RawValue>>>,
}

impl crate::json::schema::Named for NewNamespaceSchema {}

fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Box<RawValue>>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

body! {
    /// A place of the content that violates the JSON Schema of its namespace.
    SchemaViolation {
        /// JSON pointer; of a properties namespace, its first part is the key.
        path: Option<String>,
        /// What is wrong, without the value.
        rule: Option<String>,
    }
}
