//! Table `InstanceConfig`: the last release that an instance read. Columns only, no queries.

use crate::entity::table;
use crate::number::Id;
use crate::time::StoredTime;

table! {
    "InstanceConfig" {
        instance_id: Option<Id>,
        config_app_id: String,
        config_cluster_name: String,
        config_namespace_name: String,
        release_key: String,
        release_delivery_time: Option<StoredTime<Entity>>,
        #[sea_orm(column_name = "DataChange_CreatedTime")]
        data_change_created_time: StoredTime<Entity>,
        #[sea_orm(column_name = "DataChange_LastTime")]
        data_change_last_time: StoredTime<Entity>,
    }
}
