//! Table `InstanceConfig`: what an instance last read. Columns only, no queries.

use chrono::{DateTime, Utc};

use crate::store::entity::table;
use crate::store::number::Id;

table! {
    "InstanceConfig" {
        instance_id: Option<Id>,
        config_app_id: String,
        config_cluster_name: String,
        config_namespace_name: String,
        release_key: String,
        release_delivery_time: Option<DateTime<Utc>>,
        #[sea_orm(column_name = "DataChange_CreatedTime")]
        data_change_created_time: DateTime<Utc>,
        #[sea_orm(column_name = "DataChange_LastTime")]
        data_change_last_time: DateTime<Utc>,
    }
}
