//! Bodies of the audit log: operations and the fields that they set.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
        happened_time: Option<DateTime<Utc>>,
    }
}

/// An operation with the fields that it set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditLogDetails {
    /// The operation.
    #[serde(rename = "logDTO")]
    pub log: AuditLog,
    /// Its fields.
    #[serde(rename = "dataInfluenceDTOList")]
    pub data_influences: Vec<AuditLogDataInfluence>,
}
