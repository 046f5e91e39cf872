//! Table `ServiceRegistry`: a service address with its heartbeat. Columns only, no queries.

use crate::entity::table;
use crate::time::StoredTime;

table! {
    "ServiceRegistry" {
        service_name: String,
        uri: String,
        cluster: String,
        metadata: String,
        #[sea_orm(column_name = "DataChange_CreatedTime")]
        data_change_created_time: StoredTime<Entity>,
        #[sea_orm(column_name = "DataChange_LastTime")]
        data_change_last_time: StoredTime<Entity>,
    }
}
