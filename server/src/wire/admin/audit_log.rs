//! Bodies of the audit log: business operations and the fields that they set.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::body::{Member, body};

body! {
    /// A business operation.
    AuditLog {
        /// Row id.
        id: i64,
        /// Operations of one request share it.
        trace_id: Option<String>,
        /// Identity of the operation.
        span_id: Option<String>,
        /// Operation that caused it.
        parent_span_id: Option<String>,
        /// Operation before it.
        follows_from_span_id: Option<String>,
        /// Who did it.
        operator: Option<String>,
        /// CREATE, UPDATE, DELETE or RPC.
        op_type: Option<String>,
        /// What was done.
        op_name: Option<String>,
        /// More about it.
        description: Option<String>,
        /// When.
        happened_time: Option<DateTime<Utc>>,
    }
}

body! {
    /// A field that a business operation set.
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
        /// When.
        happened_time: Option<DateTime<Utc>>,
    }
}

/// A business operation with the fields that it set.
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
