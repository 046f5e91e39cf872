//! Table `AuditLogDataInfluence`: a field that an audited operation changed. Columns only, no
//! queries.

use crate::entity::table;
use crate::time::StoredTime;

table! {
    "AuditLogDataInfluence" {
        span_id: String,
        influence_entity_id: String,
        influence_entity_name: String,
        field_name: Option<String>,
        field_old_value: Option<String>,
        field_new_value: Option<String>,
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
