//! Table `ReleaseMessage`: which watch key changed; ids only grow. Columns only, no queries.

use chrono::{DateTime, Utc};

use crate::store::entity::table;

table! {
    "ReleaseMessage" {
        message: String,
        #[sea_orm(column_name = "DataChange_LastTime")]
        data_change_last_time: DateTime<Utc>,
    }
}
