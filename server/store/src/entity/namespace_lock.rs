//! Table `NamespaceLock`: the present editor of a namespace; rows are deleted physically. Columns
//! only, no queries.

use crate::entity::table;
use crate::number::Id;
use crate::time::StoredTime;

table! {
    "NamespaceLock" {
        namespace_id: Id,
        #[sea_orm(column_name = "DataChange_CreatedBy")]
        data_change_created_by: String,
        #[sea_orm(column_name = "DataChange_CreatedTime")]
        data_change_created_time: StoredTime<Entity>,
        #[sea_orm(column_name = "DataChange_LastModifiedBy")]
        data_change_last_modified_by: Option<String>,
        #[sea_orm(column_name = "DataChange_LastTime")]
        data_change_last_time: Option<StoredTime<Entity>>,
        is_deleted: Option<bool>,
        deleted_at: i64,
    }
}
