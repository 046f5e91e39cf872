//! Bodies of the audit log: operations and the fields that they set.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::audit_log;
use crate::json::schema::Named;
use crate::wire::body::{Member, body};

body! {
    /// An audited operation.
    AuditLog {
        /// Row id.
        id: i64,
        /// Id that the operations of one request have in common.
        trace_id: Option<String>,
        /// Id of the operation.
        span_id: Option<String>,
        /// Id of the operation that caused it.
        parent_span_id: Option<String>,
        /// Id of the operation before it.
        follows_from_span_id: Option<String>,
        /// User who performed it.
        operator: Option<String>,
        /// CREATE, UPDATE, DELETE or RPC.
        op_type: Option<String>,
        /// Name of the operation.
        op_name: Option<String>,
        /// Further details.
        description: Option<String>,
        /// Time of the operation.
        #[schema(value_type = String)]
        happened_time: Option<DateTime<Utc>>,
    }
}

body! {
    /// A field that an operation set.
    AuditLogDataInfluence {
        /// Row id.
        id: i64,
        /// The operation.
        span_id: Option<String>,
        /// Table.
        influence_entity_name: Option<String>,
        /// Row id in it.
        influence_entity_id: Option<String>,
        /// Column.
        field_name: Option<String>,
        /// Value before.
        field_old_value: Option<String>,
        /// Value after.
        field_new_value: Option<String>,
        /// Time of the operation.
        #[schema(value_type = String)]
        happened_time: Option<DateTime<Utc>>,
    }
}

/// An operation with the fields that it set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct AuditLogDetails {
    /// The operation.
    #[serde(rename = "logDTO")]
    pub log: AuditLog,
    /// Its fields.
    #[serde(rename = "dataInfluenceDTOList")]
    pub data_influences: Vec<AuditLogDataInfluence>,
}

impl Named for AuditLogDetails {}

impl From<audit_log::AuditLog> for AuditLog {
    fn from(row: audit_log::AuditLog) -> Self {
        Self {
            id: row.id.0,
            trace_id: Some(row.trace_id),
            span_id: Some(row.span_id),
            parent_span_id: row.parent_span_id,
            follows_from_span_id: row.follows_from_span_id,
            operator: Some(row.operator),
            op_type: Some(row.op_type),
            op_name: Some(row.op_name),
            description: row.description,
            happened_time: Some(*row.data_change_created_time),
        }
    }
}

impl From<audit_log::AuditLogDataInfluence> for AuditLogDataInfluence {
    fn from(row: audit_log::AuditLogDataInfluence) -> Self {
        Self {
            id: row.id.0,
            span_id: Some(row.span_id),
            influence_entity_name: Some(row.influence_entity_name),
            influence_entity_id: Some(row.influence_entity_id),
            field_name: row.field_name,
            field_old_value: row.field_old_value,
            field_new_value: row.field_new_value,
            happened_time: Some(*row.data_change_created_time),
        }
    }
}

impl From<audit_log::LoggedOperation> for AuditLogDetails {
    fn from(details: audit_log::LoggedOperation) -> Self {
        let influences = details.influences.into_iter().map(Into::into);
        Self { log: details.log.into(), data_influences: influences.collect() }
    }
}
