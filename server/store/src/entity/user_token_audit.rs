//! Table `UserTokenAudit`: a call made with a user token. Columns only, no queries.

use crate::entity::table;
use crate::number::Id;
use crate::time::StoredTime;

table! {
    "UserTokenAudit" {
        token_id: Option<Id>,
        user_id: String,
        uri: String,
        method: String,
        #[sea_orm(column_name = "DataChange_CreatedTime")]
        data_change_created_time: StoredTime<Entity>,
        #[sea_orm(column_name = "DataChange_LastTime")]
        data_change_last_time: Option<StoredTime<Entity>>,
    }
}
