//! Table `ServiceRegistry`: a service address with its heartbeat. Columns only, no queries.

use chrono::{DateTime, Utc};

use crate::store::entity::table;

table! {
    "ServiceRegistry" {
        service_name: String,
        uri: String,
        cluster: String,
        metadata: String,
        #[sea_orm(column_name = "DataChange_CreatedTime")]
        data_change_created_time: DateTime<Utc>,
        #[sea_orm(column_name = "DataChange_LastTime")]
        data_change_last_time: DateTime<Utc>,
    }
}
