//! Table `ReleaseMessage`: the watch key that changed; ids only grow. Columns only, no queries.

use crate::store::entity::table;
use crate::store::time::StoredTime;

table! {
    "ReleaseMessage" {
        message: String,
        #[sea_orm(column_name = "DataChange_LastTime")]
        data_change_last_time: StoredTime<Entity>,
    }
}
