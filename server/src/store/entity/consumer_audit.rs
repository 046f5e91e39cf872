//! Table `ConsumerAudit`: a call of a consumer. Columns only, no queries.

use crate::store::entity::table;
use crate::store::number::Id;
use crate::store::time::StoredTime;

table! {
    "ConsumerAudit" {
        consumer_id: Option<Id>,
        uri: String,
        method: String,
        #[sea_orm(column_name = "DataChange_CreatedTime")]
        data_change_created_time: StoredTime<Entity>,
        #[sea_orm(column_name = "DataChange_LastTime")]
        data_change_last_time: Option<StoredTime<Entity>>,
    }
}
