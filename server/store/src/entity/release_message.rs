//! Table `ReleaseMessage`: the watch key that changed; ids only grow. Columns only, no queries.

use crate::entity::table;
use crate::time::StoredTime;

table! {
    "ReleaseMessage" {
        message: String,
        #[sea_orm(column_name = "DataChange_LastTime")]
        data_change_last_time: StoredTime<Entity>,
    }
}
