//! Table `Instance`: a running client. Columns only, no queries.

use crate::entity::table;
use crate::time::StoredTime;

table! {
    "Instance" {
        app_id: String,
        cluster_name: String,
        data_center: String,
        ip: String,
        #[sea_orm(column_name = "DataChange_CreatedTime")]
        data_change_created_time: StoredTime<Entity>,
        #[sea_orm(column_name = "DataChange_LastTime")]
        data_change_last_time: StoredTime<Entity>,
    }
}
