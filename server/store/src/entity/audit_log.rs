//! Table `AuditLog`: an audited operation. Columns only, no queries.

use crate::entity::table;
use crate::time::StoredTime;

table! {
    "AuditLog" {
        trace_id: String,
        span_id: String,
        parent_span_id: Option<String>,
        follows_from_span_id: Option<String>,
        operator: String,
        op_type: String,
        op_name: String,
        description: Option<String>,
        is_deleted: bool,
        deleted_at: i64,
        #[sea_orm(column_name = "DataChange_CreatedBy")]
        data_change_created_by: Option<String>,
        #[sea_orm(column_name = "DataChange_CreatedTime")]
        data_change_created_time: StoredTime<Entity>,
        #[sea_orm(column_name = "DataChange_LastModifiedBy")]
        data_change_last_modified_by: Option<String>,
        #[sea_orm(column_name = "DataChange_LastTime")]
        data_change_last_time: Option<StoredTime<Entity>>,
    }
}
