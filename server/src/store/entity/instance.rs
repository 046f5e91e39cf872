//! Table `Instance`: a running client. Columns only, no queries.

use chrono::{DateTime, Utc};

use crate::store::entity::table;

table! {
    "Instance" {
        app_id: String,
        cluster_name: String,
        data_center: String,
        ip: String,
        #[sea_orm(column_name = "DataChange_CreatedTime")]
        data_change_created_time: DateTime<Utc>,
        #[sea_orm(column_name = "DataChange_LastTime")]
        data_change_last_time: DateTime<Utc>,
    }
}
