//! Table `CastaliaNotice` (Castalia's own): a publish of which others are notified. Columns only,
//! no queries.

use crate::entity::table;
use crate::number::{Id, Small};
use crate::time::StoredTime;

table! {
    "CastaliaNotice" {
        env: String,
        app_id: String,
        cluster_name: String,
        namespace_name: String,
        operation: Small,
        operator: String,
        release_id: Id,
        history_id: Id,
        state: Small,
        created_time: StoredTime<Entity>,
        next_time: StoredTime<Entity>,
        body: Option<String>,
    }
}
